"""Max-pooling over windows that do not overlap, and the way back to the winners."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wagekit.numerics.grids import IntArray

Winners = NDArray[np.uint8]


def pool_forward(y: IntArray, window: tuple[int, int]) -> tuple[IntArray, Winners]:
    """Maxima `[n, oh // wh, ow // ww, c]` of `[n, oh, ow, c]`, and where they stood.

    A winner is the row-major number of its position in the window; a tie goes to the
    first. Rows and columns left over are dropped.
    """
    high, wide = window
    rows, columns = y.shape[1] // high, y.shape[2] // wide
    best = y[:, 0 : rows * high : high, 0 : columns * wide : wide].copy()
    winners = np.zeros(best.shape, np.uint8)
    for position in range(1, high * wide):
        i, j = divmod(position, wide)
        here = y[:, i : rows * high : high, j : columns * wide : wide]
        better = here > best
        np.copyto(best, here, where=better)
        np.copyto(winners, np.uint8(position), where=better)
    return best, winners


def pool_backward(
    e: IntArray, winners: Winners, window: tuple[int, int], product_shape: tuple[int, ...]
) -> IntArray:
    """Errors of pooled values put at their winners, `[n, *product_shape]`, 0 elsewhere."""
    high, wide = window
    rows, columns = e.shape[1], e.shape[2]
    result = np.zeros((e.shape[0], *product_shape), e.dtype)
    for position in range(high * wide):
        i, j = divmod(position, wide)
        here = result[:, i : rows * high : high, j : columns * wide : wide]
        np.copyto(here, e, where=winners == position)
    return result
