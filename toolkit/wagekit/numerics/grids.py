"""Grids, rounding half away from zero, and the way from masters to weights.

A `k`-bit value is an integer in `[-(2**(k-1) - 1), 2**(k-1) - 1]`; the most negative
code is never used. It stands for the real number `q * 2**(1-k)`.
"""

from __future__ import annotations

from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.signedinteger[Any]]
Int64Array = NDArray[np.int64]
A = TypeVar("A", bound=np.signedinteger[Any])


def grid_limit(bits: int) -> int:
    """Largest code of a `bits`-wide grid, `2**(bits-1) - 1`."""
    return (1 << (bits - 1)) - 1


def code_dtype(bits: int) -> type[np.int8] | type[np.int16]:
    """Type that stores codes of a grid: int8 up to 8 bits, int16 up to 16."""
    return np.int8 if bits <= 8 else np.int16


@overload
def rha(x: int, s: int) -> int: ...
@overload
def rha(x: NDArray[A], s: int) -> NDArray[A] | Int64Array: ...
def rha(x: int | NDArray[A], s: int) -> int | NDArray[A] | Int64Array:
    """Divide by `2**s`, rounding to the nearest integer and ties away from zero.

    `s <= 0` multiplies by `2**-s` instead. Python integers are unbounded. Arrays of
    int32 stay int32 where no sum can leave the type and become int64 otherwise; arrays
    of any other type become int64. The result must fit int64, and no element may be
    `-2**63`.
    """
    if isinstance(x, int):
        return _rha_int(x, s)
    if x.dtype != np.int32 or s <= 0 or s > 30 or not _fits_int32(x, s):
        x64 = x.astype(np.int64)
        return _rha_int64(x64, s)
    return (x + np.int32(1 << (s - 1)) - (x < 0)) >> np.int32(s)


def _rha_int(x: int, s: int) -> int:
    if s <= 0:
        return x << -s
    magnitude = (abs(x) + (1 << (s - 1))) >> s
    return -magnitude if x < 0 else magnitude


def _fits_int32(x: NDArray[Any], s: int) -> bool:
    if x.size == 0:
        return True
    bound = (1 << 31) - 1 - (1 << (s - 1))
    return -bound <= int(x.min()) and int(x.max()) <= bound


def _rha_int64(x: Int64Array, s: int) -> Int64Array:
    if s <= 0:
        return x << -s
    if s > 63:
        return np.zeros_like(x)  # |x| < 2**63 <= 2**(s-1): always rounds to 0
    # On |x| as uint64 neither the magnitude nor the sum can wrap.
    magnitude = (np.abs(x).astype(np.uint64) + np.uint64(1 << (s - 1))) >> np.uint64(s)
    return np.where(x < 0, -magnitude.astype(np.int64), magnitude.astype(np.int64))


def clip_grid(x: IntArray, bits: int) -> IntArray:
    """Clip to the `bits`-wide grid and store as int8 or int16."""
    high = grid_limit(bits)
    return np.clip(x, -high, high).astype(code_dtype(bits))


def master_limit(k_g: int, k_w: int) -> int:
    """Largest magnitude of a master, `2**(k_g-1) - 2**(k_g-k_w)` (64 for 2-8-8-8).

    It stands for `1 - sigma(k_w)`, the clip of the authors' code.
    """
    return (1 << (k_g - 1)) - (1 << (k_g - k_w))


def weights_from_masters(masters: IntArray, k_g: int, k_w: int) -> NDArray[np.int8]:
    """Weights that a product uses: masters rounded to the `k_w` grid and clipped to it."""
    rounded = rha(masters.astype(np.int32), k_g - k_w)
    high = grid_limit(k_w)
    return np.clip(rounded, -high, high).astype(np.int8)


def masters_from_weights(weights: IntArray, k_g: int, k_w: int) -> IntArray:
    """Masters that stand exactly for weights on the `k_w` grid."""
    return (weights.astype(np.int32) << (k_g - k_w)).astype(code_dtype(k_g))


def on_grid(masters: IntArray, k_g: int, k_w: int) -> IntArray:
    """The masters on the `k_w` grid that have the same weights: all that a frozen layer needs."""
    return masters_from_weights(weights_from_masters(masters, k_g, k_w), k_g, k_w)


def is_on_grid(masters: IntArray, k_g: int, k_w: int) -> bool:
    """Whether masters are those of their weights, so that nothing is lost where only weights are kept."""
    return bool(np.array_equal(masters, on_grid(masters, k_g, k_w)))
