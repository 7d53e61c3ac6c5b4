"""`wagekit report`: a recording as a page with plots."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wagekit.cli import options as o
from wagekit.errors import UsageError

EXAMPLE = "wagekit report run.jsonl --out learned"


def report(
    recording: o.Recording,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Where to leave it. By default a folder with the recording's name, beside it.",
            show_default=False,
        ),
    ] = None,
    source: o.Source = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a report that is there.")] = False,
    json: o.Json = False,
) -> None:
    """Write one HTML page with all plots, which needs no network, and pictures (PNG)."""
    from wagekit.cli.console import print_json, say
    from wagekit.cli.recordings import devices, open_recording
    from wagekit.cli.session import leave_pictures, make_folder
    from wagekit.monitor import write_report

    stories = open_recording(recording, source)
    folder = out if out is not None else recording.with_name(stem(recording))
    page = folder / "report.html"
    if page.exists() and not force:
        raise UsageError(f"{page} exists", hint="--force replaces it, --out FOLDER writes elsewhere")
    make_folder(folder)
    written = [write_report(page, stories)]
    found = devices(stories)
    for number, name in enumerate(found, 1):
        # Names of devices may hold anything; the page says which is which.
        written += leave_pictures(folder, stories[name], f"{number}-" if len(found) > 1 else "")
    if json:
        print_json({"written": [str(path) for path in written], "devices": found})
        return
    for path in written:
        say(f"wrote {path}")


def stem(recording: Path) -> str:
    """The name without its endings."""
    name = recording.name.removesuffix(".gz")
    plain = name.removesuffix(".jsonl")
    return plain if plain and plain != recording.name else f"{recording.name}-report"
