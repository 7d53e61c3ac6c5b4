"""The counts of a layer's health as shares: what integer training is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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


Level = Literal["fine", "watch", "trouble"]


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a share is to be watched, and from where on it is trouble: rules of thumb."""

    watch: float
    trouble: float
    falling: bool = False
    """The smaller the worse."""

    def level(self, share: float) -> Level:
        """What to think of a share."""
        sign = -1 if self.falling else 1
        if sign * share >= sign * self.trouble:
            return "trouble"
        return "watch" if sign * share >= sign * self.watch else "fine"


LIMITS = {
    "saturated": Limits(0.25, 0.6),
    "zero_errors": Limits(0.9, 0.99),
    "unchanged": Limits(0.999, 1.0),
    "clipped": Limits(0.1, 0.3),
    "density": Limits(0.15, 0.03, falling=True),
    "flipped": Limits(0.05, 0.15),
}
"""Of the names of `shares_of` that are judged; docs/monitor.md gives the reasons."""
