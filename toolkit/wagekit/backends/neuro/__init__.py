"""The neuromorphic core simulator's mapping: graph to tiles, cores, flows and places; limits; counters."""

from __future__ import annotations

from wagekit.backends.neuro.counters import FIELDS, Counters, Link, flow_hops, route, utilisation
from wagekit.backends.neuro.limits import PREDICATES, MappingError, Violation
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

__all__ = [
    "FIELDS",
    "IO",
    "KINDS",
    "PHASES",
    "PREDICATES",
    "USES",
    "CoreLimits",
    "Counters",
    "Fact",
    "Flow",
    "Group",
    "Kind",
    "LayerMap",
    "Link",
    "Mapping",
    "MappingError",
    "MappingOptions",
    "Phase",
    "Preset",
    "Stage",
    "Tile",
    "Timing",
    "Violation",
    "available",
    "flow_hops",
    "load_preset",
    "map_graph",
    "route",
    "schedule",
    "utilisation",
]
