"""Charts and bars of characters: braille curves, eighth-block bars, sparklines."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

CHART_HEIGHT = 6
"""Lines of a curve in a terminal."""
_BLOCKS = " ▏▎▍▌▋▊▉█"
_SPARKS = "▁▂▃▄▅▆▇█"
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Braille bit of a dot, by row and column of its cell."""


def bar(share: float, width: int) -> str:
    """A bar `width` characters long, filled to `share` (0..1) in eighths of a character."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_BLOCKS[rest] if rest else "")).ljust(width)


def sparkline(values: Sequence[float], width: int, *, low: float, high: float) -> str:
    """The last `width` values as one line of block characters between `low` and `high`."""
    span = (high - low) or 1.0
    shown = values[-width:]
    return "".join(_SPARKS[min(max(int((v - low) / span * 8), 0), 7)] for v in shown)


def braille(
    points: Sequence[tuple[float, float]],
    width: int,
    height: int,
    *,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
) -> list[str]:
    """A curve through `points` (sorted by x) on a grid of `width` x `height` characters.

    Each character holds 2x4 dots. Points outside the ranges are put on the border.
    """
    columns, rows = width * 2, height * 4
    cells = [[0] * width for _ in range(height)]
    placed = [(_scale(x, x_range, columns - 1), _scale(y, y_range, rows - 1)) for x, y in points]
    for i, (x, y) in enumerate(placed):
        x0, y0 = placed[i - 1] if i else (x, y)
        length = max(abs(x - x0), abs(y - y0), 1)
        for part in range(length + 1):
            column = x0 + round((x - x0) * part / length)
            row = rows - 1 - (y0 + round((y - y0) * part / length))
            cells[row // 4][column // 2] |= _DOTS[row % 4][column % 2]
    return ["".join(chr(0x2800 + cell) for cell in line) for line in cells]


def _scale(value: float, span: tuple[float, float], top: int) -> int:
    low, high = span
    share = (value - low) / ((high - low) or 1.0)
    return round(min(max(share, 0.0), 1.0) * top)


def with_axis(lines: Sequence[str], labels: tuple[str, str], style: str) -> list[Text]:
    """Lines of a curve beside its axis; `labels` (at most four characters) are those of both ends."""
    names = [labels[0], *[""] * (len(lines) - 2), labels[1]]
    ends = ["┤", *["│"] * (len(lines) - 2), "┤"]
    return [
        Text.assemble((f"{name:>4}{end}", "dim"), (line, style))
        for name, end, line in zip(names, ends, lines, strict=True)
    ]


def clock(seconds: float | None) -> str:
    """A duration as minutes and seconds, with hours where there are any."""
    whole = int(seconds or 0)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
