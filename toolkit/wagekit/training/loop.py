"""The training loop over any executor, telling what happens as events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from wagekit.executors.base import Executor, IntArray, Rule, StepResult
from wagekit.executors.base import LayerHealth as Counted
from wagekit.monitor.events import Evaluation, Event, Health, Layer, LayerHealth, Step
from wagekit.training.evaluation import Score, evaluate
from wagekit.training.plan import Batches, Plan

Emit = Callable[[Event], None]


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
    score: Score | None = field(default=None, init=False)
    """Of the latest evaluation."""

    def run(self) -> bool:
        """Learn to the end of the plan: True, or False if `stop` said so."""
        executor, plan = self.executor, self.plan
        batches = Batches(plan)
        step = executor.step_count
        tested = saved = step
        test_every = plan.steps_per_epoch if self.test_every is None else self.test_every
        if not self.test:
            test_every = 0
        while step < plan.end_step and not self.stop():
            pause = min(self._next(step, test_every), self._next(step, self.save_every or 0), plan.end_step)
            step = self._learn(batches, step, pause)
            if test_every and (step - plan.first_step) % test_every == 0:
                self.evaluate(step)
                tested = step
            if self.save and self.save_every and (step - plan.first_step) % self.save_every == 0:
                self.save(executor)
                saved = step
        if self.test and (tested != step or self.score is None):
            self.evaluate(step)
        if self.save and saved != step:
            self.save(executor)
        return step >= plan.end_step

    def evaluate(self, step: int) -> None:
        """Classify the test part and say so."""
        if self.test is None:
            return
        if self.evaluator is not None:
            self.score = self.evaluator()
        else:
            self.score = evaluate(self.executor, *self.test, log2_one=self.log2_one)
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

    def _next(self, step: int, every: int) -> int:
        """The first multiple of `every` after `step`, counted from the plan's begin."""
        plan = self.plan
        return step + every - (step - plan.first_step) % every if every else plan.end_step

    def _learn(self, batches: Batches, step: int, pause: int) -> int:
        """Learn up to step `pause`, or to where `stop` says so; returns the step reached."""

        def wanted() -> Iterator[Batch]:
            for number in range(step, pause):
                if self.stop():
                    return
                yield batches.indices(number), batches.log2_lr(number)

        reached = step
        for result in self.feed.steps(wanted(), self.plan.rule):
            reached += 1
            self.emit(step_event(result, self.plan.epoch(reached), self.cost()))
            if result.health is not None:
                self.emit(health_event(result.step, result.health))
        return reached


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
