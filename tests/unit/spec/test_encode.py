"""Network.encode: shapes it takes, values it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from wagekit import Bits, Dense, Input, Network
from wagekit.errors import DataError


def net(shape: list[int], encoding: Any, activations: int = 8, **affine: Any) -> Network:
    return Network(
        name="n",
        input=Input(shape=shape, encoding=encoding, **affine),
        bits=Bits(activations=activations),
        classes=["a", "b"],
        layers=[Dense(units=2)],
    )


def test_shapes_that_mean_the_same() -> None:
    image = net([2, 3, 1], "unit")
    raw = np.arange(12).reshape(2, 2, 3) * 20
    codes = image.encode(raw)
    assert codes.shape == (2, 2, 3, 1)
    assert codes.dtype == np.int8
    assert np.array_equal(codes, image.encode(raw[..., None]))
    assert np.array_equal(codes, image.encode(raw.reshape(2, 6)))
    assert np.array_equal(codes, image.encode(raw.tolist()))
    assert image.encode(np.empty((0, 2, 3), np.uint8)).shape == (0, 2, 3, 1)
    assert net([4], "unit").encode([[0, 1, 2, 255]]).tolist() == [[0, 0, 1, 127]]


@pytest.mark.parametrize("shape", [(2, 3, 2), (6,), (), (2, 1, 2, 3), (2, 5), (1, 2, 3, 1, 1)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"the network takes \[n, 2, 3, 1\]") as caught:
        net([2, 3, 1], "unit").encode(np.zeros(shape, np.uint8))
    assert str(list(shape)) in caught.value.message


def test_channels_first_is_not_taken_for_channels_last() -> None:
    with pytest.raises(DataError):
        net([4, 4, 3], "unit").encode(np.zeros((5, 3, 4, 4), np.uint8))


@pytest.mark.parametrize(
    ("encoding", "raw", "parts"),
    [
        ("unit", [[0, 256]], ["sample 0", "value [1]", "256", "0..255"]),
        ("centered", [[1, 2], [-1, 3]], ["sample 1", "value [0]", "-1", "0..255"]),
        ("unit", [[0.5, 1.0]], ["float64", "whole numbers"]),
        ("unit", [[True, False]], ["bool", "whole numbers"]),
        ("unit", [["a", "b"]], ["<U1", "whole numbers"]),
        ("unit", [[1, 2], [3]], ["not an array"]),
        ("real", [[0.0, float("nan")]], ["sample 0", "value [1]", "nan", "finite"]),
        ("real", [[float("inf"), 0.0]], ["inf", "finite"]),
        ("real", [["a", "b"]], ["numbers"]),
    ],
)
def test_values_that_are_refused(encoding: str, raw: Any, parts: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        net([2], encoding).encode(raw)
    for part in parts:
        assert part in caught.value.message


def test_affine_takes_int32_and_no_more() -> None:
    affine = net([2], "affine", offset=[0, 100], multiplier=[1, -2], shift=[24, 1])
    assert affine.encode([[-(2**31), 90], [2**31 - 1, 300]]).tolist() == [[-127, 10], [127, -127]]
    with pytest.raises(DataError, match="2147483648 is outside"):
        affine.encode([[2**31, 0]])


def test_real_takes_whole_numbers_too() -> None:
    assert net([3], "real").encode([[-1, 0, 1]]).tolist() == [[-127, 0, 127]]
    assert net([3], "real", 4).encode([[-0.5, 0.06, 0.07]]).tolist() == [[-4, 0, 1]]
