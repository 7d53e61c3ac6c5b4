"""Tells a recording again, at its own pace or another."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from wagekit.monitor.events import Event, Run
from wagekit.monitor.sinks import Emit


@dataclass(slots=True)
class Player:
    """Emits recorded events, each when its time has come.

    `speed` is how many recorded seconds pass in one; None is as fast as possible. `now` is the clock
    for displays, which is that of the recording (`Story.clock`).
    """

    events: Iterable[Event]
    speed: float | None = 1.0
    _time: float = 0.0
    """Recorded time of the event that is told or waited for."""
    _due: float = 0.0
    """When it is due, on the monotonic clock: a display that is slow is caught up with."""
    _stopped: threading.Event = field(default_factory=threading.Event)

    def play(self, emit: Emit) -> int:
        """Emit all events, or those before `stop`; returns their number.

        Times that go back, as those of several devices may, are told without waiting, and so is a run that
        goes on in the recording of an earlier one: the time between both is left out.
        """
        count = 0
        begun: set[str] = set()
        for event in self.events:
            if not count:
                self._time, self._due = event.time, time.monotonic()
            if isinstance(event, Run) and event.status == "started":
                if event.source in begun:
                    self._time = max(event.time, self._time)
                begun.add(event.source)
            if not self._wait_for(event.time):
                break
            emit(event)
            count += 1
        return count

    def stop(self) -> None:
        """End `play`, from any thread."""
        self._stopped.set()

    def now(self) -> float:
        """What time it is in the recording: seconds since 1970."""
        left = max(self._due - time.monotonic(), 0.0)
        return self._time - (left * self.speed if self.speed else 0.0)

    def _wait_for(self, when: float) -> bool:
        """Wait until that time of the recording; False if we were stopped meanwhile."""
        gap = max(when - self._time, 0.0)
        self._time += gap
        if self.speed is not None:
            self._due += gap / self.speed
            self._stopped.wait(min(max(self._due - time.monotonic(), 0.0), threading.TIMEOUT_MAX))
        return not self._stopped.is_set()
