"""Runs a network on simulated cores beside the reference, and works out what the chip would cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wagekit.backends.neuro import Cost, CostFile, Mapping, MappingOptions, Preset, cost_of
from wagekit.executors.base import Executor, IntArray, Rule
from wagekit.executors.divergence import first_divergence, logits_divergence
from wagekit.executors.neuro import NeuroExecutor
from wagekit.executors.reference import ReferenceExecutor
from wagekit.spec import Network

Labels = NDArray[np.int64]
Batch = tuple[IntArray, Labels, int]
"""Codes, labels and the rate of one step."""


@dataclass(frozen=True, slots=True, eq=False)
class Chip:
    """A preset with its table of costs."""

    preset: Preset
    costs: CostFile
    path: Path | None = None
    """The preset's file, if it is not packaged."""


@dataclass(frozen=True, slots=True)
class Start:
    """The state from which a simulation goes on."""

    masters: Sequence[IntArray] | None = None
    """None are the initial ones of the seed."""
    step: int = 0
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """What a chip did, equal to the reference to the bit, and what it would cost."""

    chip: Chip
    mapping: Mapping
    inference: Cost
    training: Cost | None
    """None where the chip does not learn, or no step was asked for."""
    correct: int
    """Of the inferred samples, before any step."""
    learned_correct: int | None
    """Of the same samples, after all steps; None without training."""
    digest: str
    """Of the state at the end."""
    loss: float | None
    """Of the last step."""


def simulate(
    net: Network,
    chip: Chip,
    start: Start,
    samples: tuple[IntArray, Labels],
    batches: Sequence[Batch],
    *,
    options: MappingOptions | None = None,
    rule: Rule = "paper",
) -> Simulation:
    """Infer `samples`, learn `batches` where the preset learns, infer again: on the chip and the reference.

    `MappingError`: it does not fit. `MismatchError`: logits, a step's report or masters differ; the message
    names step, layer, tensor and index.
    """
    learns = bool(batches) and chip.preset.limits.learns
    size = max((len(x) for x, _, _ in batches), default=1) if learns else None
    reference = ReferenceExecutor(net, seed=start.seed)
    with NeuroExecutor(
        net, chip.preset, seed=start.seed, batch=size, infer_only=not learns, options=options
    ) as cores:
        both: list[Executor] = [reference, cores]
        if start.masters is not None:
            for executor in both:
                executor.load_masters(start.masters, start.step, start.seed)
        x, labels = samples
        cores.reset_counters()
        correct = _infer(both, x, labels, start.step)
        inference = cost_of(cores.counters(), chip.costs)
        cores.reset_counters()
        loss = None
        for number, (codes, classes, rate) in enumerate(batches if learns else ()):
            results = [executor.step(codes, classes, rate, rule) for executor in both]
            first_divergence(start.step + number, both, results, masters=number == len(batches) - 1)
            loss = results[0].loss
        training = cost_of(cores.counters(), chip.costs) if learns else None
        end = start.step + (len(batches) if learns else 0)
        learned = _infer(both, x, labels, end) if learns else None
        first_divergence(end, both)
        return Simulation(chip, cores.mapping, inference, training, correct, learned, cores.digest(), loss)


def _infer(both: Sequence[Executor], x: IntArray, labels: Labels, step: int) -> int:
    """How many samples are right; `MismatchError` where logits differ."""
    logits = [executor.forward(x) for executor in both]
    logits_divergence(both, logits, step)
    return int(np.count_nonzero(logits[0].argmax(axis=1) == labels))
