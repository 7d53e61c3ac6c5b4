"""Orders drawn from a counter, so that no version of any library changes them.

The key of item `i` is `mix(key + i)`, where `mix` is the bijection on uint32 that also makes
the random numbers of the update: keys never tie, and sorting by them is a permutation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wagekit.numerics import mix, words

_WRAP = 0xFFFFFFFF


def permutation(count: int, *stream: int) -> NDArray[np.int64]:
    """The numbers `0 .. count-1` in the order that `stream` (uint32 words) selects.

    The key of the stream is `mix(.. mix(mix(w0) + w1) .. + wn)`, sums wrapping at 32 bits.
    """
    key = 0
    for word in stream:
        key = mix((key + word) & _WRAP)
    return np.argsort(words(key, 0, count), kind="stable").astype(np.int64)
