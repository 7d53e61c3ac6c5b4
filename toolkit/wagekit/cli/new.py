"""`wagekit new`: an example to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wagekit.cli.console import say
from wagekit.cli.sources import SHIPPED, shipped_network
from wagekit.errors import UsageError
from wagekit.writer import write_atomic

EXAMPLE = "wagekit new my-net"


def new(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="[FOLDER]",
            help="Where network.toml is put; or the file, if it ends in .toml.",
            show_default=False,
        ),
    ] = Path(),
    example: Annotated[
        str, typer.Option("--example", help="Which network: digits or digits-tiny.")
    ] = "digits",
    force: Annotated[bool, typer.Option("--force", help="Replace a network.toml that is there.")] = False,
) -> None:
    """Write an example network.toml to change as you like."""
    if example not in SHIPPED:
        raise UsageError(f"no example '{example}'; there are: {', '.join(SHIPPED)}")
    path = folder if folder.suffix == ".toml" else folder / "network.toml"
    if path.exists() and not force:
        raise UsageError(f"{path} exists", hint="--force replaces it")
    try:
        write_atomic(path, shipped_network(example))
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error
    say(f"wrote {path}")
    say("train it on this machine:  ", f"wagekit train {path}")
    say("or inside a chip:          ", f"wagekit run {path} --on qemu:mps2-an386")
