"""Ctrl-C: the first ends after the step under way, the second at once.

Nothing is printed by the handler: it may come in the middle of another line.
"""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupt:
    """A context in which Ctrl-C (or SIGTERM) is noted. Calling it tells whether it came."""

    def __init__(self) -> None:
        self._came = False
        self._old: dict[int, Any] = {}

    def __call__(self) -> bool:
        """Whether it came."""
        return self._came

    def __enter__(self) -> Self:
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._old[number] = signal.signal(number, self._handle)
        except ValueError:  # not the main thread: whoever runs us handles signals
            self._old.clear()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._came:
            raise KeyboardInterrupt
        self._came = True
