"""The counter generator, initial weights and the update."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import oracle
from wagekit.numerics import (
    LOG2_LR_NONE,
    apply_decrement,
    decrement,
    frac16,
    initial_key,
    initial_masters,
    layer_key,
    log2_alpha,
    mix,
    rand16,
    scaled_log2_lr,
    words,
)
from wagekit.numerics.initial import _thresholds

uint32 = st.integers(0, 2**32 - 1)


def test_mix_of_known_words() -> None:
    known = {0: 0, 1: 0x688990C0, 2: 0xD1132181, 0xFFFFFFFF: 0x6768824A}
    assert {x: mix(x) for x in known} == known
    assert mix(np.array(list(known), np.uint32)).tolist() == list(known.values())


def test_mix_loses_nothing() -> None:
    values = mix(np.arange(1 << 16, dtype=np.uint32) * np.uint32(0x10001))
    assert len(np.unique(values)) == 1 << 16


@given(uint32)
def test_mix_of_an_array_is_mix_of_each(x: int) -> None:
    assert mix(x) == oracle.mix(x)
    assert int(mix(np.array([x], np.uint32))[0]) == oracle.mix(x)


@given(uint32, uint32, st.integers(0, 300), st.integers(0, 9))
def test_rand16_is_a_function_of_the_index(seed: int, step: int, layer: int, count: int) -> None:
    drawn = rand16(layer_key(seed, step, layer), count)
    assert drawn.dtype == np.uint16
    assert drawn.tolist() == [oracle.rand16(seed, step, layer, i) for i in range(count)]


def test_sums_of_keys_wrap() -> None:
    assert words(0xFFFFFFFF, 0, 2).tolist() == [mix(0xFFFFFFFF), mix(0)]
    assert words(5, 7, 2).tolist() == [mix(12), mix(13)]


def test_initial_weights_use_a_key_of_their_own() -> None:
    steps = {layer_key(seed, step, layer) for seed in range(4) for step in range(500) for layer in range(4)}
    assert len(steps) == 4 * 500 * 4
    assert not {initial_key(seed, layer) for seed in range(4) for layer in range(4)} & steps


def test_alpha_of_the_papers_vgg() -> None:
    fan_ins = [27, 1152, 1152, 2304, 2304, 4608, 8192, 1024]
    assert [2 ** log2_alpha(n, 2) for n in fan_ins] == [2, 16, 16, 16, 16, 32, 32, 16]


@given(st.integers(1, 10**7), st.integers(2, 8))
def test_alpha_is_the_rounded_logarithm(fan_in: int, k_w: int) -> None:
    assert log2_alpha(fan_in, k_w) == oracle.log2_alpha(fan_in, k_w)
    exact = log2(1.5 * 2 ** (1 - k_w) / (3 / fan_in) ** 0.5)
    if abs(exact % 1 - 0.5) > 1e-9:
        assert log2_alpha(fan_in, k_w) == max(round(exact), 0)


@given(st.integers(1, 40), st.integers(2, 8), uint32, st.integers(0, 20))
def test_initial_weights_are_the_rounded_uniform_numbers(
    fan_in: int, k_w: int, seed: int, layer: int
) -> None:
    """Against the definition with a 60-digit square root."""
    count = 3
    masters = initial_masters((count, fan_in), k_w, 16, seed, layer)
    with localcontext(prec=60):
        bound = (Decimal(3) / fan_in).sqrt()
        bound = max(bound, Decimal(3) / 2**k_w)
        key = initial_key(seed, layer)
        for i, master in enumerate(masters.ravel().tolist()):
            x = Decimal(2 * oracle.mix((key + i) & 0xFFFFFFFF) + 1 - 2**32) / 2**32 * bound
            size = int(abs(x) * 2 ** (k_w - 1) + Decimal("0.5"))
            weight = min(size, 2 ** (k_w - 1) - 1) * (1 if x > 0 else -1)
            assert master == weight * 2 ** (16 - k_w)


@given(st.integers(1, 5000) | st.just(3), st.integers(2, 8))
def test_thresholds_are_the_first_to_round_up(fan_in: int, k_w: int) -> None:
    for j, threshold in enumerate(_thresholds(fan_in, k_w), 1):

        def reaches(n: int, j: int = j) -> bool:
            l_min = 3 * n >= (2 * j - 1) << 32
            return l_min or 3 * n * n << (2 * k_w) >= (2 * j - 1) ** 2 * fan_in << 64

        assert reaches(threshold)
        assert not reaches(threshold - 1)


def test_initial_weights_are_uniform_and_balanced() -> None:
    for k_w, fan_in in ((2, 9), (2, 1000), (5, 16)):
        masters = initial_masters((64, fan_in, 1), k_w, 8, 7, 0).astype(int) >> (8 - k_w)
        spread = max((3 / fan_in) ** 0.5, 1.5 * 2 ** (1 - k_w)) * 2 ** (k_w - 1)
        count = masters.size
        assert abs(masters.mean()) < 5 * spread / (3 * count) ** 0.5
        zeros = (masters == 0).mean()
        assert abs(zeros - 0.5 / spread) < 5 * (0.25 / count) ** 0.5


def test_initial_masters_have_the_stored_type() -> None:
    assert initial_masters((2, 3), 2, 8, 0, 0).dtype == np.int8
    assert initial_masters((2, 3, 3, 1), 2, 9, 0, 0).dtype == np.int16
    assert initial_masters((2, 3, 3, 1), 2, 9, 0, 0).shape == (2, 3, 3, 1)


def _decrement(g: int, r: int, random: int) -> int:
    u = Fraction(abs(g)) / Fraction(2) ** r
    whole = u.numerator // u.denominator
    d = whole + (int((u - whole) * 65536) > random)
    return d if g >= 0 else -d


@given(st.integers(-(2**62), 2**62), st.integers(0, 100), st.integers(0, 65535))
def test_decrement_is_the_exact_quotient(g: int, r: int, random: int) -> None:
    assert decrement(np.array([g]), r, np.array([random], np.uint16)).tolist() == [_decrement(g, r, random)]


@given(st.integers(-(2**31), 2**31), st.integers(-15, -1), st.integers(0, 65535))
def test_decrement_with_a_rate_above_the_gradient(g: int, r: int, random: int) -> None:
    assert decrement(np.array([g]), r, np.array([random], np.uint16)).tolist() == [_decrement(g, r, random)]


@pytest.mark.parametrize("r", [-3, 0, 1, 15, 16, 17, 40, 63, 64, 70, 78, 79, 80, 90])
def test_fraction_is_cut_not_rounded(r: int) -> None:
    values = [0, 1, 2, 65535, 65536, 123456789, 2**40 - 1, 2**63 - 1]
    wanted = [int(Fraction(v) / Fraction(2) ** r % 1 * 65536) for v in values]
    assert frac16(np.array(values, np.uint64), r).tolist() == wanted


@given(st.integers(2, 16), st.lists(st.integers(-70000, 70000), min_size=1))
def test_masters_stay_in_their_limit(k_g: int, steps: list[int]) -> None:
    limit = 2 ** (k_g - 1) - 2 ** (k_g - 2)
    masters = np.full(len(steps), limit // 2, np.int8 if k_g <= 8 else np.int16)
    moved = apply_decrement(masters, np.array(steps), limit)
    assert moved.dtype == masters.dtype
    assert moved.tolist() == [oracle.clip(limit // 2 - d, -limit, limit) for d in steps]


def test_rates_of_both_rules() -> None:
    assert scaled_log2_lr(3, "paper", 5, 10) == 3
    assert scaled_log2_lr(3, "paper", None, 10) == 3
    assert scaled_log2_lr(3, "error_scaled", 5, 10) == -2
    assert scaled_log2_lr(3, "error_scaled", 12, 10) == 3
    assert scaled_log2_lr(3, "error_scaled", None, 10) == LOG2_LR_NONE
    assert scaled_log2_lr(-16, "error_scaled", 0, 20) == LOG2_LR_NONE
