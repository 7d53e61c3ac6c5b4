"""The runs whose bits are recorded in steps.json; any executor can be held against them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wagekit import Bits, Conv1d, Conv2d, Dense, Input, MaxPool, Network
from wagekit.executors.base import Executor, Rule
from wagekit.ir import Graph
from wagekit.numerics import layer_key, words

DATA_LAYER = 1000
"""Stands for a layer in the keys of inputs and labels: far above every real one."""


@dataclass(frozen=True)
class Recipe:
    """A network and how it is trained; inputs and labels follow from its seed."""

    name: str
    fields: dict[str, Any]
    steps: int
    samples: int
    log2_lr: int
    rule: Rule

    def net(self) -> Network:
        return Network(name=self.name, **self.fields)


def golden_batch(
    graph: Graph, seed: int, step: int, samples: int
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Inputs over the whole grid and labels, drawn from the counter generator."""
    high = graph.input.limit
    drawn = words(layer_key(seed, step, DATA_LAYER), 0, samples * graph.input.size).astype(np.int64)
    x = (drawn % (2 * high + 1) - high).astype(np.int8).reshape((samples, *graph.input.shape))
    labels = words(layer_key(seed, step, DATA_LAYER + 1), 0, samples).astype(np.int64) % len(graph.classes)
    return x, labels


GOLDEN_STEPS = (
    Recipe(
        "image",
        {
            "seed": 1,
            "input": Input(shape=[7, 6, 2], encoding="unit"),
            "classes": ["a", "b", "c"],
            "layers": [
                Conv2d(filters=4, kernel=3, padding="same"),
                MaxPool(window=2),
                Conv2d(filters=5, kernel=2),
                Dense(units=6),
                Dense(units=3),
            ],
        },
        steps=6,
        samples=4,
        log2_lr=1,
        rule="paper",
    ),
    Recipe(
        "signal",
        {
            "seed": 0xC0FFEE,
            "input": Input(shape=[17, 2], encoding="unit"),
            "classes": ["a", "b"],
            "bits": Bits(weights=4, activations=5, gradients=12, errors=16),
            "layers": [
                Conv1d(filters=3, kernel=4, stride=2, padding=1, relu=False),
                MaxPool(window=3),
                Dense(units=5, frozen=True),
                Dense(units=2),
            ],
        },
        steps=6,
        samples=3,
        log2_lr=0,
        rule="error_scaled",
    ),
    Recipe(
        "features",
        {
            "seed": 0xFFFFFFFF,
            "input": Input(shape=[9], encoding="unit"),
            "classes": ["a", "b", "c", "d"],
            "bits": Bits(weights=8, activations=3, gradients=16, errors=2),
            "layers": [Dense(units=8, frozen=True), Dense(units=7, relu=False), Dense(units=4)],
        },
        steps=6,
        samples=5,
        log2_lr=-3,
        rule="paper",
    ),
    Recipe(
        "digits",
        {
            "seed": 7,
            "input": Input(shape=[8, 8, 1], encoding="unit"),
            "classes": [str(i) for i in range(10)],
            "layers": [
                Conv2d(filters=16, kernel=3, padding="same"),
                Conv2d(filters=32, kernel=3, padding="same"),
                MaxPool(window=2),
                Dense(units=56),
                Dense(units=10),
            ],
        },
        steps=3,
        samples=2,
        log2_lr=0,
        rule="paper",
    ),
)


def check_golden(executor: Executor, recipe: Recipe, graph: Graph) -> None:
    """Run a recipe on a fresh executor and hold every number against the record."""
    recorded = json.loads((Path(__file__).parent / "steps.json").read_text(encoding="utf-8"))[recipe.name]
    assert graph.fingerprint == recorded["fingerprint"]
    for step, wanted in enumerate(recorded["steps"]):
        x, labels = golden_batch(graph, recipe.net().seed, step, recipe.samples)
        where = f"{recipe.name}, step {step} on {executor.name}"
        assert executor.forward(x).tolist() == wanted["logits"], where
        result = executor.step(x, labels, recipe.log2_lr, recipe.rule)
        assert result.sum_squared_error == wanted["sum_squared_error"], where
        assert (result.errors, result.log2_lr) == (wanted["errors"], wanted["log2_lr"]), where
        assert [s.saturated for s in result.layers] == wanted["saturated"], where
        assert [s.error_exponent for s in result.layers] == wanted["error_exponents"], where
        assert [s.gradient_exponent for s in result.layers] == wanted["gradient_exponents"], where
        assert executor.digest() == wanted["digest"], where
