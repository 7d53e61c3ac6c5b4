"""The forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wagekit.ir import Conv2d, Graph, WeightLayer
from wagekit.numerics import rha, weights_from_masters
from wagekit.numerics.grids import IntArray
from wagekit.reference.pooling import Winners, pool_forward
from wagekit.reference.products import conv_forward, dense_forward

Weights = Sequence[NDArray[np.int8]]


@dataclass(frozen=True, slots=True)
class Activations:
    """What a forward pass keeps for the way back."""

    inputs: list[IntArray]
    """What every layer reads, int8 `[n, *layer.input.shape]`."""
    winners: list[Winners | None]
    """Winners of the pooling windows of every layer that pools."""
    saturated: list[int]
    """Stored activations at the largest magnitude, of every layer; 0 for the last."""
    logits: NDArray[np.int32]
    """`[n, classes]`."""


def graph_weights(graph: Graph, masters: Sequence[IntArray]) -> list[NDArray[np.int8]]:
    """Weights of all layers, as the products use them."""
    bits = graph.bits
    return [weights_from_masters(m, bits.gradients, bits.weights) for m in masters]


def run_forward(graph: Graph, weights: Weights, x: NDArray[np.int8]) -> Activations:
    """Forward pass of inputs `[n, *graph.input.shape]`, everything kept."""
    inputs: list[IntArray] = []
    winners: list[Winners | None] = []
    saturated: list[int] = []
    y: IntArray = x
    for layer, w in zip(graph.layers, weights, strict=True):
        inputs.append(y)
        y, won, count = layer_forward(layer, w, y)
        winners.append(won)
        saturated.append(count)
    return Activations(inputs, winners, saturated, y.astype(np.int32))


def layer_forward(
    layer: WeightLayer, w: NDArray[np.int8], x: IntArray
) -> tuple[IntArray, Winners | None, int]:
    """What a layer stores for its inputs, the winners of its pool, and how much saturated."""
    acc = layer_product(layer, w, x)
    if layer.last:
        return acc, None, 0
    assert layer.shift is not None
    low, high = layer.clip
    y: IntArray = np.clip(rha(acc, layer.shift), low, high).astype(np.int8)
    won = None
    if layer.pool:
        y, won = pool_forward(y, layer.pool.window)
    return y, won, int(np.count_nonzero(np.abs(y) == high))


def layer_product(layer: WeightLayer, w: NDArray[np.int8], x: IntArray) -> IntArray:
    """The accumulators of a layer, int32 `[n, *layer.product_shape]`."""
    assert layer.ranges is not None
    bound = layer.ranges.accumulator
    if isinstance(layer.op, Conv2d):
        return conv_forward(x, w, layer.op, bound)
    return dense_forward(x.reshape(x.shape[0], -1), w, bound)
