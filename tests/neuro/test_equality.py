"""The cores against the reference, bit for bit: tilings that do not divide, both gradients, drawn cases."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.equality import assert_same_array, assert_same_logits, assert_same_masters, step_together
from tests.golden.steps import GOLDEN_STEPS, Recipe, check_golden
from tests.neuro.chips import chip, conv_net, dense_net, noise
from tests.neuro.layouts import layouts
from tests.quick import LONG, ONE_RUN
from tests.strategies import Case, cases, networks
from wagekit import Network
from wagekit.backends.neuro import MappingOptions, map_graph
from wagekit.errors import LimitError, NetworkError
from wagekit.executors.base import StepResult
from wagekit.executors.neuro import NeuroExecutor
from wagekit.executors.reference import ReferenceExecutor
from wagekit.passes import compile_graph

STEPS = 1000
HEALTH = 9
BATCH = 4
NETS = {"dense": dense_net, "conv": conv_net}
QUICK = ("-O1",)
"""What is compiled for one short run is optimised less, which takes a third of the time."""
FEW_STEPS = QUICK if LONG else ONE_RUN
TILINGS = {
    "one core a layer": MappingOptions(),
    "100x100": MappingOptions(axons=100, neurons=100),
    "37x11": MappingOptions(axons=37, neurons=11),
    "64x16 in a chain": MappingOptions(axons=64, neurons=16, reduction="chain"),
    "13x5": MappingOptions(axons=13, neurons=5),
    "7x3 in a chain": MappingOptions(axons=7, neurons=3, reduction="chain"),
    "unrolled 60x64": MappingOptions(axons=60, neurons=64, convolution="unrolled"),
    "unrolled 37x48 in a chain": MappingOptions(
        axons=37, neurons=48, convolution="unrolled", reduction="chain"
    ),
}
OPTIMISED = {("dense", "37x11"), ("conv", "64x16 in a chain"), ("conv", "unrolled 60x64")}
"""Of the runs that store gradients those that are compiled as users have it; with `make test-long` all."""


@cache
def reference_run(name: str) -> tuple[str, tuple[StepResult, ...]]:
    net = NETS[name]()
    with ReferenceExecutor(net, batch=BATCH) as reference:
        reference.health_every = HEALTH
        results = tuple(
            reference.step(*noise(net, BATCH, step), 0, "error_scaled" if step % 3 else "paper")
            for step in range(STEPS)
        )
        return reference.digest(), results


RUNS = [
    pytest.param(name, tiling, gradient, marks=pytest.mark.long if is_long else ())
    for name in NETS
    for tiling in TILINGS
    for gradient in ("stored", "recomputed")
    if name == "conv" or "unrolled" not in tiling
    # Drawn layouts recompute too: two runs of it are enough to be quick.
    for is_long in [gradient == "recomputed" and (name, tiling) not in {("dense", "13x5"), ("conv", "37x11")}]
]


@pytest.mark.parametrize(("name", "tiling", "gradient"), RUNS)
def test_a_thousand_steps(name: str, tiling: str, gradient: str) -> None:
    net, digest_and_results = NETS[name](), reference_run(name)
    given_options = TILINGS[tiling]
    options = MappingOptions(
        given_options.axons,
        given_options.neurons,
        given_options.convolution,
        given_options.reduction,
        "stored" if gradient == "stored" else "recomputed",
    )
    optimised = gradient == "stored" and (LONG or (name, tiling) in OPTIMISED)
    extra = () if optimised else QUICK
    with NeuroExecutor(net, chip(), batch=BATCH, options=options, extra=extra) as neuro:
        start = neuro.digest()
        neuro.health_every = HEALTH
        for step, wanted in enumerate(digest_and_results[1]):
            neuro.poison(step * 37 + 85)
            found = neuro.step(*noise(net, BATCH, step), 0, "error_scaled" if step % 3 else "paper")
            assert found == wanted
        assert neuro.step_count == STEPS
        assert neuro.digest() == digest_and_results[0] != start
        for layer in range(len(neuro.mapping.layers)):
            copies = neuro.copies(layer)
            assert (copies == copies[0]).all(), "every block holds the same masters"


def test_the_tilings_are_what_they_say() -> None:
    """Several rows and columns, parts of different sizes, several blocks with copies."""
    graph = compile_graph(conv_net(), BATCH)
    mapped = map_graph(graph, chip(), TILINGS["37x11"]).layers[1]
    assert (mapped.rows, mapped.columns) == (2, 1)
    mapped = map_graph(graph, chip(), TILINGS["7x3 in a chain"]).layers[1]
    assert (mapped.rows, mapped.columns) == (11, 4)
    assert len({tile.fan_in for tile in mapped.tiles}) == 2
    assert len({tile.width for tile in mapped.tiles}) == 2
    mapped = map_graph(graph, chip(), TILINGS["unrolled 60x64"]).layers[0]
    assert mapped.blocks > 1
    flat = compile_graph(dense_net(), BATCH)
    assert [m.rows for m in map_graph(flat, chip(), TILINGS["100x100"]).layers] == [2, 1, 1]


def run_case(case: Case, options: MappingOptions) -> None:
    with (
        ReferenceExecutor(case.net, seed=case.seed) as reference,
        NeuroExecutor(case.net, chip(), case.seed, case.batch, options=options, extra=FEW_STEPS) as neuro,
    ):
        reference.health_every = neuro.health_every = 1
        assert_same_masters([reference, neuro], "at the start")
        for number, batch in enumerate(case.steps):
            neuro.poison(0xC3)
            step_together([reference, neuro], batch.x, batch.labels, batch.log2_lr, batch.rule)
            assert_same_masters([reference, neuro], f"after step {number}")
        neuro.poison(0x5A)
        assert_same_logits([reference, neuro], case.steps[-1].x, "at the end")


@settings(max_examples=10)
@given(case=cases(), options=layouts())
def test_drawn_networks_and_layouts(case: Case, options: MappingOptions) -> None:
    run_case(case, options)


@pytest.mark.long
@settings(max_examples=300)
@given(case=cases(max_steps=6, max_weights=8000), options=layouts())
def test_more_drawn_networks_and_layouts(case: Case, options: MappingOptions) -> None:
    run_case(case, options)


@settings(max_examples=6)
@given(net=networks(trainable=False), options=layouts(), count=st.integers(1, 9))
def test_networks_that_only_infer(net: Network, options: MappingOptions, count: int) -> None:
    generator = np.random.default_rng(1)
    x = generator.integers(-net.input_limit, net.input_limit + 1, (count, *net.input.shape)).astype(np.int8)
    only_infers = chip(learns=False, error_bits=None, master_bits=None)
    with (
        NeuroExecutor(net, only_infers, options=options, extra=FEW_STEPS) as neuro,
        ReferenceExecutor(net) as reference,
    ):
        neuro.poison(0xEE)
        assert_same_array("logits", ("neuro", "reference"), neuro.forward(x), reference.forward(x))
        with pytest.raises((LimitError, NetworkError), match=r"training|lets no error through"):
            neuro.step(x, np.zeros(count, np.int64))


@pytest.mark.parametrize("recipe", GOLDEN_STEPS, ids=lambda recipe: recipe.name)
def test_golden_steps(recipe: Recipe) -> None:
    net = recipe.net()
    options = MappingOptions(axons=30, neurons=9)
    with NeuroExecutor(net, chip(), batch=recipe.samples, options=options, extra=FEW_STEPS) as neuro:
        check_golden(neuro, recipe, compile_graph(net, recipe.samples))
