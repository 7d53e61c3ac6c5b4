"""Programs that write firmware onto real boards, and which of them to use."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wagekit.boards import Board
from wagekit.errors import ToolError, UsageError
from wagekit.toolchain.image import blank_area, check_image, read_image
from wagekit.toolchain.programmers.base import Job, Probe, Programmer
from wagekit.toolchain.programmers.openocd import OpenOcd
from wagekit.toolchain.programmers.picotool import Picotool
from wagekit.toolchain.programmers.probers import ProbeRs
from wagekit.toolchain.programmers.pyocd import PyOcd
from wagekit.toolchain.programmers.stflash import StFlash
from wagekit.toolchain.programmers.uf2 import Uf2

PROGRAMMERS: tuple[Programmer, ...] = (PyOcd(), ProbeRs(), OpenOcd(), StFlash(), Picotool(), Uf2())
"""In the order of preference."""
NAMES = tuple(programmer.name for programmer in PROGRAMMERS)
Ask = Callable[[Sequence[Probe]], Probe]
"""Lets a person choose one of several probes."""

__all__ = ["NAMES", "PROGRAMMERS", "Ask", "Job", "Probe", "Programmer", "Written", "write_board"]


@dataclass(frozen=True, slots=True)
class Written:
    """What has written a board."""

    programmer: str
    probe: str | None
    """None where the programmer chose it."""


def write_board(
    elf: Path,
    board: Board,
    *,
    name: str | None = None,
    probe: str | None = None,
    erase: bool = False,
    ask: Ask | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Written:
    """Write a firmware onto a real board, and start it; with what that was done.

    `name` is one of `NAMES`, None the first that this machine has and the board knows. Several
    probes without `probe` are refused, or `ask` chooses. Only the sectors of the image are erased,
    and with `erase` those of the checkpoints. LimitError: the image does not fit, or lies over
    checkpoints. UsageError: nothing to choose by. ToolError: what the programmer could not do.
    """
    blank = blank_area(board) if erase else None
    if erase and blank is None:
        raise UsageError(f"board {board.name} has no checkpoint sectors that a programmer reaches")
    image = read_image(elf)
    check_image(image, board)
    programmer, tool = choose(board, name)
    which = choose_probe(programmer, board, probe, ask)
    tell(f"writing {board.name} with {programmer.name}" + (f", probe {which}" if which else ""))
    with tempfile.TemporaryDirectory(prefix="wagekit-") as folder:
        programmer.write(tool, Job(board, image, Path(folder), which, blank))
    return Written(programmer.name, which)


def choose(board: Board, name: str | None = None) -> tuple[Programmer, list[str]]:
    """The programmer to use, and how it is started.

    Without a name: the first that finds a probe; where none does, the first that is there.
    """
    able = [p for p in PROGRAMMERS if board.flash is not None and p.chip(board.flash) is not None]
    if name is not None:
        if name not in NAMES:
            raise UsageError(f"--with {name}: qemu, {', '.join(NAMES)} are allowed")
        able = [programmer for programmer in able if programmer.name == name]
        if not able:
            key = next(programmer.key for programmer in PROGRAMMERS if programmer.name == name)
            raise UsageError(
                f"board {board.name} tells nothing for {name}: its board.toml has no flash.{key}",
                hint=f"it can be written with: {', '.join(able_names(board)) or 'qemu, if it has a machine'}",
            )
    if not able:
        raise UsageError(
            f"board {board.name} cannot be written by a programmer: its board.toml has no [flash]",
            hint="emulated boards are written through QEMU's gdb stub: --with qemu",
        )
    here = [(programmer, tool) for programmer in able if (tool := programmer.find()) is not None]
    if not here:
        ways = "\n".join(f"{programmer.name}: {programmer.install}" for programmer in able)
        ways += "\nor write it in QEMU: --with qemu" if board.qemu else ""
        missing = " or ".join(programmer.name for programmer in able)
        raise ToolError(
            f"{missing} is not installed: nothing writes {board.name}", hint=f"install one\n{ways}"
        )
    if len(here) == 1:
        return here[0]
    connected = (item for item in here if item[0].probes())
    return next(connected, here[0])


def able_names(board: Board) -> list[str]:
    """Programmers that the board's file tells enough for."""
    return [p.name for p in PROGRAMMERS if board.flash is not None and p.chip(board.flash) is not None]


def choose_probe(programmer: Programmer, board: Board, wanted: str | None, ask: Ask | None) -> str | None:
    """The id of the probe to use; None leaves it to a programmer that knows of none or only one."""
    found = programmer.probes()
    if wanted is not None:
        matching = [probe.id for probe in found or () if wanted.lower() in probe.id.lower()]
        if found is None or wanted in matching or programmer.accepts(wanted):
            return wanted
        if len(matching) == 1:
            return matching[0]
        several = f"fits {len(matching)} probes" if matching else "is not connected"
        raise UsageError(f"--probe {wanted}: it {several}", hint=_listed(found))
    if found is None or not found:
        return None
    if len(found) > 1:
        if ask is None:
            raise UsageError(
                f"{programmer.name} finds {len(found)} probes or boards to write {board.name} with",
                hint=_listed(found),
            )
        return ask(found).id
    return found[0].id


def _listed(probes: Sequence[Probe]) -> str:
    if not probes:
        return "none is connected"
    return "\n".join(["choose one:", *(f"--probe {probe.id}   {probe.description}" for probe in probes)])
