"""What a run would cost on the chip: counts times constants, by phase, core and part, by confidence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from wagekit.backends.neuro.constants import CONFIDENCES, MARKS, CostFile, lowest
from wagekit.backends.neuro.counters import Counters
from wagekit.backends.neuro.cycles import StageTime, payload_packets, stage_times, time_confidence
from wagekit.backends.neuro.mapping import IO, KINDS, PHASES, Kind, Phase
from wagekit.backends.neuro.preset import Confidence

PARTS = (
    "synapse",
    "gradient",
    "addition",
    "rounding",
    "update",
    "write",
    "packet",
    "hop_x",
    "hop_y",
    "static",
)
"""What energy is spent on: the keys of a table's `[energy]`."""
PICO, MICRO = 1e-12, 1e-6
Joules = NDArray[np.float64]
_COUNTED: tuple[tuple[str, str, tuple[Phase, ...]], ...] = (
    ("synapse", "events", ("forward", "error")),
    ("gradient", "events", ("gradient", "update")),
    ("addition", "additions", PHASES),
    ("rounding", "roundings", PHASES),
    ("update", "visited", PHASES),
    ("write", "changed", PHASES),
)
"""Which count a part multiplies, and in which phases. Recomputed gradients are summed in the update again."""


@dataclass(frozen=True, slots=True)
class Split:
    """An energy in joules, split by the confidence of the constants behind it."""

    published: float = 0.0
    secondary: float = 0.0
    assumed: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return self.published + self.secondary + self.assumed

    @property
    def confidence(self) -> Confidence:
        """The lowest that any of it rests on."""
        return lowest(name for name in CONFIDENCES if getattr(self, name))

    @property
    def mark(self) -> str:
        """Of the lowest confidence, to stand behind the total."""
        return MARKS[self.confidence]

    def to_dict(self) -> dict[str, float | str]:
        """For JSON."""
        parts: dict[str, float | str] = {name: getattr(self, name) for name in CONFIDENCES}
        return {"joules": self.total, **parts, "confidence": self.confidence}


@dataclass(frozen=True, eq=False)
class Cost:
    """Energy and time of everything that was counted."""

    counters: Counters
    table: CostFile
    stages: tuple[StageTime, ...]

    @property
    def rounds(self) -> int:
        """Samples that were inferred, or steps of training."""
        return self.counters.steps or self.counters.samples

    @property
    def cycles(self) -> float:
        """Of all stages, one after the other."""
        return sum(stage.cycles for stage in self.stages)

    @property
    def seconds(self) -> float:
        """Of all stages, one after the other."""
        return self.cycles / self.counters.mapping.preset.timing.clock_hz

    @property
    def time_confidence(self) -> Confidence:
        """The lowest confidence that cycles and seconds rest on."""
        return time_confidence(self.counters, self.table)

    @cached_property
    def energy(self) -> Joules:
        """Joules `[phases, cores, parts]`.

        What travels belongs to the sender, or to the receiver if it comes from the port.
        """
        mapping = self.counters.mapping
        found = np.zeros((len(PHASES), mapping.cores, len(PARTS)))
        for part, field, phases in _COUNTED:
            for phase in phases:
                counts = self.counters.field(field, phase)
                found[PHASES.index(phase), :, PARTS.index(part)] = counts * self._picojoules(part)
        for number, flow in enumerate(mapping.flows):
            core = flow.destination if flow.source == IO else flow.source
            found[PHASES.index(flow.phase), core] += self._flow_energy[number]
        found[:, :, PARTS.index("static")] += self._static()
        return found

    @cached_property
    def _flow_energy(self) -> Joules:
        """Joules `[flows, parts]` of what travelled."""
        mapping = self.counters.mapping
        packets = self.counters.packets * payload_packets(mapping, self.table)
        found = np.zeros((len(mapping.flows), len(PARTS)))
        if not len(mapping.flows):
            return found
        ends = np.array([(*mapping.place(f.source), *mapping.place(f.destination)) for f in mapping.flows])
        found[:, PARTS.index("packet")] = packets * self._picojoules("packet")
        for part, axis in (("hop_x", 0), ("hop_y", 1)):
            hops = np.abs(ends[:, axis] - ends[:, axis + 2])
            found[:, PARTS.index(part)] = packets * hops * self._picojoules(part)
        return found

    def _picojoules(self, part: str) -> float:
        fact = getattr(self.table.energy, part)
        return fact.value * PICO if fact is not None else 0.0

    def _static(self) -> Joules:
        """Joules `[phases, 1]` of each core in use, which waits as long as any works."""
        clock = self.counters.mapping.preset.timing.clock_hz
        seconds = np.zeros((len(PHASES), 1))
        for stage in self.stages:
            seconds[PHASES.index(stage.phase)] += stage.cycles / clock
        return seconds * self.table.energy.static.value * MICRO

    def confidence(self, part: str) -> Confidence:
        """Of a part's constants; power at rest rests on time as well."""
        fact = getattr(self.table.energy, part)
        if part == "static":
            return lowest((fact.confidence, self.time_confidence))
        return fact.confidence if fact is not None else "published"

    def split(self, joules: Joules) -> Split:
        """Joules by part (the last axis, the others are summed) as they may be told."""
        sums = joules.reshape(-1, len(PARTS)).sum(axis=0)
        found = dict.fromkeys(CONFIDENCES, 0.0)
        for part, value in zip(PARTS, sums.tolist(), strict=True):
            found[self.confidence(part)] += value
        return Split(**found)

    @property
    def total(self) -> Split:
        """All energy."""
        return self.split(self.energy)

    def by_phase(self) -> dict[Phase, Split]:
        """Energy of each phase that was run."""
        ran = {stage.phase for stage in self.stages}
        return {phase: self.split(self.energy[number]) for number, phase in enumerate(PHASES) if phase in ran}

    def by_part(self) -> dict[str, Split]:
        """Energy of each part that took any."""
        found = {}
        for number, part in enumerate(PARTS):
            joules = np.zeros(len(PARTS))
            joules[number] = self.energy[:, :, number].sum()
            if joules[number]:
                found[part] = self.split(joules)
        return found

    def by_core(self) -> list[Split]:
        """Energy of each core in use."""
        return [self.split(self.energy[:, core]) for core in range(self.counters.mapping.cores)]

    def by_kind(self) -> dict[Kind, Split]:
        """Energy of what travelled, by kind of packet."""
        kinds = np.array([KINDS.index(flow.kind) for flow in self.counters.mapping.flows], np.int64)
        found: dict[Kind, Split] = {}
        for number, kind in enumerate(KINDS):
            if (kinds == number).any() and self.counters.packets[kinds == number].any():
                found[kind] = self.split(self._flow_energy[kinds == number])
        return found


def cost_of(counters: Counters, table: CostFile) -> Cost:
    """The cost of what was counted since the counters were reset: inference alone, or training alone."""
    return Cost(counters, table, stage_times(counters, table))
