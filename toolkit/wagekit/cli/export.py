"""`wagekit export`: a recording as tables, or for TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wagekit.cli import options as o
from wagekit.errors import UsageError

EXAMPLE = "wagekit export run.jsonl --csv tables"


def export(
    recording: o.Recording,
    *,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv", metavar="FOLDER", help="Write tables there: steps.csv, evaluations.csv, health.csv, .."
        ),
    ] = None,
    tensorboard: Annotated[
        Path | None,
        typer.Option(
            "--tensorboard", metavar="FOLDER", help="Write event files for TensorBoard there (tensorboardX)."
        ),
    ] = None,
    source: o.Source = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    json: o.Json = False,
) -> None:
    """Make CSV tables or TensorBoard event files of a recording."""
    from wagekit.cli.console import print_json, say
    from wagekit.cli.recordings import of_source, open_recording
    from wagekit.monitor import iter_events
    from wagekit.monitor.export import write_csv, write_tensorboard

    if csv is None and tensorboard is None:
        raise UsageError("nothing to write", hint="give --csv FOLDER, --tensorboard FOLDER or both")
    open_recording(recording, source)  # its mistakes, before anything is written
    written: list[Path] = []
    if csv is not None:
        written += write_csv(csv, of_source(iter_events(recording), source), replace=force)
    if tensorboard is not None:
        events = of_source(iter_events(recording), source)
        written += write_tensorboard(tensorboard, events, replace=force)
    if json:
        print_json({"written": [str(path) for path in written]})
        return
    for path in written:
        say(f"wrote {path}")
