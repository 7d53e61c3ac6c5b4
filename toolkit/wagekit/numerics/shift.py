"""The paper's Shift as an exponent, and the quantising of errors with it."""

from __future__ import annotations

import numpy as np

from wagekit.numerics.grids import IntArray, clip_grid, code_dtype, rha


def kappa(m: int) -> int:
    """`round(log2(m))`, exactly, for an integer `m >= 1`.

    The paper's `Shift(m)` is `2**kappa(m)`. No logarithm is taken: the exponent goes up
    by one from the highest set bit where `m*m >= 2**(2*f + 1)`. `kappa` is monotone, so a
    maximum may be reduced over parts as exponents.
    """
    if m < 1:
        raise ValueError(f"kappa is defined for integers from 1, not for {m}")
    f = m.bit_length() - 1
    return f + 1 if m * m >= 1 << (2 * f + 1) else f


def max_abs(x: IntArray) -> int:
    """Largest magnitude of an array, 0 if it is empty; exact for every int64 but `-2**63`."""
    if x.size == 0:
        return 0
    return max(int(x.max()), -int(x.min()))


def quantise_error(e: IntArray, k_e: int) -> tuple[IntArray, int | None]:
    """Errors on the `k_e` grid, scaled by the whole tensor's maximum.

    Returns int8 or int16 codes of the same shape and `kappa(max |e|)`, or zeros and None
    when every error is 0. Small maxima scale up: the shift may be negative.
    """
    largest = max_abs(e)
    if largest == 0:
        return np.zeros(e.shape, code_dtype(k_e)), None
    exponent = kappa(largest)
    return clip_grid(rha(e, exponent - (k_e - 1)), k_e), exponent
