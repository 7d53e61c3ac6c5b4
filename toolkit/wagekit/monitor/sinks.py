"""Where events go: a bus that hands them to several sinks, and the recording as JSON lines."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TextIO

from wagekit.errors import DataError
from wagekit.monitor.events import Event, Learned, Run, to_json

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


class JsonlWriter:
    """Writes a recording, one event a line; what a run wrote survives its death.

    Lines are flushed when a run begins or ends or tells how far learning by itself has come, and
    otherwise every `flush_every` events.
    """

    def __init__(self, path: str | Path, *, flush_every: int = 64) -> None:
        self.path = Path(path)
        self._flush_every = flush_every
        self._pending = 0
        try:
            self._file: TextIO = self.path.open("w", encoding="utf-8", newline="\n")
        except OSError as error:
            raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error

    def handle(self, event: Event) -> None:
        """Append the event."""
        self._file.write(to_json(event) + "\n")
        self._pending += 1
        if self._pending >= self._flush_every or isinstance(event, (Run, Learned)):
            self._file.flush()
            self._pending = 0

    def close(self) -> None:
        """Close the file."""
        self._file.close()
