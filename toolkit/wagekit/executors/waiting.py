"""For which share of the time of training a device did not compute, but waited for data or served the line.

Time is that of the host, while steps are under way: not evaluations, loading, or a pause. What a step
computes is told by the device's own counter; it is asked for some steps only, because the question takes
its time on the line too, and the mean stands for the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

ASK_SECONDS = 2.0
"""The counter is asked at most so often."""


@dataclass(slots=True)
class Waiting:
    """Counts steps and the time that they took."""

    clock: Callable[[], float]
    """Seconds, growing."""
    tick_hz: int
    """Ticks of the device's counter in a second; 0 where it does not tell time: it is never asked then."""
    steps: int = field(default=0, init=False)
    seconds: float = field(default=0.0, init=False)
    """In which steps were under way."""
    _ticks: int = field(default=0, init=False)
    _asked: int = field(default=0, init=False)
    _asked_at: float | None = field(default=None, init=False)
    _mark: float = field(default=0.0, init=False)

    def begin(self) -> None:
        """Training begins now, after a pause or for the first time."""
        self._mark = self.clock()

    def due(self) -> bool:
        """Whether to ask the device how long the step under way computed; then it is not asked again soon."""
        now = self.clock()
        if not self.tick_hz or (self._asked_at is not None and now - self._asked_at < ASK_SECONDS):
            return False
        self._asked_at = now
        return True

    def computed(self, ticks: int) -> None:
        """A step computed for so many ticks."""
        self._ticks += ticks
        self._asked += 1

    def ended(self) -> None:
        """The result of a step is here."""
        now = self.clock()
        self.steps += 1
        self.seconds += now - self._mark
        self._mark = now

    @property
    def share(self) -> float | None:
        """Share of the time in which the device did not compute, 0..1; None where that is not known yet."""
        if not self._asked or not self.seconds:
            return None
        busy = self.steps * self._ticks / self._asked / self.tick_hz
        return max(0.0, 1.0 - busy / self.seconds)
