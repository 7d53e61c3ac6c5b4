"""Recordings as tables (CSV) and as event files of TensorBoard."""

from __future__ import annotations

import csv
import dataclasses
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from wagekit.errors import DataError, ToolError, UsageError
from wagekit.monitor.events import (
    Control,
    Evaluation,
    Event,
    Fault,
    Health,
    Learned,
    Link,
    Log,
    Resources,
    Run,
    Step,
    Weights,
)
from wagekit.monitor.shares import shares_of

TABLES: dict[type[Event], str] = {
    Run: "runs",
    Step: "steps",
    Health: "health",
    Learned: "learned",
    Evaluation: "evaluations",
    Resources: "resources",
    Link: "link",
    Control: "controls",
    Log: "logs",
    Fault: "faults",
}
"""Name of the table that an event is a row of."""
LAYERS = "layers"
"""Table of what steps tell of each layer."""
_NOT_IN_A_CELL = ("layers", "classes", "shifts", "confusion", "registers")
Row = dict[str, Any]


def rows_of(event: Event, layers: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, Row]]:
    """The rows that an event gives, each with its table; `layers` are names by source."""
    table = TABLES.get(type(event))
    if table is None:
        return
    names = layers.get(event.source, ())
    row = _cells(event)
    if isinstance(event, Evaluation):
        row["accuracy"] = event.accuracy
    if not isinstance(event, Health):
        yield table, row
    if isinstance(event, (Step, Health)):
        own = {key: row[key] for key in ("source", "time", "step")}
        for index, layer in enumerate(event.layers):
            name = {"layer": _layer_name(names, index)}
            yield LAYERS if isinstance(event, Step) else table, own | name | _cells(layer)


