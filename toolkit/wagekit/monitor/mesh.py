"""Pictures of a mesh of cores, with matplotlib (the extra `plot`), from plain numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np

from wagekit.errors import ToolError
from wagekit.monitor.units import prefix_of

Router = tuple[int, int]
INK, DIM, FAINT, EDGE = "#1d2733", "#667384", "#eef1f5", "#c5ccd5"
PHASE_COLORS = {
    "forward": "#2a78b8",
    "error": "#c77700",
    "gradient": "#2a9d6f",
    "maximum": "#8c6bb1",
    "update": "#a1359b",
}
LAYER_COLORS = ("#4c86c6", "#e0973b", "#55a868", "#b667ae", "#d9695f", "#3fa7a5", "#a58a55", "#7d83c9")
USE_COLORS = (
    "#2f5f92",
    "#4c86c6",
    "#8fb8e0",
    "#55a868",
    "#9fd0aa",
    "#c9c27a",
    "#e3d9a0",
    "#e0973b",
    "#d9695f",
    "#e9a39d",
    "#b667ae",
)
SEPARATE = 24
"""Links of meshes that are wider are not drawn one by one."""
SMALLEST = 6
"""Meshes are drawn as far as they are used, but at least so many columns and four rows."""


@dataclass(frozen=True, slots=True)
class CoreView:
    """A core in use."""

    place: Router
    layer: int
    used: float
    """Share of its crossbar, 0..1."""
    memory: dict[str, int]
    """Bits by use."""


@dataclass(frozen=True, slots=True)
class StageView:
    """A phase of a layer in one round, in seconds."""

    name: str
    phase: str
    work: float
    route: float
    barrier: float
    """Waiting for the barrier, or for the end of a tick."""
    limited_by: str
    """`core` or `link`."""


@dataclass(frozen=True, slots=True)
class ChipView:
    """What the pictures show of a run."""

    title: str
    mesh: tuple[int, int]
    layers: tuple[str, ...]
    cores: tuple[CoreView, ...]
    links: dict[tuple[Router, Router], float]
    """Packets a round by link."""
    round_name: str
    """`sample` or `step`."""
    stages: tuple[StageView, ...]
    uses: tuple[str, ...]
    """Of memory, in the order in which they are drawn."""
    memory_limit: int
    """Bits of a core."""
    time_mark: str = ""
    """Confidence of the times."""


def pictures(view: ChipView) -> dict[str, bytes]:
    """PNG files by name: cores, links, phases, memory. `ToolError` where matplotlib is missing."""
    drawn: dict[str, Callable[[Any, ChipView], None]] = {
        "cores": _cores,
        "links": _links,
        "phases": _phases,
        "memory": _memory,
    }
    return {name: _png(view, name, draw) for name, draw in drawn.items()}


def check_matplotlib() -> None:
    """`ToolError` where matplotlib is missing, before any work is done for a picture."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ToolError(
            "pictures need matplotlib, which is not installed", hint="pip install 'wagekit[plot]'"
        ) from error


def _png(view: ChipView, name: str, draw: Callable[[Any, ChipView], None]) -> bytes:
    check_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_size(view, name), dpi=130, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure.subplots(), view)
    target = BytesIO()
    figure.savefig(target, format="png", bbox_inches="tight", pad_inches=0.12, metadata={"Software": None})
    return target.getvalue()


def _size(view: ChipView, name: str) -> tuple[float, float]:
    """Inches; rows of bars have the same height in every picture."""
    if name == "phases":
        return 8.0, max(2.0, 0.9 + 0.24 * len(view.stages))
    if name == "memory":
        return 8.0, max(2.2, 1.3 + 0.36 * len(view.layers))
    width, height = _extent(view)
    across = min(9.0, max(5.2, 0.55 * width + 2.2))
    return across, min(9.0, max(2.6, (across - 2.0) * height / width + 1.1))


def _extent(view: ChipView) -> Router:
    """Columns and rows of routers that are drawn."""
    width = max(SMALLEST, *(core.place[0] + 1 for core in view.cores))
    height = max(4, *(core.place[1] + 1 for core in view.cores))
    return min(width, view.mesh[0]), min(height, view.mesh[1])


