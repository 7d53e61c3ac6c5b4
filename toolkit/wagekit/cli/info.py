"""`wagekit info`: what a firmware says of itself, from its file or from the chip that runs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from wagekit.cli import options as o
from wagekit.cli.console import out, print_json, table
from wagekit.errors import UsageError

if TYPE_CHECKING:
    from wagekit.link import Hello

EXAMPLE = "wagekit info digits-netduinoplus2/build/firmware.elf"
_WORDS = {
    "wagekit": "made by wagekit",
    "learns": "learns",
    "flags": "core flags",
    "optimise": "optimisation",
    "manifest": "manifest hash",
    "store_slots": "samples in its store",
    "checkpoints": "keeps checkpoints",
    "restored": "from a checkpoint",
}


def info(
    what: Annotated[
        str,
        typer.Argument(
            metavar="ELF|PORT",
            help="firmware.elf, .bin or .uf2; or serial:PORT, a port or the URL of a chip that runs.",
            show_default=False,
        ),
    ],
    *,
    baud: o.Baud = None,
    json: o.Json = False,
) -> None:
    """Say which network, versions, board, flags and compiler a firmware was made with."""
    path = Path(what)
    port = what.removeprefix("serial:")
    if path.is_file():
        from wagekit.toolchain.build_info import read_build

        if baud is not None:
            raise UsageError(f"--baud goes with a port, not with the file {what}")
        found = read_build(path)
        facts: dict[str, Any] = {"file": what, "manifest": found.manifest, **found.facts}
    elif port != what or "://" in what or path.exists() or _is_port(what):
        facts = _ask(port, baud or o.DEFAULT_BAUD)
    elif what.startswith("qemu:"):
        raise UsageError(
            f"{what}: no firmware runs there until it is given one",
            hint="give its ELF, or the serial:URL of one that `wagekit flash --serve` leaves running",
        )
    else:
        raise UsageError(
            f"{what}: no such file or port",
            hint="give a firmware.elf, or a port: /dev/ttyACM0, COM3, socket://127.0.0.1:5555",
        )
    if json:
        print_json(facts)
        return
    grid = table("", "")
    grid.show_header = False
    for key, value in facts.items():
        shown = {True: "yes", False: "no"}.get(value, f"{value:,}" if isinstance(value, int) else str(value))
        grid.add_row(Text(_WORDS.get(key, key)), Text(shown))
    out.print(grid)


def _is_port(name: str) -> bool:
    """Whether this machine has a serial port of that name; Windows has no files for them."""
    from wagekit.link.ports import ports

    return any(port.device.lower() == name.lower() for port in ports())


def _ask(port: str, baud: int) -> dict[str, Any]:
    """All that a chip says of itself; less from one whose firmware is older than its record."""
    from wagekit.link import Device, open_transport
    from wagekit.toolchain.build_info import parse_text

    device = Device.open(open_transport(port, baud=baud))
    try:
        text = device.build_text()
        hello = device.hello
    finally:
        device.close()
    built = parse_text(text) if text is not None else _older(hello)
    return {
        "port": port,
        "manifest": hello.manifest,
        **built,
        "weights": hello.weights,
        "store_slots": hello.store_slots,
        "checkpoints": hello.checkpoints,
        "restored": hello.restored,
    }


def _older(hello: Hello) -> dict[str, str]:
    """What a firmware without the record tells in other messages."""
    return {
        "wagekit": hello.firmware,
        "fingerprint": hello.fingerprint,
        "board": hello.board,
        "batch": str(hello.batch),
        "learns": "yes" if hello.trains else "no",
    }
