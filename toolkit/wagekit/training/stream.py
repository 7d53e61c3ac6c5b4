"""Learning from a stream: samples of which nobody knows how many there are, each learned once.

Samples are taken one batch ahead, when the executor can use them, so a stream needs no more memory than
two batches, and may be endless.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wagekit.errors import DataError
from wagekit.executors.base import Executor, IntArray, Rule, StepResult
from wagekit.link.learning import LearnState
from wagekit.monitor.events import Event
from wagekit.numerics.learn import Learning
from wagekit.spec import Network
from wagekit.training.by_itself import ByItself, learn_state
from wagekit.training.loop import Streams, health_event, nothing, step_event
from wagekit.training.schedule import moved

Sample = tuple[ArrayLike, ArrayLike]
"""One raw sample and its class number, or a batch: samples `[n, ...]` and class numbers `[n]`."""
Piece = tuple[IntArray, NDArray[np.int64]]
"""Encoded samples `[n, *input.shape]` and their class numbers `[n]`."""
_TELL_SAMPLES = 16
_TELL_SECONDS = 0.25
"""How things go is told after so many samples or after so long."""


def learn_stream(
    executor: Executor,
    net: Network,
    samples: Iterable[Sample],
    *,
    batch: int = 8,
    log2_lr: int | Callable[[int], int] = 0,
    rule: Rule = "paper",
) -> Iterator[StepResult]:
    """Learn raw samples as they come, `batch` in a step; yields what each step reports.

    Samples are taken from `samples` when they are wanted and never all at once. An item is a sample
    with its class number, or a batch of them; how they come does not matter, they are learned `batch`
    at a time, and at the end those that are left. `log2_lr` is the rate, or gives that of the step
    before which so many samples were learned.

    On a device the next batch travels while the present one is learned: it is taken before the
    result of the present one is yielded.
    """
    rate = log2_lr if callable(log2_lr) else lambda _: log2_lr

    def rated() -> Iterator[tuple[IntArray, NDArray[np.int64], int]]:
        taken = 0
        for x, labels in batched(encoded(net, samples), batch):
            yield x, labels, rate(taken)
            taken += len(x)

    yield from _steps(executor, rated(), rule)


def _steps(
    executor: Executor, batches: Iterable[tuple[IntArray, NDArray[np.int64], int]], rule: Rule
) -> Iterator[StepResult]:
    if isinstance(executor, Streams):
        yield from executor.train_stream(batches, rule)
    else:
        for x, labels, log2_lr in batches:
            yield executor.step(x, labels, log2_lr, rule)


def encoded(net: Network, samples: Iterable[Sample]) -> Iterator[Piece]:
    """Items of a stream as the network takes them; `DataError` says which item cannot be used."""
    for number, (raw, label) in enumerate(samples):
        try:
            labels = np.atleast_1d(np.asarray(label))
            x = np.asarray(raw) if np.ndim(label) else np.asarray(raw)[np.newaxis]
            codes = net.encode(x)
            _check_labels(labels, len(codes), len(net.classes))
        except DataError as error:
            raise DataError(f"item {number} of the stream: {error.message}", hint=error.hint) from None
        yield codes, labels.astype(np.int64)


def _check_labels(labels: NDArray[np.int64], samples: int, classes: int) -> None:
    if labels.dtype.kind not in "iu" or labels.shape != (samples,):
        raise DataError(
            f"{samples} samples with labels of type {labels.dtype} and shape {list(labels.shape)}; "
            "one class number a sample is needed"
        )
    for label in labels[(labels < 0) | (labels >= classes)][:1]:
        raise DataError(f"label {label} is not in 0..{classes - 1}")


def batched(pieces: Iterable[Piece], batch: int, first: int | None = None) -> Iterator[Piece]:
    """The samples of pieces of any size, `batch` at a time, the rest at the end; at most the `first`."""
    left = first
    waiting: list[Piece] = []
    count = 0
    for piece in pieces:
        x, labels = piece if left is None else (piece[0][:left], piece[1][:left])
        at = 0
        while count + len(x) - at >= batch:
            cut = at + batch - count
            yield _joined([*waiting, (x[at:cut], labels[at:cut])])
            waiting, count, at = [], 0, cut
        if at < len(x):
            waiting.append((x[at:], labels[at:]))
            count += len(x) - at
        if left is not None:
            left -= len(x)
            if left == 0:
                break
    if waiting:
        yield _joined(waiting)


def _joined(pieces: list[Piece]) -> Piece:
    return np.concatenate([x for x, _ in pieces]), np.concatenate([labels for _, labels in pieces])


@dataclass(slots=True)
class StreamLearner:
    """Learns by a plan from a stream, over any executor; for `training.watch.Watch`.

    Its end is `samples` when the stream or the plan's samples are at an end, `asked` when `interrupted`.
    A stop by accuracy or patience comes after the batch that was already on its way.
    """

    executor: Executor
    how: ByItself
    pieces: Iterable[Piece]
    emit: Callable[[Event], None] = nothing
    """Gets the events of steps and of their health."""
    interrupted: Callable[[], bool] = lambda: False
    """The stream ended because somebody asked for it."""
    learning: Learning = field(init=False)
    _batches: Iterator[Piece] = field(init=False)
    _step: int = field(init=False)
    _offset: int = field(default=0, init=False)
    _pauses: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        plan = self.how.plan
        self.learning = Learning(plan)
        self._step = self.executor.step_count
        self._batches = batched(self.pieces, self.how.batch, plan.samples or None)

    def learn(self, limit: int) -> Iterator[LearnState]:
        """Learn until the stream or the plan ends or `limit` samples later (0: no limit)."""
        learning, told, told_at = self.learning, self.learning.seen, time.monotonic()
        end = learning.seen + limit
        exhausted = self._pauses = False

        def wanted() -> Iterator[tuple[IntArray, NDArray[np.int64], int]]:
            nonlocal exhausted
            taken = learning.seen
            while learning.end == "goes_on" and not self._pauses and not (limit and taken >= end):
                piece = None if self.interrupted() else next(self._batches, None)
                if piece is None:
                    exhausted = True
                    return
                yield (*piece, moved(self.how.plan.rate(taken), self._offset))
                taken += len(piece[0])

        for result in _steps(self.executor, wanted(), self.how.rule):
            self._step = result.step + 1
            learning.observe(result.samples, result.errors)
            self.emit(step_event(result, 0.0))
            if result.health is not None:
                self.emit(health_event(result.step, result.health))
            now = time.monotonic()
            if learning.seen - told >= _TELL_SAMPLES or now - told_at >= _TELL_SECONDS:
                told, told_at = learning.seen, now
                yield self.state()
        if exhausted and learning.end == "goes_on":
            learning.end = "asked" if self.interrupted() else "samples"
        yield self.state()

    def state(self) -> LearnState:
        """How it goes."""
        return learn_state(self.learning, self._step)

    def health(self) -> None:
        """Told with each step."""

    def pause(self) -> None:
        """End `learn` with the batches that are on their way; none is lost."""
        self._pauses = True

    def move_rates(self, offset: int) -> None:
        """Add so much to log2 of the rates of batches that are not yet on their way."""
        self._offset = offset
        self.learning.plan = replace(self.learning.plan, rates=self.how.rates(offset))

    def stop(self) -> None:
        """End the plan."""
        self.learning.stop()
