"""The golden model: a NumPy interpreter of the graph, forward and update."""

from __future__ import annotations

from wagekit.reference.forward import Activations, graph_weights, run_forward
from wagekit.reference.initial import initial_masters
from wagekit.reference.training import Learned, Randomness, learn

__all__ = [
    "Activations",
    "Learned",
    "Randomness",
    "graph_weights",
    "initial_masters",
    "learn",
    "run_forward",
]
