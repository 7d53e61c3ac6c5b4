"""`wagekit flash`: a firmware onto a board, as a programmer does it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wagekit.cli import loading
from wagekit.cli import options as o
from wagekit.cli.console import done, note, print_json, say
from wagekit.cli.interrupt import Interrupt
from wagekit.cli.keeping import Keeping
from wagekit.cli.loading import Loader
from wagekit.errors import LinkError, ToolError, UsageError

if TYPE_CHECKING:
    from wagekit.boards import Board
    from wagekit.cli.sources import Subject
    from wagekit.link import Hello
    from wagekit.toolchain.qemu import QemuProcess

EXAMPLE = "wagekit flash digits.safetensors --board netduinoplus2"
DEFAULT_BOARD = "mps2-an386"


def flash(
    network: Annotated[
        str,
        typer.Argument(
            metavar="NETWORK", help="A network, a model, or a firmware.elf built before.", show_default=False
        ),
    ],
    *,
    board: Annotated[
        str | None,
        typer.Option(
            "--board",
            metavar="BOARD",
            help="A name that `wagekit boards` lists, a folder, or its board.toml. "
            f"By default {DEFAULT_BOARD}.",
            show_default=False,
        ),
    ] = None,
    on: Annotated[
        str | None,
        typer.Option("--on", metavar="qemu:BOARD", help="The board in QEMU, also where it is a real one."),
    ] = None,
    using: loading.With = None,
    probe: loading.ProbeOption = None,
    port: loading.PortOption = None,
    flash: o.FlashFile = None,
    pull: Annotated[
        Path | None,
        typer.Option(
            "--pull",
            metavar="FILE",
            help="First save what the chip has learned into this model file.",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Keep the checkpoints without asking; the default without a terminal."),
    ] = False,
    erase: Annotated[
        bool, typer.Option("--erase-checkpoints", help="Erase what the chip has learned.")
    ] = False,
    batch: o.Batch = 8,
    serve: Annotated[
        bool, typer.Option("--serve", help="Leave QEMU running until Ctrl-C, to attach with --on serial:URL.")
    ] = False,
    baud: o.Baud = None,
    json: o.Json = False,
) -> None:
    """Write a firmware onto a board, compare what was written, start it and ask it who it is.

    Only the sectors of the image are erased: what the chip has learned stays.
    """
    from wagekit.cli.sources import open_subject

    name, using = _where(board, on, using)
    keeping = Keeping(pull, keep, erase)
    loader = Loader.of(name, using, probe=probe, port=port, flash=flash, keeping=keeping)
    if serve and not loader.emulated:
        raise UsageError("--serve goes with QEMU: a real board runs on by itself")
    subject = None if network.endswith(".elf") else open_subject(network)
    keeping.check(loader.board, subject)
    elf = _firmware(network, subject, loader.board, batch, baud)
    loader.before(subject, baud)
    if loader.emulated:
        _emulated(loader, elf, serve, json)
    else:
        _real(loader, elf, network, baud, json)


def _where(board: str | None, on: str | None, using: str | None) -> tuple[str, str | None]:
    """The board's name, and what it is written with."""
    if on is None:
        return board or DEFAULT_BOARD, using
    kind, _, name = on.partition(":")
    if kind != loading.QEMU or not name:
        raise UsageError(f"--on {on}: qemu:BOARD is allowed", hint="a real board is named by --board BOARD")
    if board is not None or using is not None:
        raise UsageError(f"--on {on} already says which board and how: leave --board and --with out")
    return name, loading.QEMU


def _firmware(network: str, subject: Subject | None, board: Board, batch: int, baud: int | None) -> Path:
    """An ELF as it is, or the firmware built from a network or model; checked against the board."""
    from wagekit.toolchain.image import check_image, read_image

    elf = Path(network)
    if subject is not None:
        from wagekit.toolchain.firmware import build_firmware

        elf = build_firmware(subject.network, board, batch=batch, masters=subject.masters, baud=baud).elf
    check_image(read_image(elf), board)
    return elf


def _emulated(loader: Loader, elf: Path, serve: bool, json: bool) -> None:
    from wagekit.toolchain.flash import flash_qemu

    with flash_qemu(elf, loader.board, keep=loader.flash, erase=loader.keeping.erase) as process:
        if serve:
            if loader.board.checkpoint and loader.flash is None:
                note("checkpoints end with this QEMU" + _can_keep(loader.board))
            _serve(process)
            return
        hello = _ask(process.url, _manifest_hash(elf), None)
    _say(hello, elf, json, "loaded and compared")


def _can_keep(board: Board) -> str:
    return ": --flash FILE keeps them" if board.qemu and board.qemu.keeps else ", which has no file for them"


def _real(loader: Loader, elf: Path, network: str, baud: int | None, json: bool) -> None:
    probe = loader.write(elf)
    try:
        port = loader.find_port(probe, wait=loader.port_wait)
    except (LinkError, UsageError) as error:
        note(f"written; not asked who it is: {error.message}")
        for line in (error.hint or "").splitlines():
            note(line)
        if json:
            print_json({"elf": str(elf), "board": loader.board.name, "answered": False})
        return
    _say(_ask(port, _manifest_hash(elf), baud or loader.board.uart.baud), elf, json, "wrote")
    if not json:
        say("attach with: ", f"wagekit run {network} --on serial:{port}")


def _manifest_hash(elf: Path) -> str | None:
    """The hash of its manifest that an ELF carries; None for one that has no record of its build."""
    from wagekit.toolchain.build_info import read_build

    try:
        return read_build(elf).manifest
    except ToolError:
        return None


def _ask(url: str, manifest: str | None, baud: int | None) -> Hello:
    """Who answers; LinkError if it is another build than the one with this manifest hash."""
    from wagekit.link import Device, open_transport

    device = Device.open(open_transport(url, baud=baud or o.DEFAULT_BAUD))
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


def _say(hello: Hello, elf: Path, json: bool, what: str) -> None:
    if json:
        facts = {
            name: getattr(hello, name)
            for name in ("board", "firmware", "fingerprint", "manifest", "weights", "batch", "restored")
        }
        print_json(facts | {"elf": str(elf), "answered": True})
        return
    done(f"{what} {elf}")
    kept = "; it goes on from its checkpoint" if hello.restored else ""
    done(
        f"{hello.board} answers: firmware {hello.firmware}, {hello.weights:,} weights, "
        f"network {hello.fingerprint[:12]}, manifest {hello.manifest[:12]}{kept}"
    )
