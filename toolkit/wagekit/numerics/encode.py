"""Encoders: from raw samples to integers on the `k_a` grid (int8).

They compute; whether raw values make sense for an encoding is checked by the caller.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wagekit.numerics.grids import Int64Array, IntArray, clip_grid, grid_limit, rha

Codes = NDArray[np.int8]


def encode_real(x: NDArray[np.floating[Any]], k_a: int) -> Codes:
    """Real features, `[-1, 1]` meant, everything finite accepted: `clip(round_half_away(x * 2**(k_a-1)))`."""
    scaled = np.abs(x.astype(np.float64)) * float(1 << (k_a - 1))
    # Not floor(v + 0.5): that sum rounds 0.49999999999999994 up to 1.
    whole = np.floor(scaled)
    rounded = np.minimum(whole + (scaled - whole >= 0.5), grid_limit(k_a))
    codes: Codes = np.copysign(rounded, x).astype(np.int8)
    return codes


def encode_centered(p: IntArray, k_a: int) -> Codes:
    """8-bit samples 0..255 around 128: `clip(p - 128, -127, 127)`, then rounded to the grid."""
    return _to_grid(np.clip(p.astype(np.int32) - 128, -127, 127), k_a)


def encode_unit(p: IntArray, k_a: int) -> Codes:
    """8-bit samples 0..255 as 0 to 1: `p >> 1`, then rounded to the grid."""
    return _to_grid(p.astype(np.int32) >> 1, k_a)


def encode_affine(
    p: IntArray, offset: Int64Array, multiplier: Int64Array, shift: Int64Array, k_a: int
) -> Codes:
    """Raw sensor integers (int32): `clip(rha((p - offset) * multiplier, shift))` in 64 bits.

    `offset`, `multiplier` (int32 values) and `shift` (0..62) broadcast over the last axis.
    """
    product = (p.astype(np.int64) - offset) * multiplier
    columns = np.broadcast_to(shift, product.shape[-1:])
    result = np.empty(product.shape, np.int64)
    for s in np.unique(columns):
        chosen = columns == s
        result[..., chosen] = rha(product[..., chosen], int(s))
    return clip_grid(result, k_a).astype(np.int8)


def _to_grid(codes: IntArray, k_a: int) -> Codes:
    return clip_grid(rha(codes, 8 - k_a), k_a).astype(np.int8)
