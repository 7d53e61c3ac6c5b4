"""Trains on one of several places, in a thread of its own, and comes back when the place does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from wagekit.cli.places import Place
from wagekit.errors import DeviceFaultError, LinkError, ToolError, WagekitError
from wagekit.executors import Executor
from wagekit.executors.device import DeviceExecutor
from wagekit.monitor import Control, Controls, Event, Log
from wagekit.training import Model
from wagekit.training.loop import Emit
from wagekit.training.memory import Memory

RETRY = 2.0
"""Seconds after which a place that failed is tried again."""
RETRY_LIMIT = 16.0
"""The time between two tries doubles up to so much, while the same goes wrong again and again."""

LOOK = 0.2
"""Seconds after which a worker that waits looks whether it is to end."""


class Task(Protocol):
    """What is to be done on every place, by the plan of `run` or of `learn`."""

    @property
    def by_itself(self) -> bool:
        """By the plan of `learn`."""

    @property
    def begin(self) -> Model:
        """State at the begin."""

    def open(self, where: str, *, keep: bool, flash: Path | None) -> Place:
        """Open a place for it."""

    def learn(
        self,
        place: Place,
        emit: Emit,
        *,
        stop: Callable[[], bool],
        controls: Controls,
        memory: Memory,
        save_to: Path | None,
        loaded: bool,
        goes_on: bool,
    ) -> bool:
        """Do it on an open place; whether it came to the end of its plan."""


@dataclass(slots=True)
class Worker:
    """One place. `start` begins; `thread` ends when all is done, given up or stopped."""

    task: Task
    source: str
    where: str
    emit: Emit
    stopping: threading.Event
    retry: float = RETRY
    """Seconds to the first try after a failure; 0 gives up."""
    flash: Path | None = None
    """File of an emulated chip's checkpoints."""
    save_to: Path | None = None
    gate: threading.Lock = field(default_factory=threading.Lock)
    """Shared by places of one kind: the first builds the firmware, the others find it built."""
    controls: Controls = field(default_factory=Controls)
    memory: Memory = field(default_factory=Memory)
    finished: bool = False
    failure: WagekitError | None = None
    """Why it gave up."""
    events: int = 0
    """That it emitted."""
    thread: threading.Thread = field(init=False)
    _begun: bool = False
    _progress: int = 0
    """Steps told when it failed last."""

    def __post_init__(self) -> None:
        self.memory.by_itself = self.task.by_itself
        self.thread = threading.Thread(target=self._run, name=f"worker {self.source}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self.thread.start()

    @property
    def done(self) -> bool:
        """Nothing more will come."""
        return not self.thread.is_alive()

    def _run(self) -> None:
        wait, told = self.retry, ""
        while not self.stopping.is_set():
            try:
                self._attempt()
                return
            except (LinkError, DeviceFaultError, ToolError) as error:
                if self.memory.told != self._progress:
                    wait, told, self._progress = self.retry, "", self.memory.told
                text = error.message.splitlines()[0]
                if self.retry <= 0:
                    self.failure = error
                    self._log("error", f"given up: {text}")
                    return
                if text != told:
                    self._log("warning", f"{text}; trying again {_how_often(wait)}", error.hint)
                told = text
            except WagekitError as error:
                self.failure = error
                self._log("error", f"given up: {error.message.splitlines()[0]}", error.hint)
                return
            except Exception as error:  # one device must not take the others with it
                self.failure = WagekitError(f"{self.where}: {type(error).__name__}: {error}")
                self._log("error", f"given up, by a defect of wagekit: {self.failure.message}")
                return
            if self._rest(wait):
                return
            wait = min(2 * wait, max(RETRY_LIMIT, self.retry))

    def _rest(self, seconds: float) -> bool:
        """Wait for the next try; whether somebody stops this place meanwhile."""
        end = time.monotonic() + seconds
        while not self.stopping.is_set() and (left := end - time.monotonic()) > 0:
            self.controls.wait(min(left, LOOK))
            for command in self.controls.take():
                if command.action == "stop":
                    self._tell(Control(action="stop", by=command.by))
                    return True
                if command.action in ("pause", "resume"):  # for when it is back
                    self._tell(Control(action=command.action, by=command.by))
                    continue
                self._log("warning", f"{command.action}: {self.where} is not there")
        return self.stopping.is_set()

    def _log(self, level: Any, text: str, hint: str | None = None) -> None:
        name = self.where if self.where not in text else ""
        line = f"{name}: {text}" if name else text
        self._tell(Log(level=level, message=f"{line} ({hint})" if hint else line))

    def _tell(self, event: Event) -> None:
        self.memory.note(event)
        self.events += 1
        self.emit(event)

    def _attempt(self) -> None:
        """Open the place and go on there, in the newest state that there is."""
        with ExitStack() as stack:
            with nullcontext() if self._begun else self.gate:
                place = self.task.open(self.where, keep=self._begun, flash=self.flash)
            executor = stack.enter_context(place.executor)
            loaded = goes_on = False
            if self._begun:
                goes_on = self._found(executor)
                loaded = True
            elif isinstance(executor, DeviceExecutor) and executor.hello.checkpoints:
                self.memory.strange.add(executor.checkpoint_info().step)
            self._begun = True
            self.finished = self.task.learn(
                place,
                self._tell,
                stop=self.stopping.is_set,
                controls=self.controls,
                memory=self.memory,
                save_to=self.save_to,
                loaded=loaded,
                goes_on=goes_on,
            )

    def _found(self, executor: Executor) -> bool:
        """Bring a place that was lost to the newest state; whether it has it already."""
        begin, memory = self.task.begin, self.memory
        if isinstance(executor, DeviceExecutor) and not executor.hello.loading:
            step = executor.step_count
            if executor.seed == begin.seed and memory.trusts(step) and self._has_plan(executor):
                self._log("info", f"{self.where} is back with its network, at step {step:,}")
                return True
        model = begin if memory.by_itself or memory.model is None else memory.model
        executor.load_masters(model.masters, model.step, begin.seed)
        self._log("info", f"{self.where} is back without its network: on from step {model.step:,}")
        return False

    def _has_plan(self, executor: DeviceExecutor) -> bool:
        """Whether a chip that learns by itself still knows how."""
        if not self.memory.by_itself:
            return True
        state = executor.learning()
        return state.seen > 0 and state.end != "asked"


def _how_often(wait: float) -> str:
    return f"in {wait:g} s, and until it is back"
