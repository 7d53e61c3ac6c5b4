"""`wagekit boards`: the boards that firmware can be built for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from wagekit.cli.console import out, print_json, size, table
from wagekit.cli.options import Json

if TYPE_CHECKING:
    from wagekit.boards import Board, Flashing

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


def _show(board: Board) -> None:
    """All facts of a board, a key a line."""
    grid = table("", "")
    grid.show_header = False
    grid.add_row("board", board.name)
    grid.add_row("description", escape(board.description))
    parts = [board.core, *(name.upper() for name in board.core_features)]
    grid.add_row("core", f"{', '.join(parts)}  ({' '.join(board.flags)})")
    if board.clock:
        grid.add_row("clock", f"{board.clock / 1e6:g} MHz")
    for region in board.memory:
        grid.add_row(region.kind, f"{size(region.size)} at 0x{region.origin:08x}")
    grid.add_row("stack", f"{size(board.stack)} reserved")
    uart = board.uart
    grid.add_row("serial", f"{uart.driver} at 0x{uart.base:08x}, interrupt {uart.irq}, {uart.baud:,} baud")
    if uart.pins:
        grid.add_row("", escape(uart.pins))
    grid.add_row("link", f"frames of {board.link.frame:,} bytes, receive ring of {board.link.ring:,}")
    if board.qemu:
        grid.add_row("QEMU", board.qemu.machine)
    for sectors in board.checkpoint:
        wear = f", {sectors.endurance:,} erasures each" if sectors.endurance else ""
        grid.add_row("checkpoint", f"{sectors.count} x {size(sectors.size)} at 0x{sectors.origin:08x}{wear}")
    if board.flash:
        for tool, name in _names(board.flash).items():
            grid.add_row(tool, escape(name))
    for reference in board.references:
        grid.add_row("numbers from", escape(reference))
    for verified in board.verified:
        grid.add_row(_WHERE[verified.where], escape(verified.what))
    out.print(grid)


_WHERE = {
    "hardware": "tried on silicon",
    "qemu": "tried in QEMU",
    "svd": "held against SVD",
    "compiled": "only compiled",
}


def _names(flashing: Flashing) -> dict[str, str]:
    """What each programmer calls the board, for those that know it."""
    pack = " (needs its pack)" if flashing.pyocd_pack else ""
    family = flashing.uf2_family
    names = {
        "pyOCD": f"{flashing.pyocd_target}{pack}" if flashing.pyocd_target else "",
        "OpenOCD": ", ".join(flashing.openocd),
        "probe-rs": flashing.probe_rs or "",
        "st-flash": "yes" if flashing.stflash else "",
        "UF2 family": f"0x{family:08x}" if family is not None else "",
        "USB serial": ", ".join(flashing.usb),
    }
    return {tool: name for tool, name in names.items() if name}
