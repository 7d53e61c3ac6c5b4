"""Learning by itself, watched: on a chip by its own program, elsewhere by the same steps over the executor.

Both learn the same samples in the same order with the same rates, replay the same old ones and stop
at the same sample, so they hold the same bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from wagekit.errors import LimitError, MismatchError, UsageError
from wagekit.executors.base import Executor, IntArray, LayerHealth, Rule, StepResult
from wagekit.executors.device import DeviceExecutor
from wagekit.executors.divergence import first_divergence
from wagekit.executors.learning import Order, Reservoir, learn
from wagekit.link.learning import LearnState
from wagekit.monitor.events import Learned
from wagekit.numerics.learn import MAX_RATES, ONE, Learning, LearnPlan
from wagekit.training.plan import RULES
from wagekit.training.schedule import Words, moved, parse_points

Counted = tuple[int, tuple[LayerHealth, ...]]
"""A step, and the health of the layers in it."""
ORDERS: tuple[Order, ...] = ("in_turn", "drawn")
_WORDS = Words(
    "rates", "sample", "write SAMPLE:LOG2 pairs like '0:2,300:3', shares like '50%:2', or one number"
)
_POLL_SECONDS = (0.02, 0.25)
"""A chip is asked how it goes after the first, then less often, at last after the second."""
_PIECE = 20
"""Steps between two reports where there is no chip."""


def parse_rates(text: str, samples: int) -> tuple[tuple[int, int], ...]:
    """Rates by sample, `(first, log2_lr)`, from `SAMPLE:LOG2` pairs or one number.

    A share (`50%`) is one of `samples`. `UsageError` names what is wrong.
    """
    rates: dict[int, int] = {}
    for point in parse_points(text, _WORDS, text):
        first = point.at * samples if point.share else point.at
        if not point.share and first.denominator != 1:
            raise UsageError(f"rates '{text}': sample {float(first):g} is not a whole number")
        rates[int(first)] = point.log2_lr
    if list(rates) != sorted(rates):
        raise UsageError(f"rates '{text}': its samples do not grow where there are {samples:,} of them")
    if len(rates) > MAX_RATES:
        raise UsageError(f"rates '{text}': {len(rates)} are more than the {MAX_RATES} that a chip keeps")
    return tuple(rates.items())


@dataclass(frozen=True, slots=True)
class ByItself:
    """How a network is to learn by itself, in full. `UsageError` names what cannot be."""

    plan: LearnPlan
    batch: int = 1
    rule: Rule = "error_scaled"
    order: Order = "drawn"
    seed: int = 0
    keep: int = 0
    """Samples in the replay store; 0 is off."""
    replay: int = 1
    """Steps on old samples after each step on new ones."""

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise UsageError(f"rule '{self.rule}' is unknown; it is one of {', '.join(RULES)}")
        if self.order not in ORDERS:
            raise UsageError(f"order '{self.order}' is unknown; it is one of {', '.join(ORDERS)}")
        if self.batch < 1 or self.keep < 0 or not 0 <= self.replay <= 255:
            raise UsageError(
                f"batch {self.batch}, {self.keep} samples kept, {self.replay} replay steps: 1 or more, "
                "0 or more, and 0..255 are allowed"
            )

    def rates(self, offset: int) -> tuple[tuple[int, int], ...]:
        """Rates of the plan, with `offset` added to their log2."""
        return tuple((first, moved(log2_lr, offset)) for first, log2_lr in self.plan.rates)

    def to_dict(self) -> dict[str, Any]:
        """As model files keep it."""
        return asdict(self)


class Learner(Protocol):
    """Learns by itself somewhere."""

    def state(self) -> LearnState:
        """How it goes."""

    def learn(self, limit: int) -> Iterator[LearnState]:
        """Learn until the plan ends or `limit` samples later (0: no limit); yields how it goes."""

    def pause(self) -> None:
        """End `learn` after the step under way; the plan stays."""

    def move_rates(self, offset: int) -> None:
        """Add so much to log2 of the plan's rates, from the next step on; not while it learns."""

    def stop(self) -> None:
        """End the plan after the step under way."""

    def health(self) -> Counted | None:
        """The latest count of the layers' health that is not told with its step; None: there is none."""


@dataclass(slots=True)
class OnChip:
    """A chip with the samples in its store, from slot 0 on."""

    executor: DeviceExecutor
    lesson: ByItself
    count: int
    sleep: Callable[[float], object] = time.sleep
    """Waits so many seconds, or less."""
    goes_on: bool = False
    """It has a plan, and has learned by it."""

    def __post_init__(self) -> None:
        lesson = self.lesson
        if self.goes_on:
            return
        self.executor.keep_samples(lesson.keep, lesson.replay, lesson.seed)
        self.executor.plan_learning(lesson.plan)

    def learn(self, limit: int) -> Iterator[LearnState]:
        """Let it learn, and ask now and then."""
        lesson = self.lesson
        self.executor.begin_learning(
            0,
            self.count,
            batch=lesson.batch,
            rule=lesson.rule,
            order=lesson.order,
            seed=lesson.seed,
            limit=limit,
        )
        pause, longest = _POLL_SECONDS
        while (state := self.state()).active:
            yield state
            self.sleep(pause)
            pause = min(2 * pause, longest)
        yield state

    def state(self) -> LearnState:
        """What the chip says."""
        return self.executor.learning()

    def pause(self) -> None:
        """Tell the chip."""
        self.executor.pause_learning()

    def move_rates(self, offset: int) -> None:
        """Give the chip's plan other rates."""
        self.executor.change_rates(self.lesson.rates(offset))

    def stop(self) -> None:
        """Tell the chip."""
        self.executor.stop_learning()

    def health(self) -> Counted | None:
        """What the chip counted last."""
        return self.executor.health() if self.executor.health_every else None


