"""What `simulate` tells of a simulation, as plain data: for pictures, for tables and for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wagekit.monitor.mesh import ChipView, CoreView, StageView

if TYPE_CHECKING:
    from wagekit.backends.neuro import Cost, Mapping, MappingError
    from wagekit.backends.neuro.cycles import StageTime
    from wagekit.executors.simulation import Simulation


@dataclass(frozen=True, slots=True, eq=False)
class Refused:
    """A preset that does not take the network, and why."""

    preset: str
    error: MappingError


def work_of(found: Simulation) -> tuple[str, Cost]:
    """Name of a round, and the cost that the pictures show: that of training, where there was any."""
    return ("step", found.training) if found.training is not None else ("sample", found.inference)


def view_of(found: Simulation) -> ChipView:
    """The numbers that the pictures need."""
    from wagekit.backends.neuro import USES, utilisation
    from wagekit.backends.neuro.constants import MARKS

    mapping = found.mapping
    name, cost = work_of(found)
    used = utilisation(mapping).tolist()
    return ChipView(
        title=f"{mapping.graph.name} on {found.chip.preset.name}",
        mesh=mapping.preset.limits.mesh,
        layers=tuple(layer.name for layer in mapping.layers),
        cores=tuple(
            CoreView(mapping.places[t.core], t.layer, used[t.core], mapping.memory[t.core])
            for t in mapping.tiles
        ),
        links={link: load / cost.rounds for link, load in cost.counters.link_loads().items()},
        round_name=name,
        stages=tuple(_stage_view(mapping, stage) for stage in cost.stages),
        uses=USES,
        memory_limit=mapping.preset.limits.memory_bits,
        time_mark=MARKS[cost.time_confidence],
    )


def _stage_view(mapping: Mapping, stage: StageTime) -> StageView:
    scale = 1 / (mapping.preset.timing.clock_hz * stage.rounds)
    return StageView(
        name=f"{stage.phase} {mapping.layers[stage.layer].name}",
        phase=stage.phase,
        work=max(stage.core_cycles, stage.link_cycles) * scale,
        route=stage.route_cycles * scale,
        barrier=(stage.barrier_cycles + stage.waiting_cycles) * scale,
        limited_by="link" if stage.link_cycles > stage.core_cycles else "core",
    )


def layer_rows(mapping: Mapping) -> list[dict[str, Any]]:
    """How each layer lies on its cores: `used` is a share of their crossbars, bits are those of all cores."""
    from wagekit.backends.neuro import utilisation

    used = utilisation(mapping)
    rows = []
    for layer in mapping.layers:
        cores = [tile.core for tile in layer.tiles]
        memory: dict[str, int] = {}
        for core in cores:
            for use, bits in mapping.memory[core].items():
                memory[use] = memory.get(use, 0) + bits
        rows.append(
            {
                "layer": layer.name,
                "rows": layer.rows,
                "columns": layer.columns,
                "blocks": layer.blocks,
                "unrolled": layer.unrolled,
                "convolution": _convolution(mapping, layer.index),
                "cores": len(cores),
                "used": float(used[cores].mean()),
                "memory_bits": sum(memory.values()),
                "fullest_core_bits": max(sum(mapping.memory[core].values()) for core in cores),
                "memory": memory,
                "places": [list(mapping.places[core]) for core in cores],
            }
        )
    return rows


def _convolution(mapping: Mapping, layer: int) -> str:
    from wagekit.ir import Conv2d

    if not isinstance(mapping.graph.layers[layer].op, Conv2d):
        return ""
    return "unrolled" if mapping.layers[layer].unrolled else "shared"


def phase_rows(cost: Cost) -> list[dict[str, Any]]:
    """Counts, cycles and energy of each phase, as totals over the run; the last row is the sum."""
    counters, clock = cost.counters, cost.counters.mapping.preset.timing.clock_hz
    energy = cost.by_phase()
    rows = []
    for phase in (*energy, None):
        stages = [stage for stage in cost.stages if phase in (None, stage.phase)]
        kinds = counters.by_kind(phase)
        loads = counters.link_loads(phase)
        cycles = sum(stage.cycles for stage in stages)
        names = ("events", "nominal", "additions", "roundings", "visited", "changed", "saturated")
        rows.append(
            {
                "phase": phase or "total",
                **{name: counters.total(name, phase) for name in names},
                "packets": sum(packets for packets, _ in kinds.values()),
                "hops": sum(hops for _, hops in kinds.values()),
                "busiest_link_packets": max(loads.values(), default=0),
                "cycles": cycles,
                "seconds": cycles / clock,
                "energy": (energy[phase] if phase else cost.total).to_dict(),
            }
        )
    return rows


def cost_dict(cost: Cost) -> dict[str, Any]:
    """All of a cost, for JSON; totals over the run."""
    from wagekit.backends.neuro import PHASES, memory_traffic
    from wagekit.backends.neuro.memory import USES

    counters, spent = cost.counters, cost.by_kind()
    layers = [layer.name for layer in counters.mapping.layers]
    moved = memory_traffic(counters).sum(axis=1)
    clock = counters.mapping.preset.timing.clock_hz
    return {
        "samples": counters.samples,
        "steps": counters.steps,
        "seconds": cost.seconds,
        "cycles": cost.cycles,
        "time_confidence": cost.time_confidence,
        "energy": cost.total.to_dict(),
        "by_part": {part: split.to_dict() for part, split in cost.by_part().items()},
        "by_core": [split.to_dict() for split in cost.by_core()],
        "by_kind": {
            kind: {"packets": packets, "hops": hops, "energy": spent[kind].to_dict()}
            for kind, (packets, hops) in counters.by_kind().items()
        },
        "phases": phase_rows(cost),
        "stages": [
            {
                "phase": stage.phase,
                "layer": layers[stage.layer],
                "rounds": stage.rounds,
                "slowest_core": stage.core,
                "core_cycles": stage.core_cycles,
                "busiest_link": stage.link,
                "link_cycles": stage.link_cycles,
                "route_cycles": stage.route_cycles,
                "barrier_cycles": stage.barrier_cycles,
                "waiting_cycles": stage.waiting_cycles,
                "seconds": stage.cycles / clock,
            }
            for stage in cost.stages
        ],
        "memory_traffic_bits": {
            phase: {use: bits for use, bits in zip(USES, row, strict=True) if bits}
            for phase, row in zip(PHASES, np.asarray(moved).tolist(), strict=True)
            if any(row)
        },
    }


def simulation_dict(found: Simulation) -> dict[str, Any]:
    """A simulation for JSON."""
    mapping = found.mapping
    return {
        "preset": found.chip.preset.name,
        "refused": None,
        "equal": True,
        "digest": found.digest,
        "correct": found.correct,
        "learned_correct": found.learned_correct,
        "loss": found.loss,
        "batch": mapping.batch if mapping.training else None,
        "cores": mapping.cores,
        "mesh": list(mapping.preset.limits.mesh),
        "layers": layer_rows(mapping),
        "constants": constant_rows(found),
        "inference": cost_dict(found.inference),
        "training": cost_dict(found.training) if found.training is not None else None,
    }


def constant_rows(found: Simulation) -> list[dict[str, Any]]:
    """The constants behind energy and time, the preset's timing included, with their sources."""
    timing = found.chip.preset.file.timing
    rows: list[dict[str, Any]] = [
        {
            "key": constant.key,
            "value": constant.fact.value,
            "unit": constant.fact.unit,
            "source": constant.source,
            "confidence": constant.fact.confidence,
        }
        for constant in found.chip.costs.constants()
    ]
    for key in type(timing).model_fields:
        fact = getattr(timing, key)
        source = fact.source + (f", {fact.where}" if fact.where else "")
        unit = "Hz" if key == "clock_hz" else "1/cycle" if key == "synapses_per_cycle" else "cycles"
        rows.append(
            {
                "key": f"timing.{key}",
                "value": fact.value,
                "unit": unit,
                "source": source,
                "confidence": fact.confidence,
            }
        )
    return rows


def refused_dict(refused: Refused) -> dict[str, Any]:
    """A refusal for JSON, with every limit that is exceeded."""
    from dataclasses import asdict

    return {
        "preset": refused.preset,
        "refused": [asdict(violation) for violation in refused.error.violations],
    }
