"""`wagekit flash`: a firmware onto a board, as a programmer does it."""

from __future__ import annotations

import json as json_module
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wagekit.cli import options as o
from wagekit.cli.console import done, note, print_json, say
from wagekit.cli.interrupt import Interrupt
from wagekit.errors import ToolError, UsageError

if TYPE_CHECKING:
    from wagekit.boards import Board
    from wagekit.link import Hello
    from wagekit.toolchain.qemu import QemuProcess

EXAMPLE = "wagekit flash digits.safetensors --board netduinoplus2 --to qemu"
TARGETS = ("qemu", "probe")


def flash(
    network: Annotated[
        str,
        typer.Argument(
            metavar="NETWORK", help="A network, a model, or a firmware.elf built before.", show_default=False
        ),
    ],
    *,
    board: o.BoardOption = "mps2-an386",
    to: Annotated[str, typer.Option("--to", help="qemu (through its gdb stub) or probe (pyOCD).")] = "qemu",
    probe: Annotated[
        str | None, typer.Option("--probe", metavar="ID", help="Which probe, where there are several.")
    ] = None,
    batch: o.Batch = 8,
    serve: Annotated[
        bool, typer.Option("--serve", help="Leave QEMU running until Ctrl-C, to attach with --on serial:URL.")
    ] = False,
    json: o.Json = False,
) -> None:
    """Load a firmware, compare what was written, start it and ask it who it is."""
    from wagekit import boards
    from wagekit.toolchain import flash as programmer

    if to not in TARGETS:
        raise UsageError(f"--to {to}: {' or '.join(TARGETS)} is allowed")
    if to == "qemu" and probe is not None:
        raise UsageError("--probe goes with --to probe")
    target = boards.load(board)
    elf = _firmware(network, target, batch)
    if to == "probe":
        programmer.flash_probe(elf, target, probe=probe)
        say(f"wrote {elf} to {target.name}; attach with: ", f"wagekit run {network} --on serial:PORT")
        return
    with programmer.flash_qemu(elf, target) as process:
        if serve:
            _serve(process)
            return
        hello = _ask(process.url, _manifest_hash(elf))
    _say(hello, elf, json)


def _firmware(network: str, board: Board, batch: int) -> Path:
    """An ELF as it is, or the firmware built from a network or model."""
    path = Path(network)
    if path.suffix == ".elf":
        return path
    from wagekit.cli.sources import open_subject
    from wagekit.toolchain.firmware import build_firmware

    subject = open_subject(network)
    return build_firmware(subject.network, board, batch=batch, masters=subject.masters).elf


def _manifest_hash(elf: Path) -> str | None:
    """The hash in the manifest.json of the project that an ELF was built in; None for a lone ELF."""
    manifest = elf.resolve().parent.parent / "manifest.json"
    if not manifest.is_file():
        return None
    facts = json_module.loads(manifest.read_text(encoding="utf-8"))
    return facts.get("hash") if isinstance(facts, dict) else None


def _ask(url: str, manifest: str | None) -> Hello:
    """Who answers; LinkError if it is another build than the one with this manifest hash."""
    from wagekit.link import Device, open_transport

    device = Device.open(open_transport(url))
    try:
        if manifest is not None:
            device.check_manifest(manifest)
    finally:
        device.close()
    return device.hello


def _serve(process: QemuProcess) -> None:
    """Keep the emulator until somebody stops us, or it ends by itself."""
    say("running; attach with: ", f"--on serial:{process.url}")
    note("Ctrl-C ends it")
    with Interrupt() as stop:
        while not stop():
            if process.exit_code is not None:
                raise ToolError(
                    f"QEMU ended with code {process.exit_code}", hint=process.stderr.strip()[-200:]
                )
            time.sleep(0.1)


def _say(hello: Hello, elf: Path, json: bool) -> None:
    if json:
        facts = {
            name: getattr(hello, name)
            for name in ("board", "firmware", "fingerprint", "manifest", "weights", "batch")
        }
        print_json(facts | {"elf": str(elf)})
        return
    done(f"loaded and compared {elf}")
    done(
        f"{hello.board} answers: firmware {hello.firmware}, {hello.weights:,} weights, "
        f"network {hello.fingerprint[:12]}, manifest {hello.manifest[:12]}"
    )
