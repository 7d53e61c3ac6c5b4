"""What a stream of events has told so far: the state behind every display and report."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from wagekit.monitor.events import Evaluation, Event, Fault, Learned, Link, Log, Resources, Run, Step


@dataclass(frozen=True, slots=True)
class Point:
    """Neighbouring steps taken together."""

    epoch: float
    """At the last of them."""
    loss: float
    """Mean over samples."""
    accuracy: float
    """Share of the training samples that were classified rightly before their step."""


@dataclass(slots=True)
class Story:
    """Collects events; nothing is forgotten, so that a report can be made at any time."""

    run: Run | None = None
    end: Run | None = None
    steps: list[Step] = field(default_factory=list)
    learned: list[Learned] = field(default_factory=list)
    """How learning by itself went; then there are no `steps`."""
    evaluations: list[Evaluation] = field(default_factory=list)
    resources: Resources | None = None
    link: Link | None = None
    logs: list[Log] = field(default_factory=list)
    fault: Fault | None = None
    started: float | None = None
    latest: float | None = None

    @classmethod
    def of(cls, events: Iterable[Event]) -> Story:
        """The story that these events tell."""
        story = cls()
        for event in events:
            story.handle(event)
        return story

    def handle(self, event: Event) -> None:
        """Take one event."""
        self.started = event.time if self.started is None else self.started
        self.latest = event.time
        match event:
            case Run(status="started"):
                self.run = event
            case Run():
                self.end = event
            case Step():
                self.steps.append(event)
            case Learned():
                self.learned.append(event)
            case Evaluation():
                self.evaluations.append(event)
            case Resources():
                self.resources = _merged(self.resources, event)
            case Link():
                self.link = event
            case Log():
                self.logs.append(event)
            case Fault():
                self.fault = event

    def close(self) -> None:
        """A story stays readable when the stream has ended."""

    @property
    def seconds(self) -> float:
        """From the first event to the latest."""
        return 0.0 if self.started is None or self.latest is None else self.latest - self.started

    @property
    def tests(self) -> list[Evaluation]:
        """Evaluations of the test part, in order."""
        return [entry for entry in self.evaluations if entry.part == "test"]

    @property
    def instructions_per_sample(self) -> float | None:
        """Mean over the steps that counted instructions."""
        counted = [step for step in self.steps if step.instructions is not None]
        samples = sum(step.samples for step in counted)
        return sum(step.instructions or 0 for step in counted) / samples if samples else None

    @property
    def samples_learned(self) -> int:
        """New samples, in batches or by itself."""
        return sum(step.samples for step in self.steps) + (self.learned[-1].seen if self.learned else 0)

    @property
    def running(self) -> list[tuple[float, float]]:
        """New samples and running accuracy (0..1) of learning by itself."""
        return [(float(entry.seen), entry.accuracy) for entry in self.learned if entry.seen]

    @property
    def tests_by_sample(self) -> list[tuple[float, float]]:
        """New samples that were learned before each test, and its accuracy (0..1)."""
        last = self.learned[-1] if self.learned else None
        per_epoch = last.seen / last.epoch if last and last.epoch else 0.0
        return [(float(round(entry.epoch * per_epoch)), entry.accuracy) for entry in self.tests]

    def curve(self, points: int = 120, *, least: int = 32) -> list[Point]:
        """The steps as at most `points` points, each the mean of equally many steps.

        A point stands for `least` samples or more, so that small batches do not look like noise.
        """
        count = len(self.steps)
        samples = sum(step.samples for step in self.steps)
        bins = min(points, count, max(samples // least, 1))
        return [point_of(self.steps[count * i // bins : count * (i + 1) // bins]) for i in range(bins)]

    def recent(self, steps: int) -> Point | None:
        """The mean of the latest steps."""
        return point_of(self.steps[-steps:]) if self.steps else None


def point_of(steps: list[Step]) -> Point:
    """Neighbouring steps (at least one) as one point."""
    samples = sum(step.samples for step in steps)
    loss = sum(step.loss * step.samples for step in steps) / samples
    errors = sum(step.errors for step in steps)
    return Point(steps[-1].epoch, loss, 1.0 - errors / samples)


def _merged(old: Resources | None, new: Resources) -> Resources:
    """The newer event, with what only the older one knew."""
    if old is None:
        return new
    values: dict[str, Any] = {}
    for item in dataclasses.fields(new):
        value = getattr(new, item.name)
        values[item.name] = getattr(old, item.name) if value in (None, "") else value
    return Resources(**values)
