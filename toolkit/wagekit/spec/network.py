"""A network as the user describes it, in network.toml or in Python."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator

from wagekit.errors import NetworkError
from wagekit.numerics import grid_limit
from wagekit.spec.base import ProblemsError, SpecModel
from wagekit.spec.encoding import decode, encode
from wagekit.spec.explain import explain, short
from wagekit.spec.inputs import Bits, Input
from wagekit.spec.layers import MAX_SIZE, Layer
from wagekit.spec.resolve import Resolved, ShapeError, resolve
from wagekit.spec.toml import dumps

FORMAT = 1
NAME_PATTERN = r"^[A-Za-z][A-Za-z0-9_-]{0,47}$"


class Network(SpecModel):
    """Input, bit widths, layers and classes of a network; nothing derived, nothing learned.

    Build it with keywords, or read it with `load` or `from_toml`. It is frozen and
    hashable; `replace` makes a changed copy. Every mistake is a `NetworkError` that
    names the key, the value and what is allowed.
    """

    format: Literal[1] = Field(default=1, description="1")
    name: str = Field(
        pattern=NAME_PATTERN,
        strict=True,
        description="a letter, then letters, digits, - or _, 48 characters at most",
    )
    seed: int = Field(default=0, strict=True, ge=0, le=2**32 - 1, description="a whole number 0..4294967295")
    loss: Literal["sse"] = Field(default="sse", description='"sse"')
    classes: Annotated[Sequence[str], AfterValidator(tuple)] = Field(
        description=f"a list of 2 to {MAX_SIZE} different names"
    )
    input: Input = Field(description="a table with shape and encoding")
    bits: Bits = Field(default=Bits(), description="a table with weights, activations, gradients, errors")
    layers: Annotated[Sequence[Annotated[Layer, Field(discriminator="type")]], AfterValidator(tuple)] = Field(
        description="a list of layers, the last one dense"
    )

    @field_validator("classes", mode="before")
    @classmethod
    def _class_names(cls, value: Any) -> Any:
        if isinstance(value, str) or not isinstance(value, list | tuple):
            raise ValueError("not a list of names")
        if not 2 <= len(value) <= MAX_SIZE:
            raise ValueError(f"{len(value)} names")
        seen: set[str] = set()
        for name in value:
            if not isinstance(name, str) or not name.strip() or not name.isprintable() or len(name) > 64:
                raise ValueError(f"{short(name)} is not a printable name of 1 to 64 characters")
            if name in seen:
                raise ValueError(f"{short(name)} stands there twice")
            seen.add(name)
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        problems = self.input.problems() + self.bits.problems()
        try:
            layers = resolve(self.input.shape, self.layers)
        except ShapeError as error:
            problems.append(_layer_problem(self.layers, error))
        else:
            units = layers[-1].output[0]
            if units != len(self.classes):
                problems.append(
                    f"layers[{layers[-1].position}].units = {units}: the last layer needs one output for "
                    f"each of the {len(self.classes)} classes"
                )
        if problems:
            raise ProblemsError(problems)
        return self

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a network.toml; `NetworkError` if it is absent, unreadable or wrong."""
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise NetworkError(
                f"{path}: no such file", hint="`wagekit new` writes an example network.toml"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise NetworkError(f"{path}: cannot be read as UTF-8 text: {error}") from None
        return cls.from_toml(text, str(path))

    @classmethod
    def from_toml(cls, text: str, source: str = "network.toml") -> Self:
        """Read a description from text; `source` names it in errors."""
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise NetworkError(f"{source}: not valid TOML: {error}") from None
        if "format" not in data:
            raise NetworkError(f"{source}: format is missing; allowed: {FORMAT}")
        if data["format"] != FORMAT:
            raise NetworkError(
                f"{source}: format = {short(data['format'])}: this wagekit reads format {FORMAT}",
                hint="a newer format needs a newer wagekit",
            )
        return cls.from_dict(data, source)

    @classmethod
    def from_dict(cls, data: dict[str, Any], source: str = "description") -> Self:
        """Check a description given as plain dicts, lists, numbers and strings."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise explain(error, cls, source) from None

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed, checked as a whole."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**(values | changes))

    def to_dict(self) -> dict[str, Any]:
        """The description as plain dicts and lists, in the order of network.toml."""
        layers = [
            {"type": layer.type} | layer.model_dump(exclude_defaults=True, exclude={"type"})
            for layer in self.layers
        ]
        return {
            "format": self.format,
            "name": self.name,
            "seed": self.seed,
            "loss": self.loss,
            "classes": list(self.classes),
            "input": self.input.model_dump(exclude_defaults=True),
            "bits": self.bits.model_dump(),
            "layers": layers,
        }

    def to_toml(self) -> str:
        """The description as text that `from_toml` reads back to an equal network."""
        return dumps(self.to_dict())

    def save(self, path: str | Path) -> None:
        """Write network.toml (UTF-8, with a newline at the end)."""
        Path(path).write_text(self.to_toml(), encoding="utf-8")

    def resolved(self) -> tuple[Resolved, ...]:
        """The weight layers with their shapes, paddings and pools worked out."""
        return resolve(self.input.shape, self.layers)

    def encode(self, raw: ArrayLike, *, first: int = 0) -> NDArray[np.int8]:
        """Raw samples as integers on the `k_A` grid, int8 `[n, *input.shape]`.

        `raw` is `[n, *input.shape]`, the same without a last axis of one channel, or
        `[n, inputs]` in C order. Values: 0..255 for `centered` and `unit`, finite floats
        for `real` (clipped to the grid), int32 for `affine`. `DataError` names the sample
        and the value otherwise, the first sample having the number `first`.
        """
        return encode(self.input, self.bits.activations, raw, first)

    def decode(self, codes: NDArray[np.int8]) -> NDArray[Any]:
        """Raw samples of which `encode` makes these codes, `[n, *input.shape]`.

        int32, for encoding `real` float32. `DataError` for codes that no raw values give.
        """
        return decode(self.input, self.bits.activations, codes)

    def fingerprint(self) -> str:
        """SHA-256 (64 hex digits) over all that changes shapes or bits.

        Input, encoding, bit widths, layers, frozen layers, classes and loss, with
        defaults and short spellings worked out; not the name and not the seed.
        """
        text = json.dumps(self._canonical(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    @property
    def input_limit(self) -> int:
        """Largest input code, `2**(k_A-1) - 1`; the smallest is its negative."""
        return grid_limit(self.bits.activations)

    @property
    def input_size(self) -> int:
        """Numbers in one sample."""
        return prod(self.input.shape)

    def _canonical(self) -> dict[str, Any]:
        layers = [
            {
                "kind": layer.kind,
                "output": layer.product,
                "kernel": layer.kernel,
                "stride": layer.stride,
                "pads": layer.pads,
                "window": layer.window,
                "relu": layer.relu,
                "frozen": layer.frozen,
            }
            for layer in self.resolved()
        ]
        return {
            "format": self.format,
            "loss": self.loss,
            "classes": self.classes,
            "input": self.input.canonical(),
            "bits": self.bits.model_dump(),
            "layers": layers,
        }


def _layer_problem(layers: Sequence[Layer], error: ShapeError) -> str:
    if error.position < 0:
        return "layers = []: a network needs at least one layer, and the last layer must be dense"
    key = f"layers[{error.position}]"
    layer = layers[error.position]
    if error.key is None:
        return f"{key} ({layer.type}): {error.reason}"
    return f"{key}.{error.key} = {short(getattr(layer, error.key))}: {error.reason}"
