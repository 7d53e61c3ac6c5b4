"""Encoders against exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle import clip, rha
from wagekit.numerics import encode_affine, encode_centered, encode_real, encode_unit

widths = st.integers(2, 8)
int32 = st.integers(-(2**31), 2**31 - 1) | st.sampled_from([-(2**31), 2**31 - 1])


@given(widths)
def test_samples_of_8_bits(k_a: int) -> None:
    p = np.arange(256, dtype=np.uint8)
    high = 2 ** (k_a - 1) - 1
    centered = [clip(rha(clip(int(v) - 128, -127, 127), 8 - k_a), -high, high) for v in p]
    unit = [clip(rha(int(v) >> 1, 8 - k_a), -high, high) for v in p]
    assert encode_centered(p, k_a).tolist() == centered
    assert encode_unit(p, k_a).tolist() == unit
    assert encode_unit(p, k_a).dtype == np.int8


@given(
    widths,
    st.floats(-1, 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0.49999999999999994, -0.49999999999999994, 0.5, -0.5, 1.0, -1.0, 5e-324, 0.0]),
)
def test_real_features_round_exactly(k_a: int, x: float) -> None:
    high = 2 ** (k_a - 1) - 1
    for value in (x, x * 2.0 ** (1 - k_a)):
        wanted = clip(rha_fraction(Fraction(value) * 2 ** (k_a - 1)), -high, high)
        assert encode_real(np.array([value]), k_a).tolist() == [wanted]


def rha_fraction(x: Fraction) -> int:
    whole = int(abs(x) + Fraction(1, 2))
    return -whole if x < 0 else whole


@given(widths, st.lists(st.tuples(int32, int32, int32, st.integers(0, 62)), min_size=1, max_size=5))
def test_affine_never_wraps(k_a: int, columns: list[tuple[int, int, int, int]]) -> None:
    p, offset, multiplier, shift = (np.array(values, np.int64) for values in zip(*columns, strict=True))
    high = 2 ** (k_a - 1) - 1
    wanted = [clip(rha((a - b) * m, s), -high, high) for a, b, m, s in columns]
    assert encode_affine(p[None], offset, multiplier, shift, k_a).tolist() == [wanted]


def test_affine_with_one_number_for_all_channels() -> None:
    p = np.array([[[10, 20], [30, 40]]])
    one = np.array([10]), np.array([2]), np.array([1])
    assert encode_affine(p, *one, 8).tolist() == [[[0, 10], [20, 30]]]
