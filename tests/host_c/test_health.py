"""The kernels that count health against plain Python and `numerics`: sanitized, with -O3 and with -O0.

gcc is known to get sums of comparisons of bytes wrong when it vectorises them, so lengths of many
vectors are drawn, and rows that are all alike.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.host_c.kernels import SANITIZED, kernels
from wagekit import numerics

BUILDS = pytest.mark.parametrize("flags", [SANITIZED, ("-O3",), ("-O0",)], ids=["sanitized", "O3", "O0"])


@st.composite
def moved_masters(draw: st.DrawFn) -> tuple[int, int, NDArray[np.int_], NDArray[np.int_]]:
    """k_G, k_W, and masters before and after an update of which few, many or all move."""
    k_w = draw(st.integers(2, 8))
    k_g = draw(st.integers(k_w, 16))
    limit = numerics.master_limit(k_g, k_w)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(1, 70) | st.integers(250, 1100))
    before = rng.integers(-limit, limit + 1, count)
    step = rng.integers(-limit, limit + 1, count) * (rng.random(count) < draw(st.sampled_from([0, 0.1, 1])))
    kind = draw(st.sampled_from(["noise", "small", "ends", "alike"]))
    if kind == "small":
        step = np.sign(step)
    elif kind == "ends":
        before = rng.choice([-limit, limit], count)
    elif kind == "alike":
        before, step = np.full(count, before[0]), np.full(count, step[0])
    dtype = numerics.code_dtype(k_g)
    return k_g, k_w, before.astype(dtype), np.clip(before + step, -limit, limit).astype(dtype)


def plain_counts(k_g: int, k_w: int, before: list[int], after: list[int]) -> list[int]:
    limit = 2 ** (k_g - 1) - 2 ** (k_g - k_w)

    def sign(master: int) -> int:
        weight = numerics.rha(master, k_g - k_w)
        return (weight > 0) - (weight < 0)

    pairs = list(zip(before, after, strict=True))
    return [
        sum(b > a for a, b in pairs),
        sum(b < a for a, b in pairs),
        sum(abs(b) == limit for _, b in pairs),
        sum(sign(b) != 0 for _, b in pairs),
        sum(sign(a) != sign(b) for a, b in pairs),
    ]


@BUILDS
@given(moved=moved_masters(), start=st.integers(0, 9))
def test_masters_are_counted(
    flags: tuple[str, ...], moved: tuple[int, int, NDArray[np.int_], NDArray[np.int_]], start: int
) -> None:
    k_g, k_w, before, after = moved
    expected = plain_counts(k_g, k_w, before.tolist(), after.tolist())
    counts = numerics.count_weights(before, after, k_g, k_w)
    names = list(numerics.WeightCounts.__dataclass_fields__)
    assert [getattr(counts, name) for name in names] == expected
    least = 1 << max(k_g - k_w - 1, 0)
    library, bits = kernels(*flags), 8 * before.itemsize
    rule = library.struct("wk_health_rule_t", least=least, limit=numerics.master_limit(k_g, k_w))
    health = library.struct("wk_layer_health_t", **dict.fromkeys(names, start))
    kept = np.zeros_like(before)
    library.call(f"wk_keep_m{bits}", before, before.size, kept)
    assert kept.tolist() == before.tolist()
    library.call(f"wk_health_m{bits}", rule, kept, after, after.size, health)
    assert [getattr(health, name) - start for name in names] == expected


@BUILDS
@given(
    count=st.integers(1, 70) | st.integers(250, 1100),
    share=st.sampled_from([0, 0.01, 0.5, 1]),
    wide=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_errors_that_are_zero_are_counted(
    flags: tuple[str, ...], count: int, share: float, wide: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    high = 32767 if wide else 127
    errors = rng.integers(-high, high + 1, count) * (rng.random(count) >= share)
    array = errors.astype(np.int16 if wide else np.int8)
    found = kernels(*flags).call(f"wk_zero_errors_e{16 if wide else 8}", array, count)
    assert found == sum(value == 0 for value in array.tolist())
