"""What a stream of events has told so far: the state behind every display and report."""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from wagekit.monitor.curve import Point, StepCurve, Sums, Thinned
from wagekit.monitor.events import (
    Control,
    Dropped,
    Evaluation,
    Event,
    Fault,
    Health,
    Learned,
    Link,
    Log,
    Resources,
    Run,
    Sample,
    Step,
    Weights,
)

LATEST_STEPS = 1024
"""Steps that are kept one by one."""
LOG_LINES = 500
HISTOGRAMS = 24
"""So many histograms of the weights are kept, over the whole run: each is large."""
_SERIES: dict[type[Event], str] = {
    Learned: "learned",
    Health: "health",
    Link: "links",
    Weights: "histograms",
}
"""These are kept as a thinned list."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened to a run from outside, and when: for charts and lists."""

    time: float
    step: int
    """Steps learned before."""
    epoch: float
    seen: int
    """New samples learned before."""
    text: str
    fault: bool = False


@dataclass(slots=True)
class Story:
    """Collects the events of one source. Its size is bounded, however long the run is."""

    run: Run | None = None
    end: Run | None = None
    step: Step | None = None
    """The latest one."""
    step_count: int = 0
    curve_of_steps: StepCurve = field(default_factory=StepCurve)
    latest_steps: deque[Step] = field(default_factory=lambda: deque(maxlen=LATEST_STEPS))
    learned: Thinned[Learned] = field(default_factory=Thinned)
    """How learning by itself went; then there are no steps."""
    evaluations: Thinned[Evaluation] = field(default_factory=Thinned)
    """Only the last one has its confusion matrix."""
    health: Thinned[Health] = field(default_factory=Thinned)
    histograms: Thinned[Weights] = field(default_factory=lambda: Thinned(most=HISTOGRAMS))
    """Of the weights, from the first to the latest."""
    sample: Sample | None = None
    resources: Resources | None = None
    logs: deque[Log] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    fault: Fault | None = None
    paused: bool = False
    rate_offset: int = 0
    """Added to the log2 of the schedule's rate by hand."""
    controls: Thinned[Control] = field(default_factory=Thinned)
    marks: Thinned[Mark] = field(default_factory=Thinned)
    """Controls, faults and runs that began again."""
    links: Thinned[Link] = field(default_factory=Thinned)
    dropped: dict[str, int] = field(default_factory=dict)
    """Events that somebody did not get, by who."""
    started: float | None = None
    latest: float | None = None
    away: float = 0.0
    """Seconds between the last event of a run and the begin of the one that goes on with it."""
    clock: Callable[[], float] = field(default=time.time, compare=False, repr=False)
    """What time it is, for displays: seconds since 1970. A replay gives the time of the recording."""
    _samples: int = 0
    _counted_samples: int = 0
    _instructions: int = 0

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
        before, self.latest = self.latest, event.time
        if name := _SERIES.get(type(event)):
            getattr(self, name).add(event)
            return
        match event:
            case Sample():
                self.sample = event
            case Run(status="started"):
                self._begin(event, before)
            case Step():
                self._take_step(event)
            case Evaluation():
                self._take_evaluation(event)
            case Resources():
                self.resources = _merged(self.resources, event)
            case Control():
                self._take_control(event)
            case Log():
                self.logs.append(event)
            case Fault():
                self.fault = event
                self._mark(event, f"fault: {event.cause}", fault=True)
            case Run():
                self.end = event
            case Dropped():
                self.dropped[event.where] = self.dropped.get(event.where, 0) + event.count

    def _begin(self, run: Run, before: float | None) -> None:
        if self.run is not None:
            self.away += max(run.time - (before or run.time), 0.0)
            self._mark(run, f"the run begins again at step {run.first_step:,}")
        self.run, self.end, self.paused = run, None, False

    def _take_step(self, step: Step) -> None:
        self.step = step
        self.step_count += 1
        self._samples += step.samples
        if step.instructions is not None:
            self._counted_samples += step.samples
            self._instructions += step.instructions
        self.curve_of_steps.add(step)
        self.latest_steps.append(step)

    def _take_evaluation(self, evaluation: Evaluation) -> None:
        if len(self.evaluations):
            self.evaluations.replace_last(dataclasses.replace(self.evaluations[-1], confusion=None))
        self.evaluations.add(evaluation)

    def _take_control(self, control: Control) -> None:
        self.controls.add(control)
        value = "" if control.value is None else f" {control.value:+d}"
        self._mark(control, f"{control.action}{value}" + (f" ({control.by})" if control.by else ""))
        if control.action in ("pause", "resume"):
            self.paused = control.action == "pause"
        elif control.action == "rate":
            self.rate_offset = control.value or 0

    def _mark(self, event: Event, text: str, *, fault: bool = False) -> None:
        step = self.step
        learned = self.run.first_step if step is None and self.run else step.step + 1 if step else 0
        epoch = step.epoch if step else 0.0
        self.marks.add(Mark(event.time, learned, epoch, self.samples_learned, text, fault))

    def close(self) -> None:
        """A story stays readable when the stream has ended."""

    @property
    def weights(self) -> Weights | None:
        """Their latest histograms."""
        return self.histograms[-1] if self.histograms else None

    @property
    def link(self) -> Link | None:
        """The latest that was told of it."""
        return self.links[-1] if self.links else None

    @property
    def seconds(self) -> float:
        """From the first event to the latest, without what lay between two runs."""
        return 0.0 if self.started is None or self.latest is None else self.latest - self.started - self.away

    @property
    def tests(self) -> list[Evaluation]:
        """Evaluations of the test part, in order."""
        return [entry for entry in self.evaluations if entry.part == "test"]

    @property
    def instructions_per_sample(self) -> float | None:
        """Mean over the steps that counted instructions."""
        return self._instructions / self._counted_samples if self._counted_samples else None

    @property
    def samples_learned(self) -> int:
        """New samples, in batches or by itself; a stream tells of both."""
        return max(self._samples, self.learned[-1].seen if self.learned else 0)

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
        return self.curve_of_steps.points(points, least)

    def recent(self, steps: int) -> Point | None:
        """The mean of the latest steps, `LATEST_STEPS` at most."""
        latest = list(self.latest_steps)[-steps:]
        if not latest:
            return None
        total = Sums.of(latest[0])
        for step in latest[1:]:
            total += Sums.of(step)
        return total.point()


