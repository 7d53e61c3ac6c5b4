"""The NumPy reference against the plain-Python oracle, on random networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from tests import oracle as plain
from tests.strategies import Batch, Case, cases, networks
from wagekit import Bits, Conv1d, Conv2d, Dense, Executor, Input, MaxPool, Network, open_executor
from wagekit.executors.base import Rule
from wagekit.passes import compile_graph
from wagekit.spec import Layer


def _samples(case_x: NDArray[Any], shape: tuple[int, ...]) -> list[plain.Tensor]:
    x = case_x.reshape((len(case_x), *shape))
    return [{i: int(s[i]) for i in plain.indices(shape)} for s in x]


def _hold(case: Case) -> None:
    graph = compile_graph(case.net, case.batch)
    with open_executor(case.net, "reference", seed=case.seed) as executor:
        oracle = plain.Oracle(graph, executor.masters, case.seed)
        executor.health_every = 1
        for number, batch in enumerate(case.steps):
            _hold_step(number, executor, oracle, batch)


def _hold_step(number: int, executor: Executor, oracle: plain.Oracle, batch: Batch) -> None:
    samples = _samples(batch.x, oracle.graph.input.shape)
    assert executor.forward(batch.x).tolist() == [oracle.logits(s) for s in samples]
    result = executor.step(batch.x, batch.labels, batch.log2_lr, batch.rule)
    report = oracle.step(samples, [int(v) for v in batch.labels], batch.log2_lr, batch.rule)
    assert (result.step, result.samples) == (number, len(samples))
    assert result.sum_squared_error == min(report.squares, 2**64 - 1)
    assert (result.errors, result.log2_lr) == (report.errors, report.log2_lr)
    assert [s.error_exponent for s in result.layers] == report.error_exponents
    assert [s.gradient_exponent for s in result.layers] == report.gradient_exponents
    assert [s.saturated for s in result.layers] == report.saturated
    assert result.health is not None
    assert [(h.errors, h.zero_errors) for h in result.health] == list(
        zip(report.all_errors, report.zero_errors, strict=True)
    )
    assert report.moves == [
        (h.weights, h.plus, h.minus, h.clipped, h.nonzero, h.flipped) for h in result.health
    ]
    for layer, masters in enumerate(executor.masters):
        for index, value in report.masters[layer].items():
            assert masters[index] == value, f"step {number}, layer {layer}, masters{list(index)}"


@settings(max_examples=60)
@given(cases(max_steps=2, max_weights=500))
def test_a_step_equals_the_oracle(case: Case) -> None:
    _hold(case)


def _image(*layers: Layer, shape: tuple[int, ...] = (6, 7, 2), **fields: Any) -> Network:
    return Network(
        name="corner",
        input=Input(shape=shape, encoding="unit"),
        classes=["a", "b", "c"],
        layers=[*layers, Dense(units=3)],
        **fields,
    )


CORNERS = {
    "rows are padded below more than above": _image(
        Conv2d(filters=3, kernel=1), Conv2d(filters=3, kernel=(4, 1), padding="same")
    ),
    "columns are padded right more than left": _image(
        Conv2d(filters=3, kernel=1), Conv2d(filters=3, kernel=(1, 2), padding="same")
    ),
    "stride with padding": _image(
        Conv2d(filters=3, kernel=2, padding=1), Conv2d(filters=3, kernel=3, stride=(2, 3), padding=(2, 1))
    ),
    "stride beyond the kernel": _image(
        Conv2d(filters=3, kernel=2), Conv2d(filters=4, kernel=1, stride=2), Conv2d(filters=2, kernel=1)
    ),
    "pools that drop rows and columns": _image(
        Conv2d(filters=3, kernel=2, padding="same"),
        MaxPool(window=(4, 2)),
        Conv2d(filters=4, kernel=(1, 3), padding="same"),
        MaxPool(window=(1, 2)),
    ),
    "no ReLU before a pool": _image(
        Conv2d(filters=3, kernel=2, relu=False), MaxPool(window=2), Dense(units=4, relu=False)
    ),
    "frozen in the middle": _image(
        Conv2d(filters=3, kernel=2), Conv2d(filters=3, kernel=2, frozen=True), MaxPool(window=2)
    ),
    "frozen at the bottom": _image(
        Conv2d(filters=3, kernel=2, frozen=True), Conv2d(filters=3, kernel=2), Dense(units=4)
    ),
    "wide errors": _image(
        Conv2d(filters=3, kernel=3), Dense(units=4), bits=Bits(weights=8, gradients=16, errors=16)
    ),
    "signal": _image(
        Conv1d(filters=3, kernel=4, padding="same"),
        MaxPool(window=2),
        Conv1d(filters=3, kernel=4, stride=3, padding=3),
        shape=(13, 2),
    ),
}


@pytest.mark.parametrize("name", CORNERS)
@pytest.mark.parametrize("rule", ["paper", "error_scaled"])
def test_corners_equal_the_oracle(name: str, rule: Rule) -> None:
    net = CORNERS[name]
    rng = np.random.default_rng(3)
    steps = []
    for samples, log2_lr in ((3, 3), (1, 0), (4, 2)):
        x = rng.integers(-127, 128, (samples, *net.input.shape)).astype(np.int8)
        steps.append(Batch(x, rng.integers(0, 3, samples), log2_lr, rule))
    _hold(Case(net, seed=11, batch=4, steps=tuple(steps)))


@settings(max_examples=30)
@given(networks(trainable=False, max_weights=300))
def test_inference_does_not_need_a_network_that_can_learn(net: Network) -> None:
    graph = compile_graph(net, training=False)
    with open_executor(net, "reference") as executor:
        oracle = plain.Oracle(graph, executor.masters, net.seed)
        x = np.random.default_rng(0).integers(-net.input_limit, net.input_limit + 1, (2, *net.input.shape))
        assert executor.forward(x).tolist() == [oracle.logits(s) for s in _samples(x, graph.input.shape)]
