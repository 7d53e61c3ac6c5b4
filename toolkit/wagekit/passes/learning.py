"""The learning pass: which layers learn, and how far down errors travel."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from wagekit.errors import NetworkError
from wagekit.ir import Graph


def set_learning(graph: Graph, training: bool) -> Graph:
    """Set `learns` and `sends_error`; for inference nothing learns.

    `NetworkError` for training with 2-bit activations through a ReLU: the stored codes
    are 0 and 1, both masked, so no error would pass.
    """
    layers = []
    below = False
    for layer in graph.layers:
        learns = training and not layer.frozen
        layers.append(replace(layer, learns=learns, sends_error=below))
        below = below or learns
    if graph.bits.activations == 2:
        for layer, above in pairwise(layers):
            if layer.relu and above.sends_error:
                raise NetworkError(
                    f"{graph.name}: layer {layer.name}: bits.activations = 2 with ReLU lets no error "
                    "through, so nothing below it would learn",
                    hint="use 3 bits or more, write relu = false, or freeze the layers below",
                )
    return replace(graph, layers=tuple(layers))
