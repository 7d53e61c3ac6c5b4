"""Opens recordings as users name them, and picks one of several devices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.text import Text

from wagekit.cli.console import err
from wagekit.errors import DataError, UsageError
from wagekit.monitor import Event, Stories, iter_events


def open_recording(path: Path, source: str | None = None) -> Stories:
    """What a recording tells, of all devices or of one; `DataError` where that is nothing."""
    with err.status(Text(f"reading {path}")):
        stories = Stories.of(iter_events(path))
    if not len(stories):
        raise DataError(f"{path}: no event was recorded yet")
    if source is not None:
        check_source(path, stories, source)
        stories.by_source = {source: stories[source]}
    return stories


def check_source(path: Path, stories: Stories, source: str) -> None:
    """`UsageError` where the recording has no such device."""
    names = [name for name, _ in stories]
    if source not in names:
        known = ", ".join(names) if names != [""] else "one device only, without a name"
        raise UsageError(f"--source {source}: {path} has {known}")


def devices(stories: Stories) -> list[str]:
    """Names of those that ran something; the watching program itself may have told things too."""
    return [name for name, story in stories if story.run is not None]


def of_source(events: Iterator[Event], source: str | None) -> Iterator[Event]:
    """Only the events of one device; None is all."""
    return (event for event in events if source is None or event.source == source)
