"""What a run tells: events, the sinks that show and record them, and reports made of them."""

from __future__ import annotations

from wagekit.monitor.controls import Command, Controls
from wagekit.monitor.events import (
    SCHEMA_VERSION,
    Control,
    Dropped,
    Evaluation,
    Event,
    Fault,
    Health,
    Layer,
    LayerHealth,
    Learned,
    Link,
    Log,
    Resources,
    Run,
    Sample,
    Step,
    Unknown,
    Weights,
    from_json,
    to_json,
)
from wagekit.monitor.picture import write_health_picture, write_picture
from wagekit.monitor.player import Player
from wagekit.monitor.recorder import Recorder
from wagekit.monitor.recording import follow, iter_events, read_events
from wagekit.monitor.report import Fact, write_report
from wagekit.monitor.sinks import Bus, Sink
from wagekit.monitor.story import Stories, Story
from wagekit.monitor.terminal import FleetView, TerminalView

__all__ = [
    "SCHEMA_VERSION",
    "Bus",
    "Command",
    "Control",
    "Controls",
    "Dropped",
    "Evaluation",
    "Event",
    "Fact",
    "Fault",
    "FleetView",
    "Health",
    "Layer",
    "LayerHealth",
    "Learned",
    "Link",
    "Log",
    "Player",
    "Recorder",
    "Resources",
    "Run",
    "Sample",
    "Sink",
    "Step",
    "Stories",
    "Story",
    "TerminalView",
    "Unknown",
    "Weights",
    "follow",
    "from_json",
    "iter_events",
    "read_events",
    "to_json",
    "write_health_picture",
    "write_picture",
    "write_report",
]
