"""The training loop over any executor, telling what happens as events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from wagekit.executors.base import Executor, IntArray, Rule, StepResult
from wagekit.monitor.events import Evaluation, Event, Layer, Step
from wagekit.training.evaluation import Score, evaluate
from wagekit.training.plan import Batches, Plan

Emit = Callable[[Event], None]


class Feed(Protocol):
    """How training samples get to the executor, by their number."""

    def step(self, indices: NDArray[np.int64], log2_lr: int, rule: Rule) -> StepResult:
        """Learn from the samples with these numbers."""


@runtime_checkable
class CountsInstructions(Protocol):
    """An executor whose chip counts the instructions it spends."""

    def instructions(self) -> int | None:
        """Instructions since boot; None where the board does not count them."""


@dataclass(slots=True)
class Streamed:
    """Sends the samples of every batch with it."""

    executor: Executor
    x: IntArray
    labels: NDArray[np.int64]

    def step(self, indices: NDArray[np.int64], log2_lr: int, rule: Rule) -> StepResult:
        """Learn from the samples with these numbers."""
        return self.executor.step(self.x[indices], self.labels[indices], log2_lr, rule)


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
    score: Score | None = field(default=None, init=False)
    """Of the latest evaluation."""

    def run(self) -> bool:
        """Learn to the end of the plan: True, or False if `stop` said so."""
        executor, plan = self.executor, self.plan
        batches = Batches(plan)
        step = executor.step_count
        tested = saved = step
        every = plan.steps_per_epoch if self.test_every is None else self.test_every
        while step < plan.end_step:
            if self.stop():
                break
            self._learn(batches, step)
            step += 1
            if every and (step - plan.first_step) % every == 0:
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
        before = instructions(self.executor)
        if self.evaluator is not None:
            self.score = self.evaluator()
        else:
            self.score = evaluate(self.executor, *self.test, log2_one=self.log2_one)
        after = instructions(self.executor)
        self.emit(
            Evaluation(
                step=step,
                epoch=self.plan.epoch(step),
                samples=self.score.samples,
                correct=self.score.correct,
                loss=self.score.loss,
                confusion=self.score.confusion,
                instructions=None if before is None or after is None else after - before,
            )
        )

    def _learn(self, batches: Batches, step: int) -> None:
        before = instructions(self.executor)
        result = self.feed.step(batches.indices(step), batches.log2_lr(step), self.plan.rule)
        after = instructions(self.executor)
        spent = None if before is None or after is None else after - before
        self.emit(step_event(result, self.plan.epoch(step + 1), spent))


def instructions(executor: Executor) -> int | None:
    """What the executor's chip has counted, where it counts."""
    return executor.instructions() if isinstance(executor, CountsInstructions) else None


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
