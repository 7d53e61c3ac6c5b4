"""`wagekit boards`: the boards that firmware can be built for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from wagekit.cli.console import done, out, print_json, say, size, table
from wagekit.cli.options import Json

if TYPE_CHECKING:
    from wagekit.boards import Board, Flashing


class _Group(TyperGroup):
    """`boards B` is short for `boards show B`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Take a name that is no command for a board's."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["show", *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="boards",
    cls=_Group,
    help="List the boards that firmware is built for, show one, or make one of your own.",
    epilog="Example: [bold]wagekit boards[/]",
    rich_markup_mode="rich",
)
BoardArgument = Annotated[
    str,
    typer.Argument(
        metavar="BOARD",
        help="A name that `wagekit boards` lists, a folder, or its board.toml.",
        show_default=False,
    ),
]


@app.callback(invoke_without_command=True)
def boards(context: typer.Context, json: Json = False) -> None:
    """List the boards that firmware is built for, show one, or make one of your own.

    `wagekit boards BOARD` is short for `wagekit boards show BOARD`.
    """
    if context.invoked_subcommand is not None:
        return
    from wagekit import boards as known

    found = [known.load(each) for each in known.available()]
    if json:
        print_json([board.model_dump() for board in found])
        return
    grid = table("board", "core", "flash", "RAM", "emulated", "description", right=("flash", "RAM"))
    for board in found:
        flash, ram = board.region("flash").size, board.region("ram").size
        emulated = "yes" if board.qemu else "no"
        grid.add_row(board.name, board.core, size(flash), size(ram), emulated, escape(board.description))
    out.print(grid)
    say("\nAll of one:                ", "wagekit boards show mps2-an386")
    say("Run a network on one:      ", "wagekit run digits --on qemu:mps2-an386")
    say("Make one of your own:      ", "wagekit boards new my-board --from netduinoplus2")


@app.command(epilog="Example: [bold]wagekit boards show mps2-an386[/]")
def show(context: typer.Context, board: BoardArgument, json: Json = False) -> None:
    """Show all of a board: memories, serial port, how it is written, what was verified where."""
    from wagekit import boards as known

    found = known.load(board)
    if json or (context.parent is not None and context.parent.params.get("json")):
        print_json(found.model_dump())
        return
    _show(found)


@app.command(epilog="Example: [bold]wagekit boards new my-board --from netduinoplus2[/]")
def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Of the board: a-z, 0-9 and -.", show_default=False)
    ],
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[FOLDER]", help="Where it is put. By default NAME.", show_default=False),
    ] = None,
    *,
    origin: Annotated[
        str,
        typer.Option("--from", metavar="BOARD", help="The board that is most like it: a name, or a folder."),
    ] = "mps2-an386",
) -> None:
    """Make a folder with a board of your own from one that is there, to be changed.

    Its README.md tells what to change. A folder that is there is never overwritten.
    """
    from wagekit import boards as known

    made = known.make_board(name, known.load(origin), folder or Path(name))
    place = str(made.folder) if "/" in str(made.folder) else f"./{made.folder}"
    done(f"wrote {place}, which still is {origin}: {place}/README.md tells what to change")
    say("show it:   ", f"wagekit boards show {place}")
    say("build it:  ", f"wagekit build digits-tiny --board {place}")


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
    irqs = uart.irq if uart.tx_irq is None else f"{uart.irq} and {uart.tx_irq}"
    grid.add_row("serial", f"{uart.driver} at 0x{uart.base:08x}, interrupt {irqs}, {uart.baud:,} baud")
    if uart.pins:
        grid.add_row("", escape(uart.pins))
    rings = f"rings of {board.link.ring:,} to receive and {board.link.send_ring:,} to send"
    grid.add_row("link", f"frames of {board.link.frame:,} bytes, {rings}")
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
    "unicorn": "tried in unicorn",
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
