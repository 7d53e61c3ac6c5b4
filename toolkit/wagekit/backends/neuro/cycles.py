"""The model of time: each stage lasts as long as its slowest core or its busiest link, then comes a barrier.

docs/simulate.md states it with its assumptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from wagekit.backends.neuro.constants import CostFile, lowest
from wagekit.backends.neuro.counters import Counters, Link, route
from wagekit.backends.neuro.mapping import PHASES, Mapping, Phase, Tile
from wagekit.backends.neuro.preset import Confidence
from wagekit.backends.neuro.schedule import schedule


@dataclass(frozen=True, slots=True)
class StageTime:
    """A phase of a layer, all its rounds together, in cycles."""

    phase: Phase
    layer: int
    rounds: int
    """How often it ran: samples that were inferred, or steps of training."""
    core: int | None
    """The slowest core; None where none of the layer's cores worked."""
    core_cycles: float
    link: Link | None
    """The busiest link; None where nothing was sent."""
    link_packets: int
    link_cycles: float
    route_cycles: float
    """Of the longest way that a packet took, once a round."""
    barrier_cycles: float
    waiting_cycles: float
    """For the end of the tick, where the chip has ticks."""

    @property
    def cycles(self) -> float:
        """Until the stage's barrier, summed over the rounds."""
        work = max(self.core_cycles, self.link_cycles) + self.route_cycles
        return work + self.barrier_cycles + self.waiting_cycles


def stage_times(counters: Counters, table: CostFile) -> tuple[StageTime, ...]:
    """All stages that were run, in their order."""
    mapping = counters.mapping
    work = core_cycles(counters, table)
    rounds = counters.steps or counters.samples
    barriers: dict[tuple[Phase, int], int] = {}
    for stage in schedule(mapping):
        if counters.steps or stage.phase == "forward":
            key = (stage.phase, stage.layer)
            barriers[key] = barriers.get(key, 0) + 1
    found = []
    for phase in PHASES:
        layers = mapping.layers if phase == "forward" else tuple(reversed(mapping.layers))
        for layer in layers:
            key = (phase, layer.index)
            cores = [tile.core for tile in layer.tiles]
            busy = bool(counters.chosen(phase, layer=layer.index).any())
            if key in barriers or busy or work[PHASES.index(phase), cores].any():
                found.append(_stage(counters, table, work, key, rounds * barriers.get(key, 0)))
    return tuple(found)


def _stage(
    counters: Counters, table: CostFile, work: NDArray[np.float64], key: tuple[Phase, int], barriers: int
) -> StageTime:
    phase, layer = key
    mapping, timing = counters.mapping, counters.mapping.preset.timing
    rounds = counters.steps or counters.samples
    cores = np.array([tile.core for tile in mapping.layers[layer].tiles])
    by_core = work[PHASES.index(phase), cores]
    slowest = int(by_core.argmax())
    loads = _loads(counters, table, phase, layer)
    link = max(loads, key=lambda one: loads[one]) if loads else None
    sent = np.flatnonzero(counters.chosen(phase, layer=layer)).tolist()
    longest = max((_hops(mapping, number) for number in sent), default=0)
    link_cycles = float(loads[link] * timing.packet_cycles) if link else 0.0
    route_cycles = float(rounds * longest * timing.hop_cycles)
    barrier_cycles = barriers * table.cycles.barrier.value
    core = int(cores[slowest]) if by_core[slowest] else None
    done = max(float(by_core[slowest]), link_cycles) + route_cycles + barrier_cycles
    return StageTime(
        phase=phase,
        layer=layer,
        rounds=rounds,
        core=core,
        core_cycles=float(by_core[slowest]),
        link=link,
        link_packets=loads[link] if link else 0,
        link_cycles=link_cycles,
        route_cycles=route_cycles,
        barrier_cycles=barrier_cycles,
        waiting_cycles=_until_tick(done, rounds, table),
    )


def _until_tick(done: float, rounds: int, table: CostFile) -> float:
    """Cycles until all rounds have ended with a tick, for rounds that are equal."""
    tick = table.cycles.tick
    if tick is None or not rounds:
        return 0.0
    return rounds * ceil(done / rounds / tick.value) * tick.value - done


def _loads(counters: Counters, table: CostFile, phase: Phase, layer: int) -> dict[Link, int]:
    """Packets over each link in a stage; a wide payload takes several."""
    mapping = counters.mapping
    packets = counters.chosen(phase, layer=layer) * payload_packets(mapping, table)
    loads: dict[Link, int] = {}
    for number in np.flatnonzero(packets).tolist():
        flow = mapping.flows[number]
        for link in route(mapping.place(flow.source), mapping.place(flow.destination)):
            loads[link] = loads.get(link, 0) + int(packets[number])
    return loads


def _hops(mapping: Mapping, number: int) -> int:
    flow = mapping.flows[number]
    (x, y), (to_x, to_y) = mapping.place(flow.source), mapping.place(flow.destination)
    return abs(x - to_x) + abs(y - to_y)


def payload_packets(mapping: Mapping, table: CostFile) -> NDArray[np.int64]:
    """Packets that one payload of each flow takes."""
    width = table.packet.payload.value
    return np.array([-(-flow.payload_bits // width) for flow in mapping.flows], np.int64)


def line_lengths(tile: Tile) -> dict[Phase, int]:
    """Length of a line that is driven: a row of the crossbar, a column of it in the error phase.

    In the gradient, and in the update where gradients are recomputed, it is an output's row of gradients.
    """
    fan_in = tile.fan_in
    return {"forward": tile.neurons, "error": tile.axons, "gradient": fan_in, "update": fan_in}


def core_cycles(counters: Counters, table: CostFile) -> NDArray[np.float64]:
    """Cycles in which each core worked, `[phases, cores]`."""
    mapping = counters.mapping
    lanes = mapping.preset.timing.synapses_per_cycle
    found = np.zeros((len(PHASES), mapping.cores))
    for number, phase in enumerate(PHASES):
        lines = np.zeros(mapping.cores)
        for tile in mapping.tiles:
            length = line_lengths(tile).get(phase, 0)
            lines[tile.core] = -(-length // lanes)
        found[number] = counters.field("reads", phase) * lines
        found[number] += counters.field("additions", phase) * table.cycles.addition.value
        found[number] += counters.field("roundings", phase) * table.cycles.rounding.value
        if table.cycles.update is not None:
            found[number] += counters.field("visited", phase) * table.cycles.update.value
    return found


def time_confidence(counters: Counters, table: CostFile) -> Confidence:
    """The lowest confidence among all constants of time that are not 0."""
    timing = counters.mapping.preset.file.timing
    facts = [getattr(timing, key) for key in type(timing).model_fields]
    cycles = [getattr(table.cycles, key) for key in type(table.cycles).model_fields]
    used = [fact for fact in (*facts, *cycles) if fact is not None and fact.value]
    return lowest(fact.confidence for fact in used)
