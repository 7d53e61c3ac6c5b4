"""The way from a description to a graph that can be run or generated."""

from __future__ import annotations

from wagekit.errors import UsageError
from wagekit.ir import Graph, lower, verify
from wagekit.passes.learning import set_learning
from wagekit.passes.ranges import set_ranges
from wagekit.passes.shifts import set_shifts
from wagekit.spec import Network

MAX_BATCH = 1 << 20


def compile_graph(net: Network, batch: int = 1, training: bool = True) -> Graph:
    """Lower a network and run all passes, verified after each.

    The ranges hold for any batch up to `batch`. Raises `LimitError` where a sum could
    overflow and `NetworkError` where the network could not learn.
    """
    if isinstance(batch, bool) or not isinstance(batch, int) or not 1 <= batch <= MAX_BATCH:
        raise UsageError(f"batch = {batch!r}: must be a whole number 1..{MAX_BATCH}")
    graph = verify(lower(net))
    graph = verify(set_shifts(graph))
    graph = verify(set_learning(graph, training))
    return verify(set_ranges(graph, batch, training))
