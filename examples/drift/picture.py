"""Draws what the runs of drift.py and continual.py found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from worlds import WORLDS

if TYPE_CHECKING:
    from continual import Run as Continual
    from drift import Run

COLORS = {0: "#a1359b", 1: "#2a7bb5"}
WORDS = {0: "all layers learn", 1: "first layer frozen"}
INK, DIM = "#1d2733", "#667384"
MARGIN = 5


def draw(path: Path, runs: Sequence[Run], place: str) -> None:
    """Write the picture."""
    names = list(dict.fromkeys(run.world for run in runs))
    figure = Figure(figsize=(3.5 * len(names) + 0.4, 4.0), dpi=130, facecolor="white")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for number, (axis, name) in enumerate(zip(panels, names, strict=True)):
        _panel(axis, [run for run in runs if run.world == name], number == 0)
    figure.suptitle(
        f"digits on {place}: the world changes, and the network learns it, one sample at a time",
        fontsize=12,
        fontweight="bold",
        color=INK,
        x=0.012,
        ha="left",
    )
    lines, words = panels[0].get_legend_handles_labels()
    figure.legend(lines, words, loc="lower center", ncols=len(words), frameon=False, fontsize=9)
    figure.tight_layout(rect=(0, 0.06, 1, 0.99))
    figure.savefig(path, metadata={"Software": None})


def _panel(axis: Any, runs: Sequence[Run], first: bool) -> None:
    was, last = runs[0].before, runs[0].steps[-1]
    axis.axhspan(
        was - MARGIN, was, color="#2a9d6f", alpha=0.15, linewidth=0, label=f"before, less {MARGIN} points"
    )
    axis.axhline(was, color="#2a9d6f", linewidth=1.2, label="before the change")
    for run in runs:
        color = COLORS[run.frozen]
        axis.plot(*zip(*run.running, strict=True), color=color, alpha=0.35, linewidth=1.1)
        axis.plot(run.steps, run.accuracy, color=color, marker="o", markersize=4, label=WORDS[run.frozen])
    ends = ", ".join(f"{run.accuracy[-1]:.1f}" for run in runs)
    title = next(world.title for world in WORLDS if world.name == runs[0].world)
    axis.set_title(
        f"{title}\n{was:.1f} %, then {runs[0].accuracy[0]:.1f}, at the end {ends}", fontsize=10, color=INK
    )
    axis.set_ylim(0, 102)
    axis.set_xlim(-0.02 * last, 1.02 * last)
    axis.set_xlabel("samples learned after the change", fontsize=9, color=DIM)
    if first:
        axis.set_ylabel(
            "held-out accuracy, % (pale: running,\neach sample before it is learned)", fontsize=9, color=DIM
        )
    _plain(axis)


def draw_continual(path: Path, runs: Sequence[Continual]) -> None:
    """Old and new classes after each pair, a line a replay store, seeds averaged."""
    from continual import PAIRS, words

    stores = list(dict.fromkeys((run.capacity, run.steps) for run in runs))
    shades = ["#98a2ad", "#e0a100", "#c77700", "#2a7bb5", "#a1359b"]
    figure = Figure(figsize=(10.5, 4.2), dpi=130, facecolor="white")
    FigureCanvasAgg(figure)
    old, new = figure.subplots(1, 2, sharey=True)
    names = [f"{a} and {b}" for a, b in PAIRS]
    for color, store in zip(shades, stores, strict=False):
        rows = [run.accuracy for run in runs if (run.capacity, run.steps) == store]
        olds = [[float(np.mean(after[:-1])) for after in row[1:]] for row in rows]
        news = [[after[-1] for after in row] for row in rows]
        style: dict[str, Any] = {"color": color, "marker": "o", "markersize": 4.5, "label": words(*store)}
        old.plot(range(1, len(names)), np.mean(olds, axis=0), **style)
        new.plot(range(len(names)), np.mean(news, axis=0), **style)
    for axis, title in ((old, "all older classes"), (new, "the newest classes")):
        axis.set_title(f"{title}: held-out accuracy, %", fontsize=10, color=INK)
        axis.set_xticks(range(len(names)), names)
        axis.set_xlim(-0.3, len(names) - 0.7)
        axis.set_ylim(-2, 102)
        axis.set_xlabel("after learning", fontsize=9, color=DIM)
        _plain(axis)
    figure.suptitle(
        f"digits on {runs[0].place}: classes arrive in pairs, learned one sample at a time",
        fontsize=12,
        fontweight="bold",
        color=INK,
        x=0.012,
        ha="left",
    )
    lines, texts = old.get_legend_handles_labels()
    figure.legend(lines, texts, loc="lower center", ncols=len(texts), frameon=False, fontsize=8.5)
    figure.tight_layout(rect=(0, 0.06, 1, 0.99))
    figure.savefig(path, metadata={"Software": None})


def _plain(axis: Any) -> None:
    axis.grid(axis="y", color="#e6eaef", linewidth=0.8)
    axis.tick_params(colors=DIM, labelsize=8, length=0)
    for name, side in axis.spines.items():
        side.set_visible(name == "bottom")
        side.set_color("#c5ccd5")
