"""Works out shapes: the one place that knows how large a layer's output is.

Both the check of a description and the lowering to the graph walk a network with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from wagekit.spec.base import Pair, as_pair
from wagekit.spec.layers import Conv1d, Conv2d, Dense, Layer, MaxPool

Shape = tuple[int, ...]
Pads = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A weight layer with everything that its description implies.

    Shapes are `(height, width, channels)` or `(features,)`; a signal of one dimension
    has height 1. `pads` are top, left, bottom, right.
    """

    position: int
    """Place in the description's list of layers."""
    kind: Literal["conv", "dense"]
    input: Shape
    product: Shape
    output: Shape
    kernel: Pair | None
    stride: Pair | None
    pads: Pads | None
    window: Pair | None
    relu: bool
    frozen: bool
    last: bool


class ShapeError(ValueError):
    """A layer that does not fit what comes before it."""

    def __init__(self, position: int, key: str | None, reason: str) -> None:
        super().__init__(reason)
        self.position = position
        self.key = key
        self.reason = reason


def lifted(shape: Sequence[int]) -> Shape:
    """An input shape as the graph sees it: signals get a height of 1."""
    return (1, *shape) if len(shape) == 2 else tuple(shape)


def resolve(input_shape: Sequence[int], layers: Sequence[Layer]) -> tuple[Resolved, ...]:
    """Walk the layers from the input; raises `ShapeError` at the first that does not fit."""
    rank = len(input_shape)
    shape = lifted(input_shape)
    result: list[Resolved] = []
    for position, layer in enumerate(layers):
        last = position == len(layers) - 1
        if isinstance(layer, MaxPool):
            result[-1:] = [_pooled(position, layer, result, rank, last)]
        elif isinstance(layer, Dense):
            result.append(_dense(position, layer, shape, last))
        else:
            result.append(_conv(position, layer, shape, rank, last))
        shape = result[-1].output
    if not result or result[-1].kind != "dense":
        raise ShapeError(len(layers) - 1, None, "the last layer must be dense: it gives one output a class")
    return tuple(result)


def _relu(position: int, written: bool | None, last: bool) -> bool:
    if last and written:
        raise ShapeError(position, "relu", "the last layer has no ReLU; leave it out or write false")
    return not last if written is None else written


def _dense(position: int, layer: Dense, shape: Shape, last: bool) -> Resolved:
    out = (layer.units,)
    relu = _relu(position, layer.relu, last)
    return Resolved(position, "dense", shape, out, out, None, None, None, None, relu, layer.frozen, last)


def _conv(position: int, layer: Conv2d | Conv1d, shape: Shape, rank: int, last: bool) -> Resolved:
    flat = len(shape) == 1
    if isinstance(layer, Conv2d):
        if flat or rank != 3:
            raise ShapeError(position, None, _wrong_rank("conv2d", "[height, width, channels]", rank, flat))
        kernel, stride = as_pair(layer.kernel), as_pair(layer.stride)
    else:
        if flat or rank != 2:
            raise ShapeError(position, None, _wrong_rank("conv1d", "[length, channels]", rank, flat))
        kernel, stride = (1, layer.kernel), (1, layer.stride)
    for size, limit in zip(kernel, shape[:2], strict=True):
        if size > limit:
            raise ShapeError(position, "kernel", _too_large(layer, "kernel", kernel, shape))
    pads = _pads(position, layer, kernel, stride, shape)
    high = (shape[0] + pads[0] + pads[2] - kernel[0]) // stride[0] + 1
    wide = (shape[1] + pads[1] + pads[3] - kernel[1]) // stride[1] + 1
    out = (high, wide, layer.filters)
    relu = _relu(position, layer.relu, last)
    return Resolved(position, "conv", shape, out, out, kernel, stride, pads, None, relu, layer.frozen, last)


def _pads(position: int, layer: Conv2d | Conv1d, kernel: Pair, stride: Pair, shape: Shape) -> Pads:
    if layer.padding == "valid":
        return (0, 0, 0, 0)
    if layer.padding == "same":
        top, bottom = _same(shape[0], kernel[0], stride[0])
        left, right = _same(shape[1], kernel[1], stride[1])
        return (top, left, bottom, right)
    rows, columns = as_pair(layer.padding) if isinstance(layer, Conv2d) else (0, layer.padding)
    if rows >= kernel[0] or columns >= kernel[1]:
        where = f"{kernel[0]} x {kernel[1]}" if isinstance(layer, Conv2d) else f"{kernel[1]}"
        raise ShapeError(position, "padding", f"must be smaller than the kernel, which is {where}")
    return (rows, columns, rows, columns)


def _same(size: int, kernel: int, stride: int) -> Pair:
    """Padding before and after, as TensorFlow divides it: the odd one goes after."""
    out = -(-size // stride)
    total = max((out - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _pooled(position: int, layer: MaxPool, done: list[Resolved], rank: int, last: bool) -> Resolved:
    if not done:
        raise ShapeError(position, None, "max_pool needs a convolution before it, but is the first layer")
    before = done[-1]
    if before.window is not None:
        raise ShapeError(position, None, "two max_pool in a row; use one with a larger window")
    if before.kind == "dense":
        raise ShapeError(position, None, "max_pool needs a convolution before it, not a dense layer")
    if last:
        raise ShapeError(position, None, "max_pool after the last weight layer; the last layer must be dense")
    if rank == 2:
        if not isinstance(layer.window, int):
            raise ShapeError(position, "window", "must be one number for a signal [length, channels]")
        window = (1, layer.window)
    else:
        window = as_pair(layer.window)
    high, wide, channels = before.product
    out = (high // window[0], wide // window[1], channels)
    if 0 in out:
        raise ShapeError(position, "window", _too_large(layer, "window", window, before.product))
    return Resolved(
        before.position,
        before.kind,
        before.input,
        before.product,
        out,
        before.kernel,
        before.stride,
        before.pads,
        window,
        before.relu,
        before.frozen,
        False,
    )


def _wrong_rank(name: str, wanted: str, rank: int, flat: bool) -> str:
    if flat and rank > 1:
        return f"{name} cannot follow a dense layer, which gives plain features"
    have = {1: "[features]", 2: "[length, channels]", 3: "[height, width, channels]"}[rank]
    return f"{name} needs an input {wanted}, but the network's input is {have}"


def _too_large(layer: Layer, what: str, size: Pair, shape: Shape) -> str:
    if shape[0] == 1 and size[0] == 1:
        return f"{what} {size[1]} is larger than its input, which is {shape[1]} long"
    return f"{what} {size[0]} x {size[1]} is larger than its input, which is {shape[0]} x {shape[1]}"
