"""The learning curve as a PNG, with matplotlib (the extra `plot`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from wagekit.errors import DataError, ToolError
from wagekit.monitor.events import Evaluation, Run
from wagekit.monitor.story import Story

_LOSS, _TRAIN, _TEST, _INK, _DIM = "#c77700", "#2a9d6f", "#a1359b", "#1d2733", "#667384"


def write_picture(path: str | Path, story: Story) -> Path:
    """Draw loss, accuracy and confusion. `ToolError` where matplotlib is missing."""
    path = Path(path)
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ToolError(
            "a picture needs matplotlib, which is not installed", hint="pip install 'wagekit[plot]'"
        ) from error
    run = story.run
    tests = story.tests
    matrix = tests[-1].confusion if tests else None
    figure = Figure(
        figsize=(12, 4.2) if matrix and story.step_count else (9, 4.2), dpi=130, facecolor="white"
    )
    FigureCanvasAgg(figure)
    if story.learned:
        _draw_by_itself(figure.subplots(), story)
    else:
        widths = [1, 1, 0.85] if matrix else [1, 1]
        axes = figure.subplots(1, len(widths), gridspec_kw={"width_ratios": widths})
        _draw_loss(axes[0], story)
        _draw_accuracy(axes[1], story)
        if matrix:
            _draw_confusion(axes[2], tests[-1], run)
    if run is not None:
        figure.suptitle(_title(run, story), fontsize=13, fontweight="bold", color=_INK, x=0.012, ha="left")
    figure.tight_layout(rect=(0, 0, 1, 0.98))
    try:
        figure.savefig(path, metadata={"Software": None})
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
    return path


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
        axis.set_xlim(min(float(x[0]) for x in lines) // 1, max(float(x[-1]) for x in lines) * 1.01)
    axis.grid(axis="y", color="#e6eaef", linewidth=0.8)
    axis.tick_params(colors=_DIM, labelsize=8, length=0)
    for name, side in axis.spines.items():
        side.set_visible(name == "bottom")
        side.set_color("#c5ccd5")


def _columns(pairs: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in pairs], [y for _, y in pairs]
