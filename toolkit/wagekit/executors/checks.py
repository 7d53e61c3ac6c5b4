"""Checks of samples, labels, masters and rates, common to all executors."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wagekit.errors import DataError, UsageError
from wagekit.executors.base import IntArray, Rule
from wagekit.ir import Graph
from wagekit.numerics import LOG2_LR_MAX, LOG2_LR_MIN, code_dtype, master_limit

UINT32_MAX = (1 << 32) - 1


def check_inputs(graph: Graph, x: ArrayLike) -> NDArray[np.int8]:
    """Samples as contiguous int8 `[n, *graph.input.shape]`.

    Any shape `[n, ...]` with the input's number of elements is taken in C order.
    `DataError` for other sizes, floats, and values outside the grid.
    """
    array = _whole_numbers(x, "samples", "encode raw samples with Network.encode")
    shape = graph.input.shape
    size = graph.input.size
    if array.ndim < 2 or prod(array.shape[1:]) != size:
        raise DataError(
            f"samples have the shape {list(array.shape)}, but the network takes n samples of {size} "
            f"numbers, [n, {', '.join(map(str, shape))}]"
        )
    high = graph.input.limit
    bad = (array < -high) | (array > high)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"sample {where[0]}, value {list(where[1:])}: {array[where]} is outside the input grid "
            f"-{high}..{high} ({graph.input.bits} bits)",
            hint="encode raw samples with Network.encode",
        )
    return np.ascontiguousarray(array.reshape((array.shape[0], *shape)), dtype=np.int8)


def check_labels(graph: Graph, labels: ArrayLike, samples: int) -> NDArray[np.uint16]:
    """Labels as contiguous uint16 `[samples]`; `DataError` names the first that is no class."""
    array = _whole_numbers(labels, "labels", "labels are class numbers from 0")
    if array.shape != (samples,):
        raise DataError(f"labels have the shape {list(array.shape)}, but there are {samples} samples")
    classes = len(graph.classes)
    bad = (array < 0) | (array >= classes)
    if bad.any():
        index = int(np.argmax(bad))
        raise DataError(f"label {index} is {array[index]}, but the classes are 0..{classes - 1}")
    return np.ascontiguousarray(array, dtype=np.uint16)


def check_batch(samples: int, batch: int | None) -> None:
    """A batch has at least one sample, and not more than the executor was opened for."""
    if samples < 1:
        raise DataError("a batch of 0 samples: at least 1 is needed to learn")
    if batch is not None and samples > batch:
        raise DataError(
            f"a batch of {samples} samples is larger than {batch}, which this executor was opened for",
            hint=f"open it with batch={samples}",
        )


def check_masters(graph: Graph, masters: Sequence[ArrayLike]) -> list[IntArray]:
    """Copies of masters in the graph's type and shapes; `DataError` names layer and value."""
    if len(masters) != len(graph.layers):
        raise DataError(f"masters of {len(masters)} layers, but the network has {len(graph.layers)}")
    bits = graph.bits
    limit = master_limit(bits.gradients, bits.weights)
    result: list[IntArray] = []
    for layer, given in zip(graph.layers, masters, strict=True):
        array = _whole_numbers(given, f"masters of layer {layer.name}", None)
        if array.shape != layer.weights.shape:
            raise DataError(
                f"masters of layer {layer.name} have the shape {list(array.shape)}, "
                f"not {list(layer.weights.shape)}"
            )
        bad = (array < -limit) | (array > limit)
        if bad.any():
            where = tuple(int(i) for i in np.argwhere(bad)[0])
            raise DataError(
                f"masters of layer {layer.name}, {list(where)}: {array[where]} is outside -{limit}..{limit}"
            )
        result.append(np.array(array, dtype=code_dtype(bits.gradients), order="C"))
    return result


def check_rate(log2_lr: int) -> int:
    """A learning rate's exponent as an int in -16..15."""
    if not _is_whole(log2_lr) or not LOG2_LR_MIN <= log2_lr <= LOG2_LR_MAX:
        raise UsageError(f"log2_lr = {log2_lr!r}: must be a whole number {LOG2_LR_MIN}..{LOG2_LR_MAX}")
    return int(log2_lr)


def check_rule(rule: str) -> Rule:
    """The name of a learning-rate rule."""
    if rule == "paper":
        return "paper"
    if rule == "error_scaled":
        return "error_scaled"
    raise UsageError(f"rule = {rule!r}; allowed: {', '.join(get_args(Rule))}")


def check_uint32(value: int, what: str) -> int:
    """A seed or a step as an int in 0..2**32-1."""
    if not _is_whole(value) or not 0 <= value <= UINT32_MAX:
        raise UsageError(f"{what} = {value!r}: must be a whole number 0..{UINT32_MAX}")
    return int(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _whole_numbers(values: ArrayLike, what: str, hint: str | None) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{what} are not an array of one shape: {error}") from None
    if array.dtype.kind not in "iu":
        raise DataError(f"{what} are of type {array.dtype}, not whole numbers", hint=hint)
    return array
