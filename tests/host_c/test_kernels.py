"""Each kernel against the function of `numerics` that its header names, at the ends of the ranges.

The library is built with the undefined-behaviour sanitizer: an overflow ends the test run.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.host_c.kernels import kernels
from wagekit import numerics
from wagekit.reference.pooling import pool_backward, pool_forward

INT32 = st.integers(-(2**31) + 1, 2**31 - 1)
WIDE = st.integers(-(2**62), 2**62)


def narrow(value: int) -> int:
    return max(-(2**31) + 1, min(2**31 - 1, value >> 31))


def test_kappa_is_exact_to_64_bits() -> None:
    for f in range(64):
        root = math.isqrt(1 << (2 * f + 1))
        for m in {1 << f, (1 << f) + 1, root - 1, root, root + 1, root + 2, (1 << (f + 1)) - 1}:
            if 1 <= m < 1 << 64:
                assert kernels().call("inline_kappa", m) == numerics.kappa(m), m
    assert kernels().call("inline_kappa", 0) == -1


@given(x=INT32, shift=st.integers(0, 31), limit=st.sampled_from([1, 7, 127, 32767, 2**31 - 1]))
def test_rounding_32(x: int, shift: int, limit: int) -> None:
    expected = max(-limit, min(limit, numerics.rha(x, shift)))
    assert kernels().call("inline_round_clip_i32", x, shift, limit) == expected


@given(
    x=st.integers(-(2**63) + 1, 2**63 - 1), shift=st.integers(0, 63), limit=st.sampled_from([1, 127, 32767])
)
def test_rounding_64(x: int, shift: int, limit: int) -> None:
    expected = max(-limit, min(limit, numerics.rha(x, shift)))
    assert kernels().call("inline_round_clip_i64", x, shift, limit) == expected


@given(seed=st.integers(0, 2**32 - 1), step=st.integers(0, 2**32 - 1), layer=st.integers(0, 40))
def test_random_numbers(seed: int, step: int, layer: int) -> None:
    key = kernels().call("inline_layer_key", seed, step, layer)
    assert key == numerics.layer_key(seed, step, layer)
    assert kernels().call("inline_mix", seed) == numerics.mix(seed)
    expected = numerics.rand16(key, 9)
    assert [kernels().call("inline_rand16", key, i) for i in range(9)] == expected.tolist()


@pytest.mark.parametrize("k_w", range(2, 9))
def test_weights_of_every_master(k_w: int) -> None:
    for k_g in range(k_w, 17):
        limit = numerics.master_limit(k_g, k_w)
        masters = np.arange(-limit, limit + 1).astype(numerics.code_dtype(k_g))
        derive = kernels().struct("wk_derive_t", shift=k_g - k_w, limit=numerics.grid_limit(k_w))
        row = np.full(masters.size, 99, np.int8)
        name = f"wk_derive_row_m{8 * masters.itemsize}"
        kernels().call(name, derive, masters, masters.size, row)
        assert row.tolist() == numerics.weights_from_masters(masters, k_g, k_w).tolist(), (k_w, k_g)


@given(
    raw=st.lists(WIDE | st.sampled_from([0, 2**62, -(2**62)]), min_size=1, max_size=9),
    bits=st.integers(2, 16),
    wide=st.booleans(),
)
def test_quantised_errors(raw: list[int], bits: int, wide: bool) -> None:
    values = raw if wide else [narrow(v) for v in raw]
    array = np.array(values, np.int64 if wide else np.int32)
    expected, exponent = numerics.quantise_error(array, bits)
    errors = np.full(array.size, 99, numerics.code_dtype(bits))
    name = f"wk_quantise_errors_r{8 * array.itemsize}_e{8 * errors.itemsize}"
    kernels().call(name, array, array.size, -1 if exponent is None else exponent, bits, errors)
    assert errors.tolist() == expected.tolist()


@given(
    raw=st.lists(st.tuples(WIDE, st.integers(-127, 127)), min_size=1, max_size=9),
    wide=st.booleans(),
    relu=st.booleans(),
    before=st.integers(0, 2**40),
)
def test_mask_and_maximum(raw: list[tuple[int, int]], wide: bool, relu: bool, before: int) -> None:
    errors = np.array([e if wide else narrow(e) for e, _ in raw], np.int64 if wide else np.int32)
    y = np.array([y for _, y in raw], np.int8)
    low = 0 if relu else -127
    expected = [int(e) if low < v < 127 else 0 for e, v in zip(errors, y.tolist(), strict=True)]
    mask = kernels().struct("wk_mask_t", low=low, high=127)
    name = f"wk_mask_errors_r{8 * errors.itemsize}"
    maximum = kernels().call(name, mask, y, errors, errors.size, before)
    assert errors.tolist() == expected
    assert maximum == max([before, *map(abs, expected)])
    assert kernels().call(f"wk_maximum_i{8 * errors.itemsize}", errors, errors.size, before) == maximum


@given(data=st.data(), k_g=st.sampled_from([2, 8, 9, 16]), wide=st.booleans(), rate=st.integers(-17, 15))
def test_update(data: st.DataObject, k_g: int, wide: bool, rate: int) -> None:
    bits = data.draw(st.integers(0, 62 if wide else 31))
    size = min(1 << bits, (1 << 62) if wide else (1 << 31) - 1)
    g = np.array(
        data.draw(st.lists(st.integers(-size, size), min_size=1, max_size=12)), np.int64 if wide else np.int32
    )
    largest = numerics.max_abs(g)
    if largest == 0:
        return
    limit = numerics.master_limit(k_g, 2)
    masters = np.array(
        data.draw(st.lists(st.integers(-limit, limit), min_size=g.size, max_size=g.size)),
        numerics.code_dtype(k_g),
    )
    first, key = data.draw(st.integers(0, 2**20)), data.draw(st.integers(0, 2**32 - 1))
    shift = numerics.kappa(largest) - rate
    random = numerics.rand16(key, first + g.size)[first:]
    expected = numerics.apply_decrement(masters, numerics.decrement(g, shift, random), limit)
    update = kernels().struct("wk_update_t", key=key, shift=shift, limit=limit)
    name = f"wk_update_m{8 * masters.itemsize}_g{8 * g.itemsize}"
    kernels().call(name, update, g, first, g.size, masters)
    assert masters.tolist() == expected.tolist()


@given(
    rows=st.lists(st.tuples(INT32, INT32, INT32), min_size=1, max_size=6),
    label=st.integers(0, 2),
    log2_one=st.integers(0, 28),
)
def test_loss_is_exact_and_saturates(rows: list[tuple[int, int, int]], label: int, log2_one: int) -> None:
    one = 1 << log2_one
    total, errors, maximum = 0, 0, 0
    found = kernels().struct("wk_loss_sum_t")
    loss = kernels().struct("wk_loss_t", classes=3, one=one)
    for row in rows:
        logits = np.clip(np.array(row, np.int64), -(2**31) + 1 + one, 2**31 - 1).astype(np.int32)
        raw = np.zeros(3, np.int32)
        kernels().call("wk_output_error", loss, logits, label, raw, found)
        expected = logits.astype(object)
        expected[label] -= one
        assert raw.tolist() == expected.tolist()
        total += sum(int(e) ** 2 for e in expected)
        errors += int(np.argmax(logits)) != label
        maximum = max(maximum, *(abs(int(e)) for e in expected))
    assert found.sum_squared_error == min(total, 2**64 - 1)
    assert (found.errors, found.maximum) == (errors, maximum)


@pytest.mark.parametrize("rule", ["paper", "error_scaled"])
def test_effective_rate(rule: str) -> None:
    for rate in range(-16, 16):
        for exponent in (None, 0, 3, 11, 12, 40):
            found = kernels().call(
                "wk_effective_rate",
                rate,
                int(rule == "error_scaled"),
                -1 if exponent is None else exponent,
                12,
            )
            assert found == numerics.scaled_log2_lr(rate, rule, exponent, 12)


@pytest.mark.parametrize("k_a", range(2, 9))
def test_encoders(k_a: int) -> None:
    raw = np.arange(256).astype(np.uint8)
    for name in ("centered", "unit"):
        codes = np.zeros(256, np.int8)
        kernels().call(f"wk_encode_{name}", raw, 256, k_a, codes)
        assert codes.tolist() == getattr(numerics, f"encode_{name}")(raw.astype(np.int32), k_a).tolist()


@given(
    raw=st.lists(INT32, min_size=3, max_size=3),
    offset=st.lists(INT32, min_size=3, max_size=3),
    multiplier=st.lists(INT32, min_size=3, max_size=3),
    shift=st.lists(st.integers(0, 62), min_size=3, max_size=3),
    k_a=st.integers(2, 8),
    kind=st.sampled_from([np.int8, np.uint8, np.int16, np.uint16, np.int32]),
)
def test_affine_encoder(
    raw: list[int], offset: list[int], multiplier: list[int], shift: list[int], k_a: int, kind: type
) -> None:
    k = kernels()
    samples = np.array([raw, raw[::-1]], np.int64).astype(kind)
    tables = [np.array(offset, np.int32), np.array(multiplier, np.int32), np.array(shift, np.uint8)]
    affine = k.struct("wk_affine_t", entries=3, bits=k_a)
    affine.offsets, affine.multipliers = (k.ffi.cast("int32_t *", k.ffi.from_buffer(t)) for t in tables[:2])
    affine.shifts = k.ffi.cast("uint8_t *", k.ffi.from_buffer(tables[2]))
    codes = np.zeros((2, 3), np.int8)
    name = {1: "8", 2: "16", 4: "32"}[np.dtype(kind).itemsize]
    k.call(f"wk_encode_affine_{np.dtype(kind).kind}{name}", affine, samples, 6, codes)
    o, m, s = (np.array(v, np.int64) for v in (offset, multiplier, shift))
    assert codes.tolist() == numerics.encode_affine(samples.astype(np.int64), o, m, s, k_a).tolist()


def test_pool_takes_the_first_of_equal_values_and_drops_what_is_left_over() -> None:
    plane = np.array([[1, 1, 9], [1, 1, 9], [5, 7, 9], [7, 7, 9], [9, 9, 9]], np.int8)
    pool = kernels().struct(
        "wk_pool_t", input_w=3, window_h=2, window_w=2, pooled_h=2, pooled_w=1, winner_bits=2
    )
    y, winners = np.zeros((2, 2), np.int8), np.full(2, 0xFF, np.uint8)
    kernels().call("wk_max_pool", pool, plane, y, winners, 2)
    assert y.tolist() == [[1, 0], [7, 0]]
    assert winners.tolist() == [0b0100, 0xFF]


@given(
    data=st.data(),
    window=st.sampled_from([(1, 1), (1, 2), (2, 2), (3, 1), (2, 3), (3, 3), (4, 4), (5, 4), (16, 16)]),
    pooled=st.tuples(st.integers(1, 4), st.integers(1, 4)),
)
def test_winners_are_packed_and_found_again(
    data: st.DataObject, window: tuple[int, int], pooled: tuple[int, int]
) -> None:
    """Each error goes to the position that won, also where a call begins amid the winners of an output."""
    size = window[0] * window[1]
    bits = next(bits for bits in (1, 2, 4, 8) if size <= 1 << bits)
    (rows, columns), (high, wide) = pooled, (pooled[0] * window[0], pooled[1] * window[1])
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    plane = generator.integers(-3, 4, (high, wide)).astype(np.int8)
    shape = {"input_w": wide, "window_h": window[0], "window_w": window[1], "pooled_w": columns}
    pool = kernels().struct("wk_pool_t", **shape, pooled_h=rows, winner_bits=bits)
    packed = np.full(-(-rows * columns * bits // 8) + 1, 0xA5, np.uint8)
    y = np.zeros(rows * columns, np.int8)
    kernels().call("wk_max_pool", pool, plane, y, packed, 1)
    assert packed[-1] == 0xA5
    maxima, winners = pool_forward(plane[None, :, :, None], window)
    assert y.tolist() == maxima.ravel().tolist()
    spread = np.unpackbits(packed[:-1], bitorder="little")[: rows * columns * bits].reshape(-1, bits)
    assert (spread @ (1 << np.arange(bits))).tolist() == winners.ravel().tolist()

    begin = data.draw(st.integers(0, rows - 1))
    conv = kernels().struct(
        "wk_conv2d_t", input_h=high, input_w=wide, input_c=1, output_h=high, output_w=wide, outputs=1,
        kernel_h=1, kernel_w=1, stride_h=1, stride_w=1, pad_top=-begin * window[0],
    )  # fmt: skip
    part = kernels().struct(
        "wk_pool_t", **shape, pooled_h=rows - begin, winner_bits=bits, first=begin * columns
    )
    errors = generator.integers(-127, 128, (rows, columns)).astype(np.int8)
    raw = np.zeros((high, wide), np.int32)
    one = np.ones(1, np.int8)
    kernels().call("wk_conv2d_backward_input_e8_r32", conv, part, errors[begin:].copy(), packed, one, raw)
    expected = pool_backward(errors[None, :, :, None], winners, window, (high, wide, 1))[0, :, :, 0]
    expected[: begin * window[0]] = 0
    assert raw.tolist() == expected.tolist()
    gradient, ones = np.zeros(1, np.int32), np.ones((high, wide), np.int8)
    kernels().call(
        "wk_conv2d_backward_weights_e8_g32", conv, part, errors[begin:].copy(), packed, ones, gradient
    )
    assert gradient.tolist() == [errors[begin:].astype(int).sum()]


def test_first_largest_logit_wins() -> None:
    logits = np.array([3, 9, -4, 9], np.int32)
    assert kernels().call("wk_argmax", logits, 4) == 1
    assert kernels().call("wk_argmax", logits, 1) == 0


@pytest.mark.parametrize("size", [1, 2])
def test_masters_as_bytes(size: int) -> None:
    k, limit = kernels(), {1: 64, 2: 24576}[size]
    values = np.array([limit, -limit, -1, 0, 1, 37], f"int{8 * size}")
    raw = np.zeros(6 * size, np.uint8)
    k.call(f"wk_read_masters_m{8 * size}", values, 6, raw)
    assert raw.tobytes() == values.astype(values.dtype.newbyteorder("<")).tobytes()
    back = np.zeros_like(values)
    assert k.call(f"wk_write_masters_m{8 * size}", back, 6, limit, raw) == k.lib.WK_OK
    assert back.tolist() == values.tolist()
    assert k.call(f"wk_write_masters_m{8 * size}", back, 6, limit - 1, raw) == k.lib.WK_ERR_RANGE
    assert back.tolist() == values.tolist()


@given(
    data=st.data(),
    k_g=st.sampled_from([8, 16]),
    inputs=st.integers(1, 11),
    error=st.integers(-127, 127) | st.sampled_from([-32767, 32767]),
    rate=st.integers(-17, 15),
)
def test_update_from_one_sample(data: st.DataObject, k_g: int, inputs: int, error: int, rate: int) -> None:
    """The gradient of a dense layer made on the fly: zeros of it, and rows at odd indices, too."""
    x = np.array(
        data.draw(st.lists(st.sampled_from([0, 0, 1, -127, 127, 50]), min_size=inputs, max_size=inputs)),
        np.int8,
    )
    g = error * x.astype(np.int64)
    largest = max(numerics.max_abs(g), data.draw(st.integers(1, 32767 * 127)))
    limit = numerics.master_limit(k_g, 2)
    masters = np.array(
        data.draw(st.lists(st.integers(-limit, limit), min_size=inputs, max_size=inputs)),
        numerics.code_dtype(k_g),
    )
    first, key = data.draw(st.integers(0, 2**20)), data.draw(st.integers(0, 2**32 - 1))
    shift = numerics.kappa(largest) - rate
    random = numerics.rand16(key, first + inputs)[first:]
    expected = numerics.apply_decrement(masters, numerics.decrement(g, shift, random), limit)
    pairs = np.zeros(inputs // 2 + 1, np.uint32)
    count = kernels().call("wk_list_pairs", x, inputs, first, pairs)
    update = kernels().struct("wk_update_t", key=key, shift=shift, limit=limit)
    name = f"wk_update_outer_m{8 * masters.itemsize}"
    kernels().call(name, update, error, x, inputs, pairs, count, first, masters)
    assert masters.tolist() == expected.tolist()


def test_a_gradient_of_zero_never_moves_a_weight() -> None:
    """What skipping zeros rests on: no random number is below a fraction of 0."""
    for random in (0, 1, 0xFFFF):
        assert numerics.decrement(np.array([0]), 3, np.array([random])).tolist() == [0]
