"""The update of masters: a stochastic step of whole grid units."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wagekit.numerics.grids import Int64Array, IntArray

LOG2_LR_MIN = -16
LOG2_LR_MAX = 15
LOG2_LR_NONE = -17
"""Stands for every learning rate too small to change a weight."""


def frac16(magnitude: NDArray[np.uint64], r: int) -> NDArray[np.uint64]:
    """Fraction of `magnitude * 2**-r`, cut (not rounded) to 16 bits."""
    if r < 0 or r - 16 > 63:
        return np.zeros_like(magnitude)
    shifted = magnitude >> np.uint64(r - 16) if r >= 16 else magnitude << np.uint64(16 - r)
    return shifted & np.uint64(0xFFFF)


def decrement(g: IntArray, r: int, random: NDArray[np.uint16]) -> Int64Array:
    """What an update takes away: `sign(g) * (floor(u) + (frac16(u) > random))`, `u = |g| * 2**-r`.

    `g` is a gradient, `random` the 16-bit numbers of its weights in C order;
    `r = kappa(max |g|) - log2_lr`.
    """
    wide = g.astype(np.int64)
    magnitude = np.abs(wide).astype(np.uint64)
    if r < 0:
        whole = magnitude << np.uint64(-r)
    else:
        whole = magnitude >> np.uint64(r) if r <= 63 else np.zeros_like(magnitude)
    up = frac16(magnitude, r) > random.reshape(g.shape)
    size = whole.astype(np.int64) + up
    signed: Int64Array = np.where(wide < 0, -size, size)
    return signed


def apply_decrement(masters: IntArray, d: IntArray, limit: int) -> IntArray:
    """`clip(m - d, +-limit)` in the type of the masters."""
    moved = np.clip(masters.astype(np.int64) - d, -limit, limit)
    result: IntArray = moved.astype(masters.dtype)
    return result


def scaled_log2_lr(log2_lr: int, rule: str, out_exponent: int | None, log2_one: int) -> int:
    """Learning rate that a batch really uses, not below `LOG2_LR_NONE`.

    `paper` takes the given rate. `error_scaled` lowers it while the largest error at the
    output (`kappa` of it, None for no error) is below one, so that small errors make
    small steps.
    """
    if rule == "error_scaled":
        if out_exponent is None:
            return LOG2_LR_NONE
        log2_lr += min(0, out_exponent - log2_one)
    return max(log2_lr, LOG2_LR_NONE)
