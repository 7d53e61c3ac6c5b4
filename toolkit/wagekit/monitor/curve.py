"""Curves of bounded size: however long a run is, what is kept of it is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from wagekit.monitor.events import Step

KEPT = 2048
"""Entries that a curve keeps at most."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Point:
    """Neighbouring steps taken together."""

    epoch: float
    """At the last of them."""
    loss: float
    """Mean over samples."""
    accuracy: float
    """Share of the training samples that were classified rightly before their step."""
    step: int = 0
    """Steps learned after the last of them."""
    log2_lr: int = 0
    """Of the last of them."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over neighbouring steps."""

    step: int
    epoch: float
    samples: int
    loss: float
    """Of all samples."""
    errors: int
    log2_lr: int

    @classmethod
    def of(cls, step: Step) -> Sums:
        """Those of one step."""
        return cls(
            step.step + 1, step.epoch, step.samples, step.loss * step.samples, step.errors, step.log2_lr
        )

    def __add__(self, later: Sums) -> Sums:
        """Those of both."""
        return Sums(
            later.step,
            later.epoch,
            self.samples + later.samples,
            self.loss + later.loss,
            self.errors + later.errors,
            later.log2_lr,
        )

    def point(self) -> Point:
        """Their means."""
        samples = self.samples or 1
        return Point(self.epoch, self.loss / samples, 1.0 - self.errors / samples, self.step, self.log2_lr)


@dataclass(slots=True)
class StepCurve:
    """All steps of a run, in at most `KEPT` entries of equally many steps."""

    entries: list[Sums] = field(default_factory=list)
    per_entry: int = 1
    """Steps in an entry, but perhaps in the last one."""
    _filled: int = 0
    """Steps in the last entry."""

    def add(self, step: Step) -> None:
        """Take the next step."""
        sums = Sums.of(step)
        if self._filled < self.per_entry and self.entries:
            self.entries[-1] += sums
            self._filled += 1
            return
        if len(self.entries) >= KEPT:
            pairs = zip(self.entries[::2], self.entries[1::2], strict=True)
            self.entries = [first + second for first, second in pairs]
            self.per_entry *= 2
        self.entries.append(sums)
        self._filled = 1

    def points(self, most: int, least: int) -> list[Point]:
        """At most `most` points, each the mean of `least` samples or more where there are so many."""
        count = len(self.entries)
        samples = sum(entry.samples for entry in self.entries)
        bins = min(most, count, max(samples // least, 1))
        return [_sum(self.entries[count * i // bins : count * (i + 1) // bins]).point() for i in range(bins)]


def _sum(entries: list[Sums]) -> Sums:
    total = entries[0]
    for entry in entries[1:]:
        total += entry
    return total


@dataclass(slots=True)
class Thinned(Generic[T]):
    """A list that forgets every second of its entries when it has `most`; never the first and the last."""

    entries: list[T] = field(default_factory=list)
    taken: int = 0
    """Entries that were ever added."""
    spacing: int = 1
    """Of so many entries one is kept; the last one always."""
    most: int = KEPT
    """An even number."""

    def add(self, entry: T) -> None:
        """Append an entry."""
        last_stays = (self.taken - 1) % self.spacing == 0
        if self.entries and not last_stays:
            self.entries[-1] = entry
        else:
            if len(self.entries) >= self.most:
                self.entries = self.entries[::2]
                self.spacing *= 2
            self.entries.append(entry)
        self.taken += 1

    def __iter__(self) -> Iterator[T]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> T:
        return self.entries[index]

    def replace_last(self, entry: T) -> None:
        """Put another entry in the last one's place."""
        self.entries[-1] = entry
