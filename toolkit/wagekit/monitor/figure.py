"""Curves as SVG coordinates, worked out here so that the template only prints them."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10

from wagekit.monitor.plots import Line, Plot, Span

WIDTH, HEIGHT = 480, 250
STYLES = 8
"""Layers beyond so many have the same colours again, dashed."""
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
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves in a common frame."""

    title: str
    curves: tuple[Curve, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    by: str = "epoch"
    """What runs from left to right."""
    marks: tuple[Dot, ...] = ()
    """Where something happened from outside; `y` is of no account."""
    faults: tuple[Dot, ...] = ()
    filled: bool = False
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = _RIGHT
    top: int = _TOP
    bottom: int = _BOTTOM
    label_x: int = _LEFT - 7
    label_y: int = HEIGHT - 8


def chart(plot: Plot) -> Chart:
    """The plot in coordinates of SVG."""
    marks = [
        (
            Dot(_x(min(max(at, plot.x[0]), plot.x[1]), plot.x), _TOP, f"{plot.by} {at:,.6g}: {mark.text}"),
            mark.fault,
        )
        for at, mark in plot.marks
    ]
    x_text = "{:,g}" if plot.by != "epoch" else "{:g}"
    return Chart(
        plot.title,
        tuple(_curve(line, plot) for line in plot.lines),
        tuple(Tick(_x(v, plot.x), x_text.format(v)) for v in ticks(*plot.x, count=6)),
        _y_ticks(plot),
        plot.by,
        tuple(dot for dot, fault in marks if not fault),
        tuple(dot for dot, fault in marks if fault),
        plot.filled,
    )


def _y_ticks(plot: Plot) -> tuple[Tick, ...]:
    low, high = plot.y
    if plot.unit == "%":
        values = [(v / 100, f"{v:g} %") for v in ticks(low * 100, high * 100, count=5)]
    elif plot.unit == "2^":
        every = max(floor((high - low) / 6 + 0.5), 1)
        values = [(float(v), f"2^{v}") for v in range(int(low), int(high) + 1) if v % every == 0]
    else:
        values = [(v, f"{v:g} {plot.unit}".strip()) for v in ticks(low, high, count=5)]
    return tuple(Tick(_y(value, plot.y), text) for value, text in values)


def ticks(low: float, high: float, *, count: int) -> list[float]:
    """About `count` round numbers from `low` to `high`."""
    span = max(high - low, 1e-9)
    power = 10.0 ** floor(log10(span / count))
    step = next((power * f for f in (1, 2, 5) if span / (power * f) <= count), power * 10)
    first = floor(low / step)
    values = [round((first + i) * step, 12) for i in range(int(span / step) + 2)]
    return [v for v in values if low - 1e-9 <= v <= high + 1e-9]


def _curve(line: Line, plot: Plot) -> Curve:
    placed = [(_x(at, plot.x), _y(value, plot.y)) for at, value in line.points]
    path = "M" + " L".join(f"{across:g} {down:g}" for across, down in placed) if placed else ""
    dots = tuple(Dot(*place, title) for place, title in zip(placed, line.titles, strict=False))
    style, dashed = line.style, False
    if style.startswith("layer"):
        index = int(style.removeprefix("layer"))
        style, dashed = f"layer{index % STYLES}", index >= STYLES
    return Curve(line.name, style, path, dots, dashed)


def _x(value: float, span: Span) -> float:
    return round(_LEFT + (value - span[0]) / (span[1] - span[0]) * (_RIGHT - _LEFT), 1)


def _y(value: float, span: Span) -> float:
    return round(_BOTTOM - (value - span[0]) / (span[1] - span[0]) * (_BOTTOM - _TOP), 1)
