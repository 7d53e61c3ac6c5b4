"""wagekit against the recorded vectors, which the plain-Python oracle made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.golden.steps import GOLDEN_STEPS, Recipe, check_golden
from wagekit import open_executor
from wagekit.numerics import kappa, layer_key, log2_alpha, mix, rand16, rha
from wagekit.passes import compile_graph

ARITHMETIC: dict[str, list[Any]] = json.loads(
    (Path(__file__).parent / "arithmetic.json").read_text(encoding="utf-8")
)


def test_arithmetic() -> None:
    assert [[x, mix(x)] for x, _ in ARITHMETIC["mix"]] == ARITHMETIC["mix"]
    assert [[m, kappa(m)] for m, _ in ARITHMETIC["kappa"]] == ARITHMETIC["kappa"]
    assert [[x, s, rha(x, s)] for x, s, _ in ARITHMETIC["rha"]] == ARITHMETIC["rha"]
    assert [[n, k, log2_alpha(n, k)] for n, k, _ in ARITHMETIC["log2_alpha"]] == ARITHMETIC["log2_alpha"]
    for seed, step, layer, numbers in ARITHMETIC["rand16"]:
        assert rand16(layer_key(seed, step, layer), len(numbers)).tolist() == numbers


@pytest.mark.parametrize("recipe", GOLDEN_STEPS, ids=lambda recipe: recipe.name)
def test_steps_of_the_reference(recipe: Recipe) -> None:
    net = recipe.net()
    with open_executor(net, "reference", batch=recipe.samples) as executor:
        check_golden(executor, recipe, compile_graph(net, recipe.samples))
