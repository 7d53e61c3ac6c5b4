"""A line to an emulator that is as slow as a serial one, though an emulator takes bytes at any speed."""

from __future__ import annotations

import threading
from contextlib import suppress

from tests.link.paced import Wire
from wagekit.errors import WagekitError
from wagekit.link import Transport

TICK = 0.5e-3
"""Seconds for which the thread sleeps at most: bytes come in pieces of so much time of the line."""


class PacedTransport(Transport):
    """Holds bytes of `inner` back in both directions until a line of some speed would have brought them."""

    def __init__(self, inner: Transport) -> None:
        """Begin with no limit; `pace` sets one. `inner` is closed with it."""
        self.name = inner.name
        self._inner = inner
        self._down, self._up = Wire(0.0), Wire(0.0)
        self._changed = threading.Condition()
        self._failure: WagekitError | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._carry, name="line", daemon=True)
        self._thread.start()

    def pace(self, baud: int | None) -> None:
        """From now on the line has so many bits a second, ten for each byte; None: no limit."""
        with self._changed:
            self.byte_time = 0.0 if baud is None else 10 / baud
            self._down.byte_time = self._up.byte_time = self.byte_time

    def read(self, timeout: float) -> bytes:
        """See `Transport.read`."""
        end = self.clock() + timeout
        with self._changed:
            while True:
                now = self.clock()
                if data := self._up.arrived(now):
                    return data
                if self._failure is not None:
                    raise self._failure
                if now >= end:
                    return b""
                self._changed.wait(min(end, self._up.next) - now)

    def write(self, data: bytes) -> None:
        """See `Transport.write`."""
        with self._changed:
            if self._failure is not None:
                raise self._failure
            self._down.send(self.clock(), data)

    def close(self) -> None:
        """See `Transport.close`."""
        self._closed = True
        if self._thread is not threading.current_thread():
            self._thread.join()
        with suppress(WagekitError):
            self._inner.close()

    def _carry(self) -> None:
        try:
            while not self._closed:
                with self._changed:
                    due = self._down.arrived(self.clock())
                if due:
                    self._inner.write(due)
                came = self._inner.read(TICK)
                with self._changed:
                    if came:
                        self._up.send(self.clock(), came)
                        self._changed.notify_all()
        except WagekitError as error:
            with self._changed:
                self._failure = error
                self._changed.notify_all()
