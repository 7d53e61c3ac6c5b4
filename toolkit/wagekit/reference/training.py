"""One training step: forward, errors from the output down, gradients, update.

The golden model of docs/numerics.md. The functions here are pure: they take masters and
return new ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from wagekit.ir import Conv2d, Graph, WeightLayer
from wagekit.numerics import (
    LOG2_LR_NONE,
    apply_decrement,
    decrement,
    grid_limit,
    kappa,
    layer_key,
    master_limit,
    max_abs,
    quantise_error,
    rand16,
    scaled_log2_lr,
)
from wagekit.numerics.grids import IntArray
from wagekit.reference.forward import Activations, Weights, graph_weights, run_forward
from wagekit.reference.pooling import pool_backward
from wagekit.reference.products import (
    conv_backward_input,
    conv_backward_weights,
    dense_backward_input,
    dense_backward_weights,
)

SSE_LIMIT = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Learned:
    """New masters, and what the step reports."""

    masters: list[IntArray]
    sum_squared_error: int
    errors: int
    log2_lr: int
    error_exponents: list[int | None]
    gradient_exponents: list[int | None]
    saturated: list[int]
    zero_errors: list[int]
    """Quantised errors at every layer's stored output that are 0; 0 where there are no errors."""


@dataclass(frozen=True, slots=True)
class Randomness:
    """What the random numbers of a step depend on (all uint32)."""

    seed: int
    step: int


def learn(
    graph: Graph,
    masters: Sequence[IntArray],
    x: NDArray[np.int8],
    labels: NDArray[np.uint16],
    *,
    randomness: Randomness,
    log2_lr: int,
    rule: str,
) -> Learned:
    """One step on inputs `[n, *graph.input.shape]` and class numbers `[n]`.

    The graph's ranges must hold for `n`. Masters are not changed in place.
    """
    weights = graph_weights(graph, masters)
    kept = run_forward(graph, weights, x)
    errors = int(np.count_nonzero(kept.logits.argmax(axis=1) != labels))
    e = kept.logits.astype(np.int64)
    e[np.arange(len(labels)), labels] -= 1 << graph.log2_one
    squared = sum_of_squares(e)
    e_q, out_exponent = quantise_error(e, graph.bits.errors)
    rate = scaled_log2_lr(log2_lr, rule, out_exponent, graph.log2_one)
    result = [m.copy() for m in masters]
    count = len(graph.layers)
    error_exponents: list[int | None] = [None] * count
    gradient_exponents: list[int | None] = [None] * count
    zero_errors = [0] * count
    error_exponents[-1] = out_exponent
    for layer in reversed(graph.layers):
        i = layer.index
        if not (layer.learns or layer.sends_error):
            break
        zero_errors[i] = e_q.size - int(np.count_nonzero(e_q))
        at_product = (
            e_q
            if not layer.pool
            else pool_backward(e_q, _winners(kept, i), layer.pool.window, layer.product_shape)
        )
        if layer.learns:
            g = weight_gradient(graph, layer, at_product, kept.inputs[i])
            key = layer_key(randomness.seed, randomness.step, i)
            result[i], gradient_exponents[i] = updated(graph, result[i], g, rate, key)
        if layer.sends_error:
            raw = input_error(layer, weights[i], at_product)
            e_q, error_exponents[i - 1] = quantise_error(
                masked(raw, graph.layers[i - 1], kept.inputs[i]), graph.bits.errors
            )
    return Learned(
        result, squared, errors, rate, error_exponents, gradient_exponents, kept.saturated, zero_errors
    )


def _winners(kept: Activations, index: int) -> NDArray[np.uint8]:
    winners = kept.winners[index]
    assert winners is not None
    return winners


def sum_of_squares(e: NDArray[np.int64]) -> int:
    """Exact sum of squares, saturated at `2**64 - 1`."""
    largest = max_abs(e)
    if largest * largest * e.size < 1 << 63:
        return int(np.sum(e * e))
    return min(sum(int(v) * int(v) for v in e.ravel()), SSE_LIMIT)


def weight_gradient(graph: Graph, layer: WeightLayer, e: IntArray, x: IntArray) -> IntArray:
    """`g` in the shape of the weights: errors at the product times inputs, summed over the batch."""
    sample_bound = grid_limit(graph.bits.errors) * grid_limit(graph.bits.activations)
    if isinstance(layer.op, Conv2d):
        sample_bound *= prod(layer.output.shape[:-1])
        return conv_backward_weights(e, x, layer.op, layer.weights.shape, sample_bound)
    return dense_backward_weights(e, x.reshape(x.shape[0], -1), sample_bound * x.shape[0])


def input_error(layer: WeightLayer, w: NDArray[np.int8], e: IntArray) -> IntArray:
    """Raw errors at the layer's input, `[n, *layer.input.shape]`."""
    assert layer.ranges is not None and layer.ranges.raw_error is not None
    bound = layer.ranges.raw_error
    if isinstance(layer.op, Conv2d):
        return conv_backward_input(e, w, layer.op, layer.input.shape, bound)
    return dense_backward_input(e, w, bound).reshape(e.shape[0], *layer.input.shape)


def masked(raw: IntArray, producer: WeightLayer, y: IntArray) -> IntArray:
    """Raw errors where the stored activation neither saturated nor (with ReLU) was 0, else 0."""
    high = producer.output.limit
    open_ = (y < high) & (y > (0 if producer.relu else -high))
    return raw * open_


def updated(graph: Graph, masters: IntArray, g: IntArray, rate: int, key: int) -> tuple[IntArray, int | None]:
    """Masters after the gradient `g` at `2**rate`, and `kappa(max |g|)` (None for no gradient)."""
    largest = max_abs(g)
    if largest == 0:
        return masters, None
    exponent = kappa(largest)
    if rate <= LOG2_LR_NONE:
        return masters, exponent
    d = decrement(g, exponent - rate, rand16(key, g.size))
    limit = master_limit(graph.bits.gradients, graph.bits.weights)
    return apply_decrement(masters, d, limit), exponent


__all__ = ["Learned", "Randomness", "Weights", "learn"]
