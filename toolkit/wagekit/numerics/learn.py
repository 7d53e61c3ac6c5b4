"""Learning without a host, in integers: rates over time, running accuracy, when to stop, a reservoir.

The twin of `wk_learn.h`, equal to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from wagekit.numerics.prng import MASK32, mix
from wagekit.numerics.update import LOG2_LR_MAX, LOG2_LR_MIN

ONE = 1 << 20
"""The running accuracy that stands for 1."""
MAX_RATES = 8
MAX_WINDOW_LOG2 = 10
LEARN_DOMAIN = 0x4C454152
"""Keeps orders and reservoirs apart from updates and initial weights ("LEAR" in ASCII)."""
ORDER, OFFER, REPLAY = 0, 1, 2

End = Literal["goes_on", "samples", "accuracy", "patience", "asked"]
ENDS: tuple[End, ...] = ("goes_on", "samples", "accuracy", "patience", "asked")
"""Why learning ended, in the order of their numbers."""


@dataclass(frozen=True, slots=True)
class LearnPlan:
    """How to learn, and when to stop; the first limit that is reached stops.

    `ValueError` names what is outside its limits.
    """

    rates: Sequence[tuple[int, int]] = ((0, 0),)
    """`(first, log2_lr)`: from that sample on; the first begins at 0, at most `MAX_RATES`."""
    window_log2: int = 6
    """Weight `2**-window_log2` of the newest sample in the running accuracy."""
    samples: int = 0
    """Stop after so many; 0 is no limit."""
    accuracy: int = 0
    """Stop when so much of `ONE` is right, from the end of the first window on; 0 is no limit."""
    patience: int = 0
    """Stop after so many samples without a new best; 0 is no limit."""

    def rate(self, seen: int) -> int:
        """The `log2_lr` of a step before which so many samples were learned."""
        return [log2_lr for first, log2_lr in self.rates if seen >= first][-1]

    def __post_init__(self) -> None:
        if not 1 <= len(self.rates) <= MAX_RATES:
            raise ValueError(f"{len(self.rates)} learning rates are not 1 to {MAX_RATES}")
        if self.rates[0][0] != 0 or any(b[0] <= a[0] for a, b in pairwise(self.rates)):
            raise ValueError("learning rates do not begin at sample 0 and grow from there")
        for first, log2_lr in self.rates:
            if not LOG2_LR_MIN <= log2_lr <= LOG2_LR_MAX or not 0 <= first <= MASK32:
                raise ValueError(f"rate {log2_lr} from sample {first} on is not in -16..15 or too late")
        if not 1 <= self.window_log2 <= MAX_WINDOW_LOG2:
            raise ValueError(f"window_log2 {self.window_log2} is not in 1..{MAX_WINDOW_LOG2}")
        if not 0 <= self.accuracy <= ONE:
            raise ValueError(f"accuracy {self.accuracy} is not in 0..{ONE}")
        for name, value in (("samples", self.samples), ("patience", self.patience)):
            if not 0 <= value <= MASK32:
                raise ValueError(f"{name} {value} is not a uint32")


@dataclass(slots=True)
class Learning:
    """Where learning is; begin with a plan, then `rate`, learn, `observe`, until that returns False."""

    plan: LearnPlan
    seen: int = 0
    """Samples learned, saturated at 2**32 - 1."""
    wrong: int = 0
    """Of them, those classified wrongly before they were learned."""
    running: int = 0
    """Running accuracy in parts of `ONE`: each sample before it was learned."""
    best: int = 0
    """Its largest value since the end of the first window."""
    best_at: int = 0
    """`seen` when it was reached."""
    end: End = "goes_on"

    def rate(self) -> int:
        """The `log2_lr` of the next step."""
        return self.plan.rate(self.seen)

    def observe(self, samples: int, errors: int) -> bool:
        """A step was made; returns whether to go on. Errors in a batch count as its first samples."""
        for number in range(samples):
            self._count(number >= errors)
        if self.end != "goes_on":
            return False
        plan = self.plan
        since = max(self.best_at, 1 << plan.window_log2)
        if plan.samples and self.seen >= plan.samples:
            self.end = "samples"
        elif plan.accuracy and self.best >= plan.accuracy:
            self.end = "accuracy"
        elif plan.patience and self.seen - since >= plan.patience:
            self.end = "patience"
        return self.end == "goes_on"

    def stop(self) -> None:
        """No more steps."""
        if self.end == "goes_on":
            self.end = "asked"

    def _count(self, right: bool) -> None:
        log2 = self.plan.window_log2
        self.seen = min(self.seen + 1, MASK32)
        self.wrong = min(self.wrong + (not right), MASK32)
        if self.seen <= 1 << log2:
            self.running = (self.seen - self.wrong) * ONE // self.seen
        else:
            self.running += (ONE >> log2 if right else 0) - (self.running >> log2)
        if self.seen >= 1 << log2 and self.running > self.best:
            self.best, self.best_at = self.running, self.seen


def draw_key(seed: int, purpose: int) -> int:
    """Key of `ORDER`, `OFFER` or `REPLAY`; one `mix` more than a layer's, as for initial weights."""
    return mix(mix(mix(mix(seed) ^ LEARN_DOMAIN) + 1) + purpose)


def below(word: int, count: int) -> int:
    """A uint32 as a number in `0 .. count-1`."""
    return word * count >> 32


def draw(seed: int, n: int, count: int) -> int:
    """Which of `count` samples is learned as number `n`: drawn anew for each number."""
    return below(mix(draw_key(seed, ORDER) + n), count)


@dataclass(slots=True)
class Replay:
    """A reservoir: places for samples, each offered sample equally likely to lie in one."""

    capacity: int
    seed: int
    offered: int = 0
    drawn: int = 0
    _offer_key: int = field(init=False, repr=False)
    _draw_key: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._offer_key = draw_key(self.seed, OFFER)
        self._draw_key = draw_key(self.seed, REPLAY)

    @property
    def filled(self) -> int:
        """Places that hold a sample."""
        return min(self.offered, self.capacity)

    def offer(self) -> int | None:
        """A sample was seen: the place where it is to be stored, over what was there, or None."""
        number = self.offered
        if self.capacity == 0 or number == MASK32:
            return None
        self.offered += 1
        place = number if number < self.capacity else below(mix(self._offer_key + number), self.offered)
        return place if place < self.capacity else None

    def draw(self) -> int | None:
        """A place with a sample to learn again, or None if there is none."""
        if self.filled == 0:
            return None
        place = below(mix(self._draw_key + self.drawn), self.filled)
        self.drawn = (self.drawn + 1) & MASK32
        return place
