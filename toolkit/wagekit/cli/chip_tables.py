"""The tables of `simulate`, for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from wagekit.cli.chip_view import Refused, layer_rows, phase_rows
from wagekit.cli.console import out, say, table
from wagekit.monitor.units import bits, si

if TYPE_CHECKING:
    from wagekit.backends.neuro import Cost
    from wagekit.executors.simulation import Simulation

Cells = list[tuple[str, ...]]
Rows = tuple[tuple[str, ...], Cells]
"""Heads and cells of a table."""


def layer_table(found: Simulation) -> Rows:
    """How the layers lie on the cores."""
    heads = ("layer", "rows x columns", "convolution", "cores", "used", "memory", "fullest core")
    rows: Cells = [
        (
            row["layer"],
            f"{row['rows']} x {row['columns']}",
            row["convolution"] if not row["unrolled"] else _blocks(row["blocks"]),
            f"{row['cores']:,}",
            f"{row['used']:.1%}",
            bits(row["memory_bits"]),
            bits(row["fullest_core_bits"]),
        )
        for row in layer_rows(found.mapping)
    ]
    return heads, rows


def _blocks(number: int) -> str:
    return f"{number:,} block" + ("s" if number > 1 else "")


def phase_table(cost: Cost) -> Rows:
    """Counts, cycles and energy by phase, of one round."""
    heads = ("", "events", "zeros", "adds", "packets", "hops", "busiest", "cycles", "energy")
    rounds = cost.rounds
    from wagekit.backends.neuro.constants import MARKS

    mark = MARKS[cost.time_confidence]
    rows: Cells = []
    phases = phase_rows(cost)
    for row in phases if len(phases) > 2 else phases[:1]:  # the sum of one phase is the phase
        nominal = row["nominal"]
        zeros = f"{1 - row['events'] / nominal:.0%}" if nominal else ""
        counts = [row[name] / rounds for name in ("events", "additions", "packets", "hops")]
        events, adds, packets, hops = map(count, counts)
        cells = (events, zeros, adds, packets, hops, count(row["busiest_link_packets"] / rounds))
        energy = row["energy"]
        joules = si(energy["joules"] / rounds, "J", MARKS[energy["confidence"]])
        rows.append((row["phase"], *cells, count(row["cycles"] / rounds) + mark, joules))
    return heads, rows


def energy_table(cost: Cost) -> Rows:
    """What energy is spent on, a sample, by confidence."""
    samples = cost.counters.samples
    heads = ("spent on", "published", "secondary", "assumed", "all")
    rows: Cells = []
    for name, split in (*cost.by_part().items(), ("total", cost.total)):
        shares = (getattr(split, key) / samples for key in ("published", "secondary", "assumed"))
        parts = (si(share, "J") if share else "-" for share in shares)
        rows.append((name.replace("_", " "), *parts, si(split.total / samples, "J", split.mark)))
    return heads, rows


def kind_table(cost: Cost) -> Rows:
    """What travels, a sample."""
    samples = cost.counters.samples
    heads = ("packets of", "packets", "hops", "energy")
    energy = cost.by_kind()
    rows: Cells = []
    for kind, (packets, hops) in cost.counters.by_kind().items():
        joules = si(energy[kind].total / samples, "J", energy[kind].mark)
        rows.append((kind.replace("_", " "), count(packets / samples), count(hops / samples), joules))
    return heads, rows


def comparison_table(found: Sequence[Simulation], refused: Sequence[Refused]) -> Rows:
    """Presets side by side, for the same samples."""
    from wagekit.backends.neuro import utilisation

    heads = ("preset", "cores", "used", "infer", "", "learn", "")
    rows: Cells = []
    for one in found:
        used = float(utilisation(one.mapping).mean())
        learn = one_round(one.training, one.training.counters.samples) if one.training else ("-", "")
        infer = one_round(one.inference, one.inference.counters.samples)
        rows.append((one.chip.preset.name, f"{one.mapping.cores:,}", f"{used:.1%}", *infer, *learn))
    rows += [(one.preset, "refused", "", "", "", "", "") for one in refused]
    return heads, rows


def one_round(cost: Cost, samples: int) -> tuple[str, str]:
    """Energy and time of one sample, marked."""
    from wagekit.backends.neuro.constants import MARKS

    energy = si(cost.total.total / samples, "J", cost.total.mark)
    return energy, si(cost.seconds / samples, "s", MARKS[cost.time_confidence])


def split_line(cost: Cost, samples: int) -> str:
    """Energy and time of a sample, and how sure they are, in words."""
    energy, seconds = one_round(cost, samples)
    total = cost.total
    parts = [
        f"{getattr(total, name) / total.total:.0%} {name}"
        for name in ("published", "secondary", "assumed")
        if getattr(total, name)
    ]
    return f"{energy} and {seconds} a sample (energy: {', '.join(parts) or 'none'})"


def count(value: float) -> str:
    """A mean count: three digits."""
    return si(round(value) if value >= 100 else round(value, 1)).replace(" ", "")


def show(found: Simulation) -> None:
    """Everything of one preset."""
    mapping = found.mapping
    limits = mapping.preset.limits
    say(
        f"{mapping.graph.name} on {mapping.preset.name}: {mapping.cores:,} of {limits.cores:,} cores "
        f"on a mesh of {limits.mesh[0]} x {limits.mesh[1]}"
    )
    _print(layer_table(found), left=2)
    samples = found.inference.counters.samples
    say(f"\ninference, a sample in the mean of {samples:,}")
    _print(phase_table(found.inference))
    say(split_line(found.inference, samples))
    if found.training is not None:
        steps = found.training.counters.steps
        say(f"\ntraining, a step of {mapping.batch} samples in the mean of {steps:,}")
        _print(phase_table(found.training))
        say(split_line(found.training, found.training.counters.samples))


def show_comparison(found: Sequence[Simulation], refused: Sequence[Refused]) -> None:
    """Presets side by side, and why some are not there."""
    say("\nthe same samples on each preset, energy and time a sample")
    _print(comparison_table(found, refused))
    for one in refused:
        for violation in one.error.violations:
            out.print(Text(f"  {one.preset}: {violation}", style="dim"), soft_wrap=True)


def _print(rows: Rows, left: int = 1) -> None:
    heads, cells = rows
    grid: Table = table()
    grid.padding = (0, 2, 0, 0)
    for number, head in enumerate(heads):
        grid.add_column(Text(head), justify="left" if number < left else "right", no_wrap=True)
    for row in cells:
        style: Any = "bold" if row[0] == "total" else None
        grid.add_row(*(Text(cell) for cell in row), style=style)
    out.print(grid)
