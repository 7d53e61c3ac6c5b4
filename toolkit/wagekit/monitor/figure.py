"""Curves as SVG coordinates, worked out here so that the template only prints them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

from wagekit.monitor.story import Story

WIDTH, HEIGHT = 480, 250
Span = tuple[float, float]
_WHOLE: Span = (0.0, 1.0)
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 470, 10, 222


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A point to be seen, with what it says."""

    x: float
    y: float
    title: str


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart; `style` is the class in the template."""

    name: str
    style: str
    path: str
    dots: tuple[Dot, ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves in a common frame."""

    title: str
    curves: tuple[Curve, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    by: str = "epoch"
    """What runs from left to right."""
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = _RIGHT
    label_x: int = _LEFT - 7
    label_y: int = HEIGHT - 8


def charts_of(story: Story) -> list[Chart]:
    """Loss and accuracy of a run, accuracy alone of learning by itself; empty while nothing was learned."""
    if story.learned:
        return [_by_itself(story)]
    points = story.curve(120)
    if not points:
        return []
    tests = story.tests
    start = min(points[0].epoch, tests[0].epoch if tests else points[0].epoch)
    x_range = (floor(start), max(points[-1].epoch, floor(start) + 1e-6))
    loss_top = max(point.loss for point in points) * 1.05 or 1.0
    loss = [(point.epoch, point.loss) for point in points]
    train = [(point.epoch, point.accuracy) for point in points]
    test = [(entry.epoch, entry.accuracy) for entry in tests]
    titles = [f"epoch {entry.epoch:g}: {entry.accuracy:.2%} of {entry.samples}" for entry in tests]
    x_ticks = tuple(Tick(_x(v, x_range), f"{v:g}") for v in ticks(*x_range, count=6))
    accuracy = [_curve("training samples, before their step", "train", train, x=x_range, y=_WHOLE)]
    if test:
        accuracy.append(_curve("test samples", "test", test, x=x_range, y=_WHOLE, titles=titles))
    return [
        Chart(
            "Loss",
            (_curve("training samples, before their step", "loss", loss, x=x_range, y=(0.0, loss_top)),),
            x_ticks,
            tuple(Tick(_y(v, (0.0, loss_top)), f"{v:g}") for v in ticks(0.0, loss_top, count=5)),
        ),
        Chart("Accuracy", tuple(accuracy), x_ticks, _percents()),
    ]


def _by_itself(story: Story) -> Chart:
    """Running accuracy and test accuracy over the new samples."""
    test = story.tests_by_sample
    titles = [
        f"{at:,.0f} samples: {entry.accuracy:.2%} of {entry.samples}"
        for (at, _), entry in zip(test, story.tests, strict=True)
    ]
    x_range = (0.0, max(float(story.learned[-1].seen), 1.0))
    curves = [_curve("running, before each sample is learned", "train", story.running, x=x_range, y=_WHOLE)]
    if test:
        curves.append(_curve("test samples", "test", test, x=x_range, y=_WHOLE, titles=titles))
    x_ticks = tuple(Tick(_x(v, x_range), f"{v:,g}") for v in ticks(*x_range, count=6))
    return Chart("Accuracy", tuple(curves), x_ticks, _percents(), "new sample")


def _percents() -> tuple[Tick, ...]:
    return tuple(Tick(_y(v / 100, _WHOLE), f"{v} %") for v in range(0, 101, 20))


def ticks(low: float, high: float, *, count: int) -> list[float]:
    """About `count` round numbers from `low` to `high`."""
    span = max(high - low, 1e-9)
    power = 10.0 ** floor(log10(span / count))
    step = next((power * f for f in (1, 2, 5) if span / (power * f) <= count), power * 10)
    first = floor(low / step)
    values = [round((first + i) * step, 12) for i in range(int(span / step) + 2)]
    return [v for v in values if low - 1e-9 <= v <= high + 1e-9]


def _curve(
    name: str,
    style: str,
    points: Sequence[tuple[float, float]],
    *,
    x: Span,
    y: Span,
    titles: Sequence[str] = (),
) -> Curve:
    placed = [(_x(at, x), _y(value, y)) for at, value in points]
    path = "M" + " L".join(f"{across:g} {down:g}" for across, down in placed) if placed else ""
    dots = tuple(Dot(*place, title) for place, title in zip(placed, titles, strict=False))
    return Curve(name, style, path, dots)


def _x(value: float, span: Span) -> float:
    return round(_LEFT + (value - span[0]) / (span[1] - span[0]) * (_RIGHT - _LEFT), 1)


def _y(value: float, span: Span) -> float:
    return round(_BOTTOM - (value - span[0]) / (span[1] - span[0]) * (_BOTTOM - _TOP), 1)