def _cores(axis: Any, view: ChipView) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Patch, Rectangle

    width, height = _mesh_axis(axis, view, "cores by layer, filled as far as their crossbar is used")
    _routers(axis, width, height)
    back, front = [], []
    for core in view.cores:
        x, y = core.place
        color = layer_color(core.layer)
        back.append((Rectangle((x - 0.44, y - 0.44), 0.88, 0.88), color))
        share = 0.88 * min(core.used, 1.0)
        front.append((Rectangle((x - 0.44, y + 0.44 - share), 0.88, share), color))
    for patches, alpha in ((back, 0.28), (front, 0.95)):
        shapes = PatchCollection([p for p, _ in patches], facecolors=[c for _, c in patches], alpha=alpha)
        axis.add_collection(shapes)
    if width <= 16:
        for core in view.cores:
            text = f"{100 * core.used:.0f} %"
            axis.text(core.place[0], core.place[1] - 0.24, text, ha="center", va="center", fontsize=7.5)
    used = sorted({core.layer for core in view.cores})
    handles = [Patch(color=layer_color(layer), label=view.layers[layer]) for layer in used]
    axis.legend(handles=handles, frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1.0))


def _links(axis: Any, view: ChipView) -> None:
    from matplotlib.colors import LogNorm

    wide = _extent(view)[0] > SEPARATE
    what = "over the busiest link of each router" if wide else "over each link"
    width, height = _mesh_axis(axis, view, f"packets {what}, a {view.round_name}")
    if not view.links:
        axis.text(width / 2 - 0.5, height / 2 - 0.5, "nothing was sent over a link", ha="center", color=DIM)
        return
    top = max(view.links.values())
    low = max(min(view.links.values()), top / 1e4)
    norm = LogNorm(vmin=low if low < top else top / 10, vmax=top)
    shown = _squares(axis, view, norm) if wide else _lanes(axis, view, norm)
    bar = axis.figure.colorbar(shown, ax=axis, shrink=0.8, aspect=18, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(which="both", labelsize=8, colors=DIM, length=0)
    (x0, y0), (x1, y1) = max(view.links, key=lambda link: view.links[link])
    note = f"busiest: ({x0}, {y0}) to ({x1}, {y1}), {top:,.0f} packets"
    note += "" if wide else "; packets keep to the right"
    axis.set_xlabel(note, fontsize=8.5, color=DIM, loc="left")


def _squares(axis: Any, view: ChipView, norm: Any) -> Any:
    """A large mesh: each router as a square in the color of the busiest link that leaves it."""
    width, height = _extent(view)
    loads = np.full((height, width), np.nan)
    for (x, y), end in view.links:
        loads[y, x] = np.fmax(loads[y, x], view.links[(x, y), end])
    return axis.imshow(loads, cmap="plasma_r", norm=norm, interpolation="nearest")


def _lanes(axis: Any, view: ChipView, norm: Any) -> Any:
    """A small mesh: each direction of a link as a line, thicker the more it carries."""
    from matplotlib.collections import LineCollection

    _routers(axis, *_extent(view), [core.place for core in view.cores])
    segments, loads = [], []
    for (start, end), packets in sorted(view.links.items(), key=lambda item: item[1]):
        segments.append(_lane(start, end))
        loads.append(packets)
    thick = np.clip(norm(np.array(loads)), 0, 1)
    lines = LineCollection(
        segments, cmap="plasma_r", norm=norm, linewidths=0.6 + 5.0 * thick, capstyle="round"
    )
    lines.set_array(np.array(loads))
    axis.add_collection(lines)
    return lines


def _lane(start: Router, end: Router) -> list[tuple[float, float]]:
    """The line of a link between the edges of two routers; each direction has its side."""
    (x, y), (to_x, to_y) = start, end
    dx, dy = to_x - x, to_y - y
    aside = 0.13
    shift = (-dy * aside, dx * aside)
    return [
        (x + 0.3 * dx + shift[0], y + 0.3 * dy + shift[1]),
        (to_x - 0.3 * dx + shift[0], to_y - 0.3 * dy + shift[1]),
    ]


def _phases(axis: Any, view: ChipView) -> None:
    from matplotlib.patches import Patch

    total = sum(stage.work + stage.route + stage.barrier for stage in view.stages)
    factor, prefix = prefix_of(total)
    at = 0.0
    for row, stage in enumerate(view.stages):
        color = PHASE_COLORS[stage.phase]
        hatch = "////" if stage.limited_by == "link" else None
        axis.barh(
            row,
            stage.work / factor,
            left=at / factor,
            color=color,
            hatch=hatch,
            edgecolor="white",
            linewidth=0,
        )
        axis.plot([at / factor], [row], marker="|", markersize=9, color=color, zorder=0.9)
        at += stage.work
        axis.barh(row, stage.route / factor, left=at / factor, color=color, alpha=0.45, linewidth=0)
        at += stage.route
        axis.barh(row, stage.barrier / factor, left=at / factor, color=EDGE, linewidth=0)
        at += stage.barrier
    _title(axis, f"one {view.round_name}, stage by stage")
    axis.set_yticks(range(len(view.stages)), [stage.name for stage in view.stages], fontsize=8)
    axis.set_ylim(len(view.stages) - 0.4, -0.6)
    axis.set_xlim(0, total / factor * 1.005 or 1)
    axis.set_xlabel(f"time, {prefix}s{view.time_mark}", fontsize=9, color=DIM)
    axis.grid(axis="x", color="#e6eaef", linewidth=0.8)
    axis.set_axisbelow(True)
    phases = dict.fromkeys(stage.phase for stage in view.stages)
    handles = [Patch(color=PHASE_COLORS[phase], label=phase) for phase in phases]
    if any(stage.limited_by == "link" for stage in view.stages):
        handles.append(
            Patch(facecolor="#b9c2cd", hatch="////", edgecolor="white", label="a link is the slowest")
        )
    handles.append(Patch(color=EDGE, label="barrier"))
    axis.legend(handles=handles, frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    _plain(axis)


def _memory(axis: Any, view: ChipView) -> None:
    uses = [use for use in view.uses if any(use in core.memory for core in view.cores)]
    fullest = [_fullest(view, layer) for layer in range(len(view.layers))]
    left = np.zeros(len(fullest))
    kibi = 1024
    for number, use in enumerate(uses):
        sizes = np.array([core.memory.get(use, 0) / kibi for core in fullest])
        color = USE_COLORS[number % len(USE_COLORS)]
        axis.barh(
            range(len(fullest)), sizes, left=left, color=color, label=use.replace("_", " "), height=0.66
        )
        left += sizes
    limit = view.memory_limit / kibi
    _title(axis, "memory of the fullest core of each layer, by use")
    axis.set_yticks(range(len(fullest)), view.layers, fontsize=8)
    axis.set_ylim(len(fullest) - 0.4, -0.6)
    shown = limit <= 3 * left.max()
    axis.set_xlim(0, 1.06 * max(left.max(), limit if shown else 0) or 1)
    if shown:
        axis.axvline(limit, color="#c0392b", linewidth=1.2)
    note = f"Kibit; a core has {limit:,.0f}" + (" (red line)" if shown else "")
    axis.set_xlabel(note, fontsize=9, color=DIM)
    axis.grid(axis="x", color="#e6eaef", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    _plain(axis)


def _fullest(view: ChipView, layer: int) -> CoreView:
    return max((c for c in view.cores if c.layer == layer), key=lambda core: sum(core.memory.values()))


def _mesh_axis(axis: Any, view: ChipView, title: str) -> Router:
    width, height = _extent(view)
    axis.set_xlim(-0.65, width - 0.35)
    axis.set_ylim(height - 0.35, -0.65)
    axis.set_aspect("equal")
    whole = (width, height) == view.mesh
    _title(
        axis,
        title + ("" if whole else f" (first {width} x {height} routers of {view.mesh[0]} x {view.mesh[1]})"),
    )
    step = 1 if max(width, height) <= 16 else 5 if max(width, height) <= 40 else 10
    axis.set_xticks(range(0, width, step))
    axis.set_yticks(range(0, height, step))
    beside = {"xytext": (-7, 0), "textcoords": "offset points", "ha": "right", "va": "center"}
    axis.annotate("I/O", (-0.5, 0), fontsize=7.5, color=DIM, arrowprops={"arrowstyle": "-"}, **beside)
    _plain(axis, bottom=False)
    axis.tick_params(axis="y", pad=22)
    return width, height


def _routers(axis: Any, width: int, height: int, used: Sequence[Router] = ()) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    inside = set(used)
    side = 0.88 if not used else 0.46
    squares, colors = [], []
    for y in range(height):
        for x in range(width):
            squares.append(Rectangle((x - side / 2, y - side / 2), side, side))
            colors.append("#cfd7e0" if (x, y) in inside else FAINT)
    axis.add_collection(PatchCollection(squares, facecolors=colors, edgecolors="none"))


def layer_color(layer: int) -> str:
    """The color of a layer; they come again after the eighth."""
    return LAYER_COLORS[layer % len(LAYER_COLORS)]


def _title(axis: Any, text: str) -> None:
    axis.set_title(text, fontsize=10, color=DIM, loc="left")


def _plain(axis: Any, bottom: bool = True) -> None:
    axis.tick_params(colors=DIM, labelsize=8, length=0)
    for name, side in axis.spines.items():
        side.set_visible(bottom and name == "bottom")
        side.set_color(EDGE)
