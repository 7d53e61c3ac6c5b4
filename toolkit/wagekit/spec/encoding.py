"""Checks raw samples against an input's encoding, then encodes them."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wagekit.errors import DataError
from wagekit.numerics import encode_affine, encode_centered, encode_real, encode_unit
from wagekit.spec.inputs import INT32, Input


def encode(input_: Input, k_a: int, raw: ArrayLike, first: int = 0) -> NDArray[np.int8]:
    """Integers on the `k_a` grid, int8 `[n, *input.shape]`; `DataError` for anything else than samples.

    Errors count samples from `first` on.
    """
    try:
        array = np.asarray(raw)
    except ValueError as error:
        raise DataError(f"samples are not an array of one shape: {error}") from None
    array = _shaped(input_, array)
    if input_.encoding == "real":
        if array.dtype.kind not in "iuf":
            raise DataError(f"samples of type {array.dtype}: encoding real takes numbers")
        _refuse(~np.isfinite(array), array, first, "is not finite")
        return encode_real(array, k_a)
    if array.dtype.kind not in "iu":
        raise DataError(
            f"samples of type {array.dtype}: encoding {input_.encoding} takes whole numbers",
            hint="encoding real takes floats in -1..1",
        )
    low, high = INT32 if input_.encoding == "affine" else (0, 255)
    wrong = (array < low) | (array > high)
    _refuse(wrong, array, first, f"is outside {low}..{high}, which {input_.encoding} takes")
    if input_.encoding == "centered":
        return encode_centered(array, k_a)
    if input_.encoding == "unit":
        return encode_unit(array, k_a)
    offset, multiplier, shift = (
        np.array(input_.per_channel(name), np.int64) for name in ("offset", "multiplier", "shift")
    )
    return encode_affine(array, offset, multiplier, shift, k_a)


def _shaped(input_: Input, array: NDArray[Any]) -> NDArray[Any]:
    shape = tuple(input_.shape)
    accepted = [shape, (prod(shape),)]
    if shape[-1] == 1 and len(shape) > 1:
        accepted.append(shape[:-1])
    if array.ndim == 0 or array.shape[1:] not in accepted:
        raise DataError(
            f"samples have the shape {list(array.shape)}, but the network takes {_text(shape)}",
            hint="the first axis counts samples; channels come last",
        )
    return array.reshape((array.shape[0], *shape))


def _text(shape: tuple[int, ...]) -> str:
    return "[n, " + ", ".join(map(str, shape)) + "]"


def _refuse(bad: NDArray[np.bool_], array: NDArray[Any], first: int, reason: str) -> None:
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise DataError(f"sample {first + where[0]}, value {list(where[1:])}: {array[where]} {reason}")


def decode(input_: Input, k_a: int, codes: NDArray[np.int8]) -> NDArray[Any]:
    """Raw samples that are encoded as these codes, `[n, *input.shape]`; `DataError` if there are none."""
    wide = codes.astype(np.int64)
    raw: NDArray[Any]
    if input_.encoding == "real":
        raw = (wide / float(1 << (k_a - 1))).astype(np.float32)
    elif input_.encoding == "centered":
        raw = (wide << (8 - k_a)) + 128
    elif input_.encoding == "unit":
        raw = wide << (9 - k_a)
    else:
        offset, multiplier, shift = (
            np.array(input_.per_channel(name), np.int64) for name in ("offset", "multiplier", "shift")
        )
        raw = offset + np.rint(wide * np.exp2(shift) / multiplier).astype(np.int64)
    whole = raw if raw.dtype.kind == "f" else np.clip(raw, *INT32).astype(np.int32)
    try:
        found = encode(input_, k_a, whole)
    except DataError:
        found = None
    if found is None or not np.array_equal(found, codes):
        raise DataError(
            f"codes that encoding {input_.encoding} makes of no raw values",
            hint="whoever made them did not use the network's encoding: in firmware, wk_encode.h",
        )
    return whole
