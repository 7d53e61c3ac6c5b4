"""The executor of the NumPy reference: any batch, no compiler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wagekit.executors.base import Executor, IntArray, LayerHealth, LayerStats, Rule, StepResult
from wagekit.executors.checks import (
    check_batch,
    check_inputs,
    check_labels,
    check_masters,
    check_rate,
    check_rule,
    check_uint32,
)
from wagekit.executors.health import layer_health
from wagekit.ir import Graph
from wagekit.numerics import count_weights
from wagekit.passes import compile_graph
from wagekit.reference import Learned, Randomness, graph_weights, initial_masters, learn, run_forward
from wagekit.spec import Network

PIECE = 256
"""Samples of one forward piece: bounds the memory, changes no bit."""


class ReferenceExecutor(Executor):
    """The golden model behind the common interface.

    Without `batch` it takes batches of any size, and proves the ranges for each new
    largest one; with it, larger batches are refused as on a chip.
    """

    name = "reference"

    def __init__(self, net: Network, *, seed: int | None = None, batch: int | None = None) -> None:
        self._net = net
        self._batch = batch
        self._infer: Graph = compile_graph(net, training=False)
        self._train: Graph | None = None if batch is None else compile_graph(net, batch)
        self._seed = net.seed if seed is None else check_uint32(seed, "seed")
        self._step = 0
        self._masters = initial_masters(self._infer, self._seed)

    @property
    def masters(self) -> list[IntArray]:
        """Copies of the stored weights, in network order."""
        return [m.copy() for m in self._masters]

    @property
    def step_count(self) -> int:
        """Batches learned since initialisation (uint32)."""
        return self._step

    @property
    def seed(self) -> int:
        """Seed of the random numbers of the update (uint32)."""
        return self._seed

    def load_masters(self, masters: Sequence[ArrayLike], step: int = 0, seed: int | None = None) -> None:
        """Replace all masters, the step and (if given) the seed; all or nothing."""
        step = check_uint32(step, "step")
        seed = self._seed if seed is None else check_uint32(seed, "seed")
        self._masters = check_masters(self._infer, masters)
        self._step, self._seed = step, seed

    def step(self, x: ArrayLike, labels: ArrayLike, log2_lr: int = 0, rule: Rule = "paper") -> StepResult:
        """Learn from one batch. `log2_lr` lies in -16..15."""
        inputs = check_inputs(self._infer, x)
        check_batch(len(inputs), self._batch)
        classes = check_labels(self._infer, labels, len(inputs))
        log2_lr, rule = check_rate(log2_lr), check_rule(rule)
        graph = self._training_graph(len(inputs))
        done = learn(
            graph,
            self._masters,
            inputs,
            classes,
            randomness=Randomness(self._seed, self._step),
            log2_lr=log2_lr,
            rule=rule,
        )
        result = _result(graph, done, self._step, len(inputs))
        if self._is_health_due(self._step):
            result = replace(result, health=_health(graph, self._masters, done, result))
        self._masters = done.masters
        self._step = (self._step + 1) & 0xFFFFFFFF
        return result

    def forward(self, x: ArrayLike) -> NDArray[np.int32]:
        """Logits, int32 `[n, classes]`; any `n`."""
        inputs = check_inputs(self._infer, x)
        weights = graph_weights(self._infer, self._masters)
        logits = np.empty((len(inputs), len(self._infer.classes)), np.int32)
        for first in range(0, len(inputs), PIECE):
            part = slice(first, first + PIECE)
            logits[part] = run_forward(self._infer, weights, inputs[part]).logits
        return logits

    def _training_graph(self, samples: int) -> Graph:
        """The graph with ranges for at least `samples`; recompiled when a batch is the largest so far."""
        if self._train is None or self._train.batch is None or self._train.batch < samples:
            self._train = compile_graph(self._net, samples)
        return self._train


def _result(graph: Graph, done: Learned, step: int, samples: int) -> StepResult:
    layers = map(LayerStats, done.error_exponents, done.gradient_exponents, done.saturated)
    one = 1 << graph.log2_one
    return StepResult(
        step=step,
        samples=samples,
        sum_squared_error=done.sum_squared_error,
        loss=done.sum_squared_error / (2 * one * one * samples),
        errors=done.errors,
        log2_lr=done.log2_lr,
        layers=tuple(layers),
    )


def _health(
    graph: Graph, masters: Sequence[IntArray], done: Learned, result: StepResult
) -> tuple[LayerHealth, ...]:
    bits = graph.bits
    return tuple(
        layer_health(
            layer,
            result.samples,
            result.layers[layer.index],
            count_weights(masters[layer.index], done.masters[layer.index], bits.gradients, bits.weights),
            done.zero_errors[layer.index],
        )
        for layer in graph.layers
    )
