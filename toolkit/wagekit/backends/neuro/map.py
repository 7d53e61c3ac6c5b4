"""From a compiled graph to a mapping: cut, check, connect, place."""

from __future__ import annotations

from wagekit.backends.neuro.flows import build_flows
from wagekit.backends.neuro.limits import Asked, check
from wagekit.backends.neuro.mapping import LayerMap, Mapping, MappingOptions
from wagekit.backends.neuro.memory import core_memory
from wagekit.backends.neuro.partition import Cut, cut_layer, map_layer
from wagekit.backends.neuro.placement import place
from wagekit.backends.neuro.preset import CoreLimits, Preset
from wagekit.ir import Graph, WeightLayer


def map_graph(graph: Graph, preset: Preset, options: MappingOptions | None = None) -> Mapping:
    """Lay a compiled graph (to train or to infer, for its batch) out on a chip.

    `MappingError` (a `LimitError`) names every limit that is exceeded, with layer, core, value and what
    would work.
    """
    options = options or MappingOptions()
    assert graph.batch is not None and graph.training is not None, "the range pass comes first"
    asked = (preset.limits, options)
    cuts = [fitting_cut(graph, layer, cut_layer(layer, *asked), asked) for layer in graph.layers]
    layers: list[LayerMap] = []
    if sum(cut.cores for cut in cuts) <= preset.limits.cores:
        cores = 0
        for layer, cut in zip(graph.layers, cuts, strict=True):
            below = layers[-1] if layers else None
            layers.append(map_layer(layer, cut, asked, first_core=cores, below=below))
            cores += cut.cores
    mapped = tuple(layers)
    check(Asked(graph, preset, options, tuple(cuts), mapped, graph.batch, graph.training))
    flows, tables, counters = build_flows(graph, mapped, options, graph.training)
    tiles = tuple(tile for layer_map in mapped for tile in layer_map.tiles)
    return Mapping(
        graph=graph,
        preset=preset,
        options=options,
        layers=mapped,
        tiles=tiles,
        flows=flows,
        tables=tables,
        counters=counters,
        places=place(mapped, flows, preset.limits.mesh, options.place),
        memory=tuple(
            core_memory(graph, mapped[tile.layer], tile, graph.batch, options.gradient) for tile in tiles
        ),
        batch=graph.batch,
        training=graph.training,
    )


FINER = (1, 2, 4, 8, 16)
"""How many times finer than the first a cut may become for a core's memory."""


def fitting_cut(graph: Graph, layer: WeightLayer, cut: Cut, asked: tuple[CoreLimits, MappingOptions]) -> Cut:
    """The first cut, or the next finer one with which a core's memory holds its tile; a given one stays."""
    limits, options = asked
    forced = options.axons is not None or options.neurons is not None
    if forced or cut.cores > limits.cores or (graph.training and not limits.learns):
        return cut
    finer = [
        Cut(min(cut.rows * r, layer.fan_in), min(cut.columns * c, layer.outputs), *cut.blocks)
        for r in FINER
        for c in FINER
    ]
    for candidate in sorted(finer, key=lambda c: (c.cores, c.rows)):
        if candidate.cores > max(cut.cores, limits.cores):
            break
        if _fits(graph, layer, candidate, asked):
            return candidate
    return cut


def _fits(graph: Graph, layer: WeightLayer, cut: Cut, asked: tuple[CoreLimits, MappingOptions]) -> bool:
    mapped = map_layer(layer, cut, asked)
    limits, options = asked
    assert graph.batch is not None
    first = mapped.owners[: mapped.rows + 1]  # parts differ by one at most, and the first are the longest
    return all(
        sum(core_memory(graph, mapped, tile, graph.batch, options.gradient).values()) <= limits.memory_bits
        for tile in first
    )
