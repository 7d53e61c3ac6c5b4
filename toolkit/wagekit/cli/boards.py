"""`wagekit boards`: the boards that firmware can be built for."""

from __future__ import annotations

from typing import Annotated

import typer

from wagekit.cli.console import out, print_json, size, table
from wagekit.cli.options import Json

EXAMPLE = "wagekit boards mps2-an386"


def boards(
    name: Annotated[
        str | None, typer.Argument(metavar="[BOARD]", help="Show all of one board.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """List the boards, or show one: a name, or the folder of a board of your own."""
    from wagekit import boards as known

    found = [known.load(name)] if name else [known.load(each) for each in known.available()]
    if json:
        values = [board.model_dump() for board in found]
        print_json(values[0] if name else values)
        return
    if name:
        _show(found[0])
        return
    grid = table("board", "core", "flash", "RAM", "emulated", "description", right=("flash", "RAM"))
    for board in found:
        flash, ram = board.region("flash").size, board.region("ram").size
        emulated = "yes" if board.qemu else "no"
        grid.add_row(board.name, board.core, size(flash), size(ram), emulated, board.description)
    out.print(grid)
    out.print("\nRun a network on one: [bold]wagekit run digits --on qemu:mps2-an386[/]")


def _show(board: object) -> None:
    """All facts of a board, a key a line."""
    from wagekit.boards import Board

    assert isinstance(board, Board)
    grid = table("", "")
    grid.show_header = False
    grid.add_row("board", board.name)
    grid.add_row("description", board.description)
    grid.add_row("core", f"{board.core}  ({' '.join(board.flags)})")
    for region in board.memory:
        grid.add_row(region.kind, f"{size(region.size)} at 0x{region.origin:08x}")
    grid.add_row("stack", f"{size(board.stack)} reserved")
    uart = board.uart
    grid.add_row("serial", f"{uart.driver} at 0x{uart.base:08x}, interrupt {uart.irq}, {uart.baud:,} baud")
    grid.add_row("link", f"frames of {board.link.frame:,} bytes, receive ring of {board.link.ring:,}")
    if board.qemu:
        grid.add_row("QEMU", board.qemu.machine)
    if board.flash:
        pack = " (needs its pack)" if board.flash.pyocd_pack else ""
        grid.add_row("pyOCD", f"{board.flash.pyocd_target}{pack}")
    for sectors in board.checkpoint:
        grid.add_row("checkpoint", f"{sectors.count} x {size(sectors.size)} at 0x{sectors.origin:08x}")
    out.print(grid)
