"""How well a network does: accuracy, loss, confusion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wagekit.executors.base import Executor, IntArray

_PIECE = 512
"""Samples per call, so that a place that computes in whole arrays needs little memory."""


@dataclass(frozen=True, slots=True)
class Score:
    """The outcome of classifying labelled samples."""

    samples: int
    correct: int
    loss: float
    """Mean over samples of `1/2 * sum (o - t)**2` in real units."""
    confusion: tuple[tuple[int, ...], ...]
    """`confusion[label][predicted]`, counts."""

    @property
    def accuracy(self) -> float:
        """Share of the samples whose class was found."""
        return self.correct / self.samples


def predict(logits: NDArray[np.int32]) -> NDArray[np.int64]:
    """Class of each sample, the first largest logit: int64 `[n]` from `[n, classes]`."""
    classes: NDArray[np.int64] = np.argmax(logits, axis=1).astype(np.int64)
    return classes


def evaluate(executor: Executor, x: IntArray, labels: NDArray[np.int64], *, log2_one: int) -> Score:
    """Classify all samples where the executor runs.

    `x` are codes of `Network.encode`; `2**log2_one` is the logit that stands for 1
    (`Graph.log2_one`).
    """
    pieces = [executor.forward(x[i : i + _PIECE]) for i in range(0, len(x), _PIECE)]
    return score(np.concatenate(pieces), labels, log2_one)


def score(logits: NDArray[np.int32], labels: NDArray[np.int64], log2_one: int) -> Score:
    """Compare logits `[n, classes]` with labels `[n]`."""
    samples, classes = logits.shape
    predicted = predict(logits)
    error = logits.astype(np.float64) / 2.0**log2_one
    error[np.arange(samples), labels] -= 1.0
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    return Score(
        samples,
        int(np.count_nonzero(predicted == labels)),
        float(np.sum(error * error) / (2 * samples)),
        tuple(tuple(int(n) for n in row) for row in confusion),
    )
