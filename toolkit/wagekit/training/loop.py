"""The training loop over any executor, telling what happens as events."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from wagekit.executors.base import Executor, IntArray, Rule, StepResult
from wagekit.executors.base import LayerHealth as Counted
from wagekit.monitor.controls import Command, Controls
from wagekit.monitor.events import Action, Evaluation, Event, Health, Layer, LayerHealth, Step
from wagekit.numerics import LOG2_LR_MAX, LOG2_LR_MIN
from wagekit.training.by_hand import ByHand, Do
from wagekit.training.evaluation import Score, evaluate
from wagekit.training.memory import changed, in_effect
from wagekit.training.plan import Batches, Plan
from wagekit.training.schedule import moved

Emit = Callable[[Event], None]
SHOW_EVERY = 1.0
"""Seconds between two samples that are shown."""
BEAT_EVERY = 3.0
"""Seconds between two calls of `Trainer.beat`."""

Batch = tuple[NDArray[np.int64], int]
"""Numbers of the training samples, and the rate before the rule."""


class Feed(Protocol):
    """How training samples get to the executor, by their number."""

    def steps(self, batches: Iterable[Batch], rule: Rule) -> Iterator[StepResult]:
        """Learn from batches in order; yields what each step reports.

        The next batch may be taken from `batches` before the result of the present one is yielded.
        """


@runtime_checkable
class Streams(Protocol):
    """An executor that takes the samples of the next batch while it learns the present one."""

    def train_stream(
        self, batches: Iterable[tuple[IntArray, NDArray[np.int64], int]], rule: Rule = "paper"
    ) -> Iterator[StepResult]:
        """Learn from batches `(x, labels, log2_lr)`, in order; yields what each step reports."""


@dataclass(slots=True)
class Streamed:
    """Sends the samples of every batch with it."""

    executor: Executor
    x: IntArray
    labels: NDArray[np.int64]
    ahead: bool = True
    """Send the next batch while the present one is learned, where the executor can."""

    def steps(self, batches: Iterable[Batch], rule: Rule) -> Iterator[StepResult]:
        """Learn from batches in order; yields what each step reports."""
        samples = ((self.x[indices], self.labels[indices], rate) for indices, rate in batches)
        if self.ahead and isinstance(self.executor, Streams):
            yield from self.executor.train_stream(samples, rule)
        else:
            for x, labels, rate in samples:
                yield self.executor.step(x, labels, rate, rule)


def nothing(_: Event) -> None:
    """Takes an event and drops it."""


@dataclass(slots=True)
class Trainer:
    """Brings an executor to the end of a plan.

    It begins at the executor's step, so it goes on where a loaded model stopped. `test` (codes and
    labels) is classified every `test_every` steps and at the end; `save` is called every
    `save_every` steps and at the end; `stop` is asked before every step.
    """

    executor: Executor
    plan: Plan
    feed: Feed
    log2_one: int
    emit: Emit = nothing
    test: tuple[IntArray, NDArray[np.int64]] | None = None
    test_every: int | None = None
    """In steps; None is once an epoch, 0 only at the end."""
    save: Callable[[Executor], None] | None = None
    save_every: int | None = None
    stop: Callable[[], bool] = lambda: False
    evaluator: Callable[[], Score] | None = None
    """Classifies the test part; by default `evaluate` through the executor."""
    cost: Callable[[], int | None] = lambda: None
    """Instructions of the latest step, where the executor's chip counts them."""
    controls: Controls = field(default_factory=Controls)
    """What people ask for while it goes on; done between two steps."""
    offsets: list[tuple[int, int]] = field(default_factory=list)
    """Changes of the rate by hand: from this step on so much is added to log2 of the plan's rate."""
    checkpoint: Callable[[], str | None] | None = None
    """Keeps the present state; None, or why it cannot. By default `save`."""
    show: Callable[[int, int], Event] | None = None
    """The event that shows what step (first argument) learned from a training sample (second)."""
    beat: Callable[[], None] | None = None
    """Called every few seconds between two steps, and while the run is held: to tell of link and board."""
    paused: bool = False
    """Begin held, until somebody lets it go on."""
    score: Score | None = field(default=None, init=False)
    """Of the latest evaluation."""
    _step: int = field(default=0, init=False)
    _tested: int = field(default=-1, init=False)
    _saved: int = field(default=-1, init=False)
    _shown: float = field(default=-SHOW_EVERY, init=False)
    _beaten: float = field(default_factory=time.monotonic, init=False)

    def run(self) -> bool:
        """Learn to the end of the plan: True, or False if `stop` or a command said so."""
        executor, plan = self.executor, self.plan
        hand = ByHand(self.controls, self.emit, self._actions(), self.stop, self._idle, self.paused)
        batches = Batches(plan)
        step = self._step = self._saved = executor.step_count
        test_every = plan.steps_per_epoch if self.test_every is None else self.test_every
        if not self.test:
            test_every = 0
        if self.paused:
            hand.obey()
        while step < plan.end_step and not hand.ended():
            pause = min(self._next(step, test_every), self._next(step, self.save_every or 0), plan.end_step)
            reached = self._learn(batches, step, pause, hand)
            learned, step = reached > step, reached
            if learned and test_every and (step - plan.first_step) % test_every == 0:
                self.evaluate(step)
            if learned and self.save_every and (step - plan.first_step) % self.save_every == 0:
                self._save()
            self._idle()
            hand.obey()
        if self.test and self._tested != step:
            self.evaluate(step)
        if self._saved != step:
            self._save()
        return step >= plan.end_step

    def evaluate(self, step: int) -> None:
        """Classify the test part and say so."""
        if self.test is None:
            return
        if self.evaluator is not None:
            self.score = self.evaluator()
        else:
            self.score = evaluate(self.executor, *self.test, log2_one=self.log2_one)
        self._tested = step
        self.emit(
            Evaluation(
                step=step,
                epoch=self.plan.epoch(step),
                samples=self.score.samples,
                correct=self.score.correct,
                loss=self.score.loss,
                confusion=self.score.confusion,
            )
        )

    # By hand.

    def _actions(self) -> dict[Action, Do]:
        return {"rate": self._move_rate, "evaluate": self._evaluate_now, "checkpoint": self._keep_now}

    def _move_rate(self, command: Command) -> int:
        """From the next step on; no further than the next step's rate may go."""
        rate = self.plan.log2_lr(min(self._step, self.plan.end_step - 1))
        offset = min(max(command.value or 0, LOG2_LR_MIN - rate), LOG2_LR_MAX - rate)
        changed(self.offsets, self._step, offset)
        return offset

    def _evaluate_now(self, _: Command) -> str | None:
        if self.test is None or not len(self.test[1]):
            return "there are no test samples"
        self.evaluate(self._step)
        return None

    def _keep_now(self, _: Command) -> str | None:
        if self.checkpoint is not None:
            return self.checkpoint()
        if self.save is None:
            return "there is no file to save to"
        self._save()
        return None

    def _save(self) -> None:
        if self.save is not None:
            self.save(self.executor)
            self._saved = self._step

    def _due(self) -> bool:
        return self.beat is not None and time.monotonic() - self._beaten >= BEAT_EVERY

    def _idle(self) -> None:
        if self.beat is not None and self._due():
            self.beat()
            self._beaten = time.monotonic()

    # Steps.

    def _next(self, step: int, every: int) -> int:
        """The first multiple of `every` after `step`, counted from the plan's begin."""
        plan = self.plan
        return step + every - (step - plan.first_step) % every if every else plan.end_step

    def _learn(self, batches: Batches, step: int, pause: int, hand: ByHand) -> int:
        """Learn up to step `pause`, or to where something else is to be done; the step reached."""
        sent: deque[int] = deque()

        def wanted() -> Iterator[Batch]:
            for number in range(step, pause):
                if hand.waits or self._due():
                    return
                indices = batches.indices(number)
                sent.append(int(indices[-1]))
                yield indices, moved(batches.log2_lr(number), in_effect(self.offsets, number))

        for result in self.feed.steps(wanted(), self.plan.rule):
            self._step += 1
            self.emit(step_event(result, self.plan.epoch(self._step), self.cost()))
            if result.health is not None:
                self.emit(health_event(result.step, result.health))
            self._show(result.step, sent.popleft())
        return self._step

    def _show(self, step: int, sample: int) -> None:
        now = time.monotonic()
        if self.show is not None and now - self._shown >= SHOW_EVERY:
            self._shown = now
            self.emit(self.show(step, sample))


def step_event(result: StepResult, epoch: float, spent: int | None = None) -> Step:
    """A step's result as an event."""
    return Step(
        step=result.step,
        epoch=epoch,
        samples=result.samples,
        loss=result.loss,
        sum_squared_error=result.sum_squared_error,
        errors=result.errors,
        log2_lr=result.log2_lr,
        layers=tuple(
            Layer(
                error_exponent=layer.error_exponent,
                gradient_exponent=layer.gradient_exponent,
                saturated=layer.saturated,
            )
            for layer in result.layers
        ),
        instructions=spent,
    )


def health_event(step: int, layers: Sequence[Counted]) -> Health:
    """The health of a step as an event."""
    return Health(step=step, layers=tuple(LayerHealth(**asdict(layer)) for layer in layers))
