"""The golden model: a NumPy interpreter of the graph, forward and update."""

from __future__ import annotations

from wagekit.reference.initial import initial_masters

__all__ = ["initial_masters"]
