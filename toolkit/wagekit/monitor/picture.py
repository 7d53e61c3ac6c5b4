"""The learning curve and the health of the layers as PNG, with matplotlib (the extra `plot`)."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from wagekit.errors import ToolError
from wagekit.files import write_whole
from wagekit.monitor.events import Evaluation, Run
from wagekit.monitor.mesh import LAYER_COLORS
from wagekit.monitor.plots import Plot, health_plots
from wagekit.monitor.story import Story

_LOSS, _TRAIN, _TEST, _INK, _DIM = "#c77700", "#2a9d6f", "#a1359b", "#1d2733", "#667384"
_FAULT = "#c0392b"


def write_picture(path: str | Path, story: Story) -> Path:
    """Draw loss, accuracy and confusion. `ToolError` where matplotlib is missing."""
    tests = story.tests
    matrix = tests[-1].confusion if tests else None
    figure = _figure(12 if matrix and story.step_count else 9, 4.2)
    if story.learned:
        _draw_by_itself(figure.subplots(), story)
    else:
        widths = [1, 1, 0.85] if matrix else [1, 1]
        axes = figure.subplots(1, len(widths), gridspec_kw={"width_ratios": widths})
        _draw_loss(axes[0], story)
        _draw_accuracy(axes[1], story)
        if matrix:
            _draw_confusion(axes[2], tests[-1], story.run)
    return _save(figure, Path(path), story)


def write_health_picture(path: str | Path, story: Story) -> Path | None:
    """Draw the health of the layers by step; None where the run does not tell of it."""
    plots = health_plots(story)
    if not plots:
        return None
    rows = -(-len(plots) // 3)
    figure = _figure(12, 2.9 * rows + 0.6)
    axes = list(figure.subplots(rows, 3, squeeze=False).flat)
    for axis, plot in zip(axes, plots, strict=False):
        _draw(axis, plot)
    for axis in axes[len(plots) :]:
        axis.set_axis_off()
    most = max(range(len(plots)), key=lambda number: len(plots[number].lines))  # not all have all layers
    names = [line.name for line in plots[most].lines]
    handles = axes[most].get_lines()[: len(names)]
    figure.legend(handles, names, frameon=False, loc="upper right", ncols=min(len(names), 8), fontsize=9)
    return _save(figure, Path(path), story)


def _figure(width: float, height: float) -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ToolError(
            "a picture needs matplotlib, which is not installed", hint="pip install 'wagekit[plot]'"
        ) from error
    figure = Figure(figsize=(width, height), dpi=130, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Any, path: Path, story: Story) -> Path:
    if story.run is not None:
        title = _title(story.run, story)
        figure.suptitle(title, fontsize=13, fontweight="bold", color=_INK, x=0.012, ha="left")
    figure.tight_layout(rect=(0, 0, 1, 0.98))
    drawn = BytesIO()
    figure.savefig(drawn, format="png", metadata={"Software": None})
    write_whole(path, drawn.getvalue())
    return path


def _draw(axis: Any, plot: Plot) -> None:
    """A plot with its lines, marks and units."""
    scale = 100 if plot.unit == "%" else 1
    for line in plot.lines:
        index = int(line.style.removeprefix("layer"))
        x, y = _columns(line.points)
        axis.plot(
            x,
            [value * scale for value in y],
            color=LAYER_COLORS[index % len(LAYER_COLORS)],
            linestyle="-" if index < len(LAYER_COLORS) else "--",
            linewidth=1.4,
        )
    _label(axis, plot.title + (", %" if plot.unit == "%" else ", log2" if plot.unit == "2^" else ""), plot.by)
    axis.set_xlim(*plot.x)
    axis.set_ylim(plot.y[0] * scale, plot.y[1] * scale)
    for at, mark in plot.marks:
        axis.axvline(
            at, color=_FAULT if mark.fault else _DIM, linewidth=0.9, linestyle="-" if mark.fault else ":"
        )


def _title(run: Run, story: Story) -> str:
    text = f"{run.network}: {run.weights:,} weights learn on {run.place}, integers only"
    if story.learned:
        text = f"{run.network}, {run.weights:,} weights, learns by itself on {run.place}"
    if story.tests:
        text += f", to {story.tests[-1].accuracy:.1%} test accuracy"
    return text


def _draw_loss(axis: Any, story: Story) -> None:
    raw = [(p.epoch, p.loss) for p in story.curve(2048, least=1)]
    points = story.curve(80)
    axis.plot(*_columns(raw), color=_LOSS, alpha=0.18, linewidth=0.7)
    axis.plot(*_columns([(p.epoch, p.loss) for p in points]), color=_LOSS, linewidth=1.8)
    top = max((p.loss for p in points), default=1.0)
    axis.set_ylim(0, top * 1.25 or 1.0)
    _label(axis, "loss", "epoch")


def _draw_accuracy(axis: Any, story: Story) -> None:
    points = story.curve(80)
    train = [(p.epoch, 100 * p.accuracy) for p in points]
    test = [(entry.epoch, 100 * entry.accuracy) for entry in story.tests]
    axis.plot(*_columns(train), color=_TRAIN, linewidth=1.8, label="training, before each step")
    if test:
        axis.plot(*_columns(test), color=_TEST, linewidth=1.8, marker="o", markersize=4.5, label="test")
    axis.set_ylim(0, 102)
    axis.legend(frameon=False, loc="lower right", fontsize=9)
    _label(axis, "accuracy, %", "epoch")


def _draw_by_itself(axis: Any, story: Story) -> None:
    """Running accuracy, and test accuracy, over the new samples."""
    seen = [(at, 100 * accuracy) for at, accuracy in story.running]
    test = [(at, 100 * accuracy) for at, accuracy in story.tests_by_sample]
    axis.plot(*_columns(seen), color=_TRAIN, linewidth=1.4, label="running, each sample before it is learned")
    if test:
        axis.plot(*_columns(test), color=_TEST, linewidth=1, linestyle=":", marker="o", label="test")
    axis.set_ylim(0, 102)
    axis.legend(frameon=False, loc="lower right", fontsize=9)
    _label(axis, "accuracy, %", "new samples learned")


def _draw_confusion(axis: Any, evaluation: Evaluation, run: Run | None) -> None:
    matrix = np.array(evaluation.confusion)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axis.imshow(share, cmap="Blues", vmin=0, vmax=1.15)
    classes = len(matrix)
    names = run.classes if run and len(run.classes) == classes else tuple(map(str, range(classes)))
    if classes <= 20:
        for row in range(classes):
            for column in range(classes):
                if matrix[row, column]:
                    color = "white" if share[row, column] > 0.6 else _INK
                    axis.text(
                        column,
                        row,
                        int(matrix[row, column]),
                        ha="center",
                        va="center",
                        fontsize=8,
                        color=color,
                    )
        axis.set_xticks(range(classes), names, fontsize=8)
        axis.set_yticks(range(classes), names, fontsize=8)
    axis.tick_params(length=0, colors=_DIM)
    for side in axis.spines.values():
        side.set_visible(False)
    axis.set_title("test samples: label by answer", fontsize=10, color=_DIM, loc="left")


def _label(axis: Any, title: str, below: str) -> None:
    axis.set_title(title, fontsize=10, color=_DIM, loc="left")
    axis.set_xlabel(below, fontsize=9, color=_DIM)
    lines = [line.get_xdata() for line in axis.get_lines() if len(line.get_xdata())]
    if lines:
        low = min(float(x[0]) for x in lines) // 1
        axis.set_xlim(low, max(max(float(x[-1]) for x in lines) * 1.01, low + 1e-6))
    axis.grid(axis="y", color="#e6eaef", linewidth=0.8)
    axis.tick_params(colors=_DIM, labelsize=8, length=0)
    for name, side in axis.spines.items():
        side.set_visible(name == "bottom")
        side.set_color("#c5ccd5")


def _columns(pairs: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in pairs], [y for _, y in pairs]
