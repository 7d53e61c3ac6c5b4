"""The NumPy reference against the plain-Python oracle, on random networks."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings

from tests import oracle as plain
from tests.strategies import Case, cases, networks
from wagekit import open_executor
from wagekit.passes import compile_graph


def _samples(case_x: np.ndarray, shape: tuple[int, ...]) -> list[plain.Tensor]:
    x = case_x.reshape((len(case_x), *shape))
    return [{i: int(s[i]) for i in plain.indices(shape)} for s in x]


@settings(max_examples=60)
@given(cases(max_steps=2, max_weights=400))
def test_a_step_equals_the_oracle(case: Case) -> None:
    graph = compile_graph(case.net, case.batch)
    with open_executor(case.net, "reference", seed=case.seed) as executor:
        oracle = plain.Oracle(graph, executor.masters, case.seed)
        for number, batch in enumerate(case.steps):
            samples = _samples(batch.x, graph.input.shape)
            assert executor.forward(batch.x).tolist() == [oracle.logits(s) for s in samples]
            result = executor.step(batch.x, batch.labels, batch.log2_lr, batch.rule)
            report = oracle.step(samples, [int(v) for v in batch.labels], batch.log2_lr, batch.rule)
            assert result.step == number
            assert result.samples == len(samples)
            assert result.sum_squared_error == min(report.squares, 2**64 - 1)
            assert result.errors == report.errors
            assert result.log2_lr == report.log2_lr
            assert [s.error_exponent for s in result.layers] == report.error_exponents
            assert [s.gradient_exponent for s in result.layers] == report.gradient_exponents
            assert [s.saturated for s in result.layers] == report.saturated
            for layer, masters in enumerate(executor.masters):
                for index, value in report.masters[layer].items():
                    assert masters[index] == value, f"step {number}, layer {layer}, masters{list(index)}"


@settings(max_examples=40)
@given(networks(trainable=False, max_weights=300))
def test_inference_does_not_need_a_network_that_can_learn(net) -> None:  # type: ignore[no-untyped-def]
    graph = compile_graph(net, training=False)
    with open_executor(net, "reference") as executor:
        oracle = plain.Oracle(graph, executor.masters, net.seed)
        x = np.random.default_rng(0).integers(-net.input_limit, net.input_limit + 1, (2, *net.input.shape))
        assert executor.forward(x).tolist() == [oracle.logits(s) for s in _samples(x, graph.input.shape)]
