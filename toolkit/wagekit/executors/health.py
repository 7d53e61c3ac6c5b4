"""The health of layers in one step, put together from what an execution counted."""

from __future__ import annotations

from wagekit.executors.base import LayerHealth, LayerStats
from wagekit.ir import Graph, WeightLayer
from wagekit.link.health import HealthReport
from wagekit.numerics import WeightCounts


def layer_health(
    layer: WeightLayer, samples: int, stats: LayerStats, counts: WeightCounts, zero_errors: int
) -> LayerHealth:
    """Health of a layer of a graph for training, after a step on so many samples.

    What is not counted in this layer is left out: weights where nothing is learned, errors where
    none are needed.
    """
    learns, has_errors = bool(layer.learns), bool(layer.learns or layer.sends_error)
    return LayerHealth(
        weights=layer.weights.size if learns else 0,
        plus=counts.plus if learns else 0,
        minus=counts.minus if learns else 0,
        clipped=counts.clipped if learns else 0,
        nonzero=counts.nonzero if learns else 0,
        flipped=counts.flipped if learns else 0,
        errors=samples * layer.output.size if has_errors else None,
        zero_errors=zero_errors if has_errors else None,
        activations=0 if layer.last else samples * layer.output.size,
        saturated=stats.saturated,
        gradient_exponent=stats.gradient_exponent,
    )


def health_of(graph: Graph, report: HealthReport) -> tuple[LayerHealth, ...]:
    """What a device reports of the layers of a graph."""
    return tuple(
        layer_health(
            layer,
            report.samples,
            LayerStats(None, counted.gradient_exponent, counted.saturated),
            WeightCounts(
                plus=counted.plus,
                minus=counted.minus,
                clipped=counted.clipped,
                nonzero=counted.nonzero,
                flipped=counted.flipped,
            ),
            counted.zero_errors,
        )
        for layer, counted in zip(graph.layers, report.layers, strict=True)
    )
