"""Holding executions equal to the bit; a failure is a `MismatchError` that names the first divergence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wagekit.executors.base import Executor, Rule
from wagekit.executors.divergence import compare_arrays, first_divergence, logits_divergence


def assert_same_array(what: str, names: tuple[str, str], one: NDArray[Any], other: NDArray[Any]) -> None:
    """Equal shape and values, else the first index with both values."""
    found = compare_arrays(0, names, what, one, other)
    assert found is None, str(found)


def assert_same_masters(executors: Sequence[Executor], when: str) -> None:
    """Step count and every master equal on all; `when` says in words where the caller is."""
    try:
        first_divergence(executors[0].step_count, executors)
    except Exception as error:
        error.add_note(when)
        raise


def step_together(
    executors: Sequence[Executor],
    x: NDArray[Any],
    labels: NDArray[Any],
    log2_lr: int = 0,
    rule: Rule = "paper",
) -> None:
    """One training step on each; what they report must be equal."""
    results = [executor.step(x, labels, log2_lr, rule) for executor in executors]
    first_divergence(results[0].step, executors, results, masters=False)


def assert_same_logits(executors: Sequence[Executor], x: NDArray[Any], when: str) -> NDArray[np.int32]:
    """Logits equal on all; returns them."""
    logits = [executor.forward(x) for executor in executors]
    try:
        logits_divergence(executors, logits, executors[0].step_count)
    except Exception as error:
        error.add_note(when)
        raise
    return logits[0]
