"""The counts of a layer's health as shares: what integer training is judged by."""

from __future__ import annotations

from wagekit.monitor.events import LayerHealth


def shares_of(layer: LayerHealth) -> dict[str, float]:
    """What is judged of a layer by name, 0..1; what was not counted is left out."""
    found: dict[str, float] = {}
    pairs = {
        "plus": (layer.plus, layer.weights),
        "minus": (layer.minus, layer.weights),
        "clipped": (layer.clipped, layer.weights),
        "density": (layer.nonzero, layer.weights),
        "flipped": (layer.flipped, layer.weights),
        "zero_errors": (layer.zero_errors, layer.errors),
        "saturated": (layer.saturated, layer.activations),
    }
    for name, (count, total) in pairs.items():
        if count is not None and total:
            found[name] = count / total
    if layer.weights:
        found["unchanged"] = 1 - (layer.plus + layer.minus) / layer.weights
    return found
