"""Keys of the terminal, one by one and without echo, while a view is shown."""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

try:
    import termios
    import tty
except ImportError:  # Windows
    termios = None  # type: ignore[assignment]

_LOOK = 0.1
"""Seconds after which the reader looks whether it is to end."""
_NAMES = {
    b"\x1b[A": "up",
    b"\x1bOA": "up",
    b"\x1b[B": "down",
    b"\x1bOB": "down",
    b"\x1b": "esc",
    b"\r": "enter",
    b"\n": "enter",
}


def names_of(data: bytes) -> list[str]:
    """The keys in what a terminal sent: letters, and `up`, `down`, `enter`, `esc`; others are left out."""
    if data in _NAMES:
        return [_NAMES[data]]
    if data.startswith(b"\x1b"):
        end = next((at for at in range(2, len(data)) if data[at : at + 1].isalpha()), len(data) - 1) + 1
        first = _NAMES.get(data[:end])
        return ([first] if first else []) + (names_of(data[end:]) if data[end:] else [])
    if not data:
        return []
    first = _NAMES.get(data[:1]) or data[:1].decode("ascii", "ignore")
    return ([first] if first.isprintable() and first else []) + names_of(data[1:])


class Keys:
    """Calls `pressed` with each key, from a thread of its own, until `close`.

    `works` is False where there is no terminal to read from, or a system without termios; `why` says
    which. The terminal is given back as it was: by `close`, and when Python ends.
    """

    def __init__(self, pressed: Callable[[str], None], stream: TextIO | None = None) -> None:
        self._pressed = pressed
        self._closed = threading.Event()
        self._old: list[Any] | None = None
        self.why = ""
        stream = sys.stdin if stream is None else stream
        if termios is None:
            self.why = "this system has no termios"
            return
        try:
            self._fd = stream.fileno()
            if not os.isatty(self._fd):
                self.why = "the input is no terminal"
                return
            self._old = termios.tcgetattr(self._fd)
        except (OSError, ValueError, AttributeError, termios.error):
            self.why = "the input is no terminal"
            return
        atexit.register(self._restore)
        self._thread = threading.Thread(target=self._read, name="keys", daemon=True)
        self._thread.start()

    @property
    def works(self) -> bool:
        """Whether keys are read."""
        return self._old is not None

    def close(self) -> None:
        """Read no more, and give the terminal back; harmless when called twice."""
        if self._closed.is_set() or self._old is None:
            return
        self._closed.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(2)
        self._restore()
        atexit.unregister(self._restore)

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while not self._closed.is_set():
                if not self._ours():  # in the background a read would stop the whole program
                    self._closed.wait(_LOOK)
                    continue
                ready, _, _ = select.select([self._fd], [], [], _LOOK)
                data = os.read(self._fd, 64) if ready else None
                if data == b"":
                    return
                for name in names_of(data or b""):
                    self._pressed(name)

    def _ours(self) -> bool:
        """Whether we are in the foreground; then the terminal sends single keys, also after a Ctrl-Z."""
        if os.tcgetpgrp(self._fd) != os.getpgrp():
            return False
        if termios.tcgetattr(self._fd)[3] & termios.ICANON and not self._closed.is_set():
            tty.setcbreak(self._fd, termios.TCSANOW)
        return True

    def _restore(self) -> None:
        with contextlib.suppress(OSError, ValueError, termios.error):
            if self._old is not None and os.tcgetpgrp(self._fd) == os.getpgrp():
                termios.tcsetattr(self._fd, termios.TCSANOW, self._old)
