"""Random numbers from a counter: any order, tiling or core draws the same.

A number depends on the seed, the step, the layer and the flat index of a weight, and
on nothing that was drawn before it. All sums and products wrap at 32 bits.
"""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

UInt32Array = NDArray[np.uint32]
MASK32 = 0xFFFFFFFF
INITIAL_DOMAIN = 0x57414745
"""Separates the draw of initial weights from the updates ("WAGE" in ASCII)."""


@overload
def mix(x: int) -> int: ...
@overload
def mix(x: UInt32Array) -> UInt32Array: ...
def mix(x: int | UInt32Array) -> int | UInt32Array:
    """Mix 32 bits so that every input bit changes about half of the output bits."""
    if isinstance(x, int):
        x &= MASK32
        x ^= x >> 16
        x = (x * 0x7FEB352D) & MASK32
        x ^= x >> 15
        x = (x * 0x846CA68B) & MASK32
        return x ^ (x >> 16)
    y = x ^ (x >> np.uint32(16))
    y *= np.uint32(0x7FEB352D)
    y ^= y >> np.uint32(15)
    y *= np.uint32(0x846CA68B)
    y ^= y >> np.uint32(16)
    return y


def layer_key(seed: int, step: int, layer: int) -> int:
    """Key of one layer's random numbers in one step (all uint32)."""
    return mix(mix(mix(seed) + step) + layer)


def initial_key(seed: int, layer: int) -> int:
    """Key of one layer's initial weights.

    One `mix` more than `layer_key` and a constant of its own keep this draw apart from
    those of all steps.
    """
    return mix(mix(mix(mix(seed) ^ INITIAL_DOMAIN) + 1) + layer)


def words(key: int, first: int, count: int) -> UInt32Array:
    """The uint32 numbers `mix(key + i)` for `first <= i < first + count`."""
    counter = np.arange(first, first + count, dtype=np.uint64) + np.uint64(key & MASK32)
    return mix(counter.astype(np.uint32))


def rand16(key: int, count: int) -> NDArray[np.uint16]:
    """The 16-bit numbers of weights `0 .. count-1`: two out of each mixed word, low half first."""
    halves: NDArray[Any] = words(key, 0, (count + 1) // 2)
    return halves.astype("<u4").view("<u2").astype(np.uint16)[:count]