def write_csv(folder: Path, events: Iterable[Event], *, replace: bool = False) -> list[Path]:
    """Write a table for each kind of event that there is, with one row for each; returns the files.

    All of them are written, or none. `UsageError` where one is there already and `replace` is not given.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".wagekit-", dir=folder) as place:
            made = _write_tables(Path(place), events)
            targets = [folder / path.name for path in made]
            for target in targets:
                if target.exists() and not replace:
                    raise UsageError(f"{target} exists", hint="--force replaces it")
            for path, target in zip(made, targets, strict=True):
                path.replace(target)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written: {error.strerror or error}") from error
    return targets


def _write_tables(folder: Path, events: Iterable[Event]) -> list[Path]:
    writers: dict[str, csv.DictWriter[str]] = {}
    made: list[Path] = []
    layers: dict[str, tuple[str, ...]] = {}
    with ExitStack() as files:
        for event in events:
            _note_layers(layers, event)
            for table, row in rows_of(event, layers):
                if table not in writers:
                    made.append(folder / f"{table}.csv")
                    file = files.enter_context(made[-1].open("w", encoding="utf-8", newline=""))
                    writers[table] = csv.DictWriter(file, list(row), lineterminator="\n")
                    writers[table].writeheader()
                writers[table].writerow(row)
    return made


class Writer(Protocol):
    """What is used of a `tensorboardX.SummaryWriter`."""

    def add_scalar(self, tag: str, value: float, step: int, walltime: float) -> None:
        """One point of a curve."""

    def add_text(self, tag: str, text: str, step: int, walltime: float) -> None:
        """A remark."""

    def add_histogram_raw(self, tag: str, **values: Any) -> None:
        """Counts of values."""

    def close(self) -> None:
        """Write all of it."""


def write_tensorboard(folder: Path, events: Iterable[Event], *, replace: bool = False) -> list[Path]:
    """Write event files for TensorBoard, those of several devices in a folder each; returns the files.

    All of them are written, or none. `UsageError` where the folder has event files already and
    `replace` is not given, `ToolError` where tensorboardX is not installed.
    """
    folder = Path(folder)
    make = _summary_writer()
    try:
        old = sorted(folder.glob("**/events.out.tfevents.*"))
        if old and not replace:
            raise UsageError(f"{folder}: has event files of TensorBoard", hint="--force replaces them")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".wagekit-", dir=folder) as place:
            _write_summaries(Path(place), events, make)
            made = sorted(Path(place).glob("**/events.out.tfevents.*"))
            targets = [folder / path.relative_to(place) for path in made]
            for path in old:
                path.unlink()
            for path, target in zip(made, targets, strict=True):
                target.parent.mkdir(exist_ok=True)
                path.replace(target)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written: {error.strerror or error}") from error
    return targets


def _write_summaries(folder: Path, events: Iterable[Event], make: Any) -> None:
    writers: dict[str, Writer] = {}
    layers: dict[str, tuple[str, ...]] = {}
    try:
        for event in events:
            _note_layers(layers, event)
            writer = writers.get(event.source)
            if writer is None:
                place = folder / _file_name(event.source) if event.source else folder
                writer = writers[event.source] = make(str(place))
            _summarise(writer, event, layers.get(event.source, ()))
    finally:
        for writer in writers.values():
            writer.close()


def _summarise(writer: Writer, event: Event, layers: tuple[str, ...]) -> None:
    """Curves, histograms and remarks of one event; the step is the number of steps learned."""
    at = event.time
    match event:
        case Run():
            writer.add_text(f"run/{event.status}", _as_text(event), 0, at)
        case Fault():
            writer.add_text("fault", _as_text(event), 0, at)
        case Step():
            after = event.step + 1
            writer.add_scalar("train/loss", event.loss, after, at)
            writer.add_scalar("train/accuracy", 1 - event.errors / max(event.samples, 1), after, at)
            writer.add_scalar("train/log2_lr", event.log2_lr, after, at)
        case Health():
            for index, layer in enumerate(event.layers):
                values = shares_of(layer)
                if layer.gradient_exponent is not None:
                    values["gradient_exponent"] = layer.gradient_exponent
                for name, value in values.items():
                    writer.add_scalar(f"{name}/{_layer_name(layers, index)}", value, event.step + 1, at)
        case Learned():
            writer.add_scalar("by_itself/accuracy", event.accuracy, event.seen, at)
            writer.add_scalar("by_itself/log2_lr", event.log2_lr, event.seen, at)
        case Evaluation():
            writer.add_scalar(f"{event.part}/accuracy", event.accuracy, event.step, at)
            if event.loss is not None:
                writer.add_scalar(f"{event.part}/loss", event.loss, event.step, at)
        case Weights():
            for index, counts in enumerate(event.counts):
                _histogram(writer, f"weights/{_layer_name(layers, index)}", event, counts)


def _histogram(writer: Writer, tag: str, event: Weights, counts: tuple[int, ...]) -> None:
    total = sum(counts)
    if not total:
        return
    limits = [float(event.low + (number + 1) * event.bin - 1) for number in range(len(counts))]
    middles = [limit - (event.bin - 1) / 2 for limit in limits]
    writer.add_histogram_raw(
        tag,
        min=float(event.low),
        max=limits[-1],
        num=total,
        sum=sum(count * value for count, value in zip(counts, middles, strict=True)),
        sum_squares=sum(count * value * value for count, value in zip(counts, middles, strict=True)),
        bucket_limits=limits,
        bucket_counts=list(counts),
        global_step=event.step,
        walltime=event.time,
    )


def _summary_writer() -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise ToolError(
            "event files for TensorBoard need tensorboardX, which is not installed",
            hint="pip install 'wagekit[tensorboard]'",
        ) from error
    return SummaryWriter


def _cells(thing: Any) -> Row:
    """Fields that a cell can hold, by name; None is an empty cell."""
    names = [item.name for item in dataclasses.fields(thing) if item.name not in _NOT_IN_A_CELL]
    first = [name for name in ("source", "time") if name in names]
    return {name: getattr(thing, name) for name in first + [name for name in names if name not in first]}


def _as_text(event: Event) -> str:
    """Fields that say something, as a list in Markdown."""
    return "\n".join(
        f"- {name}: {value}" for name, value in _cells(event).items() if value not in ("", None, 0)
    )


def _note_layers(layers: dict[str, tuple[str, ...]], event: Event) -> None:
    if isinstance(event, Run) and event.layers:
        layers[event.source] = event.layers


def _layer_name(names: tuple[str, ...], index: int) -> str:
    return names[index] if index < len(names) else str(index)


def _file_name(source: str) -> str:
    """The name of a device as that of a folder, whatever it is."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in source).lstrip(".") or "device"
