"""`wagekit replay`: see a recorded run again."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from wagekit.cli import options as o
from wagekit.cli import web as w
from wagekit.errors import UsageError

EXAMPLE = "wagekit replay run.jsonl --speed 10"


def replay(
    recording: o.Recording,
    *,
    speed: Annotated[
        str,
        typer.Option(
            "--speed", metavar="X", help="So many recorded seconds in one; max is as fast as possible."
        ),
    ] = "1",
    source: o.Source = None,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow", help="Catch up at once with a run that is still recorded, and show it to its end."
        ),
    ] = False,
    web: w.Web = False,
    web_port: w.WebPort = None,
    host: w.Host = None,
    token: w.Token = None,
) -> None:
    """Show a recording as it looked live, at the pace at which it happened or faster.

    With --web it is shown in the browser instead, several devices side by side, until Ctrl-C.
    """
    from wagekit.cli.console import out
    from wagekit.cli.recordings import of_source
    from wagekit.monitor import Bus, FleetView, Player, TerminalView, iter_events
    from wagekit.monitor import follow as follow_events

    pace = parse_speed(speed)
    in_browser = w.WebOptions.of(web, web_port, host, token)
    if follow:
        if pace not in (1.0, None):
            raise UsageError("--follow goes at the pace of the run; --speed is for recordings that are done")
        pace = None
    several = _several(recording, source, growing=follow)
    events = follow_events(recording) if follow else iter_events(recording)
    player = Player(of_source(events, source), pace)
    if in_browser is not None:
        w.play(player, in_browser)
        return
    view = FleetView(out) if several else TerminalView(out)
    told = view.stories if isinstance(view, FleetView) else view.story
    if not follow:
        told.clock = player.now
    with Bus([view]) as bus:
        count = player.play(bus)
    stories = [story for _, story in view.stories] if isinstance(view, FleetView) else [view.story]
    _close(recording, count, all(story.end is not None for story in stories if story.run is not None))


def parse_speed(text: str) -> float | None:
    """A factor, or None for `max`."""
    if text == "max":
        return None
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = math.nan
    if not 0 < speed < math.inf:
        raise UsageError(f"--speed {text}: a number above 0, as 0.5 or 20, or max is allowed")
    return speed


def _several(recording: Path, source: str | None, *, growing: bool) -> bool:
    """Whether several devices are to be shown.

    The whole file is read once, so that its mistakes show before the picture; one that is `growing`
    may be empty still, and lack the device that is asked for.
    """
    from wagekit.cli.recordings import devices, open_recording
    from wagekit.monitor import Stories, iter_events

    stories = Stories.of(iter_events(recording)) if growing else open_recording(recording, source)
    return source is None and len(devices(stories)) > 1


def _close(recording: Path, count: int, ended: bool) -> None:
    from wagekit.cli.console import note

    if not ended:
        note(f"{recording} ends after {count:,} events, without the end of the run")
