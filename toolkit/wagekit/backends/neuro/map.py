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
    coarse = [cut_layer(layer, *asked) for layer in graph.layers]
    found = [fitting_cut(graph, *pair, asked) for pair in zip(graph.layers, coarse, strict=True)]
    cuts = [cut for cut, _ in found]
    lacking = tuple(lack for _, lack in found)
    layers: list[LayerMap] = []
    if sum(cut.cores for cut in cuts) <= preset.limits.cores:
        cores = 0
        for layer, cut in zip(graph.layers, cuts, strict=True):
            below = layers[-1] if layers else None
            layers.append(map_layer(layer, cut, asked, first_core=cores, below=below))
            cores += cut.cores
    mapped = tuple(layers)
    least = sum(cut.cores for cut in coarse)
    check(Asked(graph, preset, options, tuple(cuts), mapped, lacking, least, graph.batch, graph.training))
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


FINER = (1, 2, 3, 4, 6, 8, 12, 16)
"""How many times finer than the first a cut may become for a core's memory."""


def fitting_cut(
    graph: Graph, layer: WeightLayer, cut: Cut, asked: tuple[CoreLimits, MappingOptions]
) -> tuple[Cut, int | None]:
    """The first cut, or the next finer one with which a core's memory holds its tile; a given one stays.

    How many cores the chip has does not matter here, so that a refusal tells how many would do. Where no
    cut fits, the first one and the least bits that a core would have to hold.
    """
    limits, options = asked
    forced = options.axons is not None or options.neurons is not None
    learns_in_vain = graph.training and not limits.learns
    if forced or learns_in_vain or _most_bits(graph, layer, cut, asked) <= limits.memory_bits:
        return cut, None
    finest = Cut(
        min(cut.rows * FINER[-1], layer.fan_in), min(cut.columns * FINER[-1], layer.outputs), *cut.blocks
    )
    least = _most_bits(graph, layer, finest, asked)
    if least > limits.memory_bits:
        return cut, least
    finer = {
        Cut(min(cut.rows * r, layer.fan_in), min(cut.columns * c, layer.outputs), *cut.blocks)
        for r in FINER
        for c in FINER
    }
    in_order = sorted(finer, key=lambda c: (c.cores, c.rows))
    return next(c for c in in_order if _most_bits(graph, layer, c, asked) <= limits.memory_bits), None


def _most_bits(graph: Graph, layer: WeightLayer, cut: Cut, asked: tuple[CoreLimits, MappingOptions]) -> int:
    """Bits of the fullest core of a layer."""
    # Parts differ by one at most, and the first are the longest: a column and a core more tell it all.
    mapped = map_layer(layer, cut, asked)
    gradient = asked[1].gradient
    assert graph.batch is not None
    first = mapped.owners[: mapped.rows + 1]
    return max(sum(core_memory(graph, mapped, tile, graph.batch, gradient).values()) for tile in first)
