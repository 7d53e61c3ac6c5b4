"""Where events go: a bus that hands them to several sinks."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

from wagekit.monitor.events import Event

Emit = Callable[[Event], None]


class Sink(Protocol):
    """Takes events as they happen."""

    def handle(self, event: Event) -> None:
        """Take one event; must not block for long."""

    def close(self) -> None:
        """No more events will come; harmless when called twice."""


class Bus:
    """Hands every event to all sinks, in their order. Call it with an event, from any thread."""

    def __init__(self, sinks: Sequence[Sink] = ()) -> None:
        self.sinks = list(sinks)
        self._lock = threading.RLock()

    def __call__(self, event: Event) -> None:
        """Hand one event to all sinks; who emits waits for them, so that a recording misses nothing."""
        with self._lock:
            for sink in self.sinks:
                sink.handle(event)

    def of(self, source: str) -> Emit:
        """Takes events that come from one of several devices."""
        return lambda event: self(dataclasses.replace(event, source=source))

    def close(self) -> None:
        """Close all sinks, the last one first."""
        for sink in reversed(self.sinks):
            sink.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