@dataclass(slots=True)
class Stories:
    """A story for each source, in the order in which they were first heard of."""

    by_source: dict[str, Story] = field(default_factory=dict)
    clock: Callable[[], float] = field(default=time.time, compare=False, repr=False)
    """That of every story."""

    @classmethod
    def of(cls, events: Iterable[Event]) -> Stories:
        """The stories that these events tell."""
        stories = cls()
        for event in events:
            stories.handle(event)
        return stories

    def handle(self, event: Event) -> None:
        """Give an event to the story of its source."""
        self[event.source].handle(event)

    def close(self) -> None:
        """Stories stay readable when the stream has ended."""

    def __getitem__(self, source: str) -> Story:
        """The story of a source; one that is not known yet begins."""
        story = self.by_source.get(source)
        if story is None:
            story = self.by_source[source] = Story(clock=self.clock)
        return story

    def __iter__(self) -> Iterator[tuple[str, Story]]:
        return iter(list(self.by_source.items()))

    def __len__(self) -> int:
        return len(self.by_source)

    @property
    def started(self) -> float | None:
        """Time of the first event of all."""
        return min((story.started for _, story in self if story.started is not None), default=None)

    @property
    def latest(self) -> float | None:
        """Time of the latest event of all."""
        return max((story.latest for _, story in self if story.latest is not None), default=None)


def _merged(old: Resources | None, new: Resources) -> Resources:
    """The newer event, with what only the older one knew."""
    if old is None:
        return new
    values: dict[str, Any] = {}
    for item in dataclasses.fields(new):
        value = getattr(new, item.name)
        values[item.name] = getattr(old, item.name) if value in (None, "") else value
    return Resources(**values)
