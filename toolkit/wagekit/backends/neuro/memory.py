"""What a core holds, in bits by use.

Inference runs a sample at a time and keeps the rows of its input that a window spans. Training keeps a
whole batch: errors are scaled by the batch's maximum, so inputs, masks and raw errors wait for it.
"""

from __future__ import annotations

import numpy as np

from wagekit.backends.neuro.mapping import GRADIENT_ROWS, Gradient, LayerMap, Tile
from wagekit.ir import Bits, Graph, WeightLayer

USES = (
    "weights",
    "masters",
    "inputs",
    "accumulators",
    "pooling",
    "masks",
    "winners",
    "raw_errors",
    "errors",
    "partial_errors",
    "gradient",
)


def weight_bits(tile: Tile, bits: Bits) -> int:
    """The crossbar; where a convolution is unrolled it has a copy of the weights at each position."""
    return tile.axons * tile.neurons * bits.weights


def core_memory(graph: Graph, mapped: LayerMap, tile: Tile, batch: int, gradient: Gradient) -> dict[str, int]:
    """Bits by use of `USES`, those of 0 left out, for a graph that was compiled to train or to infer."""
    layer = graph.layers[tile.layer]
    found = _infer(graph.bits, mapped, tile)
    if layer.learns or layer.sends_error:
        found |= _learn(graph, mapped, tile, batch, gradient)
    if tile.row == 0 and _error_arrives(graph, layer):
        found |= _root(graph, mapped, tile, batch)
    return {use: found[use] for use in USES if found.get(use)}


def _error_arrives(graph: Graph, layer: WeightLayer) -> bool:
    """Whether the error at the layer's output is computed."""
    return bool(layer.learns or layer.sends_error)


def _infer(bits: Bits, mapped: LayerMap, tile: Tile) -> dict[str, int]:
    sizes = mapped.geometry
    found = {
        "weights": weight_bits(tile, bits),
        "inputs": _input_elements(mapped, tile) * bits.activations,
        "accumulators": tile.neurons * 32,
    }
    if tile.row == 0 and sizes.window_size > 1 and not mapped.unrolled:
        found["pooling"] = sizes.pooled[1] * tile.width * bits.activations
    return found


def _input_elements(mapped: LayerMap, tile: Tile) -> int:
    """Inputs held at a time: the rows that one window spans, all of them where unrolled."""
    sizes = mapped.geometry
    group = mapped.groups[tile.block * mapped.rows + tile.row]
    if mapped.unrolled or sizes.kernel[0] >= sizes.input[0]:
        return group.elements
    steps = np.zeros(sizes.input_size + 1, np.int64)
    np.add.at(steps, group.runs[:, 0], 1)
    np.add.at(steps, group.runs[:, 0] + group.runs[:, 1], -1)
    by_row = np.cumsum(steps[:-1]).reshape(sizes.input[0], -1).sum(axis=1)
    return int(np.convolve(by_row, np.ones(sizes.kernel[0], np.int64)).max())


def _learn(graph: Graph, mapped: LayerMap, tile: Tile, batch: int, gradient: Gradient) -> dict[str, int]:
    """What training adds on every core of a layer."""
    layer, bits = graph.layers[tile.layer], graph.bits
    assert layer.ranges is not None
    elements = mapped.groups[tile.block * mapped.rows + tile.row].elements
    code = bits.errors + _winner_bits(mapped)
    found = {"errors": batch * tile.pooled * tile.width * code}
    if layer.learns:
        rows = tile.width if gradient == "stored" else min(GRADIENT_ROWS, tile.width)
        found["masters"] = tile.fan_in * tile.width * bits.gradients
        found["inputs"] = batch * elements * bits.activations
        found["gradient"] = rows * tile.fan_in * (layer.ranges.gradient_bits or 0)
    if layer.sends_error:
        found["partial_errors"] = elements * (layer.ranges.raw_error_bits or 0)
    return found


def _root(graph: Graph, mapped: LayerMap, tile: Tile, batch: int) -> dict[str, int]:
    """What training adds on a root: the error at its output, and what masks and routes it."""
    outputs = batch * tile.pooled * tile.width
    if graph.layers[tile.layer].last:
        return {"raw_errors": outputs * 32}
    above = graph.layers[tile.layer + 1].ranges
    assert above is not None
    return {
        "raw_errors": outputs * (above.raw_error_bits or 0),
        "masks": outputs,
        "winners": outputs * _winner_bits(mapped),
    }


def _winner_bits(mapped: LayerMap) -> int:
    return (mapped.geometry.window_size - 1).bit_length()
