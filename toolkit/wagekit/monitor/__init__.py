"""What a run tells: events, the sinks that show and record them, and reports made of them."""

from __future__ import annotations

from wagekit.monitor.events import (
    SCHEMA_VERSION,
    Evaluation,
    Event,
    Fault,
    Layer,
    Learned,
    Link,
    Log,
    Resources,
    Run,
    Step,
    Unknown,
    from_json,
    read_events,
    to_json,
)
from wagekit.monitor.picture import write_picture
from wagekit.monitor.report import Fact, write_report
from wagekit.monitor.sinks import Bus, JsonlWriter, Sink
from wagekit.monitor.story import Story
from wagekit.monitor.terminal import TerminalView

__all__ = [
    "SCHEMA_VERSION",
    "Bus",
    "Evaluation",
    "Event",
    "Fact",
    "Fault",
    "JsonlWriter",
    "Layer",
    "Learned",
    "Link",
    "Log",
    "Resources",
    "Run",
    "Sink",
    "Step",
    "Story",
    "TerminalView",
    "Unknown",
    "from_json",
    "read_events",
    "to_json",
    "write_picture",
    "write_report",
]
