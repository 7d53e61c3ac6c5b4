"""Parts of the reference: exactness of its products, pooling, saturation, purity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import Case, cases
from wagekit import Bits, Conv2d, Dense, Input, Network, open_executor
from wagekit.passes import compile_graph
from wagekit.reference import products
from wagekit.reference.pooling import pool_backward, pool_forward
from wagekit.reference.training import sum_of_squares, weight_gradient


def _run(case: Case) -> list[Any]:
    with open_executor(case.net, "reference", seed=case.seed) as executor:
        results: list[Any] = [executor.step(b.x, b.labels, b.log2_lr, b.rule) for b in case.steps]
        return [*results, executor.digest(), executor.forward(case.steps[0].x).tolist()]


@pytest.mark.parametrize(
    ("float32", "float64", "chunk"),
    [(1 << 24, 1 << 53, 64), (0, 1 << 53, 1 << 22), (0, 0, 1 << 22), (1 << 16, 1 << 53, 1)],
    ids=["small-pieces", "float64", "int64", "single-samples"],
)
@settings(max_examples=15)
@given(cases(max_weights=600))
def test_every_type_and_piece_size_gives_the_same_bits(
    float32: int, float64: int, chunk: int, case: Case
) -> None:
    expected = _run(case)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "FLOAT32_EXACT", float32)
        patch.setattr(products, "FLOAT64_EXACT", float64)
        patch.setattr(products, "CHUNK_ELEMENTS", chunk)
        assert _run(case) == expected


def test_a_large_gradient_is_exact() -> None:
    """Sums of one sample beyond 2**24, odd, so that float32 would lose the last bit."""
    net = Network(
        name="n",
        input=Input(shape=[41, 41, 1], encoding="unit"),
        classes=["a", "b"],
        layers=[Conv2d(filters=1, kernel=1), Dense(units=2)],
    )
    graph = compile_graph(net, 3)
    e = np.full((3, 41, 41, 1), 127, np.int8)
    e[1, 0, 0, 0] = 126
    g = weight_gradient(graph, graph.layers[0], e, np.full((3, 41, 41, 1), 127, np.int8))
    assert g.ravel().tolist() == [127 * (3 * 41 * 41 * 127 - 1)]


def test_types_change_where_sums_stop_being_exact() -> None:
    assert products.exact_type((1 << 24) - 1) is np.float32
    assert products.exact_type(1 << 24) is np.float64
    assert products.exact_type((1 << 53) - 1) is np.float64
    assert products.exact_type(1 << 53) is np.int64


@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2), st.integers(0, 2), st.integers(0, 99))
def test_pooling_takes_the_first_of_a_tie(high: int, wide: int, more_h: int, more_w: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.integers(-2, 3, (2, 2 * high + more_h, 2 * wide + more_w, 3)).astype(np.int8)
    best, winners = pool_forward(y, (high, wide))
    assert best.shape[1:3] == (y.shape[1] // high, y.shape[2] // wide)
    routed = pool_backward(best, winners, (high, wide), y.shape[1:])
    for n, i, j, c in np.ndindex(best.shape):
        window = y[n, i * high : (i + 1) * high, j * wide : (j + 1) * wide, c].ravel()
        assert best[n, i, j, c] == window.max()
        assert winners[n, i, j, c] == list(window).index(window.max())
        place = routed[n, i * high : (i + 1) * high, j * wide : (j + 1) * wide, c].ravel()
        assert place[winners[n, i, j, c]] == best[n, i, j, c]
        assert np.count_nonzero(place) == np.count_nonzero(best[n, i, j, c])


def test_sum_of_squares_is_exact_and_saturates() -> None:
    assert sum_of_squares(np.array([3, -4])) == 25
    large = np.full(3, 2**31, np.int64)
    assert sum_of_squares(large) == 3 * 2**62
    assert sum_of_squares(np.full(5, 2**31, np.int64)) == 2**64 - 1
    assert sum_of_squares(np.array([], np.int64)) == 0


def _plain(**options: Any) -> Network:
    layers = [Dense(units=4, **options), Dense(units=2, **options)]
    return Network(name="n", input=Input(shape=[3], encoding="unit"), classes=["a", "b"], layers=layers)


def test_all_frozen_only_counts_steps() -> None:
    with open_executor(_plain(frozen=True), "reference") as executor:
        before = executor.masters
        result = executor.step([[1, 2, 3]], [0], 3)
        assert executor.step_count == 1
        assert all(np.array_equal(a, b) for a, b in zip(before, executor.masters, strict=True))
        assert [s.gradient_exponent for s in result.layers] == [None, None]
        assert result.layers[0].error_exponent is None
        assert result.layers[1].error_exponent is not None


def test_step_wraps_at_32_bits() -> None:
    with open_executor(_plain(), "reference") as executor:
        executor.load_masters(executor.masters, step=2**32 - 1)
        assert executor.step([[1, 2, 3]], [1]).step == 2**32 - 1
        assert executor.step_count == 0


def test_inputs_of_zero_teach_the_upper_layers_nothing() -> None:
    with open_executor(_plain(), "reference") as executor:
        before = executor.masters
        result = executor.step([[0, 0, 0]], [1], 15)
        assert [s.gradient_exponent for s in result.layers] == [None, None]
        assert all(np.array_equal(a, b) for a, b in zip(before, executor.masters, strict=True))


def test_a_smaller_rate_than_any_changes_nothing() -> None:
    net = _plain().replace(bits=Bits(weights=2, activations=8, gradients=16, errors=8))
    with open_executor(net, "reference") as executor:
        before = executor.masters
        # one is 2**8, so with a small error the scaled rate falls below -16
        executor.load_masters([np.zeros_like(m) for m in before])
        result = executor.step([[1, 2, 3]], [1], -16, "error_scaled")
        assert result.log2_lr >= -17


def test_frozen_layers_do_not_change_the_others_random_numbers() -> None:
    free, half = _plain(), _plain()
    half = half.replace(layers=[half.layers[0].model_copy(update={"frozen": True}), half.layers[1]])
    with open_executor(free, "reference") as one, open_executor(half, "reference") as other:
        x, labels = [[50, -20, 127], [3, 90, -7]], [0, 1]
        one.step(x, labels)
        other.step(x, labels)
        assert np.array_equal(one.masters[1], other.masters[1])
