"""Draws what the runs of imperfect.py found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from imperfect import Run

INK, DIM = "#1d2733", "#667384"
LINES = (("inferred", "#2a7bb5", "the host's weights"), ("learned", "#a1359b", "after learning there"))


def draw(path: Path, runs: Sequence[Run], network: str) -> None:
    """A panel a sweep: points are chips, lines their means."""
    names = list(dict.fromkeys(run.sweep for run in runs))
    figure = Figure(figsize=(4.6 * len(names) + 0.4, 4.0), dpi=130, facecolor="white")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for axis, name in zip(panels, names, strict=True):
        _panel(axis, [run for run in runs if run.sweep == name])
    panels[0].set_ylabel("test accuracy, %", fontsize=9, color=DIM)
    title = f"{network} on imperfect cores"
    figure.suptitle(title, fontsize=12, fontweight="bold", color=INK, x=0.012, ha="left")
    lines, words = panels[0].get_legend_handles_labels()
    figure.legend(lines, words, loc="lower center", ncols=len(words), frameon=False, fontsize=9)
    figure.tight_layout(rect=(0, 0.06, 1, 0.99))
    figure.savefig(path, metadata={"Software": None})


def _panel(axis: Any, runs: Sequence[Run]) -> None:
    from imperfect import SWEEPS

    sweep = next(sweep for sweep in SWEEPS if sweep.name == runs[0].sweep)
    percent = max(sweep.strengths) <= 1
    at = {strength: 100 * strength if percent else strength for strength in sweep.strengths}
    axis.axhline(runs[0].host, color="#2a9d6f", linewidth=1.2, label="on the host")
    for field, color, words in LINES:
        points = [(at[run.strength], getattr(run, field)) for run in runs]
        places = list(dict.fromkeys(x for x, _ in points))
        axis.plot(
            *zip(*points, strict=True), color=color, alpha=0.4, marker="o", markersize=4, linestyle="none"
        )
        axis.plot(
            places, [mean(y for x, y in points if x == place) for place in places], color=color, label=words
        )
    if not percent:
        axis.invert_xaxis()
        axis.set_xticks(list(at.values()))
    axis.set_ylim(0, 102)
    axis.set_title(sweep.title, fontsize=10, color=INK)
    axis.set_xlabel(sweep.axis, fontsize=9, color=DIM)
    axis.grid(axis="y", color="#e6eaef", linewidth=0.8)
    axis.tick_params(colors=DIM, labelsize=8, length=0)
    for name, side in axis.spines.items():
        side.set_visible(name == "bottom")
        side.set_color("#c5ccd5")
