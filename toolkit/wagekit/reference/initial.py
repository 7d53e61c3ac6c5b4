"""The first state of a network."""

from __future__ import annotations

from wagekit.ir import Graph
from wagekit.numerics import initial_masters as draw
from wagekit.numerics.grids import IntArray


def initial_masters(graph: Graph, seed: int) -> list[IntArray]:
    """Masters at step 0, int8 or int16 in OHWI or `[out, in]`, in network order.

    Drawn from the counter generator with the uint32 `seed`: the same on every machine
    and with every version. Backends load them and never draw.
    """
    bits = graph.bits
    return [
        draw(layer.weights.shape, bits.weights, bits.gradients, seed, layer.index) for layer in graph.layers
    ]
