"""`wagekit doctor`: what is installed, what is missing, and the command that installs it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from wagekit.cli.console import out, print_json, table
from wagekit.cli.options import Json

EXAMPLE = "wagekit doctor"


def doctor(
    *,
    board: Annotated[
        str | None,
        typer.Option(
            "--board",
            metavar="BOARD",
            help="Also look for what this board needs: a name, a folder, or its board.toml.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Look for compilers, emulator and packages, and say how to install what is missing."""
    from wagekit import boards
    from wagekit.toolchain.doctor import examine, examine_board

    facts = examine() + (examine_board(boards.load(board)) if board is not None else [])
    missing = [fact for fact in facts if fact.found is None]
    broken = any(fact.required for fact in missing)
    if json:
        print_json({"ready": not broken, "facts": [asdict(fact) for fact in facts]})
        return 6 if broken else 0
    grid = table("", "what", "needed for", "found")
    for fact in facts:
        if fact.found is not None:
            grid.add_row(Text("✓", style="green"), fact.name, fact.needed_for, fact.found)
        else:
            mark = Text("✗", style="bold red") if fact.required else Text("-", style="yellow")
            grid.add_row(mark, fact.name, fact.needed_for, Text(fact.problem or "missing", style="dim"))
    out.print(grid)
    if missing:
        out.print("\nTo install what is missing:")
        for command in dict.fromkeys(fact.install for fact in missing if fact.install):
            out.print(Text(f"  {command}", style="bold"))
    else:
        out.print("\nAll there. Go on with: [bold]wagekit demo[/]")
    return 6 if broken else 0
