"""Grids, rounding and shift against exact fractions and big integers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import oracle
from wagekit.numerics import (
    clip_grid,
    grid_limit,
    kappa,
    master_limit,
    masters_from_weights,
    max_abs,
    quantise_error,
    rha,
    weights_from_masters,
)

INT64_LARGEST = 2**63 - 1
widths = st.integers(2, 16)


@pytest.mark.parametrize(
    ("x", "s", "expected"),
    [
        (1, 1, 1),
        (-1, 1, -1),
        (3, 1, 2),
        (-3, 1, -2),
        (5, 2, 1),
        (6, 2, 2),
        (-6, 2, -2),
        (7, 0, 7),
        (3, -4, 48),
    ],
)
def test_ties_go_away_from_zero(x: int, s: int, expected: int) -> None:
    assert rha(x, s) == expected


@given(st.integers(), st.integers(-70, 140))
def test_rha_of_an_integer_is_the_exact_quotient_rounded(x: int, s: int) -> None:
    assert rha(x, s) == oracle.rha(x, s)


@given(
    st.lists(
        st.integers(-INT64_LARGEST, INT64_LARGEST) | st.sampled_from([-INT64_LARGEST, INT64_LARGEST, 0])
    ),
    st.integers(1, 140),
)
def test_rha_of_int64_never_wraps(values: list[int], s: int) -> None:
    assert rha(np.array(values, np.int64), s).tolist() == [oracle.rha(x, s) for x in values]


@given(
    st.lists(st.integers(-(2**31), 2**31 - 1) | st.sampled_from([-(2**31), 2**31 - 1, 2**31 - 2])),
    st.integers(-31, 40),
)
def test_rha_of_int32_never_wraps(values: list[int], s: int) -> None:
    assert rha(np.array(values, np.int32), s).tolist() == [oracle.rha(x, s) for x in values]


def test_rha_keeps_int32_where_nothing_can_wrap() -> None:
    assert rha(np.array([5, -5], np.int32), 1).dtype == np.int32
    assert rha(np.array([2**31 - 1], np.int32), 1).dtype == np.int64


@given(st.integers(1, 2**80))
def test_kappa_is_the_nearest_exponent(m: int) -> None:
    k = kappa(m)
    assert k == oracle.kappa(m)
    # Between sqrt(1/2) and sqrt(2) times the power of two; the square can never be equal to an odd power.
    assert Fraction(1, 2) < Fraction(m * m, 4**k) < 2


def test_kappa_next_to_every_threshold() -> None:
    for f in range(64):
        # The least m with m*m >= 2**(2f+1), found without a root.
        low, high = 2**f, 2 ** (f + 1)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if middle**2 >= 2 ** (2 * f + 1) else (middle + 1, high)
        assert kappa(low) == f + 1
        if low > 2**f:
            assert kappa(low - 1) == f
        assert kappa(2**f) == f


@given(st.integers(1, 2**64), st.integers(1, 2**64))
def test_kappa_is_monotone(a: int, b: int) -> None:
    assert kappa(max(a, b)) == max(kappa(a), kappa(b))


@pytest.mark.parametrize("m", [0, -1])
def test_kappa_of_no_positive_number_is_an_error(m: int) -> None:
    with pytest.raises(ValueError, match=str(m)):
        kappa(m)


@given(st.lists(st.integers(-INT64_LARGEST, INT64_LARGEST), max_size=6), widths)
def test_quantised_errors(values: list[int], k_e: int) -> None:
    e_q, exponent = quantise_error(np.array(values, np.int64), k_e)
    largest = max(map(abs, values), default=0)
    assert e_q.dtype == (np.int8 if k_e <= 8 else np.int16)
    if largest == 0:
        assert exponent is None
        assert not e_q.any()
        return
    high = 2 ** (k_e - 1) - 1
    assert exponent == oracle.kappa(largest)
    wanted = [oracle.clip(oracle.rha(v, exponent - (k_e - 1)), -high, high) for v in values]
    assert e_q.tolist() == wanted
    if k_e > 2:
        assert max(map(abs, wanted)) > high * 7 // 10 - 1, "the largest error uses the grid"


def test_quantising_scales_small_errors_up() -> None:
    e_q, exponent = quantise_error(np.array([1, -1, 0]), 8)
    assert (e_q.tolist(), exponent) == ([127, -127, 0], 0)


@given(widths)
def test_clip_to_the_grid(k: int) -> None:
    high = grid_limit(k)
    codes = clip_grid(np.array([-(2**40), -high - 1, -high, 0, high, high + 1]), k)
    assert codes.tolist() == [-high, -high, -high, 0, high, high]
    assert codes.dtype == (np.int8 if k <= 8 else np.int16)


@given(st.integers(2, 8), st.data())
def test_masters_and_weights(k_w: int, data: st.DataObject) -> None:
    k_g = data.draw(st.integers(k_w, 16))
    limit = master_limit(k_g, k_w)
    # The limit stands for 1 - sigma(k_w).
    assert Fraction(limit, 2 ** (k_g - 1)) == 1 - Fraction(2, 2**k_w)
    masters = np.arange(-limit, limit + 1)
    high = 2 ** (k_w - 1) - 1
    wanted = [oracle.clip(oracle.rha(int(m), k_g - k_w), -high, high) for m in masters]
    assert weights_from_masters(masters, k_g, k_w).tolist() == wanted
    on_grid = np.arange(-high, high + 1)
    exact = masters_from_weights(on_grid, k_g, k_w)
    assert np.abs(exact).max() <= limit
    assert weights_from_masters(exact, k_g, k_w).tolist() == on_grid.tolist()


def test_the_papers_masters() -> None:
    assert master_limit(8, 2) == 64
    masters = np.array([-64, -32, -31, 0, 31, 32, 64], np.int8)
    assert weights_from_masters(masters, 8, 2).tolist() == [-1, -1, 0, 0, 0, 1, 1]


def test_largest_magnitude() -> None:
    assert max_abs(np.array([], np.int64)) == 0
    assert max_abs(np.array([-128, 127], np.int8)) == 128
    assert max_abs(np.array([3, -2])) == 3
