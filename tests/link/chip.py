"""A firmware in the emulator from pip as a board of `PacedLine`: its time is that of its instructions."""

from __future__ import annotations

from pathlib import Path

from wagekit.boards import Board
from wagekit.toolchain.unicorn_m4 import Core, Port


class Chip(Port):
    """A chip that executes an instruction in each cycle of its clock."""

    def __init__(self, elf: Path, board: Board, clock: float, piece: int = 1000) -> None:
        """Turns are of `piece` instructions at most."""
        self.turn_time = piece / clock
        self.computed = True
        """Whether the latest turn computed to its end: the firmware did not sleep."""
        self.now = 0.0
        self._piece = piece
        self._incoming, self._outgoing = bytearray(), bytearray()
        self._core = Core(elf, board, self)

    def feed(self, data: bytes) -> None:
        """Bytes come in."""
        self._incoming += data
        self._core.came(len(data))

    def turn(self, seconds: float) -> None:
        """Compute; so much time has gone by since the turn before."""
        self.now += seconds
        self.computed = not self._core.run(self._piece)
        assert not self._core.end, self._core.end

    def take(self) -> bytes:
        """What was sent in the latest turn."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def receive(self) -> int:
        """See `Port.receive`."""
        return self._incoming.pop(0)

    def send(self, byte: int) -> None:
        """See `Port.send`."""
        self._outgoing.append(byte)

    def microseconds(self) -> int:
        """See `Port.microseconds`."""
        return round(self.now * 1e6)

    def reset(self) -> None:
        """See `Port.reset`."""
        self._incoming.clear()
        self._core.clear_line()
