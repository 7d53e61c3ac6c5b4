"""The neuromorphic core simulator: graph to tiles, cores, flows and places; limits; counters; costs."""

from __future__ import annotations

from wagekit.backends.neuro.constants import CostFile, available_tables, load_costs
from wagekit.backends.neuro.cost import Cost, Split, cost_of
from wagekit.backends.neuro.counters import FIELDS, Counters, Link, flow_hops, route, utilisation
from wagekit.backends.neuro.cycles import StageTime
from wagekit.backends.neuro.imperfect import Imperfections
from wagekit.backends.neuro.limits import PREDICATES, MappingError, Violation
from wagekit.backends.neuro.manifest import manifest
from wagekit.backends.neuro.map import map_graph
from wagekit.backends.neuro.mapping import (
    IO,
    KINDS,
    PHASES,
    Flow,
    Group,
    Kind,
    LayerMap,
    Mapping,
    MappingOptions,
    Phase,
    Tile,
)
from wagekit.backends.neuro.memory import USES
from wagekit.backends.neuro.preset import CoreLimits, Fact, Preset, Timing, available, load_preset
from wagekit.backends.neuro.schedule import Stage, schedule
from wagekit.backends.neuro.traffic import memory_traffic

__all__ = [
    "FIELDS",
    "IO",
    "KINDS",
    "PHASES",
    "PREDICATES",
    "USES",
    "CoreLimits",
    "Cost",
    "CostFile",
    "Counters",
    "Fact",
    "Flow",
    "Group",
    "Imperfections",
    "Kind",
    "LayerMap",
    "Link",
    "Mapping",
    "MappingError",
    "MappingOptions",
    "Phase",
    "Preset",
    "Split",
    "Stage",
    "StageTime",
    "Tile",
    "Timing",
    "Violation",
    "available",
    "available_tables",
    "cost_of",
    "flow_hops",
    "load_costs",
    "load_preset",
    "manifest",
    "map_graph",
    "memory_traffic",
    "route",
    "schedule",
    "utilisation",
]
