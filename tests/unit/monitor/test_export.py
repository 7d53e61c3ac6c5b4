"""Tables and event files hold what was recorded."""

from __future__ import annotations

import csv
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wagekit.errors import ToolError, UsageError
from wagekit.monitor import (
    Control,
    Evaluation,
    Event,
    Fault,
    Health,
    Layer,
    LayerHealth,
    Learned,
    Log,
    Run,
    Sample,
    Step,
    Unknown,
    Weights,
)
from wagekit.monitor.export import TABLES, write_csv, write_tensorboard
from wagekit.monitor.shares import shares_of

HEALTHY = LayerHealth(
    weights=8,
    plus=1,
    minus=2,
    clipped=4,
    nonzero=6,
    flipped=1,
    errors=10,
    zero_errors=5,
    gradient_exponent=-3,
)
UNCOUNTED = LayerHealth(weights=4, activations=20, saturated=5)


def told(source: str) -> list[Event]:
    run = {"network": "net", "place": "host", "layers": ("conv0", "dense, 1"), "source": source}
    events: list[Event] = [Run(time=10.0, status="started", **run)]  # type: ignore[arg-type]
    for number in range(3):
        events.append(
            Step(
                time=11.0 + number,
                source=source,
                step=number,
                epoch=number / 3,
                samples=4,
                loss=0.5 - number / 8,
                sum_squared_error=2**64 - 1,
                errors=2,
                log2_lr=-number,
                layers=(Layer(saturated=number), Layer(error_exponent=3)),
            )
        )
    events += [
        Health(time=13.0, source=source, step=2, layers=(HEALTHY, UNCOUNTED)),
        Weights(time=13.0, source=source, step=3, low=-2, bin=2, counts=((1, 0, 3), (0, 0, 0))),
        Evaluation(time=14.0, source=source, step=3, samples=8, correct=6, confusion=((3, 1), (1, 3))),
        Learned(time=15.0, source=source, seen=7, epoch=0.5, wrong=2, accuracy=0.75, log2_lr=-1),
        Control(time=16.0, source=source, action="rate", value=-1, by="web"),
        Log(time=16.0, source=source, message='two\nlines, "quoted"'),
        Fault(time=16.0, source=source, cause="stack", registers={"pc": 1}),
        Sample(time=16.0, source=source, step=1, label=1, shape=(1,), bits=8, codes="AA=="),
        Unknown(time=16.0, source=source, kind="weather"),
    ]
    return events


BOTH = [*told("a"), *told("")]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_tables(tmp_path: Path) -> None:
    written = write_csv(tmp_path / "t", BOTH)
    assert {path.stem for path in written} == {*TABLES.values(), "layers"} - {"resources", "link"}
    assert {path.name for path in (tmp_path / "t").iterdir()} == {path.name for path in written}
    steps = rows(tmp_path / "t" / "steps.csv")
    assert [(row["source"], row["step"], row["loss"]) for row in steps][2:4] == [
        ("a", "2", "0.25"),
        ("", "0", "0.5"),
    ]
    assert steps[0]["sum_squared_error"] == str(2**64 - 1)
    assert steps[0]["instructions"] == ""
    layers = rows(tmp_path / "t" / "layers.csv")
    assert [(row["step"], row["layer"], row["saturated"], row["error_exponent"]) for row in layers[2:4]] == [
        ("1", "conv0", "1", ""),
        ("1", "dense, 1", "0", "3"),
    ]
    health = rows(tmp_path / "t" / "health.csv")
    assert len(health) == 4
    assert (health[0]["layer"], health[0]["zero_errors"], health[1]["zero_errors"]) == ("conv0", "5", "")
    evaluation = rows(tmp_path / "t" / "evaluations.csv")[0]
    assert (evaluation["correct"], evaluation["accuracy"]) == ("6", "0.75")
    assert rows(tmp_path / "t" / "learned.csv")[0]["seen"] == "7"
    assert rows(tmp_path / "t" / "logs.csv")[0]["message"] == 'two\nlines, "quoted"'


