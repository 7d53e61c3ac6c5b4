"""Input and bit widths of a description."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from wagekit.spec.base import SpecModel
from wagekit.spec.layers import MAX_SIZE

MAX_INPUTS = 1 << 24
AFFINE_KEYS = ("offset", "multiplier", "shift")
INT32 = (-(1 << 31), (1 << 31) - 1)


def _whole_list(low: int, high: int) -> BeforeValidator:
    """Accepts a whole number or a list of them, each in `low..high`."""

    def check(value: Any) -> Any:
        if value is None:
            return None
        for number in value if isinstance(value, list | tuple) else [value]:
            if isinstance(number, bool) or not isinstance(number, int):
                raise ValueError(f"{number!r} is not a whole number")
            if not low <= number <= high:
                raise ValueError(f"{number} is outside {low}..{high}")
        return value

    return BeforeValidator(check)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Numbers = int | Sequence[int]
_int32 = Annotated[Numbers | None, _whole_list(*INT32), AfterValidator(_frozen)]
_shift = Annotated[Numbers | None, _whole_list(0, 62), AfterValidator(_frozen)]
_each = "or a list with one for each channel (last axis of the shape)"


class Input(SpecModel):
    """Shape of one sample and how raw numbers become codes.

    `shape` is `[features]`, `[length, channels]` or `[height, width, channels]`.
    `affine` computes `clip(rha((p - offset) * multiplier, shift))` on raw integers.
    """

    shape: Annotated[Sequence[int], AfterValidator(_frozen)] = Field(
        description=f"[features], [length, channels] or [height, width, channels], each 1..{MAX_SIZE}"
    )
    encoding: Literal["centered", "unit", "real", "affine"] = Field(
        description='"centered", "unit", "real" or "affine"'
    )
    offset: _int32 = Field(default=None, description=f"an int32 {_each}; encoding affine only")
    multiplier: _int32 = Field(default=None, description=f"an int32 but 0 {_each}; encoding affine only")
    shift: _shift = Field(default=None, description=f"a whole number 0..62 {_each}; encoding affine only")

    @field_validator("shape", mode="before")
    @classmethod
    def _extents(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple) or not 1 <= len(value) <= 3:
            raise ValueError("not a list of one to three whole numbers")
        for size in value:
            if isinstance(size, bool) or not isinstance(size, int):
                raise ValueError(f"{size!r} is not a whole number")
            if not 1 <= size <= MAX_SIZE:
                raise ValueError(f"{size} is outside 1..{MAX_SIZE}")
        if prod(value) > MAX_INPUTS:
            raise ValueError(f"{prod(value)} numbers in one sample are more than {MAX_INPUTS}")
        return value

    @property
    def channels(self) -> int:
        """Extent of the last axis."""
        return self.shape[-1]

    def problems(self) -> list[str]:
        """What does not fit together, as lines of key, value and reason."""
        lines = []
        for name in AFFINE_KEYS:
            value = getattr(self, name)
            if self.encoding != "affine":
                if value is not None:
                    lines.append(f'input.{name}: only encoding "affine" has it, this is "{self.encoding}"')
            elif value is None:
                lines.append(f'input.{name} is missing; encoding "affine" needs {", ".join(AFFINE_KEYS)}')
            elif isinstance(value, tuple) and len(value) != self.channels:
                lines.append(
                    f"input.{name}: a list of {len(value)}, but the input has {self.channels} channels"
                )
            elif name == "multiplier" and 0 in (value if isinstance(value, tuple) else (value,)):
                lines.append("input.multiplier = 0: every code would be 0; allowed: an int32 but 0")
        return lines

    def per_channel(self, name: str) -> tuple[int, ...]:
        """`offset`, `multiplier` or `shift` of encoding `affine`, one for every channel."""
        value = getattr(self, name)
        assert value is not None, f"encoding {self.encoding} has no {name}"
        return value if isinstance(value, tuple) else (value,) * self.channels

    def canonical(self) -> dict[str, Any]:
        """Equal for inputs that take the same samples to the same codes."""
        plain: dict[str, Any] = {"shape": self.shape, "encoding": self.encoding}
        if self.encoding == "affine":
            plain |= {name: self.per_channel(name) for name in AFFINE_KEYS}
        return plain


class Bits(SpecModel):
    """Bit widths; the paper's 2-8-8-8 unless said otherwise."""

    weights: int = Field(default=2, strict=True, ge=2, le=8, description="a whole number 2..8")
    activations: int = Field(default=8, strict=True, ge=2, le=8, description="a whole number 2..8")
    gradients: int = Field(
        default=8, strict=True, ge=2, le=16, description="a whole number from bits.weights to 16"
    )
    errors: int = Field(default=8, strict=True, ge=2, le=16, description="a whole number 2..16")

    def problems(self) -> list[str]:
        """What does not fit together, as lines of key, value and reason."""
        if self.gradients < self.weights:
            return [
                f"bits.gradients = {self.gradients}: must not be below bits.weights = {self.weights}; "
                f"allowed: {self.weights}..16"
            ]
        return []
