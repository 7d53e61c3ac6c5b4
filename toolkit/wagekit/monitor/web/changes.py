"""What a browser does not know yet of a story: the whole of it at first, then only what is new.

The story is the only thing that is kept. A browser that reads slowly gets fewer and larger
changes, never a queue; so nothing here grows, however many events come and however slow it reads.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from wagekit.monitor.curve import Sums, Thinned
from wagekit.monitor.events import Control, Evaluation, Event, Health, LayerHealth, Learned, Log, Weights
from wagekit.monitor.story import Story

_LATEST = ("run", "end", "step", "sample", "resources", "link", "fault")
"""Fields of a story of which only the latest event is of interest."""
HEALTH = tuple(item.name for item in dataclasses.fields(LayerHealth))
"""Order in which the counts of a layer's health are sent."""
LEARNED = (
    "seen",
    "limit",
    "epoch",
    "accuracy",
    "best",
    "best_at",
    "log2_lr",
    "stored",
    "step",
    "end",
    "time",
)
"""Order in which a report of learning by itself is sent."""


@dataclass(slots=True)
class Told:
    """The story of one source, and of how many events and log lines it was made."""

    story: Story = field(default_factory=Story)
    events: int = 0
    logs: int = 0

    def handle(self, event: Event) -> None:
        """Take one event."""
        self.story.handle(event)
        self.events += 1
        self.logs += isinstance(event, Log)


@dataclass(slots=True)
class Cursor:
    """How much of one source's story a browser has."""

    events: int = -1
    """Events that it was told of; -1 where it does not even know that there is such a source."""
    logs: int = 0
    latest: dict[str, Event] = field(default_factory=dict)
    lists: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Of each list how it was thinned, its length, and how many entries were ever added."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The end of a list: what a browser has from entry `begin` on is replaced by `entries`."""

    begin: int
    entries: Sequence[Any]
    row: Callable[[Any], list[Any]]

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {"from": self.begin, "rows": [self.row(entry) for entry in self.entries]}


def changes(told: Told, cursor: Cursor) -> dict[str, Any] | None:
    """What is new since the cursor, to be made JSON by `encode`; None where nothing is. Moves the cursor.

    Only copies references, because whoever calls holds up the run.
    """
    if told.events == cursor.events:
        return None
    story = told.story
    new: dict[str, Any] = {
        "events": told.events,
        "steps": story.step_count,
        "samples": story.samples_learned,
        "paused": story.paused,
        "rate_offset": story.rate_offset,
        "started": story.started,
        "latest": story.latest,
        "away": story.away,
        "dropped": dict(story.dropped),
    }
    for name in _LATEST:
        event: Event | None = getattr(story, name)
        if event is not cursor.latest.get(name):
            _remember(cursor, name, event)
            new[name] = event
    test = story.evaluations[-1] if story.evaluations else None
    if test is not cursor.latest.get("evaluation"):
        _remember(cursor, "evaluation", test)
        new["confusion"] = test.confusion if test else None
    for listed in _lists(story):
        _add_rows(new, cursor, listed)
    if told.logs != cursor.logs:
        lines = list(story.logs)[-(told.logs - cursor.logs) :]
        new["logs"] = [[line.time, line.level, line.message] for line in lines]
        cursor.logs = told.logs
    cursor.events = told.events
    return new


def _remember(cursor: Cursor, name: str, event: Event | None) -> None:
    if event is None:
        cursor.latest.pop(name, None)
    else:
        cursor.latest[name] = event


@dataclass(frozen=True, slots=True)
class _List:
    """A list of a story: its entries, of how many events one is kept, and how many there ever were."""

    name: str
    entries: list[Any]
    spacing: int
    taken: int
    row: Callable[[Any], list[Any]]


def _lists(story: Story) -> list[_List]:
    curve = story.curve_of_steps
    thinned: tuple[tuple[str, Thinned[Any], Callable[[Any], list[Any]]], ...] = (
        ("tests", story.evaluations, _test_row),
        ("health", story.health, _health_row),
        ("learned", story.learned, _learned_row),
        ("controls", story.controls, _control_row),
        ("weights", story.histograms, _weights_row),
    )
    return [
        _List("curve", curve.entries, curve.per_entry, story.step_count, _curve_row),
        *(_List(name, part.entries, part.spacing, part.taken, row) for name, part, row in thinned),
    ]


def _add_rows(new: dict[str, Any], cursor: Cursor, listed: _List) -> None:
    """Rows from the first that may have changed: the last one may still grow, thinning changes all."""
    spacing, had, taken = cursor.lists.get(listed.name, (listed.spacing, 0, 0))
    if taken == listed.taken:
        return
    begin = max(had - 1, 0) if spacing == listed.spacing else 0
    cursor.lists[listed.name] = (listed.spacing, len(listed.entries), listed.taken)
    new[listed.name] = Rows(begin, listed.entries[begin:], listed.row)


def encode(body: dict[str, Any]) -> str:
    """As JSON; events and rows become plain only here."""
    return json.dumps(body, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Rows):
        return value.plain()
    fields = dataclasses.asdict(value)
    fields.pop("sum_squared_error", None)  # more than a number of JavaScript holds
    return fields


def _curve_row(sums: Sums) -> list[Any]:
    point = sums.point()
    return [point.step, round(point.epoch, 6), round(point.loss, 6), round(point.accuracy, 6), sums.samples]


def _test_row(test: Evaluation) -> list[Any]:
    return [test.step, round(test.epoch, 6), test.part, test.samples, test.correct, test.loss]


def _health_row(health: Health) -> list[Any]:
    return [health.step, [[getattr(layer, name) for name in HEALTH] for layer in health.layers]]


def _learned_row(learned: Learned) -> list[Any]:
    return [getattr(learned, name) for name in LEARNED]


def _weights_row(weights: Weights) -> list[Any]:
    return [weights.step, weights.low, weights.bin, weights.counts]


def _control_row(control: Control) -> list[Any]:
    return [control.time, control.action, control.value, control.by]
