"""`wagekit checkpoint`: what a chip has learned, between its flash and model files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wagekit.cli import options as o
from wagekit.cli.console import done, note, print_json, say
from wagekit.cli.keeping import open_chip, pull_model
from wagekit.errors import UsageError

if TYPE_CHECKING:
    from wagekit.executors.device import DeviceExecutor
    from wagekit.link.checkpoint import Cost

app = typer.Typer(
    name="checkpoint",
    help="Bring what a chip has learned into a model file, and a model onto a chip.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
On = Annotated[
    str,
    typer.Option("--on", metavar="PLACE", help="serial:PORT or qemu:BOARD.", show_default=False),
]


@app.command(epilog="Example: [bold]wagekit checkpoint pull digits --on serial:/dev/ttyACM0[/]")
def pull(
    network: o.NetworkArgument,
    *,
    on: On,
    out: o.Out = None,
    flash: o.FlashFile = None,
    baud: o.Baud = None,
    force: o.Force = False,
    json: o.Json = False,
) -> None:
    """Write what the chip has learned into a model file, which continues anywhere.

    If NETWORK is a model, the new file also keeps the plan of its training, so that
    `train --resume` goes on with it.
    """
    from wagekit.cli.sources import open_subject

    subject = open_subject(network)
    path = out or Path(f"{subject.network.name}.safetensors")
    if path.exists() and not force:
        raise UsageError(f"{path} exists", hint="--out FILE writes another, --force replaces it")
    with open_chip(subject, on, flash, baud) as chip:
        model = pull_model(subject, chip, path)
    if json:
        print_json({"model": str(path), "step": model.step, "seed": model.seed, "digest": model.digest()})
        return
    done(f"wrote {path}: step {model.step:,}, digest {model.digest()[:12]}")


@app.command(epilog="Example: [bold]wagekit checkpoint push digits.safetensors --on serial:/dev/ttyACM0[/]")
def push(
    model: o.ModelArgument,
    *,
    on: On,
    flash: o.FlashFile = None,
    baud: o.Baud = None,
    json: o.Json = False,
) -> None:
    """Load a model into the chip and save it there, so that it is still there without power.

    A file that is damaged, of another network or another version is refused before
    anything is sent: the chip keeps what it had.
    """
    from wagekit.cli.sources import open_model

    subject = open_model(model)
    assert subject.model is not None
    with open_chip(subject, on, flash, baud) as chip:
        if not chip.hello.checkpoints:
            raise UsageError(
                f"{chip.name}: {chip.hello.board} keeps no checkpoints",
                hint="its board.toml names no sectors for them",
            )
        chip.load_masters(subject.model.masters, subject.model.step, subject.model.seed)
        step = chip.save_checkpoint()
        digest = chip.digest()
    if json:
        print_json({"step": step, "digest": digest})
        return
    done(f"saved on {on}: step {step:,}, digest {digest[:12]}")


@app.command(epilog="Example: [bold]wagekit checkpoint save digits --on serial:/dev/ttyACM0[/]")
def save(
    network: o.NetworkArgument,
    *,
    on: On,
    flash: o.FlashFile = None,
    baud: o.Baud = None,
    json: o.Json = False,
) -> None:
    """Let the chip save what it has learned; ends when that was read back from its flash."""
    from wagekit.cli.sources import open_subject

    with open_chip(open_subject(network), on, flash, baud) as chip:
        step = chip.save_checkpoint()
        info = chip.checkpoint_info()
    if json:
        print_json({"step": step, "sequence": info.sequence})
        return
    done(f"saved step {step:,} as checkpoint {info.sequence:,}, slot {info.newest}")


@app.command(epilog="Example: [bold]wagekit checkpoint info digits --on serial:/dev/ttyACM0 --json[/]")
def info(
    network: o.NetworkArgument,
    *,
    on: On,
    flash: o.FlashFile = None,
    baud: o.Baud = None,
    json: o.Json = False,
) -> None:
    """Say what the chip keeps, when it saves by itself, and what a save costs its flash."""
    from dataclasses import asdict

    from wagekit.cli.sources import open_subject
    from wagekit.link.checkpoint import Geometry, cost_of_record

    with open_chip(open_subject(network), on, flash, baud) as chip:
        found, hello, step = chip.checkpoint_info(), chip.hello, chip.step_count
        endurance = _endurance(chip)
    geometry = Geometry(found.sectors, found.sector_bytes, found.word_bytes)
    one = cost_of_record(geometry, found.record_bytes)
    if json:
        facts = {
            "restored": hello.restored,
            "network_step": step,
            "cost": asdict(one),
            "endurance": endurance,
        }
        print_json(asdict(found) | facts)
        return
    if found.newest is None:
        say("no checkpoint of this network")
    else:
        doubt = ", not acknowledged before a cut" if found.unconfirmed else ""
        say(f"checkpoint {found.sequence:,} of step {found.step:,} in slot {found.newest}{doubt}")
    say(f"slots: {found.slots[0]}, {found.slots[1]}; the network is at step {step:,}")
    say(f"policy: {_policy(found.every, found.improvement, found.spacing)}; saved: {_KEEPS[found.keep]}")
    say(
        f"one save: {one.record_bytes:,} bytes, {one.erases} of {found.sectors} sectors erased, "
        f"{one.words:,} words programmed"
    )
    if endurance is not None:
        say(_lifetime(one, endurance, found.spacing))
    if found.failures:
        note(f"{found.failures:,} saves failed, the last at {found.failed_at:#x}")


def _endurance(chip: DeviceExecutor) -> int | None:
    """Erasures of a sector by the data sheet; None where nothing wears or the board is not known."""
    from wagekit import boards

    image = getattr(chip, "image", None)
    name = chip.hello.board
    board = image.board if image is not None else boards.load(name) if name in boards.available() else None
    return next((area.endurance for area in board.checkpoint), None) if board is not None else None


def _lifetime(one: Cost, endurance: int, spacing: int) -> str:
    """How many saves the flash allows, and how long they last at the least time between two."""
    text = f"the flash allows {one.saves(endurance):,} saves: {endurance:,} erasures of a sector"
    if spacing:
        from wagekit.link.checkpoint import wear

        text += f"; {wear(one, spacing_seconds=spacing).days(endurance):,.0f} days of this policy at least"
    return text


_KEEPS = {
    "network": "the network alone",
    "learning": "the network, how learning by itself stands, and its replay store",
    "samples": "the network, how learning by itself stands, its replay store and the samples that it learns",
}


def _policy(every: int, improvement: int, spacing: int) -> str:
    """When a chip saves by itself, in words."""
    reasons = [f"every {every:,} steps"] if every else []
    if improvement:
        reasons.append(f"when an evaluation has {improvement / 655.36:.2f} % fewer errors")
    if not reasons:
        return "on command"
    return " and ".join(reasons) + (f", at least {spacing:,} s apart" if spacing else "")
