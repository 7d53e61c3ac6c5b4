"""The report of `simulate`: one HTML file that needs nothing else, and its pictures beside it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wagekit.cli.chip_tables import (
    Rows,
    comparison_table,
    energy_table,
    kind_table,
    layer_table,
    one_round,
    phase_table,
    split_line,
)
from wagekit.cli.chip_view import Refused, constant_rows, view_of
from wagekit.errors import DataError
from wagekit.monitor.mesh import pictures
from wagekit.templates import render_html
from wagekit.version import __version__
from wagekit.writer import write_atomic

if TYPE_CHECKING:
    from wagekit.backends.neuro import Cost
    from wagekit.executors.simulation import Simulation

ALTS = {
    "cores": "the cores on their mesh, by layer",
    "links": "packets over each link of the mesh",
    "phases": "how long each stage takes",
    "memory": "memory of the fullest core of each layer, by use",
}


def write_report(folder: Path, found: Sequence[Simulation], refused: Sequence[Refused]) -> Path:
    """Draw and write; `DataError` where the folder cannot be written, `ToolError` without matplotlib."""
    from wagekit.backends.neuro.constants import LEGEND

    drawn = [pictures(view_of(one)) for one in found]
    network = found[0].mapping.graph
    compared = len(found) + len(refused) > 1
    text = render_html(
        "report/simulation.html.jinja",
        version=__version__,
        title=f"{network.name} on neuromorphic cores",
        lead=f"{network.weight_count:,} weights of {network.bits.weights} bits, simulated by wagekit "
        f"{__version__}; every bit equal to the reference",
        comparison=_grid("The same samples on each preset, a sample", comparison_table(found, refused))
        if compared
        else None,
        refused=[{"preset": r.preset, "reasons": [str(v) for v in r.error.violations]} for r in refused],
        chips=[_chip(one, images) for one, images in zip(found, drawn, strict=True)],
        legend=LEGEND,
    )
    path = folder / "report.html"
    try:
        for one, images in zip(found, drawn, strict=True):
            for name, image in images.items():
                write_atomic(folder / f"{one.chip.preset.name}-{name}.png", image)
        write_atomic(path, text)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written: {error.strerror or error}") from error
    return path


def _chip(found: Simulation, images: dict[str, bytes]) -> dict[str, Any]:
    """What the template prints of one preset."""
    preset, mapping = found.chip.preset, found.mapping
    samples = found.inference.counters.samples
    tables = [
        _grid("Layers on cores", layer_table(found), "used: weights of all that the crossbars could hold"),
        *_work("Inference", f"a sample in the mean of {samples:,}", found.inference),
    ]
    if found.training is not None:
        steps = found.training.counters.steps
        mean = f"a step of {mapping.batch} samples in the mean of {steps:,}"
        tables += _work("Training", mean, found.training)
    return {
        "title": preset.name,
        "lead": preset.file.summary,
        "cards": _cards(found),
        "pictures": [
            {"alt": ALTS[name], "data": b64encode(image).decode("ascii")} for name, image in images.items()
        ],
        "tables": tables,
        "constants": constant_rows(found),
    }


def _work(what: str, mean: str, cost: Cost) -> list[dict[str, Any]]:
    samples = cost.counters.samples
    return [
        _grid(f"{what}, {mean}", phase_table(cost), split_line(cost, samples)),
        _grid(f"{what}: energy a sample, by what it is spent on", energy_table(cost)),
        _grid(f"{what}: packets a sample", kind_table(cost)),
    ]


def _cards(found: Simulation) -> list[dict[str, str]]:
    mapping, inference = found.mapping, found.inference
    energy, time = one_round(inference, inference.counters.samples)
    cards = [
        (f"{mapping.cores:,}", f"of {mapping.preset.limits.cores:,} cores"),
        (energy, "to infer a sample"),
        (time, "to infer a sample"),
    ]
    if found.training is not None:
        energy, time = one_round(found.training, found.training.counters.samples)
        cards += [(energy, "to learn a sample"), (time, "to learn a sample")]
        samples = found.inference.counters.samples
        learned = f"of {samples:,} samples right after training, {found.correct:,} before"
        cards.append((f"{found.learned_correct:,}", learned))
    cards.append((found.digest[:12], "digest of the state, equal to the reference's"))
    return [{"value": value, "name": name} for value, name in cards]


def _grid(title: str, rows: Rows, note: str = "") -> dict[str, Any]:
    heads, cells = rows
    return {"title": title, "heads": heads, "rows": cells, "note": note}
