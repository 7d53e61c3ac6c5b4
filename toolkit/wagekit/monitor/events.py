"""The event stream of a run: what displays, reports and recordings read.

One event is one JSON object on one line. Every object has `v` (the schema's version), `type` and
`time` (seconds since 1970, UTC); docs/events.md lists the rest. A newer wagekit only adds fields
and types: readers ignore fields they do not know and keep unknown types as `Unknown`.
"""

from __future__ import annotations

import dataclasses
import json
import time as clock
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import TypeAdapter, ValidationError

from wagekit.errors import DataError

SCHEMA_VERSION = 1

RunStatus = Literal["started", "finished", "stopped", "failed"]
Level = Literal["info", "warning", "error"]
Action = Literal["pause", "resume", "rate", "evaluate", "checkpoint", "stop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every event has."""

    type: ClassVar[str] = ""
    time: float = field(default_factory=clock.time)
    """Seconds since 1970, UTC."""
    source: str = ""
    """Which of several devices tells it; empty where there is one only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Event):
    """A run begins or ends. The last event of a recording that was closed in order."""

    type: ClassVar[str] = "run"
    status: RunStatus
    network: str
    place: str
    """Executor: `reference`, `host`, `qemu:BOARD`, `serial:PORT`, `neuro:PRESET`."""
    fingerprint: str = ""
    """64 hex digits that stand for the network's description."""
    seed: int = 0
    weights: int = 0
    layers: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    dataset: str = ""
    train_samples: int = 0
    test_samples: int = 0
    batch: int = 0
    first_step: int = 0
    """Step at which this run begins; larger than 0 when it goes on."""
    steps: int = 0
    """Step at which this run is to end."""
    steps_per_epoch: int = 0
    rule: str = ""
    schedule: str = ""
    version: str = ""
    """Version of wagekit."""
    board: str = ""
    manifest: str = ""
    """64 hex digits that stand for the firmware: `hash` in its manifest."""
    commit: str = ""
    """Git commit of the folder that the run was started in, `+` behind it where files were changed."""
    shifts: tuple[int, ...] = ()
    """Of each layer's activation."""
    digest: str = ""
    """`state_digest` at the end; empty when the run starts."""
    message: str = ""
    """Why it stopped or failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one weight layer reports of a step (see `executors.LayerStats`)."""

    error_exponent: int | None = None
    gradient_exponent: int | None = None
    saturated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Event):
    """One batch was learned."""

    type: ClassVar[str] = "step"
    step: int
    """Number of the step, from 0."""
    epoch: float
    """Passes over the training samples completed after this step."""
    samples: int
    loss: float
    sum_squared_error: int
    errors: int
    log2_lr: int
    """After the rule; -17 stands for a rate that changes nothing."""
    layers: tuple[Layer, ...] = ()
    instructions: int | None = None
    """Instructions the chip spent on this step, where it counts them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerHealth:
    """How one weight layer fared in one step; counts."""

    weights: int
    """Their number where the layer learns; else 0, as all that is said of them."""
    plus: int = 0
    """Masters that the update raised."""
    minus: int = 0
    """Masters that it lowered; the others stayed as they were."""
    clipped: int = 0
    """Masters at the end of their range after the update."""
    nonzero: int = 0
    """Weights, as the forward pass sees them, that are not 0 after the update."""
    flipped: int = 0
    """Weights whose sign (-1, 0, 1) the update changed."""
    errors: int | None = None
    """Quantised errors at the layer's output over the batch; None where they are not counted."""
    zero_errors: int | None = None
    """Of them, those that are 0."""
    activations: int = 0
    """Stored activations over the batch; 0 for the last layer."""
    saturated: int = 0
    """Of them, those at their largest."""
    gradient_exponent: int | None = None
    """Rounded log2 of the largest gradient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health(Event):
    """How the layers fared in a step; told for some steps only."""

    type: ClassVar[str] = "health"
    step: int
    layers: tuple[LayerHealth, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights(Event):
    """How many masters of each layer have which value."""

    type: ClassVar[str] = "weights"
    step: int
    """Steps learned before."""
    low: int
    """Smallest value."""
    bin: int = 1
    """Values that a count stands for."""
    counts: tuple[tuple[int, ...], ...] = ()
    """By layer, from `low` on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Event):
    """A sample that was just learned, to be looked at."""

    type: ClassVar[str] = "sample"
    step: int
    label: int
    shape: tuple[int, ...]
    """Height, width and channels, or what the network's input is."""
    bits: int
    """Codes lie in -2^(bits-1)+1..2^(bits-1)-1."""
    codes: str
    """int8 in C order, base64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned(Event):
    """How far learning by itself has come; steps are not told one by one."""

    type: ClassVar[str] = "learned"
    seen: int
    """New samples learned."""
    limit: int = 0
    """At so many it stops; 0 is no limit."""
    epoch: float
    """`seen` in passes over the training samples."""
    wrong: int
    """Of the new samples, those classified wrongly before they were learned."""
    accuracy: float
    """Running accuracy of new samples before they were learned, 0..1."""
    best: float = 0.0
    """Its largest value since the first window was full."""
    best_at: int = 0
    """`seen` when it was reached."""
    log2_lr: int = 0
    """Of the next step, before the rule."""
    stored: int = 0
    """Samples in the replay store."""
    step: int = 0
    """Steps made since initialisation, replayed ones too."""
    end: str = "goes_on"
    """Why it ended: `samples`, `accuracy`, `patience`, `asked`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation(Event):
    """Samples were classified without learning."""

    type: ClassVar[str] = "evaluation"
    step: int
    """Steps learned before."""
    epoch: float = 0.0
    part: str = "test"
    samples: int
    correct: int
    loss: float | None = None
    confusion: tuple[tuple[int, ...], ...] | None = None
    """`confusion[label][predicted]`, counts."""

    @property
    def accuracy(self) -> float:
        """Share of the samples whose class was found."""
        return self.correct / self.samples if self.samples else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources(Event):
    """What the network takes of a board, bytes and instructions; None where not known."""

    type: ClassVar[str] = "resources"
    board: str = ""
    ram: int | None = None
    """RAM in use: static data and the reserved stack."""
    ram_limit: int | None = None
    flash: int | None = None
    flash_limit: int | None = None
    model_ram: int | None = None
    """The part of `ram` that the network takes, masters included."""
    stack: int | None = None
    """Reserved."""
    stack_used: int | None = None
    """Most of it that was ever used."""
    checkpoint_writes: int | None = None
    """Checkpoints written since reset."""
    instructions_per_sample: int | None = None
    """Of training."""
    instructions_per_inference: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(Event):
    """Counts of the link since it was opened."""

    type: ClassVar[str] = "link"
    frames_sent: int = 0
    frames_received: int = 0
    resent: int = 0
    bad_frames: int = 0
    """Frames that were dropped: wrong CRC, wrong length, not decodable."""
    overruns: int = 0
    """Bytes that the chip dropped because its receive ring was full."""
    bytes_sent: int = 0
    bytes_received: int = 0
    latency: float | None = None
    """Seconds from a request to its answer, median of the latest; None where there were none."""
    waiting: float | None = None
    """Share of the time of training steps, 0..1, in which the chip did not compute: it waited for data, or
    served the line. None where that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log(Event):
    """A line for people."""

    type: ClassVar[str] = "log"
    level: Level = "info"
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(Event):
    """The firmware faulted."""

    type: ClassVar[str] = "fault"
    cause: str
    registers: Mapping[str, int] = field(default_factory=dict)
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control(Event):
    """Something that was asked for has taken effect."""

    type: ClassVar[str] = "control"
    action: Action
    value: int | None = None
    """Of `rate`: what is now added to the log2 of the schedule's rate."""
    by: str = ""
    """Who asked: `terminal`, `web`, or a program's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped(Event):
    """Somebody could not follow: events that a display or a client did not get. A recording gets all."""

    type: ClassVar[str] = "dropped"
    count: int
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Event):
    """An event of a type that a newer wagekit wrote; kept, so that it can be written again."""

    type: ClassVar[str] = "unknown"
    kind: str
    fields: Mapping[str, Any] = field(default_factory=dict)


TYPES: dict[str, type[Event]] = {
    cls.type: cls
    for cls in (
        Run,
        Step,
        Health,
        Weights,
        Sample,
        Learned,
        Evaluation,
        Resources,
        Link,
        Control,
        Dropped,
        Log,
        Fault,
    )
}

_CHECKERS: dict[type[Event], TypeAdapter[Event]] = {}
"""Made when they are needed: together they take a moment."""


def to_json(event: Event) -> str:
    """One line of JSON, without the newline."""
    if isinstance(event, Unknown):
        body: dict[str, Any] = {
            "type": event.kind,
            "time": event.time,
            "source": event.source,
            **event.fields,
        }
    else:
        body = {"type": event.type, **_plain(event)}
    return _ENCODER.encode({"v": SCHEMA_VERSION, **body})


def _plain(thing: Any) -> dict[str, Any]:
    """Fields by name; many times as fast as `dataclasses.asdict`, which copies what is in them."""
    kind = type(thing)
    names = _FIELDS.get(kind)
    if names is None:
        names = _FIELDS[kind] = tuple(item.name for item in dataclasses.fields(thing))
    return {name: getattr(thing, name) for name in names}


_FIELDS: dict[type, tuple[str, ...]] = {}
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=_plain)


def from_json(line: str, where: str = "event") -> Event:
    """The event that a line of JSON stands for; `DataError` names `where` and what is wrong."""
    try:
        body = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: not JSON: {str(error).splitlines()[0]}") from error
    if not isinstance(body, dict) or "type" not in body or "v" not in body:
        raise DataError(f"{where}: not an event: an object with v, type and time is needed")
    kind = str(body.pop("type"))
    version = body.pop("v")
    if not isinstance(version, int) or version < 1:
        raise DataError(f"{where}: version {version!r} of the event schema is not 1 or larger")
    cls = TYPES.get(kind)
    if cls is None:
        cls = Unknown
        body = {"time": body.pop("time", 0.0), "source": body.pop("source", ""), "kind": kind, "fields": body}
    try:
        return _checker(cls).validate_python(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise DataError(f"{where}: event '{kind}': {place}: {first['msg'].lower()}") from error


def _checker(cls: type[Event]) -> TypeAdapter[Event]:
    """Makes events of this type from what JSON holds; fields that it does not know are ignored."""
    checker = _CHECKERS.get(cls)
    if checker is None:
        checker = _CHECKERS[cls] = TypeAdapter(cls)
    return checker
