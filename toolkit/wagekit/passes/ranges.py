"""The range pass: proves that sums fit, and chooses int32 or int64 for raw errors and gradients."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from wagekit.errors import LimitError
from wagekit.ir import Conv2d, Graph, Ranges, WeightLayer
from wagekit.numerics import grid_limit

INT32_MAX = (1 << 31) - 1
INT64_MAX = (1 << 63) - 1


def set_ranges(graph: Graph, batch: int, training: bool) -> Graph:
    """Set the ranges of all layers for batches up to `batch`; `LimitError` where a sum could overflow.

    Only what is computed is bounded: forward sums always, raw errors and gradients where
    the learning pass has them. Padding and stride are not deducted.
    """
    layers = tuple(replace(layer, ranges=_ranges(graph, layer, batch)) for layer in graph.layers)
    return replace(graph, layers=layers, batch=batch, training=training)


def _ranges(graph: Graph, layer: WeightLayer, batch: int) -> Ranges:
    activation = grid_limit(graph.bits.activations)
    weight = grid_limit(graph.bits.weights)
    error = grid_limit(graph.bits.errors)
    accumulator = layer.fan_in * activation * weight
    if layer.last:
        accumulator += 1 << graph.log2_one  # the error at the output is acc - one * t
    if accumulator > INT32_MAX:
        raise LimitError(
            f"{graph.name}: layer {layer.name}: the accumulator could reach {accumulator}, "
            f"more than int32 holds ({INT32_MAX}): it sums {layer.fan_in} products",
            hint="use fewer inputs, or fewer bits for weights or activations",
        )
    raw_error = gradient = None
    if layer.sends_error:
        taps = prod(layer.op.kernel) if isinstance(layer.op, Conv2d) else 1
        raw_error = layer.outputs * taps * error * weight
    if layer.learns:
        positions = prod(layer.output.shape[:-1])  # after pooling: only winners have errors
        gradient = batch * positions * error * activation
    return Ranges(
        accumulator,
        raw_error,
        gradient,
        _width(graph, layer, "an error into its input", raw_error),
        _width(graph, layer, f"a gradient at a batch of {batch}", gradient),
    )


def _width(graph: Graph, layer: WeightLayer, what: str, bound: int | None) -> int | None:
    if bound is None:
        return None
    if bound > INT64_MAX:
        raise LimitError(
            f"{graph.name}: layer {layer.name}: {what} could reach {bound}, "
            f"more than int64 holds ({INT64_MAX})",
            hint="use a smaller batch or fewer bits for errors",
        )
    return 32 if bound <= INT32_MAX else 64
