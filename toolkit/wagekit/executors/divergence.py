"""Finds the first place where executions that must be equal to the bit are not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wagekit.errors import MismatchError
from wagekit.executors.base import Executor, IntArray, LayerHealth, StepResult


@dataclass(frozen=True, slots=True)
class Divergence:
    """Two values that differ, and where."""

    step: int
    """Number of the step, as in `StepResult.step`."""
    layer: int | None
    """Number of the weight layer, None for what belongs to the whole network."""
    tensor: str
    """`masters`, `logits`, or the field of a `StepResult`, `LayerStats` or `LayerHealth`."""
    index: tuple[int, ...]
    """Where in the tensor; empty for a single number."""
    names: tuple[str, str]
    values: tuple[Any, Any]
    differing: int = 1
    """How many elements of this tensor differ."""
    size: int = 1

    def __str__(self) -> str:
        where = f"step {self.step}"
        if self.layer is not None:
            where += f", layer {self.layer}"
        where += f", {self.tensor}"
        if self.index:
            where += str(list(self.index))
        text = f"{where}: {self.values[0]} on {self.names[0]}, {self.values[1]} on {self.names[1]}"
        if self.size > 1:
            text += f" ({self.differing} of {self.size} differ)"
        return text


def compare_results(
    step: int, names: tuple[str, str], one: StepResult, other: StepResult
) -> Divergence | None:
    """First difference of what two executions report of a step, None if there is none.

    `loss` follows from the sum of squares and is not compared by itself.
    """
    for field in fields(StepResult):
        if field.name in ("loss", "layers", "health"):
            continue
        a, b = getattr(one, field.name), getattr(other, field.name)
        if a != b:
            return Divergence(step, None, field.name, (), names, (a, b))
    if len(one.layers) != len(other.layers):
        return Divergence(step, None, "number of layers", (), names, (len(one.layers), len(other.layers)))
    # The last layer comes first in the backward pass, so an error there is the cause of those below;
    # saturation comes from the forward pass, before any of them.
    downwards = range(len(one.layers) - 1, -1, -1)
    for name, order in (
        ("saturated", range(len(one.layers))),
        ("error_exponent", downwards),
        ("gradient_exponent", downwards),
    ):
        for layer in order:
            a, b = getattr(one.layers[layer], name), getattr(other.layers[layer], name)
            if a != b:
                return Divergence(step, layer, name, (), names, (a, b))
    return _compare_health(step, names, one, other)


def _compare_health(
    step: int, names: tuple[str, str], one: StepResult, other: StepResult
) -> Divergence | None:
    if one.health is None or other.health is None:
        counted = (one.health is not None, other.health is not None)
        return Divergence(step, None, "health counted", (), names, counted) if any(counted) else None
    for layer, (a, b) in enumerate(zip(one.health, other.health, strict=True)):
        for field in fields(LayerHealth):
            values = getattr(a, field.name), getattr(b, field.name)
            if values[0] != values[1]:
                return Divergence(step, layer, field.name, (), names, values)
    return None


def compare_masters(
    step: int, names: tuple[str, str], one: Sequence[IntArray], other: Sequence[IntArray]
) -> Divergence | None:
    """First master that differs, in network order, None if there is none."""
    if len(one) != len(other):
        return Divergence(step, None, "number of layers", (), names, (len(one), len(other)))
    for layer, (a, b) in enumerate(zip(one, other, strict=True)):
        found = compare_arrays(step, names, "masters", a, b, layer=layer)
        if found:
            return found
    return None


def compare_arrays(
    step: int,
    names: tuple[str, str],
    tensor: str,
    one: NDArray[Any],
    other: NDArray[Any],
    *,
    layer: int | None = None,
) -> Divergence | None:
    """First element in C order that differs, None if there is none."""
    if one.shape != other.shape:
        return Divergence(step, layer, f"shape of {tensor}", (), names, (one.shape, other.shape))
    differ = one != other
    if not differ.any():
        return None
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(differ)), one.shape))
    values = (one[index].item(), other[index].item())
    return Divergence(step, layer, tensor, index, names, values, int(differ.sum()), one.size)


def first_divergence(
    step: int,
    executors: Sequence[Executor],
    results: Sequence[StepResult] | None = None,
    *,
    masters: bool = True,
) -> None:
    """Hold executors equal after a step; `MismatchError` with the first difference if they are not.

    Each is compared with the first executor: what `step` returned (`results`, in the same
    order), then step count and masters. `masters=False` leaves the latter out, where
    reading them from a chip takes long.
    """
    for found in _differences(step, executors, results, masters):
        raise MismatchError(str(found), hint="the executions were equal before this step")


def _differences(
    step: int, executors: Sequence[Executor], results: Sequence[StepResult] | None, masters: bool
) -> Iterator[Divergence]:
    first = executors[0]
    if results is not None:
        for executor, result in zip(executors[1:], results[1:], strict=True):
            found = compare_results(step, (first.name, executor.name), results[0], result)
            if found:
                yield found
    if not masters:
        return
    wanted = first.masters
    for executor in executors[1:]:
        names = (first.name, executor.name)
        if executor.step_count != first.step_count:
            yield Divergence(step, None, "step_count", (), names, (first.step_count, executor.step_count))
        found = compare_masters(step, names, wanted, executor.masters)
        if found:
            yield found


def logits_divergence(executors: Sequence[Executor], logits: Sequence[NDArray[np.int32]], step: int) -> None:
    """Hold logits `[n, classes]` equal; `MismatchError` with sample, class and both values if not."""
    for executor, other in zip(executors[1:], logits[1:], strict=True):
        found = compare_arrays(step, (executors[0].name, executor.name), "logits", logits[0], other)
        if found:
            raise MismatchError(str(found), hint="the index is [sample, class]")
