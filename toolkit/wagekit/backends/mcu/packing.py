"""Weights as bits in flash, the format of `wk_packed_t`: of layers that do not learn."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import numpy as np

from wagekit.ir import Graph
from wagekit.numerics.grids import IntArray, is_on_grid


def packable(graph: Graph, masters: Sequence[IntArray]) -> frozenset[int]:
    """Frozen layers that lose nothing where only their weights are kept: their masters are on the grid."""
    bits = graph.bits
    return frozenset(
        layer.index
        for layer in graph.layers
        if layer.frozen and is_on_grid(masters[layer.index], bits.gradients, bits.weights)
    )


def frozen_crc(masters: Iterable[IntArray]) -> int:
    """CRC-32 of the masters of packed layers in order, little-endian; 0 for none."""
    crc = 0
    for array in masters:
        crc = zlib.crc32(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes(), crc)
    return crc


def packed_bytes(weights: int, width: int) -> int:
    """Bytes that so many weights take."""
    return -(-weights * width // 8)


def pack_weights(weights: IntArray, width: int) -> bytes:
    """Weights in C order, `width` bits each in two's complement, lowest bits first, without gaps.

    `ValueError` for a weight outside the grid of `width` bits.
    """
    limit = (1 << (width - 1)) - 1
    values = np.asarray(weights, np.int64).ravel()
    if values.size and np.abs(values).max() > limit:
        raise ValueError(f"a weight is outside +-{limit}, the grid of {width} bits")
    bits = (values[:, None] >> np.arange(width)) & 1
    return np.packbits(bits.astype(np.uint8).ravel(), bitorder="little").tobytes()


def unpack_weights(data: bytes, count: int, width: int) -> IntArray:
    """The `count` weights that `pack_weights` packed, int8 in one dimension."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8), count=count * width, bitorder="little")
    codes = bits.reshape(count, width).astype(np.int64) @ (1 << np.arange(width))
    sign = 1 << (width - 1)
    weights: IntArray = ((codes ^ sign) - sign).astype(np.int8)
    return weights
