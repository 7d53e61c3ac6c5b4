"""Learning rates over time: powers of two that change at given epochs."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from wagekit.errors import UsageError
from wagekit.numerics import LOG2_LR_MAX, LOG2_LR_MIN

NAMED = {
    "default": "0:3,50%:2,75%:1",
    "paper": "0:3,67%:0,83%:-3",
}
"""Schedules with a name; `paper` is that of the WAGE paper, whose 300 epochs change at 200 and 250."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a list of rates is called in errors, and what its changes are counted in."""

    name: str
    unit: str
    hint: str


_EPOCHS = Words(
    "schedule",
    "epoch",
    "write EPOCH:LOG2 pairs like '0:3,40:0,60:-3', shares like '50%:-1', one number, or " + ", ".join(NAMED),
)


@dataclass(frozen=True, slots=True)
class Point:
    """From `at` on the rate is `2**log2_lr`."""

    at: Fraction
    """Epochs (or samples), or a share of the whole training (0..1) if `share`."""
    share: bool
    log2_lr: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """Rates by epoch. `text` is what the user wrote, and is what model files keep."""

    text: str
    points: tuple[Point, ...]

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """A schedule from `EPOCH:LOG2` pairs, from one number for a rate that stays, or from a name.

        An epoch may have a fraction (`2.5`) or be a share of the whole training (`75%`); the first
        is 0. LOG2 lies in -16..15. `UsageError` names the pair that is wrong.
        """
        points = parse_points(NAMED.get(text.strip(), text), _EPOCHS, text)
        return cls(text.strip(), points)

    def log2_lr(self, position: int, *, steps_per_epoch: int, total_steps: int) -> int:
        """The rate of the batch at `position` (from 0) of a training of `total_steps` batches."""
        rate = self.points[0].log2_lr
        for point in self.points:
            unit = total_steps if point.share else steps_per_epoch
            if position >= point.at * unit:
                rate = point.log2_lr
        return rate


def moved(log2_lr: int, offset: int) -> int:
    """A rate to which `offset` was added by hand, within what is allowed."""
    return min(max(log2_lr + offset, LOG2_LR_MIN), LOG2_LR_MAX)


def parse_points(spelled: str, words: Words, text: str) -> tuple[Point, ...]:
    """Pairs `AT:LOG2`, or one number for a rate that stays; `UsageError` quotes `text`."""
    pairs = [pair.strip() for pair in spelled.split(",")]
    if len(pairs) == 1 and ":" not in pairs[0]:
        pairs = [f"0:{pairs[0]}"]
    points = tuple(_point(pair, words, text) for pair in pairs)
    if points[0].at != 0:
        begin = pairs[0].split(":")[0]
        raise UsageError(f"{words.name} '{text}': begins at {begin}, not at 0", hint=words.hint)
    for earlier, later in pairwise(points):
        if earlier.share == later.share and later.at <= earlier.at:
            raise UsageError(f"{words.name} '{text}': its {words.unit}s do not grow", hint=words.hint)
    return points


def _point(pair: str, words: Words, text: str) -> Point:
    at, colon, rate = pair.partition(":")
    at = at.strip()
    share = at.endswith("%")
    try:
        number = Fraction(at.removesuffix("%"))
        log2_lr = int(rate)
    except (ValueError, ZeroDivisionError):
        colon = ""
    if not colon:
        raise UsageError(f"{words.name} '{text}': '{pair}' is not {words.unit.upper()}:LOG2", hint=words.hint)
    if share:
        number /= 100
    if number < 0 or (share and number > 1):
        raise UsageError(f"{words.name} '{text}': {words.unit} '{at}' is out of range", hint=words.hint)
    if not LOG2_LR_MIN <= log2_lr <= LOG2_LR_MAX:
        raise UsageError(
            f"{words.name} '{text}': rate {log2_lr} in '{pair}' is not in {LOG2_LR_MIN}..{LOG2_LR_MAX}"
        )
    return Point(number, share, log2_lr)
