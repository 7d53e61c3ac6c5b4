"""Frozen layers need only their weights: masters that stand for exactly these."""

from __future__ import annotations

from collections.abc import Sequence

from wagekit.executors.base import IntArray
from wagekit.numerics import is_on_grid, on_grid
from wagekit.passes import compile_graph
from wagekit.spec import Network


def frozen_on_grid(net: Network, masters: Sequence[IntArray]) -> tuple[list[IntArray], list[str]]:
    """Masters whose frozen layers lie on the grid of weights, and the names of the layers that moved.

    What the network computes and learns stays the same, but a firmware can then keep these layers
    packed in flash. Use it on both sides of a comparison: the digest covers masters.
    """
    bits = net.bits
    moved, result = [], list(masters)
    for layer in compile_graph(net, training=False).layers:
        array = masters[layer.index]
        if layer.frozen and not is_on_grid(array, bits.gradients, bits.weights):
            result[layer.index] = on_grid(array, bits.gradients, bits.weights)
            moved.append(layer.name)
    return result, moved
