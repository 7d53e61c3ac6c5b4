"""Counts that tell how the weights of a layer fared in an update."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wagekit.numerics.grids import IntArray, master_limit, weights_from_masters


@dataclass(frozen=True, slots=True)
class WeightCounts:
    """What an update did to the masters of a layer, and how it left them."""

    plus: int = 0
    """Masters that it raised."""
    minus: int = 0
    """Masters that it lowered."""
    clipped: int = 0
    """Masters at the end of their range after it, `|m| == master_limit(k_g, k_w)`."""
    nonzero: int = 0
    """Weights that are not 0 after it."""
    flipped: int = 0
    """Weights whose sign (-1, 0, 1) it changed."""


def count_weights(before: IntArray, after: IntArray, k_g: int, k_w: int) -> WeightCounts:
    """Compare the masters of a layer before and after an update."""
    old, new = before.astype(np.int32), after.astype(np.int32)
    signs = np.sign(weights_from_masters(old, k_g, k_w)), np.sign(weights_from_masters(new, k_g, k_w))
    return WeightCounts(
        plus=_count(new > old),
        minus=_count(new < old),
        clipped=_count(np.abs(new) == master_limit(k_g, k_w)),
        nonzero=_count(signs[1] != 0),
        flipped=_count(signs[0] != signs[1]),
    )


def _count(found: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(found))
