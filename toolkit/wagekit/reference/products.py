"""Exact integer products on floating-point BLAS.

A float product is exact while every partial sum stays below 2**24 (float32) or 2**53
(float64), in whatever order it is summed. Each function takes the largest magnitude
that a sum could reach and picks the quickest type that is exact, int64 at worst.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from wagekit.ir import Conv2d
from wagekit.numerics.grids import IntArray

Array = NDArray[Any]
FLOAT32_EXACT = 1 << 24
FLOAT64_EXACT = 1 << 53
INT32_EXACT = 1 << 31
CHUNK_ELEMENTS = 1 << 22
"""Largest patch matrix that is built at once; larger batches go in pieces."""


def exact_type(bound: int) -> Any:
    """The quickest type in which sums up to `bound` are exact."""
    if bound < FLOAT32_EXACT:
        return np.float32
    return np.float64 if bound < FLOAT64_EXACT else np.int64


def as_integers(x: Array, bound: int) -> IntArray:
    """An exact product as int32 if `bound` allows, int64 otherwise."""
    return x.astype(np.int32 if bound < INT32_EXACT else np.int64)


def pieces(samples: int, per_sample: int, most: int | None = None) -> Iterator[slice]:
    """Slices of a batch that keep `per_sample` elements each within `CHUNK_ELEMENTS`."""
    count = max(1, CHUNK_ELEMENTS // max(1, per_sample))
    if most is not None:
        count = max(1, min(count, most))
    for first in range(0, samples, count):
        yield slice(first, min(first + count, samples))


def dense_forward(x: IntArray, w: IntArray, bound: int) -> IntArray:
    """`[n, out]`: inputs `[n, in]` times weights `[out, in]`."""
    kind = exact_type(bound)
    return as_integers(x.astype(kind) @ w.astype(kind).T, bound)


def dense_backward_input(e: IntArray, w: IntArray, bound: int) -> IntArray:
    """`[n, in]`: errors `[n, out]` times weights `[out, in]`."""
    kind = exact_type(bound)
    return as_integers(e.astype(kind) @ w.astype(kind), bound)


def dense_backward_weights(e: IntArray, x: IntArray, bound: int) -> IntArray:
    """`[out, in]`: errors `[n, out]` and inputs `[n, in]`, summed over the batch."""
    kind = exact_type(bound)
    return as_integers(e.astype(kind).T @ x.astype(kind), bound)


def _padded(x: Array, op: Conv2d) -> Array:
    top, left, bottom, right = op.pads
    if not any(op.pads):
        return x
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))


def _patches(x: Array, op: Conv2d) -> Array:
    """`[n*oh*ow, kh*kw*in]`: what each output position sees, in the order of OHWI weights."""
    windows = sliding_window_view(_padded(x, op), op.kernel, axis=(1, 2))
    windows = windows[:, :: op.stride[0], :: op.stride[1]].transpose(0, 1, 2, 4, 5, 3)
    return windows.reshape(-1, op.kernel[0] * op.kernel[1] * x.shape[3])


def conv_forward(x: IntArray, w: IntArray, op: Conv2d, bound: int) -> IntArray:
    """`[n, oh, ow, out]`: inputs `[n, h, w, in]`, weights `[out, kh, kw, in]`."""
    kind = exact_type(bound)
    matrix = w.reshape(w.shape[0], -1).astype(kind).T
    n, rows, columns, _ = x.shape
    high, wide = _extent(rows, columns, op)
    result = np.empty((n, high, wide, w.shape[0]), np.int32 if bound < INT32_EXACT else np.int64)
    for part in pieces(n, high * wide * matrix.shape[0]):
        result[part] = (_patches(x[part].astype(kind), op) @ matrix).reshape(-1, high, wide, w.shape[0])
    return result


def conv_backward_input(
    e: IntArray, w: IntArray, op: Conv2d, input_shape: tuple[int, ...], bound: int
) -> IntArray:
    """`[n, h, w, in]`: errors `[n, oh, ow, out]` sent back through weights `[out, kh, kw, in]`."""
    kind = exact_type(bound)
    matrix = w.reshape(w.shape[0], -1).astype(kind)
    n, high, wide, out = e.shape
    result = np.empty((n, *input_shape), np.int32 if bound < INT32_EXACT else np.int64)
    for part in pieces(n, high * wide * matrix.shape[1]):
        columns = e[part].reshape(-1, out).astype(kind) @ matrix
        result[part] = _scatter(columns.reshape(-1, high, wide, *w.shape[1:]), op, input_shape)
    return result


def _scatter(columns: Array, op: Conv2d, input_shape: tuple[int, ...]) -> Array:
    """Add each output position's `[kh, kw, in]` to the inputs it came from, padding cut off."""
    n, high, wide, kernel_h, kernel_w, channels = columns.shape
    top, left, bottom, right = op.pads
    rows, width, _ = input_shape
    total = np.zeros((n, rows + top + bottom, width + left + right, channels), columns.dtype)
    step_h, step_w = op.stride
    for i in range(kernel_h):
        for j in range(kernel_w):
            target = total[:, i : i + high * step_h : step_h, j : j + wide * step_w : step_w]
            target += columns[:, :, :, i, j]
    return total[:, top : top + rows, left : left + width]


def conv_backward_weights(
    e: IntArray, x: IntArray, op: Conv2d, shape: tuple[int, ...], sample_bound: int
) -> IntArray:
    """`[out, kh, kw, in]`: errors `[n, oh, ow, out]` and inputs `[n, h, w, in]`, summed.

    `sample_bound` is the largest sum of one sample: the batch goes in pieces small enough
    for float32 where that is possible, and the pieces are added in int64.
    """
    kind = exact_type(sample_bound)
    most = max(1, (FLOAT32_EXACT - 1) // sample_bound) if kind is np.float32 else None
    if kind is np.float64:
        most = max(1, (FLOAT64_EXACT - 1) // sample_bound)
    n, high, wide, out = e.shape
    total = np.zeros((out, shape[1] * shape[2] * shape[3]), np.int64)
    for part in pieces(n, high * wide * total.shape[1], most):
        product = e[part].reshape(-1, out).astype(kind).T @ _patches(x[part].astype(kind), op)
        total += product.astype(np.int64)
    return total.reshape(shape)


def _extent(rows: int, columns: int, op: Conv2d) -> tuple[int, int]:
    top, left, bottom, right = op.pads
    high = (rows + top + bottom - op.kernel[0]) // op.stride[0] + 1
    wide = (columns + left + right - op.kernel[1]) // op.stride[1] + 1
    return high, wide
