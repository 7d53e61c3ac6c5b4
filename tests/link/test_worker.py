"""Workers whose device is unplugged or restarts, over the real C in memory: they go on with the same bits."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.link import harness
from tests.link.test_learning import samples
from wagekit.cli import by_itself, learning
from wagekit.cli.places import Place
from wagekit.cli.sources import Subject
from wagekit.cli.tasks import ByItself, Training
from wagekit.cli.worker import Worker
from wagekit.errors import LinkError, UsageError
from wagekit.executors.device import DeviceExecutor
from wagekit.executors.reference import ReferenceExecutor
from wagekit.link import Device, Timing
from wagekit.monitor import Command, Control, Controls, Event, Learned, Log, Run, Step
from wagekit.numerics.learn import LearnPlan
from wagekit.passes import compile_graph
from wagekit.training import Plan, loop, watch
from wagekit.training.by_itself import ByItself as How
from wagekit.training.data import Samples, Source

BATCH, SLOTS = 2, 60
NET = harness.small_network()
TIMING = Timing(resend=0.02, resend_limit=0.1, poll=0.05, silence=1e4, stall=1e5, hello=50)
X, LABELS = samples(40)
TRAIN, TEST = Samples("halves", X[:30], LABELS[:30]), Samples("halves", X[30:], LABELS[30:])
SOURCE = Source("halves", "f")
PLAN = Plan(samples=30, batch=BATCH, total_steps=60, schedule="0:2,50%:1", order_seed=3)
TRAINING = learning.Lesson(Subject(NET), compile_graph(NET, BATCH), PLAN, SOURCE, 7, TRAIN, TEST, 0)
HOW = How(LearnPlan(((0, 2), (60, 1)), window_log2=4, samples=150), batch=BATCH, seed=7, keep=6)
SETTINGS: Any = type("Settings", (), {"test_every": 0, "rates": "0:2,60:1", "health": None})()
ALONE = by_itself.Lesson(Subject(NET), compile_graph(NET, BATCH), HOW, SETTINGS, SOURCE, TRAIN, TEST)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    folder = tmp_path_factory.mktemp("worker")
    sources, includes = harness.render_network(NET, folder, BATCH)
    return harness.build_app(folder, harness.Config(store=SLOTS * 32), sources, includes)


class Turning(Controls):
    """Whoever waits for commands lets the board go on, which has no clock of its own."""

    def __init__(self, board: harness.Board) -> None:
        super().__init__()
        self.board = board

    def wait(self, seconds: float) -> bool:
        for _ in range(50):
            self.board.turn()
        return super().wait(0.0)


@dataclass
class Bench:
    """A board in memory, how it is opened, and what the worker told of it."""

    board: harness.Board
    task: Any
    does: dict[int, Callable[[Bench], None]] = field(default_factory=dict)
    """What happens when the device has told so many steps."""
    events: list[Event] = field(default_factory=list)
    line: harness.MemoryTransport | None = None
    closed: int = 0
    """Times that the port is not there when it is opened."""

    def open(self, where: str, *, keep: bool, flash: Path | None) -> Place:
        if self.closed > 0:
            self.closed -= 1
            raise LinkError("memory: there is no such port", hint="plug it in")
        self.line = harness.MemoryTransport(self.board)
        device = Device.open(self.line, timing=TIMING)
        return Place(DeviceExecutor(NET, device, name="memory", seed=7, keep=keep))

    def emit(self, event: Event) -> None:
        self.events.append(event)
        told = event.step + 1 if isinstance(event, Step) else event.seen if isinstance(event, Learned) else 0
        for at in sorted(at for at in self.does if at <= told):
            self.does.pop(at)(self)

    def run(self, **options: Any) -> Worker:
        task = self.task
        bench = self

        class Here(type(task)):  # type: ignore[misc]
            def open(self, where: str, *, keep: bool, flash: Path | None) -> Place:
                return bench.open(where, keep=keep, flash=flash)

        here = Here(task.lesson, task.begin)
        options = {"retry": 0.01, "controls": Turning(self.board)} | options
        worker = Worker(here, "a", "memory", self.emit, threading.Event(), **options)
        self.worker = worker
        worker.start()
        worker.thread.join(15)
        assert worker.done, self.logs()
        return worker

    def logs(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Log)]

    def digest(self) -> str:
        end = self.events[-1]
        assert isinstance(end, Run)
        assert end.status == "finished"
        return end.digest


def pull(bench: Bench) -> None:
    assert bench.line is not None
    bench.line.pulled = True


def restart(bench: Bench) -> None:
    bench.board.reset()


def ask(action: Any, value: int | None = None) -> Callable[[Bench], None]:
    return lambda bench: bench.worker.controls.ask(Command(action, value))  # type: ignore[return-value]


def unplugged_never(task: Any, offsets: tuple[tuple[int, int], ...] = ()) -> str:
    """The digest of a run that nothing happens to, on the reference."""
    events: list[Event] = []

    class Reference(type(task)):  # type: ignore[misc]
        def open(self, where: str, *, keep: bool, flash: Path | None) -> Place:
            return Place(ReferenceExecutor(NET, seed=7, batch=BATCH))

    worker = Worker(
        Reference(task.lesson, task.begin), "a", "reference", events.append, threading.Event(), retry=0
    )
    worker.memory.offsets.extend(offsets)
    worker.start()
    worker.thread.join(15)
    assert worker.finished, worker.failure
    end = events[-1]
    assert isinstance(end, Run)
    return end.digest


TASKS = {
    "training": Training.of(TRAINING, stream=False, baud=None),
    "by itself": ByItself.of(ALONE, baud=None),
}


def new_board(library: Path) -> harness.Board:
    board = harness.Board(library)
    board.new_flash(16, 256)
    board.reset()
    return board


@pytest.fixture(params=TASKS)
def bench(request: pytest.FixtureRequest, library: Path) -> Bench:
    return Bench(new_board(library), TASKS[request.param])


def test_nothing_happens(bench: Bench) -> None:
    assert bench.run().finished
    assert bench.digest() == unplugged_never(bench.task)


def test_unplugged_and_back_with_its_network(bench: Bench) -> None:
    def unplug(bench: Bench) -> None:
        pull(bench)
        bench.closed = 2

    bench.does = {21: unplug, 41: pull}
    assert bench.run().finished
    assert bench.digest() == unplugged_never(bench.task)
    logs = bench.logs()
    assert sum("is back with its network" in text for text in logs) == 2, logs
    assert sum("no such port" in text and "plug it in" in text for text in logs) == 1, "told once"
    if bench.task.by_itself:
        return
    told = [event.step for event in bench.events if isinstance(event, Step)]
    assert len(told) == len(set(told)) >= 60 - 2 * 2, "none was learned twice; two a time may not be told"


def test_restarted_and_back_from_the_newest_state(bench: Bench) -> None:
    bench.does = {21: restart, 50: restart}
    assert bench.run().finished
    assert bench.digest() == unplugged_never(bench.task)
    logs = bench.logs()
    steps = [text.split("on from step ")[1] for text in logs if "back without its network" in text]
    # The host saved an epoch's state (15 steps) of the training, and has the begin of the other.
    assert steps == (["0", "0"] if bench.task.by_itself else ["15", "45"])


def test_restarted_and_back_from_its_checkpoint(bench: Bench) -> None:
    bench.does = {20: ask("checkpoint"), 34: restart}
    assert bench.run().finished
    assert bench.digest() == unplugged_never(bench.task)
    back = [text for text in bench.logs() if text.startswith("memory is back")]
    assert len(back) == 1
    assert "with its network" in back[0]


def test_a_checkpoint_from_before_is_not_of_this_run(library: Path) -> None:
    board = harness.Board(library)
    board.new_flash(16, 256)
    board.reset()
    with DeviceExecutor(
        NET, Device.open(harness.MemoryTransport(board), timing=TIMING), name="m", seed=7
    ) as m:
        for _ in range(22):
            m.step(X[:BATCH], LABELS[:BATCH], 3)
        assert m.save_checkpoint() == 22
    bench = Bench(board, TASKS["training"], {21: restart})
    assert bench.run().finished
    assert bench.digest() == unplugged_never(bench.task)
    assert any("without its network: on from step 15" in text for text in bench.logs())


def test_rates_by_hand_come_back_at_their_step(bench: Bench) -> None:
    bench.does = {16: ask("rate", -1), 30: restart}
    worker = bench.run()
    assert worker.finished
    assert len(worker.memory.offsets) == 1
    assert bench.digest() == unplugged_never(bench.task, tuple(worker.memory.offsets))
    assert bench.digest() != unplugged_never(bench.task)


@dataclass
class Holder:
    """Lets a run that is held for a while go on, and pulls the plug when it is first told to hold."""

    bench: Bench
    pull_at_pause: bool
    told: list[Event] = field(default_factory=list)
    """What came while it was held behind the reconnect."""
    waits: int = 0

    def emit(self, event: Event) -> None:
        if self.held and isinstance(event, Step | Learned | Control):
            self.told.append(event)
        self.bench.events.append(event)
        if isinstance(event, Control) and self.pull_at_pause and len(self.controls()) == 1:
            pull(self.bench)

    def controls(self) -> list[tuple[str, str]]:
        return [(e.action, e.by) for e in self.bench.events if isinstance(e, Control)]

    @property
    def held(self) -> bool:
        return self.controls()[-1:] == [("pause", "monitor")]

    def wait(self) -> None:
        self.waits += self.held
        if self.held and self.waits == 20:
            self.bench.worker.controls.ask(Command("resume", by="web"))


@pytest.mark.parametrize("away", [False, True], ids=["pulled while it is held", "held while it is away"])
def test_a_pause_outlives_an_unplugged_device(
    bench: Bench, away: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (loop, watch):
        monkeypatch.setattr(module, "BEAT_EVERY", 0.02)  # how soon a run that is held sees that it is pulled
    holder = Holder(bench, pull_at_pause=not away)

    class Waited(Turning):
        def wait(self, seconds: float) -> bool:
            holder.wait()
            if bench.line is not None and bench.line.pulled:  # it would learn to its end meanwhile
                return Controls.wait(self, 0.001)
            return super().wait(seconds)

    def pause(bench: Bench) -> None:
        if away:
            pull(bench)
            bench.closed = 2
        bench.worker.controls.ask(Command("pause", by="web"))

    bench.does = {21: pause}
    follow = bench.emit

    def emit(event: Event) -> None:
        holder.emit(event)
        bench.events.pop()
        follow(event)

    bench.emit = emit  # type: ignore[method-assign]
    assert bench.run(controls=Waited(bench.board)).finished
    assert holder.controls() == [("pause", "web"), ("pause", "monitor"), ("resume", "web")]
    # By itself: how it stands is told when it is looked at, and again before it goes on.
    seen = {event.seen for event in holder.told if isinstance(event, Learned)}
    assert len(seen) == bench.task.by_itself
    assert not any(isinstance(event, Step) for event in holder.told)
    assert bench.digest() == unplugged_never(bench.task)


def test_without_retry_it_gives_up(bench: Bench) -> None:
    bench.does = {21: pull}
    worker = bench.run(retry=0)
    assert not worker.finished
    assert isinstance(worker.failure, LinkError)
    assert "given up" in bench.logs()[-1]


def test_what_cannot_be_mended_is_not_tried_again(bench: Bench) -> None:
    def refuse(where: str, *, keep: bool, flash: Path | None) -> Place:
        raise UsageError("no such board")

    bench.open = refuse  # type: ignore[method-assign]
    worker = bench.run()
    assert isinstance(worker.failure, UsageError)
    assert bench.logs() == ["memory: given up: no such board"]


def test_a_defect_does_not_take_the_others_with_it(bench: Bench) -> None:
    def broken(where: str, *, keep: bool, flash: Path | None) -> Place:
        raise ZeroDivisionError("oh")

    bench.open = broken  # type: ignore[method-assign]
    worker = bench.run()
    assert worker.failure is not None
    assert "ZeroDivisionError" in worker.failure.message


def test_it_waits_for_its_port_without_end_and_can_be_stopped(bench: Bench) -> None:
    bench.closed = 10**9
    stopping = threading.Event()
    worker = Worker(bench.task, "a", "memory", bench.emit, stopping, retry=0.01)
    object.__setattr__(worker, "task", bench)
    bench.by_itself = False  # type: ignore[attr-defined]
    worker.start()
    worker.thread.join(0.5)
    assert not worker.done
    stopping.set()
    worker.thread.join(30)
    assert worker.done
    assert len(bench.logs()) == 1