@dataclass(slots=True)
class Anywhere:
    """The same over any executor."""

    executor: Executor
    lesson: ByItself
    x: IntArray
    labels: NDArray[np.int64]
    learning: Learning = field(init=False)
    reservoir: Reservoir = field(init=False)
    _pauses: bool = field(default=False, init=False)
    _counted: Counted | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.learning = Learning(self.lesson.plan)
        self.reservoir = Reservoir.of(self.lesson.keep, self.lesson.replay, self.lesson.seed)

    def learn(self, limit: int) -> Iterator[LearnState]:
        """Learn some steps at a time."""
        lesson, learning = self.lesson, self.learning
        end = learning.seen + limit
        self._pauses = False
        while learning.end == "goes_on" and not self._pauses and (not limit or learning.seen < end):
            piece = _PIECE * lesson.batch
            learn(
                self.executor,
                self.x,
                self.labels,
                learning,
                batch=lesson.batch,
                rule=lesson.rule,
                order=lesson.order,
                seed=lesson.seed,
                limit=min(piece, end - learning.seen) if limit else piece,
                reservoir=self.reservoir,
                told=self._take,
            )
            yield self.state()

    def _take(self, result: StepResult) -> None:
        if result.health is not None:
            self._counted = result.step, result.health

    def health(self) -> Counted | None:
        """Of the steps learned here."""
        return self._counted

    def state(self) -> LearnState:
        """How it goes."""
        return learn_state(self.learning, self.executor.step_count, self.reservoir.replay.filled)

    def pause(self) -> None:
        """End `learn` after the steps under way."""
        self._pauses = True

    def move_rates(self, offset: int) -> None:
        """Other rates from the next step on."""
        self.learning.plan = replace(self.learning.plan, rates=self.lesson.rates(offset))

    def stop(self) -> None:
        """End the plan."""
        self.learning.stop()


def learn_state(learning: Learning, step: int, stored: int = 0) -> LearnState:
    """What a chip would say after the same; `step` batches were learned in all."""
    return LearnState(
        active=False,
        end=learning.end,
        log2_lr=learning.rate(),
        seen=learning.seen,
        wrong=learning.wrong,
        running=learning.running,
        best=learning.best,
        best_at=learning.best_at,
        stored=stored,
        step=step,
    )


def learned_event(state: LearnState, samples: int, limit: int) -> Learned:
    """How it goes, as an event."""
    return Learned(
        seen=state.seen,
        limit=limit,
        epoch=state.seen / samples if samples else 0.0,
        wrong=state.wrong,
        accuracy=state.accuracy,
        best=state.best / ONE,
        best_at=state.best_at,
        log2_lr=state.log2_lr,
        stored=state.stored,
        step=state.step,
        end=state.end,
    )


def check_room(lesson: ByItself, slots: int, train: int, test: int, name: str) -> bool:
    """Whether a store of so many slots holds the test samples too; `LimitError` if not even the others."""
    if train + test + lesson.keep <= slots:
        return True
    room = slots - lesson.keep - 1  # one slot for test samples that are sent
    if train > room:
        kept = f" and a replay store of {lesson.keep:,}" if lesson.keep else ""
        raise LimitError(
            f"{name}: {train:,} training samples{kept} do not fit the {slots:,} slots of the sample store",
            hint=(f"--train-limit {room} fits" if room > 0 else "keep fewer samples")
            + "; `wagekit run --batch 1` sends samples as they are learned",
        )
    return False


def compare(
    there: Executor, state: LearnState, twin: Anywhere, offsets: Sequence[tuple[int, int]] = ()
) -> None:
    """Let `twin`, which begins where `there` began, learn the same; `MismatchError` unless all is equal.

    It is told how many samples to learn, so that one that was stopped by hand can be compared too, and
    `offsets`, the changes of the rates by hand: from so many samples on so much was added.
    """
    for seen, offset in (*offsets, (state.seen, None)):
        if seen > twin.learning.seen:
            list(twin.learn(seen - twin.learning.seen))
        if offset is not None:
            twin.move_rates(offset)
    here = twin.state()
    apart = {"active", "replay_first", "replay_capacity"}  # of a device's memory
    if state.end == "asked":
        apart.add("end")
    for name in LearnState.__dataclass_fields__:
        values = getattr(state, name), getattr(here, name)
        if name not in apart and values[0] != values[1]:
            raise MismatchError(
                f"after {state.seen:,} samples, {name}: {values[0]} on {there.name}, "
                f"{values[1]} on {twin.executor.name}"
            )
    first_divergence(state.step, [there, twin.executor])
