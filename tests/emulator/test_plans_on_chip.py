"""Plans for little memory, on the chip: tiles and activations computed again change no bit."""

from __future__ import annotations

import numpy as np
import pytest

from tests.equality import assert_same_masters, step_together
from tests.strategies import deep_network
from wagekit import Conv2d, Dense, Input, MaxPool, Network, open_executor
from wagekit.backends.mcu import plan_model
from wagekit.passes import compile_graph

WIDE = Network(
    name="wide",
    input=Input(shape=(8, 8, 1), encoding="unit"),
    classes=["a", "b", "c"],
    layers=[Conv2d(filters=6, kernel=3), MaxPool(window=3), Dense(units=30), Dense(units=3)],
)


def learns_the_same(net: Network, batch: int, memory_limit: int, max_slice: int | None) -> None:
    generator = np.random.default_rng(batch)
    building = {"batch": batch, "memory_limit": memory_limit, "max_slice": max_slice}
    with (
        open_executor(net, "reference", seed=3) as reference,
        open_executor(net, "qemu:mps2-an386", seed=3, **building) as chip,
    ):
        for number in range(4):
            x = generator.integers(-127, 128, (batch, *net.input.shape)).astype(np.int8)
            step_together([reference, chip], x, generator.integers(0, 3, batch), 3, "paper")
            assert_same_masters([reference, chip], f"after step {number}")


@pytest.mark.parametrize(("batch", "max_slice"), [(4, None), (4, 3000), (1, None)])
def test_activations_computed_again(batch: int, max_slice: int | None, qemu: str) -> None:
    net = deep_network(5, 4)
    graph = compile_graph(net, batch)
    kept = plan_model(graph, prefer="smallest", recompute_activations=False, max_slice=max_slice)
    least = plan_model(graph, prefer="smallest", max_slice=max_slice)
    assert least.ram < kept.ram
    assert least.choice.dropped
    learns_the_same(net, batch, least.ram, max_slice)


@pytest.mark.parametrize("max_slice", [None, 1000])
def test_gradients_in_tiles(max_slice: int | None, qemu: str) -> None:
    graph = compile_graph(WIDE, 3)
    least = plan_model(graph, prefer="smallest", max_slice=max_slice)
    limit = (least.ram + plan_model(graph, max_slice=max_slice).ram) // 2
    plan = plan_model(graph, memory_limit=limit, max_slice=max_slice)
    assert "tiled" in {layer.gradient_mode for layer in plan.layers}
    learns_the_same(WIDE, 3, limit, max_slice)
