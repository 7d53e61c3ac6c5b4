"""The event schema: every event survives JSON, newer fields and types are no obstacle."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from wagekit.errors import DataError
from wagekit.monitor import (
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
from wagekit.monitor.events import TYPES

LAYERS = (Layer(error_exponent=9, gradient_exponent=16, saturated=7), Layer(saturated=0))
EVENTS: list[Event] = [
    Run(status="started", network="n", place="host", layers=("a", "b"), classes=("0", "1"), steps=9),
    Run(status="failed", network="n", place="host", message="cable pulled", digest="ab"),
    Step(
        step=3,
        epoch=0.5,
        samples=8,
        loss=0.25,
        sum_squared_error=2**64 - 1,
        errors=2,
        log2_lr=-17,
        layers=LAYERS,
    ),
    Step(
        step=4, epoch=0.6, samples=8, loss=0.2, sum_squared_error=5, errors=0, log2_lr=3, instructions=10**10
    ),
    Learned(seen=7, limit=9, epoch=0.5, wrong=2, accuracy=0.75, best=0.8, best_at=5, stored=3, step=14),
    Learned(seen=9, epoch=0.6, wrong=2, accuracy=0.8, end="patience"),
    Evaluation(step=4, epoch=0.6, samples=10, correct=9, loss=0.1, confusion=((5, 0), (1, 4))),
    Evaluation(step=4, samples=0, correct=0, part="train"),
    Resources(board="b", ram=1, ram_limit=2, flash=3, flash_limit=4, model_ram=5, stack=6),
    Resources(instructions_per_sample=7, instructions_per_inference=8),
    Link(frames_sent=1, frames_received=2, resent=5, bad_frames=6, overruns=7),
    Link(bytes_sent=10**10, bytes_received=3, latency=0.002),
    Health(
        step=3,
        source="qemu:b",
        layers=(
            LayerHealth(weights=9, plus=1, minus=2, clipped=3, nonzero=4, flipped=1, errors=8, zero_errors=5),
            LayerHealth(weights=4, activations=7, saturated=2, gradient_exponent=-3),
        ),
    ),
    Weights(step=3, low=-127, bin=2, counts=((1, 2, 3), (0, 4, 0))),
    Sample(step=3, label=7, shape=(2, 2, 1), bits=8, codes="AH+BAA=="),
    Control(action="rate", value=-2, by="web"),
    Dropped(count=12, where="browser 3"),
    Log(level="warning", message="grün ✓\nzwei"),
    Fault(cause="hard_fault", registers={"pc": 0xFFFFFFFF, "lr": 0}, message="HardFault"),
    Unknown(kind="weather", fields={"rain": [1, {"mm": 2.5}]}),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.type)
def test_round_trip(event: Event) -> None:
    line = to_json(event)
    assert "\n" not in line
    assert json.loads(line)["v"] == 1
    assert from_json(line) == event
    assert to_json(from_json(line)) == line


def test_all_types_are_tried() -> None:
    assert {type(event) for event in EVENTS} == {*TYPES.values(), Unknown}
    assert all(name == cls.type for name, cls in TYPES.items())


@pytest.mark.parametrize("event", EVENTS[:-1], ids=lambda e: e.type)
def test_newer_fields_are_ignored(event: Event) -> None:
    body = json.loads(to_json(event)) | {"v": 7, "mood": "sunny"}
    assert from_json(json.dumps(body)) == event


def test_accuracy_follows_from_counts() -> None:
    assert Evaluation(step=0, samples=8, correct=6).accuracy == 0.75
    assert Evaluation(step=0, samples=0, correct=0).accuracy == 0.0


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("{", "not JSON"),
        ("[]", "not an event"),
        ('{"v": 1}', "not an event"),
        ('{"v": 0, "type": "log"}', "version 0"),
        ('{"v": "x", "type": "log"}', "version 'x'"),
        ('{"v": 1, "type": "log"}', "event 'log': message: field required"),
        ('{"v": 1, "type": "step", "layers": 5, "step": 1}', "event 'step': epoch: field required"),
    ],
)
def test_damaged_lines(line: str, text: str) -> None:
    with pytest.raises(DataError) as caught:
        from_json(line, "e.jsonl: line 4")
    assert caught.value.message.startswith("e.jsonl: line 4: ")
    assert text in caught.value.message


def test_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "events.md").read_text(encoding="utf-8")
    for name, cls in TYPES.items():
        assert f"## {name}" in text
        section = text.split(f"## {name}\n")[1].split("\n## ")[0]
        for item in dataclasses.fields(cls):
            if item.name not in ("time", "source"):
                assert f"`{item.name}`" in section, f"docs/events.md: {name}.{item.name}"
