"""The health of layers, as a device counts it in some of its steps."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from wagekit.errors import LinkError
from wagekit.link import schema
from wagekit.link.codec import Record
from wagekit.link.reports import Hello
from wagekit.link.session import Session

_LAYER = struct.Struct("<7Ib")
"""A layer: the numbers of `LayerHealthReport` in their order."""
_TRIES = 4


@dataclass(frozen=True, slots=True)
class LayerHealthReport:
    """What was counted of one layer; 0 for what is not counted there."""

    plus: int
    minus: int
    clipped: int
    nonzero: int
    flipped: int
    zero_errors: int
    saturated: int
    gradient_exponent: int | None


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The health of all layers in one step."""

    step: int
    samples: int
    layers: tuple[LayerHealthReport, ...]


def health_requests(hello: Hello) -> list[tuple[str, dict[str, int]]]:
    """The requests whose answers `health_report` understands."""
    fixed = schema.wire_size(schema.find("health").reply or ())
    room = (hello.frame_bytes - fixed) // _LAYER.size
    return [("health", {"first": first}) for first in range(0, hello.layers, room)]


def health_report(records: Sequence[Record], hello: Hello, name: str) -> HealthReport | None:
    """The report from the answers to `health_requests`; None if nothing was counted yet, or if another
    step was counted between two answers.
    """
    if len({(record.int("step"), record.int("samples")) for record in records}) != 1:
        return None
    step, samples = records[0].int("step"), records[0].int("samples")
    layers = [layer for record in records for layer in _layers(record.bytes("layers"))]
    if len(layers) != hello.layers:
        raise LinkError(f"{name}: the device reports the health of {len(layers)} of {hello.layers} layers")
    return HealthReport(step, samples, tuple(layers)) if samples else None


def read_health(session: Session, hello: Hello) -> HealthReport | None:
    """The health of the last step that counted it, also while the device learns by itself.

    None if there was none yet, or if new ones come faster than they can be read.
    """
    for _ in range(_TRIES):
        records = list(session.pipeline(health_requests(hello)))
        report = health_report(records, hello, session.name)
        if report is not None or not records[0].int("samples"):
            return report
    return None


def _layers(data: bytes) -> list[LayerHealthReport]:
    whole = len(data) - len(data) % _LAYER.size
    return [_layer(*numbers) for numbers in _LAYER.iter_unpack(data[:whole])]


def _layer(*numbers: int) -> LayerHealthReport:
    names = [field.name for field in fields(LayerHealthReport)]
    values: dict[str, Any] = dict(zip(names, numbers, strict=True))
    if values["gradient_exponent"] < 0:
        values["gradient_exponent"] = None
    return LayerHealthReport(**values)
