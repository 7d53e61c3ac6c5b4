"""Writes a firmware onto the board that a user names: a real one, or an emulated one through gdb."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wagekit.cli.console import note
from wagekit.cli.keeping import Keeping
from wagekit.errors import LinkError, UsageError

if TYPE_CHECKING:
    from wagekit.boards import Board
    from wagekit.cli.sources import Subject
    from wagekit.toolchain.programmers import Probe

DEFAULT_PLACE = "qemu:mps2-an386"
QEMU = "qemu"
PORT_WAIT = 8.0
"""Seconds that a board's USB serial port may take to come up after it was written."""

On = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="PLACE",
        help="reference, host, qemu:BOARD (by default mps2-an386), unicorn, serial:PORT or neuro:PRESET.",
        show_default=False,
    ),
]
BoardOption = Annotated[
    str | None,
    typer.Option(
        "--board",
        metavar="BOARD",
        help="Build for this board (a name, a folder or its board.toml), write it, and learn there: "
        "a real board where it is one.",
        show_default=False,
    ),
]
With = Annotated[
    str | None,
    typer.Option(
        "--with",
        metavar="PROGRAM",
        help="qemu, pyocd, probe-rs, openocd, st-flash, picotool or uf2. By default what this machine has "
        "and the board knows.",
        show_default=False,
    ),
]
ProbeOption = Annotated[
    str | None,
    typer.Option(
        "--probe",
        metavar="ID",
        help="Which probe (or UF2 drive), where there are several.",
        show_default=False,
    ),
]
PortOption = Annotated[
    str | None,
    typer.Option(
        "--port",
        metavar="PORT",
        help="Serial port of the board. By default found by its USB ids.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class Loader:
    """A board, and how a firmware gets onto it."""

    name: str
    """Of the board, as the user gave it."""
    board: Board
    emulated: bool
    program: str | None = None
    """What writes a real board; None: to be found."""
    probe: str | None = None
    port: str | None = None
    flash: Path | None = None
    """File that keeps the checkpoints of an emulated board."""
    keeping: Keeping = field(default_factory=Keeping)
    port_wait: float = PORT_WAIT

    @classmethod
    def of(
        cls,
        name: str,
        using: str | None,
        *,
        probe: str | None = None,
        port: str | None = None,
        flash: Path | None = None,
        keeping: Keeping | None = None,
    ) -> Loader:
        """Check what a user asks for: a board with [flash] is real unless `using` is `qemu`."""
        from wagekit import boards
        from wagekit.toolchain.programmers import NAMES

        board = boards.load(name)
        if using not in (None, QEMU, *NAMES):
            raise UsageError(f"--with {using}: {QEMU}, {', '.join(NAMES)} are allowed")
        emulated = using == QEMU or (using is None and board.flash is None)
        for option, value in (("--probe", probe), ("--port", port)):
            if emulated and value is not None:
                raise UsageError(f"{option} goes with a real board, not with QEMU")
        if not emulated and flash is not None:
            raise UsageError("--flash goes with QEMU, not with a real board")
        program = None if emulated else using
        return cls(name, board, emulated, program, probe, port, flash, keeping or Keeping())

    @property
    def place(self) -> str:
        """Where it runs, as `--on` names it; the port of a real board must be there."""
        return f"qemu:{self.name}" if self.emulated else f"serial:{self.find_port()}"

    def find_port(self, probe: str | None = None, *, wait: float = 0.0) -> str:
        """The board's serial port."""
        from wagekit.link.ports import find_port

        if self.port is not None:
            return self.port
        usb = self.board.flash.usb if self.board.flash else []
        return find_port(self.board.name, usb, probe=probe or self.probe, wait=wait)

    def before(self, subject: Subject | None, baud: int | None) -> None:
        """Save what the chip has learned, if that is wanted."""
        if subject is None or not self.keeping.matters(self.board, subject):
            return
        try:
            where = self.place
        except (LinkError, UsageError) as error:
            if self.keeping.pull is not None:
                raise
            note(f"what the chip has learned is not looked at, and stays: {error.message}")
            return
        self.keeping.before(subject, where, self.flash, baud)

    def write(self, elf: Path) -> str | None:
        """Write a real board, and start it; the id of the probe that did it, where that is known."""
        from wagekit.toolchain.programmers import write_board

        written = write_board(
            elf,
            self.board,
            name=self.program,
            probe=self.probe,
            erase=self.keeping.erase,
            ask=ask_probe if sys.stdin.isatty() else None,
            tell=note,
        )
        return written.probe


def loader_of(
    on: str | None, board: str | None, using: str | None, probe: str | None, port: str | None
) -> Loader | None:
    """The board that is to be written before it runs; None where `--on` names a place as it is."""
    if board is None:
        for option, value in (("--with", using), ("--probe", probe), ("--port", port)):
            if value is not None:
                raise UsageError(f"{option} goes with --board BOARD")
        return None
    if on is not None:
        raise UsageError(f"--board {board} and --on {on}: one of them is allowed")
    return Loader.of(board, using, probe=probe, port=port)


def where_of(on: str | None, board: str | None) -> str:
    """What is opened, for `open_place` and for people."""
    return on or (f"board {board}" if board else DEFAULT_PLACE)


def place_of_board(name: str) -> tuple[str, int | None]:
    """Where a board is that has its firmware, as `--on` names it, and the speed of its serial port.

    That of a real board is found by its USB ids; other boards run in QEMU.
    """
    loader = Loader.of(name, None)
    return loader.place, None if loader.emulated else loader.board.uart.baud


def ask_probe(probes: Sequence[Probe]) -> Probe:
    """Let the person at the terminal choose."""
    for number, probe in enumerate(probes, 1):
        note(f"{number}: {probe.id}  {probe.description}")
    number = int(typer.prompt("Which one", type=int, err=True))
    if not 1 <= number <= len(probes):
        raise UsageError(f"{number}: 1..{len(probes)} are there")
    return probes[number - 1]
