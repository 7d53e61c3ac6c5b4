"""A mapping as values of JSON: which core holds what and sits where, who sends to whom and on which way."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from wagekit.backends.neuro.counters import route
from wagekit.backends.neuro.mapping import Flow, Mapping, Tile
from wagekit.backends.neuro.schedule import schedule

FORMAT = 1


def manifest(mapping: Mapping) -> dict[str, Any]:
    """Cores, flows with their routes, and stages; the I/O port is core -1.

    `format` grows with the keys. A route is the routers that a packet passes, both ends included.
    """
    graph = mapping.graph
    return {
        "format": FORMAT,
        "network": graph.name,
        "fingerprint": graph.fingerprint,
        "preset": mapping.preset.name,
        "training": mapping.training,
        "batch": mapping.batch,
        "options": asdict(mapping.options),
        "mesh": list(mapping.preset.limits.mesh),
        "cores": [_core(mapping, tile) for tile in mapping.tiles],
        "flows": [_flow(mapping, flow) for flow in mapping.flows],
        "stages": [asdict(stage) for stage in schedule(mapping)],
    }


def _core(mapping: Mapping, tile: Tile) -> dict[str, Any]:
    values = asdict(tile)
    values["layer"] = mapping.graph.layers[tile.layer].name
    return {**values, "router": list(mapping.place(tile.core)), "memory_bits": mapping.memory[tile.core]}


def _flow(mapping: Mapping, flow: Flow) -> dict[str, Any]:
    source, destination = mapping.place(flow.source), mapping.place(flow.destination)
    values = asdict(flow)
    del values["counter"]
    values["layer"] = mapping.graph.layers[flow.layer].name
    return {**values, "route": [list(source), *(list(link[1]) for link in route(source, destination))]}
