"""Parts of the terminal view: what they say of a story."""

from __future__ import annotations

import io
import re

from rich.console import Console

from tests.unit.monitor.test_views import events
from wagekit.monitor import (
    Control,
    Event,
    Health,
    LayerHealth,
    Learned,
    Link,
    Log,
    Run,
    Story,
)
from wagekit.monitor.screen import Room, run_panel, status_of


def healthy(layers: int = 2) -> list[Event]:
    """A run that is under way, with health, a link and a log line."""
    told = events()[:-1]
    counts = tuple(
        LayerHealth(
            weights=1000,
            plus=10,
            minus=5,
            clipped=150 if n else 350,
            nonzero=600,
            flipped=1,
            errors=100,
            zero_errors=95,
            activations=0 if n else 50,
            saturated=0 if n else 2,
            gradient_exponent=14,
        )
        for n in range(layers)
    )
    told.append(Health(time=140.0, step=39, layers=counts))
    told.append(Link(time=141.0, frames_sent=5000, resent=90, bad_frames=3, latency=0.0021))
    told.append(Log(time=142.0, level="warning", message="the [red]line[/] is bad"))
    return told


def text(story: Story, width: int = 80, height: int = 24, **console: object) -> str:
    stream = io.StringIO()
    shown = Console(file=stream, width=width, height=height, **console)  # type: ignore[arg-type]
    shown.print(run_panel(story, Room(width, height - 1)))
    return stream.getvalue()


def story_of(told: list[Event]) -> Story:
    story = Story.of(told)
    story.clock = lambda: 143.0
    return story


def test_the_health_of_layers_is_judged_without_colour() -> None:
    shown = text(story_of(healthy()))
    conv = next(line for line in shown.splitlines() if "conv0" in line)
    dense = next(line for line in shown.splitlines() if "dense1" in line)
    assert "35.0!" in conv, "much is clipped"
    assert "15.0~" in dense, "some is clipped"
    assert "95.0~" in conv
    assert "98.5 " in conv, "15 of 1000 moved"
    assert "4.0 " in conv
    assert "2^14" in conv
    assert "the [red]line[/] is bad" in shown
    assert "5,000 sent, 90 again, 3 bad, 2.1 ms" in shown
    assert "learns" in shown
    assert "\x1b" not in shown


def test_colours_mean_something() -> None:
    shown = text(story_of(healthy()), force_terminal=True, color_system="standard")
    assert re.search(r"\x1b\[1;31m *35\.0!", shown), "trouble is red"
    assert re.search(r"\x1b\[33m *15\.0~", shown), "what is to be watched is yellow"
    assert re.search(r"\x1b\[32m *4\.0", shown), "what is fine is green"


def test_status() -> None:
    told = healthy()
    assert status_of(Story())[0] == "waits"
    assert status_of(story_of(told))[0] == "learns"
    story = story_of(
        [*told, Control(time=142.5, action="pause"), Control(time=142.5, action="rate", value=-2)]
    )
    assert status_of(story)[0] == "paused"
    assert "rate by hand -2" in text(story)
    silent = story_of(told)
    silent.clock = lambda: 200.0
    assert status_of(silent)[0] == "silent"
    failed = Run(time=143.0, status="failed", network="n", place="p")
    assert status_of(story_of([*told, failed]))[0] == "failed"


def test_without_health_it_shows_what_steps_tell() -> None:
    told = [event for event in events()[:-1] if not isinstance(event, Link)]
    shown = text(story_of(told))
    assert "gradient" in shown
    assert "2^5" in shown


def test_learning_by_itself_uses_the_room() -> None:
    start = Run(time=100.0, status="started", network="net", place="qemu:b", layers=("a",))
    told: list[Event] = [start]
    told += [Learned(time=100.0 + n, seen=n, epoch=n / 50, wrong=n // 3, accuracy=0.5) for n in range(40)]
    small, large = text(story_of(told)), text(story_of(told), 200, 50)
    assert "learns by itself on qemu:b" in small
    assert len(small.splitlines()) < 24
    assert 24 < len(large.splitlines()) < 50
