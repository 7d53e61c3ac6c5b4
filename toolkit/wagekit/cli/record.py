"""`wagekit record`: label what a chip's own sensor sees, and keep it as a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wagekit.cli import options as o

EXAMPLE = "wagekit record network.toml seen.npz --on serial:/dev/ttyACM0 --label cat --count 50"


def record(
    network: o.NetworkArgument,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The data set: .npz or .csv.", show_default=False)
    ],
    *,
    on: o.On = "qemu:mps2-an386",
    sensor: o.Sensor = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--label",
            metavar="CLASS",
            help="Class of all samples, by name or number. Without it each is shown, and you say.",
            show_default=False,
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "--count",
            min=1,
            metavar="N",
            help="Stop after so many samples. By default 100 with --label, else when you say q.",
            show_default=False,
        ),
    ] = None,
    append: Annotated[bool, typer.Option("--append", help="Add to a data set that is there.")] = False,
    learn: Annotated[
        Path | None,
        typer.Option(
            "--learn",
            metavar="MODEL",
            help="Learn each sample on the chip at once, and save the model there.",
            show_default=False,
        ),
    ] = None,
    rate: Annotated[
        int, typer.Option("--rate", min=-16, max=15, help="With --learn: log2 of the learning rate.")
    ] = 3,
    baud: o.Baud = None,
    force: o.Force = False,
    json: o.Json = False,
) -> None:
    """Let a chip's sensor take samples, label them, and keep them as a data set.

    A Ctrl-C ends it; what was recorded until then is written.
    """
    from wagekit.cli.sensing import Settings, record_samples

    settings = Settings(label=label, count=count, append=append, learn=learn, rate=rate, force=force)
    record_samples(network, on, file, settings, sensor=sensor, baud=baud, json=json)
