"""Frozen, typed graph of a network; front ends create it, passes return a new one, backends read it."""

from __future__ import annotations

from wagekit.ir.graph import Bits, Conv2d, Dense, Graph, MaxPool, Ranges, Tensor, WeightLayer
from wagekit.ir.lower import lower
from wagekit.ir.verify import verify

__all__ = [
    "Bits",
    "Conv2d",
    "Dense",
    "Graph",
    "MaxPool",
    "Ranges",
    "Tensor",
    "WeightLayer",
    "lower",
    "verify",
]