def test_tables_are_not_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text("mine")
    with pytest.raises(UsageError, match=r"runs\.csv exists"):
        write_csv(tmp_path, BOTH)
    assert [entry.name for entry in tmp_path.iterdir()] == ["runs.csv"]
    assert (tmp_path / "runs.csv").read_text() == "mine"
    write_csv(tmp_path, BOTH, replace=True)
    assert rows(tmp_path / "runs.csv")[0]["network"] == "net"


def test_an_export_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[Event]:
        yield from told("")
        raise UsageError("line 9")

    with pytest.raises(UsageError):
        write_csv(tmp_path / "t", broken())
    assert list((tmp_path / "t").iterdir()) == []


def summaries(path: Path) -> list[Any]:
    """Events of an event file of TensorBoard, each with its checksums checked."""
    from tensorboardX.crc32c import crc32c
    from tensorboardX.proto.event_pb2 import Event as Summary

    def checked(block: bytes, sum_: bytes) -> bytes:
        crc = crc32c(block)
        assert struct.unpack("<I", sum_)[0] == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
        return block

    data, found, at = path.read_bytes(), [], 0
    while at < len(data):
        (length,) = struct.unpack("<Q", checked(data[at : at + 8], data[at + 8 : at + 12]))
        end = at + 12 + length
        found.append(Summary.FromString(checked(data[at + 12 : end], data[end : end + 4])))
        at = end + 4
    return found


def test_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="event files need the extra 'tensorboard'")
    written = write_tensorboard(tmp_path / "tb", BOTH)
    assert [path.parent.name for path in written] == ["a", "tb"]
    for path in written:
        curves: dict[str, list[tuple[int, float, float]]] = {}
        for event in summaries(path):
            for value in event.summary.value:
                curves.setdefault(value.tag, []).append((event.step, event.wall_time, value.simple_value))
                if value.tag == "weights/conv0":
                    assert list(value.histo.bucket) == [1, 0, 3]
                    assert list(value.histo.bucket_limit) == [-1, 1, 3]
                    assert (value.histo.num, value.histo.min, value.histo.sum) == (4, -2, -1.5 + 3 * 2.5)
        assert curves["train/loss"] == [(1, 11.0, 0.5), (2, 12.0, 0.375), (3, 13.0, 0.25)]
        assert curves["train/accuracy"][0] == (1, 11.0, 0.5)
        assert curves["test/accuracy"] == [(3, 14.0, 0.75)]
        assert curves["flipped/conv0"] == [(3, 13.0, 0.125)]
        assert curves["gradient_exponent/conv0"] == [(3, 13.0, -3.0)]
        assert curves["saturated/dense__1"] == [(3, 13.0, 0.25)]
        assert "zero_errors/dense__1" not in curves
        assert curves["by_itself/accuracy"] == [(7, 15.0, 0.75)]
    with pytest.raises(UsageError, match="has event files"):
        write_tensorboard(tmp_path / "tb", BOTH)
    again = write_tensorboard(tmp_path / "tb", told("a"), replace=True)
    assert sorted((tmp_path / "tb").glob("**/events*")) == again


def test_without_tensorboardx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ToolError, match="tensorboardX") as caught:
        write_tensorboard(tmp_path / "tb", BOTH)
    assert caught.value.hint == "pip install 'wagekit[tensorboard]'"
    assert not (tmp_path / "tb").exists()


def test_a_device_of_any_name_stays_in_the_folder(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="event files need the extra 'tensorboard'")
    for name in ("../../out", "serial:/dev/ttyACM0", ".."):
        written = write_tensorboard(tmp_path / "in" / str(len(name)), told(name))
        assert written[0].resolve().is_relative_to(tmp_path / "in" / str(len(name)))


def test_shares() -> None:
    assert shares_of(HEALTHY) == {
        "plus": 0.125,
        "minus": 0.25,
        "unchanged": 0.625,
        "clipped": 0.5,
        "density": 0.75,
        "flipped": 0.125,
        "zero_errors": 0.5,
    }
    assert shares_of(UNCOUNTED)["saturated"] == 0.25
    assert "zero_errors" not in shares_of(UNCOUNTED)
    assert shares_of(LayerHealth(weights=0)) == {}
