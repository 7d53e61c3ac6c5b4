"""Boards: what `board.toml` says about a target, checked, and where its C sources are.

A board is a folder with a `board.toml` and C files. The packaged ones are found by name; a
board of one's own is given by the path of its folder (or of its `board.toml`), and may use the
drivers that come with the package as `common/...`.
"""

from wagekit.boards.board import COMMON, FILE, FORMAT, Board
from wagekit.boards.making import make_board
from wagekit.boards.parts import (
    CheckpointSectors,
    Flashing,
    LinkBuffers,
    MemoryRegion,
    Qemu,
    Ticks,
    Uart,
    Verified,
    Watchdog,
)
from wagekit.boards.reading import available, load

__all__ = [
    "COMMON",
    "FILE",
    "FORMAT",
    "Board",
    "CheckpointSectors",
    "Flashing",
    "LinkBuffers",
    "MemoryRegion",
    "Qemu",
    "Ticks",
    "Uart",
    "Verified",
    "Watchdog",
    "available",
    "load",
    "make_board",
]
