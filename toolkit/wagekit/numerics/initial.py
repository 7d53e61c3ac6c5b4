"""The scale alpha and the initial weights, in integers only.

With `L = sqrt(3 / fan_in)` and `L_min = 1.5 * sigma(k_w)` weights start uniform in
`+-max(L, L_min)`, rounded to the `k_w` grid, and `alpha` makes up for what `L_min`
added (WAGE paper, sections 3.2 and 3.3.2; the gain of 3 is that of the authors'
code). Both are worked out by exact comparisons, so no platform or library version
can change them.
"""

from __future__ import annotations

from math import isqrt

import numpy as np

from wagekit.numerics.grids import IntArray, grid_limit, masters_from_weights
from wagekit.numerics.prng import initial_key, words

GAIN = 3


def log2_alpha(fan_in: int, k_w: int) -> int:
    """`max(round(log2(L_min / L)), 0)`: the smallest `a >= 0` with `3*fan_in < 2**(2*a + 2*k_w + 1)`."""
    a = 0
    while fan_in * GAIN >= 1 << (2 * a + 2 * k_w + 1):
        a += 1
    return a


def initial_masters(shape: tuple[int, ...], k_w: int, k_g: int, seed: int, layer: int) -> IntArray:
    """Masters of one weight layer at step 0, int8 (`k_g <= 8`) or int16.

    `shape` is `(out, kh, kw, in)` or `(out, in)`. Weight `i` (C order) takes the 32-bit
    word `u = mix(key + i)`; `n = 2*u + 1 - 2**32` is an odd number in `+-(2**32 - 1)`, so
    `n / 2**32` is uniform in (-1, 1) and never 0.
    """
    fan_in = int(np.prod(shape[1:], dtype=np.int64))
    count = fan_in * shape[0]
    u = words(initial_key(seed, layer), 0, count).astype(np.int64)
    n = 2 * u + (1 - (1 << 32))
    thresholds = np.array(_thresholds(fan_in, k_w), dtype=np.int64)
    magnitude = np.searchsorted(thresholds, np.abs(n), side="right")
    weights = np.where(n < 0, -magnitude, magnitude).reshape(shape)
    return masters_from_weights(weights, k_g, k_w)


def _thresholds(fan_in: int, k_w: int) -> list[int]:
    """For every code `j >= 1` the least `|n|` that rounds to it or beyond.

    `|n| / 2**32 * max(L, L_min) * 2**(k_w-1) >= j - 1/2` solved for `n` without a root:
    for `L_min` it is `n >= (2j-1) * 2**32 / 3`, for `L` it is
    `n*n >= (2j-1)**2 * fan_in * 2**(64 - 2*k_w) / 3`. The smaller bound belongs to the
    larger of `L` and `L_min`.
    """
    result = []
    for j in range(1, grid_limit(k_w) + 1):
        odd = 2 * j - 1
        with_l_min = -(-(odd << 32) // GAIN)
        square = -(-(odd * odd * fan_in << (64 - 2 * k_w)) // GAIN)
        with_l = isqrt(square - 1) + 1
        result.append(min(with_l_min, with_l))
    return result
