"""A serial line in virtual time: bytes take their time on it, and slices of computation on the chip."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from wagekit.link import Transport


class TurningBoard(Protocol):
    """A board whose main loop turns when it is told to."""

    def feed(self, data: bytes) -> None:
        """Bytes come in."""

    def turn(self, seconds: float) -> object:
        """Turn once; so much time has gone by since the turn before."""

    @property
    def computed(self) -> bool:
        """Whether the latest turn had something to compute."""

    def take(self) -> bytes:
        """What was sent in the latest turn."""


@dataclass
class Wire:
    """One direction of a line: bytes come one after the other, and none is held back."""

    byte_time: float
    grain: float = 1
    """Bytes of what was sent at once that are looked for together; infinite: all, with the last."""
    free: float = 0.0
    """When the last byte that was sent has left."""
    pieces: deque[tuple[float, bytes]] = field(default_factory=deque)
    """When the first byte was begun, and the bytes that have not been taken."""

    def send(self, now: float, data: bytes) -> None:
        start = max(now, self.free)
        self.free = start + len(data) * self.byte_time
        self.pieces.append((start, data))

    def arrived(self, now: float) -> bytes:
        """Take the bytes that have come in by now."""
        taken = b""
        while self.pieces and self.next <= now:
            start, data = self.pieces.popleft()
            count = len(data)
            if self.byte_time and self.grain < count:
                count = min(max(math.floor((now - start) / self.byte_time), int(self.grain)), count)
            taken += data[:count]
            if count < len(data):
                self.pieces.appendleft((start + count * self.byte_time, data[count:]))
        return taken

    @property
    def next(self) -> float:
        """When more is there to be taken."""
        if not self.pieces:
            return math.inf
        start, data = self.pieces[0]
        return start + self.byte_time * min(self.grain, len(data))


class PacedLine(Transport):
    """A line to a board whose clock is nobody's: nothing here waits, and all times are exact.

    The board's main loop turns when it is its turn: with what has come in by then (what the ring cannot
    hold is lost), for `slice_time` if it had a slice to compute, for `turn_time` if not, and as long as more
    waits to be sent than `send_ring` bytes. The host needs `host_time` for each piece that it reads. With a
    `grain` above 1 a board that rests looks at so many bytes together, which takes less of our own time.
    """

    def __init__(
        self,
        board: TurningBoard,
        *,
        byte_time: float = 0.0,
        slice_time: float = 0.0,
        turn_time: float = 20e-6,
        host_time: float = 0.0,
        send_ring: int = 256,
        grain: int = 1,
    ) -> None:
        self.name = "paced"
        self.board = board
        self.byte_time = byte_time
        self.slice_time = slice_time
        self.turn_time = turn_time
        self.host_time = host_time
        self.send_ring = send_ring
        self.now = 0.0
        self.computed = 0.0
        """Seconds that the board spent on slices."""
        self.most_waiting = 0
        """Most bytes that lay in its ring when its turn came."""
        self.down, self.up = Wire(byte_time, grain), Wire(byte_time, math.inf)
        self._turn_at = 0.0
        self._turned_at = 0.0

    def pace(self, baud: int | None) -> None:
        """From now on the line has so many bits a second, ten for each byte; None: no limit."""
        self.byte_time = 0.0 if baud is None else 10 / baud
        self.down.byte_time = self.up.byte_time = self.byte_time

    def read(self, timeout: float) -> bytes:
        end = self.now + timeout
        while True:
            if data := self.up.arrived(self.now):
                self.now += self.host_time
                return data
            coming = min(self._turn_at, self.up.next, end)
            self.now = max(self.now, coming)
            if coming == self._turn_at:
                self._turn()
            elif coming == end:
                return b""

    def write(self, data: bytes) -> None:
        self.down.send(self.now, data)
        self._turn_at = min(self._turn_at, max(self.now, self.down.next)) if self._asleep else self._turn_at

    _asleep = False

    def _turn(self) -> None:
        now = self._turn_at
        came = self.down.arrived(now)
        self.most_waiting = max(self.most_waiting, len(came))
        self.board.feed(came)
        self.board.turn(now - self._turned_at)
        self._turned_at = now
        spent = self.slice_time if self.board.computed else self.turn_time
        self.computed += self.slice_time if self.board.computed else 0.0
        if sent := self.board.take():
            self.up.send(now, sent)
            spent += max(0.0, self.up.free - now - self.send_ring * self.byte_time)
        self._turn_at = now + spent
        self._asleep = not (self.board.computed or sent)
        if self._asleep:  # nothing happens until a byte comes
            self._turn_at = max(self._turn_at, self.down.next)

    def clock(self) -> float:
        return self.now

    def close(self) -> None:
        pass
