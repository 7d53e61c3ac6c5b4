"""The layers of a description, as the user writes them.

Every field's `description` says what is allowed; error messages quote it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from wagekit.spec.base import Pair, SpecModel, as_pair, checked

MAX_SIZE = 65535
"""Largest extent, channel count or class count."""
MAX_KERNEL = 255
MAX_WINDOW = 256
"""Most positions of a pooling window: the winner's number is stored in a byte."""


def _kernel(value: Any) -> Any:
    return checked(value, 1, MAX_KERNEL)


def _stride(value: Any) -> Any:
    return checked(value, 1, MAX_KERNEL)


def _padding(value: Any) -> Any:
    if isinstance(value, str):
        if value not in ("same", "valid"):
            raise ValueError("unknown word")
        return value
    return checked(value, 0, MAX_KERNEL - 1)


def _window(value: Any) -> Any:
    value = checked(value, 1, MAX_WINDOW)
    high, wide = as_pair(value)
    if high * wide > MAX_WINDOW:
        raise ValueError(f"{high} x {wide} positions are too many")
    return value


def _no_pair(value: Any) -> Any:
    if isinstance(value, list | tuple):
        raise ValueError("one number, not a pair")
    return value


Whole = int | Pair
Count = Annotated[int, Field(strict=True, ge=1, le=MAX_SIZE)]
Relu = Annotated[
    bool | None,
    Field(
        strict=True,
        description="true or false (default true for a hidden layer; the last layer has no ReLU)",
    ),
]
Frozen = Annotated[bool, Field(strict=True, description="true or false (default false)")]
_PAIR = "a whole number 1..255 or a pair [height, width] of them"
_listed = PlainSerializer(lambda v: list(v) if isinstance(v, tuple) else v)


class Conv2d(SpecModel):
    """Convolution of an image `[height, width, channels]`, without bias."""

    type: Literal["conv2d"] = "conv2d"
    filters: Count = Field(description=f"a whole number 1..{MAX_SIZE}")
    kernel: Annotated[Whole, BeforeValidator(_kernel), _listed] = Field(description=_PAIR)
    stride: Annotated[Whole, BeforeValidator(_stride), _listed] = Field(default=1, description=_PAIR)
    padding: Annotated[Literal["same", "valid"] | Whole, BeforeValidator(_padding), _listed] = Field(
        default="valid",
        description='"same", "valid", a whole number 0..254 or a pair [rows, columns] of them',
    )
    relu: Relu = None
    frozen: Frozen = False


class Conv1d(SpecModel):
    """Convolution of a signal `[length, channels]`, without bias."""

    type: Literal["conv1d"] = "conv1d"
    filters: Count = Field(description=f"a whole number 1..{MAX_SIZE}")
    kernel: Annotated[int, BeforeValidator(_kernel), BeforeValidator(_no_pair)] = Field(
        description="a whole number 1..255"
    )
    stride: Annotated[int, BeforeValidator(_stride), BeforeValidator(_no_pair)] = Field(
        default=1, description="a whole number 1..255"
    )
    padding: Annotated[
        Literal["same", "valid"] | int, BeforeValidator(_padding), BeforeValidator(_no_pair)
    ] = Field(default="valid", description='"same", "valid" or a whole number 0..254')
    relu: Relu = None
    frozen: Frozen = False


class MaxPool(SpecModel):
    """Maximum over windows that do not overlap; what does not fill a window is dropped."""

    type: Literal["max_pool"] = "max_pool"
    window: Annotated[Whole, BeforeValidator(_window), _listed] = Field(
        description="a whole number or a pair [height, width], at most 256 positions in all"
    )


class Dense(SpecModel):
    """Product with every input, flattened in the order height, width, channel."""

    type: Literal["dense"] = "dense"
    units: Count = Field(description=f"a whole number 1..{MAX_SIZE}")
    relu: Relu = None
    frozen: Frozen = False


Layer = Conv2d | Conv1d | MaxPool | Dense
LAYER_TYPES: dict[str, type[Layer]] = {
    "conv2d": Conv2d,
    "conv1d": Conv1d,
    "max_pool": MaxPool,
    "dense": Dense,
}
