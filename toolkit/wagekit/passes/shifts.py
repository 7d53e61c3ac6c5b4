"""The shift pass: alpha of every layer, and the right shift of its accumulator."""

from __future__ import annotations

from dataclasses import replace

from wagekit.ir import Graph, WeightLayer
from wagekit.numerics import log2_alpha


def set_shifts(graph: Graph) -> Graph:
    """Set `log2_alpha`, `shift` of hidden layers, and the fraction of the logits."""
    return replace(graph, layers=tuple(_shifted(graph, layer) for layer in graph.layers))


def _shifted(graph: Graph, layer: WeightLayer) -> WeightLayer:
    alpha = log2_alpha(layer.fan_in, graph.bits.weights)
    if layer.last:
        fraction = graph.bits.activations - 1 + graph.bits.weights - 1 + alpha
        return replace(layer, log2_alpha=alpha, output=replace(layer.output, fraction=fraction))
    return replace(layer, log2_alpha=alpha, shift=graph.bits.weights - 1 + alpha)
