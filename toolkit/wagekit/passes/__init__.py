"""Graph to graph: shifts, ranges, what learns, and the buffer plan."""

from __future__ import annotations

from wagekit.passes.compile import MAX_BATCH, compile_graph
from wagekit.passes.learning import set_learning
from wagekit.passes.ranges import set_ranges
from wagekit.passes.shifts import set_shifts

__all__ = ["MAX_BATCH", "compile_graph", "set_learning", "set_ranges", "set_shifts"]
