"""What was counted while a mapping ran, by phase and core, and by flow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wagekit.backends.neuro.mapping import KINDS, PHASES, Kind, Mapping, Phase

Router = tuple[int, int]
Link = tuple[Router, Router]
"""From a router to one beside it."""
Counts = NDArray[np.int64]
FIELDS = ("events", "nominal", "reads", "additions", "roundings", "visited", "changed", "saturated")
"""What is counted on a core, in the order of the last axis of `Counters.cores`.

- `events`: products of a nonzero input (or error) and a nonzero weight; in the gradient, of a nonzero
  input and a nonzero error. `nominal` is the same with zeros counted.
- `reads`: lines of the crossbar that were driven, one for each nonzero input that was presented; in the
  error phase one for each nonzero error; in the gradient the rows of it that were added to.
- `additions`: partial sums that arrived and were added.
- `roundings`: accumulators that were rounded and clipped, and errors that were quantised.
- `visited`: masters that an update went over; `changed`: those whose decrement was not 0.
- `saturated`: stored activations at the end of their grid.
"""
EVENTS, NOMINAL, READS, ADDITIONS, ROUNDINGS, VISITED, CHANGED, SATURATED = range(len(FIELDS))


@dataclass(frozen=True, slots=True, eq=False)
class Counters:
    """Totals since the counters were reset."""

    mapping: Mapping
    cores: Counts
    """`[phases, cores, fields]`."""
    packets: Counts
    """`[flows]`, in the order of `mapping.flows`."""
    samples: int
    """Samples that went forward, those of training included."""
    steps: int
    """Training steps."""

    def field(self, name: str, phase: Phase | None = None) -> Counts:
        """One field by core, of one phase or of all."""
        values: Counts = self.cores[:, :, FIELDS.index(name)]
        if phase is not None:
            values = values[PHASES.index(phase) : PHASES.index(phase) + 1]
        return np.asarray(values.sum(axis=0), np.int64)

    def total(self, name: str, phase: Phase | None = None) -> int:
        """One field over all cores."""
        return int(self.field(name, phase).sum())

    def chosen(
        self, phase: Phase | None = None, kind: Kind | None = None, layer: int | None = None
    ) -> Counts:
        """Packets by flow, 0 for flows of another phase, kind or layer."""
        keep = [
            (phase in (None, flow.phase)) and (kind in (None, flow.kind)) and (layer in (None, flow.layer))
            for flow in self.mapping.flows
        ]
        return np.where(keep, self.packets, 0)

    def by_kind(self, phase: Phase | None = None) -> dict[Kind, tuple[int, int]]:
        """Packets and hops of each kind that was sent."""
        hops = flow_hops(self.mapping)
        found: dict[Kind, tuple[int, int]] = {}
        for kind in KINDS:
            packets = self.chosen(phase, kind)
            if packets.any():
                found[kind] = (int(packets.sum()), int(packets @ hops))
        return found

    def link_loads(self, phase: Phase | None = None, layer: int | None = None) -> dict[Link, int]:
        """Packets over each link of the mesh that was used."""
        loads: dict[Link, int] = {}
        packets = self.chosen(phase, layer=layer)
        for number in np.flatnonzero(packets).tolist():
            flow = self.mapping.flows[number]
            for link in route(self.mapping.place(flow.source), self.mapping.place(flow.destination)):
                loads[link] = loads.get(link, 0) + int(packets[number])
        return loads


def route(source: Router, destination: Router) -> list[Link]:
    """The links of a packet: along the row first, then along the column."""
    (x, y), (to_x, to_y) = source, destination
    links: list[Link] = []
    while x != to_x:
        step = 1 if to_x > x else -1
        links.append(((x, y), (x + step, y)))
        x += step
    while y != to_y:
        step = 1 if to_y > y else -1
        links.append(((x, y), (x, y + step)))
        y += step
    return links


def flow_hops(mapping: Mapping) -> Counts:
    """Links between the ends of each flow."""
    ends = [(mapping.place(flow.source), mapping.place(flow.destination)) for flow in mapping.flows]
    return np.array([abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in ends], np.int64)


def utilisation(mapping: Mapping) -> NDArray[np.float64]:
    """Share of each core's crossbar that holds weights: lines used times neurons used."""
    limits = mapping.preset.limits
    whole = limits.axons * limits.neurons
    return np.array([t.axons * limits.axons_per_input * t.neurons / whole for t in mapping.tiles])
