"""Sums at the ends of their types: reference against oracle, generated C against reference."""

from __future__ import annotations

import numpy as np
import pytest

from tests import oracle as plain
from tests.equality import assert_same_logits, assert_same_masters, step_together
from tests.extremes import EXTREMES, Extreme
from wagekit import open_executor
from wagekit.reference.forward import layer_product
from wagekit.reference.training import weight_gradient


@pytest.mark.parametrize("case", [c for c in EXTREMES if c.small], ids=lambda c: c.name)
def test_reference_equals_the_oracle(case: Extreme) -> None:
    graph = case.graph()
    x, labels = case.batch()
    with open_executor(case.net, "reference", batch=case.samples) as executor:
        executor.load_masters(case.masters())
        oracle = plain.Oracle(graph, executor.masters, case.net.seed)
        lifted = x.reshape((case.samples, *graph.input.shape))
        samples = [{i: int(s[i]) for i in plain.indices(graph.input.shape)} for s in lifted]
        for _ in range(2):
            result = executor.step(x, labels, 1)
            report = oracle.step(samples, labels.tolist(), 1, "paper")
            assert result.sum_squared_error == report.squares
            assert [s.error_exponent for s in result.layers] == report.error_exponents
            assert [s.gradient_exponent for s in result.layers] == report.gradient_exponents
            for masters, wanted in zip(executor.masters, report.masters, strict=True):
                assert masters.ravel().tolist() == list(wanted.values())


def test_the_cases_reach_what_they_claim() -> None:
    by_name = {case.name: case for case in EXTREMES}
    with open_executor((case := by_name["gradient beyond int32"]).net, "reference") as executor:
        executor.load_masters(case.masters())
        exponents = executor.step(*case.batch()).layers
        assert exponents[0].gradient_exponent is not None
        assert exponents[0].gradient_exponent > 32
    case = by_name["raw error beyond int32"]
    with open_executor(case.net, "reference") as executor:
        executor.load_masters(case.masters())
        exponents = executor.step(*case.batch()).layers
        assert exponents[0].error_exponent is not None
        assert exponents[0].error_exponent >= 31
        assert case.graph().layers[1].ranges is not None
        assert case.graph().layers[1].ranges.raw_error_bits == 64
    for name, sign in (("top", 1), ("bottom", -1)):
        case = by_name[f"accumulator at the {name} of int32"]
        layer = case.graph().layers[0]
        w = np.full(layer.weights.shape, sign * 15, np.int8)
        assert layer_product(layer, w, case.batch()[0]).item() == sign * (2**31 - 8)


def test_gradient_sums_are_not_cut() -> None:
    case = next(case for case in EXTREMES if case.name.startswith("gradient"))
    layer = case.graph().layers[0]
    e = np.full((case.samples, 24, 24, 1), 32767, np.int16)
    assert weight_gradient(case.graph(), layer, e, case.batch()[0]).item() == case.samples * 576 * 32767 * 126


@pytest.mark.parametrize("case", EXTREMES, ids=lambda c: c.name)
@pytest.mark.parametrize("recompute", [False, True], ids=["stored", "recomputed"])
def test_generated_c_equals_the_reference(case: Extreme, recompute: bool, host_cc: str) -> None:
    x, labels = case.batch()
    with (
        open_executor(case.net, "reference", batch=case.samples) as reference,
        open_executor(case.net, "host", batch=case.samples, recompute=recompute) as host,
    ):
        for executor in (reference, host):
            executor.load_masters(case.masters())
        assert_same_logits([reference, host], x, "at the start")
        for step in range(2):
            step_together([reference, host], x, labels, 1)
            assert_same_masters([reference, host], f"after step {step}")
