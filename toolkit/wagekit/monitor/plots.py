"""What a run is judged by, as lines in data coordinates: the report and the pictures draw them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import floor
from typing import Literal

from wagekit.monitor.events import Health, LayerHealth
from wagekit.monitor.shares import shares_of
from wagekit.monitor.story import Mark, Story

POINTS = 240
"""A line has at most so many."""
Span = tuple[float, float]
Points = list[tuple[float, float]]
Unit = Literal["", "%", "2^", "ms"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `style` is `loss`, `train`, `test` or `layer0`.. (colours are the drawer's affair)."""

    name: str
    style: str
    points: Points
    titles: tuple[str, ...] = ()
    """What each point says, where points are to be seen one by one."""


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines in a common frame."""

    title: str
    lines: tuple[Line, ...]
    x: Span
    y: Span
    by: str = "epoch"
    """What runs from left to right."""
    unit: Unit = ""
    """Of y: shares as percent, exponents as powers of two."""
    marks: tuple[tuple[float, Mark], ...] = ()
    """What happened at which x, which may lie outside the frame: it is then drawn at its side."""
    filled: bool = False
    """The area below the lines stands for counts."""


SHARES: dict[str, str] = {
    "saturated": "Activations at their largest",
    "zero_errors": "Errors that are zero",
    "plus": "Masters that an update raises",
    "minus": "Masters that an update lowers",
    "unchanged": "Masters that an update leaves",
    "clipped": "Masters at the end of their range",
    "density": "Weights that are not zero",
    "flipped": "Weights whose sign changes",
}
"""Titles of the plots of `shares_of`."""


def learning_plots(story: Story) -> list[Plot]:
    """Loss, accuracy and rate of a run, or of learning by itself; none while nothing was learned."""
    if story.learned:
        return _by_itself(story)
    points = story.curve(120)
    if not points:
        return []
    tests = story.tests
    epochs = [point.epoch for point in points] + [entry.epoch for entry in tests]
    x = _span(floor(min(epochs)), max(epochs))
    marks = tuple((mark.epoch, mark) for mark in story.marks)
    loss_top = max(point.loss for point in points) * 1.05 or 1.0
    before = "training samples, before their step"
    accuracy = [Line(before, "train", [(point.epoch, point.accuracy) for point in points])]
    if tests:
        titles = tuple(f"epoch {entry.epoch:g}: {entry.accuracy:.2%} of {entry.samples}" for entry in tests)
        accuracy.append(
            Line("test samples", "test", [(entry.epoch, entry.accuracy) for entry in tests], titles)
        )
    loss = Line(before, "loss", [(point.epoch, point.loss) for point in points])
    rate = [(point.epoch, float(point.log2_lr)) for point in story.curve(POINTS, least=1)]
    return [
        Plot("Loss", (loss,), x, (0.0, loss_top), marks=marks),
        Plot("Accuracy", tuple(accuracy), x, (0.0, 1.0), unit="%", marks=marks),
        _rate(rate, x, "epoch", marks),
    ]


def _by_itself(story: Story) -> list[Plot]:
    """Running accuracy and test accuracy over the new samples."""
    test = story.tests_by_sample
    titles = tuple(
        f"{at:,.0f} samples: {entry.accuracy:.2%} of {entry.samples}"
        for (at, _), entry in zip(test, story.tests, strict=True)
    )
    x = (0.0, max(float(story.learned[-1].seen), 1.0))
    lines = [Line("running, before each sample is learned", "train", story.running)]
    if test:
        lines.append(Line("test samples", "test", test, titles))
    marks = tuple((float(mark.seen), mark) for mark in story.marks)
    rate = [(float(entry.seen), float(entry.log2_lr)) for entry in story.learned]
    return [
        Plot("Accuracy", tuple(lines), x, (0.0, 1.0), "new sample", "%", marks),
        _rate(rate, x, "new sample", marks),
    ]


def _rate(points: Points, x: Span, by: str, marks: tuple[tuple[float, Mark], ...]) -> Plot:
    line = Line("after the rule", "loss", _stairs(points))
    return Plot("Learning rate", (line,), x, _exponents([points]), by, "2^", marks)


def health_plots(story: Story) -> list[Plot]:
    """A plot for each thing that layers are judged by, with a line for each layer; none without health."""
    entries = list(story.health)
    if not entries:
        return []
    at = [float(entry.step) for entry in entries]
    x = _span(min(at), max(at))
    marks = tuple((float(mark.step), mark) for mark in story.marks)
    plots = []
    for name, title in SHARES.items():
        lines = _layer_lines(story, entries, lambda layer, name=name: shares_of(layer).get(name), _mean)  # type: ignore[misc]
        if lines:
            top = max((value for line in lines for _, value in line.points), default=0.0)
            y = (0.0, 1.0) if top > 0.5 else (0.0, max(top * 1.1, 0.01))
            plots.append(Plot(title, lines, x, y, "step", "%", marks))
    lines = _layer_lines(story, entries, lambda layer: layer.gradient_exponent, max)
    if lines:
        y = _exponents([line.points for line in lines])
        plots.append(Plot("Largest gradient", lines, x, y, "step", "2^", marks))
    return plots


def _layer_lines(
    story: Story,
    entries: Sequence[Health],
    ask: Callable[[LayerHealth], float | None],
    together: Callable[[list[float]], float],
) -> tuple[Line, ...]:
    """A line for each layer that has the value at all; neighbouring steps are put together."""
    lines = []
    for index in range(max(len(entry.layers) for entry in entries)):
        found = [
            (float(entry.step), value)
            for entry in entries
            if index < len(entry.layers) and (value := ask(entry.layers[index])) is not None
        ]
        if found:
            lines.append(Line(layer_name(story, index), f"layer{index}", _thin(found, together)))
    return tuple(lines)


def weight_plots(story: Story) -> list[Plot]:
    """How many masters of each layer have which value, a plot for each layer."""
    weights = story.weights
    if weights is None:
        return []
    plots = []
    for index, counts in enumerate(weights.counts):
        edges = [float(weights.low + number * weights.bin) for number in range(len(counts) + 1)]
        outline: Points = [(edges[0], 0.0)]
        for number, count in enumerate(counts):
            outline += [(edges[number], float(count)), (edges[number + 1], float(count))]
        outline.append((edges[-1], 0.0))
        line = Line(f"{sum(counts):,} masters after {weights.step:,} steps", f"layer{index}", outline)
        top = max(counts, default=0) * 1.05 or 1.0
        title = layer_name(story, index)
        plots.append(Plot(title, (line,), (edges[0], edges[-1]), (0.0, top), "value", filled=True))
    return plots


def link_plots(story: Story) -> list[Plot]:
    """Latency, and frames that went wrong, by second; none where the link was told of once only."""
    links, start = list(story.links), story.started or 0.0
    if len(links) < 2:
        return []
    x = _span(links[0].time - start, links[-1].time - start)
    marks = tuple((mark.time - start, mark) for mark in story.marks)
    plots = []
    late = [(entry.time - start, entry.latency * 1000) for entry in links if entry.latency is not None]
    if late:
        top = max(value for _, value in late) * 1.1 or 1.0
        line = Line("from a request to its answer", "train", _thin(late, _mean))
        plots.append(Plot("Latency of the link", (line,), x, (0.0, top), "second", "ms", marks))
    kinds = {"sent again": "resent", "damaged": "bad_frames", "overrun bytes": "overruns"}
    lines = tuple(
        Line(name, f"layer{index}", _thin([(e.time - start, float(getattr(e, field))) for e in links], max))
        for index, (name, field) in enumerate(kinds.items())
    )
    top = max(value for line in lines for _, value in line.points) * 1.1 or 1.0
    plots.append(Plot("Trouble on the link, in all", lines, x, (0.0, top), "second", marks=marks))
    return plots


def layer_name(story: Story, index: int) -> str:
    """The name of a weight layer, or its number where it has none."""
    names = story.run.layers if story.run else ()
    return names[index] if index < len(names) else str(index)


def _thin(points: Points, together: Callable[[list[float]], float]) -> Points:
    """At most `POINTS`, each at the last of the neighbours that it stands for."""
    bins = min(POINTS, len(points))
    parts = [points[len(points) * i // bins : len(points) * (i + 1) // bins] for i in range(bins)]
    return [(part[-1][0], together([value for _, value in part])) for part in parts]


def _stairs(points: Points) -> Points:
    """The same with a step where the value changes; points between changes are left out."""
    found: Points = points[:1]
    for number, (at, value) in enumerate(points[1:], 1):
        last = number == len(points) - 1
        if value != found[-1][1]:
            found += [(at, found[-1][1]), (at, value)]
        elif last:
            found.append((at, value))
    return found


def _exponents(lines: Iterable[Points]) -> Span:
    values = [value for points in lines for _, value in points]
    return (floor(min(values)) - 1.0, floor(max(values)) + 1.0)


def _span(low: float, high: float) -> Span:
    return (low, max(high, low + 1e-6))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
