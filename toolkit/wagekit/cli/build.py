"""`wagekit build`: a C project and the firmware in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wagekit.cli import options as o
from wagekit.cli.console import out, print_json, say, size, table
from wagekit.errors import UsageError

if TYPE_CHECKING:
    from wagekit.toolchain.firmware import FirmwareImage, Project

EXAMPLE = "wagekit build digits.safetensors --board netduinoplus2 --out firmware"
APPS = ("link", "none")


def build(
    network: o.NetworkArgument,
    *,
    board: o.BoardOption = "mps2-an386",
    folder: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FOLDER", help="The C project. By default NAME-BOARD.", show_default=False
        ),
    ] = None,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Largest batch to learn.")] = 8,
    app: Annotated[
        str, typer.Option("--app", help="link: the firmware that run speaks to; none: for a main of yours.")
    ] = "link",
    infer_only: Annotated[bool, typer.Option("--infer-only", help="Without learning: less RAM.")] = False,
    plan: Annotated[
        str, typer.Option("--plan", help="fastest that fits the board, smallest, or plain (slow, simple).")
    ] = "fastest",
    watchdog_ms: Annotated[
        int, typer.Option("--watchdog-ms", min=0, help="Time-out of the watchdog; 0 leaves it off.")
    ] = 0,
    max_slice: Annotated[
        int | None,
        typer.Option(
            "--max-slice",
            min=8,
            metavar="MACS",
            help="Give the processor back after so many multiply-accumulates; slower.",
            show_default=False,
        ),
    ] = None,
    no_health: Annotated[
        bool, typer.Option("--no-health", help="Without counting the health of layers: a little less RAM.")
    ] = False,
    sensor: o.Sensor = None,
    baud: o.Baud = None,
    only_project: Annotated[
        bool, typer.Option("--no-compile", help="Only write the project; no compiler is needed.")
    ] = False,
    json: o.Json = False,
) -> None:
    """Write a C project for a board and compile it. The weights of a model are built in.

    The project builds by itself with make or CMake and without Python.
    """
    from wagekit import boards
    from wagekit.cli.places import read_sensor
    from wagekit.cli.sources import open_subject
    from wagekit.toolchain.firmware import build_firmware, generate_project

    if app not in APPS:
        raise UsageError(f"--app {app}: {' or '.join(APPS)} is allowed")
    subject = open_subject(network)
    target = boards.load(board)
    place = folder or Path(f"{subject.network.name}-{target.name}")
    options: dict[str, Any] = {
        "batch": batch,
        "masters": subject.masters,
        "app": app,
        "training": not infer_only,
        "baud": baud,
        "watchdog_ms": watchdog_ms,
        "prefer": plan,
        "max_slice": max_slice,
        "health": not no_health,
        "sensor": read_sensor(sensor),
    }
    if only_project or app == "none":
        project = generate_project(subject.network, target, place, **options)
        _say_project(project, json)
        return
    image = build_firmware(subject.network, target, folder=place, **options)
    _say_image(image, json)


def _say_project(project: Project, json: bool) -> None:
    if json:
        print_json(project.manifest | {"folder": str(project.folder)})
        return
    _say_needs(project.manifest)
    say(f"project  {project.folder}")
    if project.app == "none":
        say(f"put your main into {project.folder / 'app'}, then: ", f"make -C {project.folder}")
    else:
        say("build it with: ", f"make -C {project.folder}")


def _say_image(image: FirmwareImage, json: bool) -> None:
    board, sizes = image.board, image.sizes
    if json:
        print_json(image.manifest | {"folder": str(image.folder), "elf": str(image.elf)})
        return
    _say_needs(image.manifest)
    limits = {kind: board.region(kind).size for kind in ("flash", "ram")}
    say(f"flash    {sizes.flash:,} of {size(limits['flash'])}")
    say(f"RAM      {sizes.ram:,} of {size(limits['ram'])}")
    if image.stack is not None:
        say(f"stack    {image.stack.total:,} at most, interrupts included, of {size(sizes.stack)} reserved")
    else:
        say(f"stack    {size(sizes.stack)} reserved; {image.manifest['built']['stack']['unknown']}")
    say(f"compiler {image.manifest['built']['compiler']}")
    say(f"project  {image.folder}")
    say(f"firmware {image.elf}")


def _say_needs(manifest: dict[str, Any]) -> None:
    """How the network was planned and what needs how much RAM, from the manifest."""
    for line in manifest["model"]["plan"]:
        say(f"plan     {line}")
    ram = manifest["ram"]
    grid = table("RAM", "bytes", right=("bytes",))
    for name, count in ram["needs"].items():
        grid.add_row(name, f"{count:,}")
    out.print(grid)
