"""Holding executions equal to the bit; a failure names the first divergence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wagekit.executors.base import Executor, Rule


def assert_same_array(what: str, names: tuple[str, str], one: NDArray[Any], other: NDArray[Any]) -> None:
    """Equal shape and values, else the first index with both values."""
    assert one.shape == other.shape, f"{what}: shape {one.shape} on {names[0]}, {other.shape} on {names[1]}"
    wrong = np.argwhere(one != other)
    if len(wrong):
        index = tuple(int(i) for i in wrong[0])
        values = f"{one[index]} on {names[0]}, {other[index]} on {names[1]}"
        raise AssertionError(f"{what}{list(index)}: {values}; {len(wrong)} of {one.size} differ")


def assert_same_masters(executors: Sequence[Executor], when: str) -> None:
    """Step, seed and every master equal on all."""
    first = executors[0]
    masters = first.masters
    for other in executors[1:]:
        names = (first.name, other.name)
        assert first.step_count == other.step_count, f"{when}: step_count on {names}"
        for layer, (a, b) in enumerate(zip(masters, other.masters, strict=True)):
            assert_same_array(f"{when}, layer {layer}, masters", names, a, b)


def step_together(
    executors: Sequence[Executor],
    x: NDArray[Any],
    labels: NDArray[Any],
    log2_lr: int = 0,
    rule: Rule = "paper",
) -> None:
    """One training step on each; what they report must be equal."""
    results = [executor.step(x, labels, log2_lr, rule) for executor in executors]
    for executor, result in zip(executors[1:], results[1:], strict=True):
        assert result == results[0], (
            f"step {results[0].step}: {results[0]} on {executors[0].name}, {result} on {executor.name}"
        )


def assert_same_logits(executors: Sequence[Executor], x: NDArray[Any], when: str) -> NDArray[np.int32]:
    """Logits equal on all; returns them."""
    logits = executors[0].forward(x)
    for other in executors[1:]:
        names = (executors[0].name, other.name)
        assert_same_array(f"{when}, logits", names, logits, other.forward(x))
    return logits
