"""Presets: what a chip has, each number with its source, read from TOML and checked.

Packaged presets are found by name; one of your own is given by the path of its file, which ends in `.toml`.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wagekit import resources
from wagekit.errors import BoardError, UsageError

FORMAT = 1
Confidence = Literal["published", "secondary", "assumed"]
Convolution = Literal["shared", "unrolled"]
T = TypeVar("T")
Count = Annotated[int, Field(ge=1, le=1 << 40)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Fact(_Part, Generic[T]):
    """A value with where it is from: `published` by the makers, `secondary` by others, `assumed` by us."""

    value: T
    source: Annotated[str, Field(min_length=1)]
    """A key of `[sources]`; for what is assumed, the reason."""
    where: str = ""
    """Section, table or page of the source."""
    confidence: Confidence


class LimitFacts(_Part):
    """`[limits]`: what the mapping must keep. Bits are of memory or of a code; the rest are counts."""

    cores: Fact[Count]
    mesh_width: Fact[Count]
    mesh_height: Fact[Count]
    axons: Fact[Count]
    neurons: Fact[Count]
    axons_per_input: Fact[Annotated[int, Field(ge=1, le=16)]]
    memory_bits: Fact[Count]
    synapse_bits: Fact[Count]
    weight_bits: Fact[Annotated[int, Field(ge=2, le=8)]]
    activation_bits: Fact[Annotated[int, Field(ge=2, le=8)]]
    partial_bits: Fact[Annotated[int, Field(ge=2, le=64)]]
    partials: Fact[Count]
    error_bits: Fact[Annotated[int, Field(ge=2, le=16)]] | None = None
    master_bits: Fact[Annotated[int, Field(ge=2, le=16)]] | None = None
    convolutions: Fact[Annotated[list[Convolution], Field(min_length=1)]]
    learns: Fact[bool]


class TimingFacts(_Part):
    """`[timing]`: constants of the model of time in docs/simulate.md."""

    clock_hz: Fact[Count]
    synapses_per_cycle: Fact[Count]
    hop_cycles: Fact[Count]
    packet_cycles: Fact[Count]


class PresetFile(_Part):
    """A whole preset file."""

    format: Literal[1]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=32)]
    summary: Annotated[str, Field(min_length=1)]
    sources: dict[str, str]
    limits: LimitFacts
    timing: TimingFacts

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for group in (self.limits, self.timing):
            for key in type(group).model_fields:
                fact = getattr(group, key)
                if fact is not None and fact.confidence != "assumed" and fact.source not in self.sources:
                    raise ValueError(f"{key}: source {fact.source!r} is not in [sources]")
        limits = self.limits
        places = limits.mesh_width.value * limits.mesh_height.value
        if limits.cores.value > places:
            raise ValueError(f"cores = {limits.cores.value}: the mesh has {places} places")
        if limits.learns.value and (limits.error_bits is None or limits.master_bits is None):
            raise ValueError("learns = true needs error_bits and master_bits")
        return self


@dataclass(frozen=True, slots=True)
class CoreLimits:
    """The limits of a preset as plain numbers; `LimitFacts` has their sources."""

    cores: int
    mesh: tuple[int, int]
    """Columns and rows of routers; a core sits at each of the first `cores` of them that are used."""
    axons: int
    neurons: int
    axons_per_input: int
    """Axons that one input takes: 2 where a ternary weight is made of two binary ones."""
    memory_bits: int
    """All memory of a core."""
    synapse_bits: int
    """Part of it that may hold the weights which products read."""
    weight_bits: int
    activation_bits: int
    error_bits: int | None
    master_bits: int | None
    partial_bits: int
    """Width of a partial sum in a packet."""
    partials: int
    """Partial sums that may meet in one neuron, its own included."""
    convolutions: tuple[Convolution, ...]
    """How convolutions may be laid out; the first is the default."""
    learns: bool


@dataclass(frozen=True, slots=True)
class Timing:
    """Constants of the model of cycles."""

    clock_hz: int
    synapses_per_cycle: int
    hop_cycles: int
    packet_cycles: int


@dataclass(frozen=True, slots=True)
class Preset:
    """A chip: its name, its limits, its timing, and the file with the sources."""

    name: str
    limits: CoreLimits
    timing: Timing
    file: PresetFile


def available() -> list[str]:
    """Names of the packaged presets, sorted."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in resources.preset_files().iterdir()
        if entry.name.endswith(".toml")
    )


def load_preset(name_or_path: str | Path) -> Preset:
    """The preset of that name, or of the file at that path (it ends in `.toml`).

    `BoardError`: unknown, unreadable or wrong; the message names file, key and value.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, str) and not text.endswith(".toml"):
        if text not in available():
            known = ", ".join(available())
            close = difflib.get_close_matches(text, available(), n=1)
            guess = f" (did you mean {close[0]}?)" if close else ""
            raise UsageError(
                f"unknown preset {text!r}{guess}; known: {known}",
                hint="a preset of your own is given by the path of its .toml file",
            )
        return _read(resources.preset_files() / f"{text}.toml", f"presets/{text}.toml")
    return _read(Path(name_or_path), text)


def _read(file: Traversable, source: str) -> Preset:
    return preset_from(read_toml(file, source), source)


def read_toml(file: Traversable, source: str) -> dict[str, object]:
    """What stands in a TOML file; `BoardError` names it as `source`."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BoardError(f"{source}: {reason}") from None


def preset_from(values: dict[str, object], source: str) -> Preset:
    """A preset from the values of a TOML file; `BoardError` names `source`, key and value."""
    if values.get("format") != FORMAT:
        raise BoardError(
            f"{source}: format = {values.get('format')!r}: {FORMAT} is allowed",
            hint="this version of wagekit reads presets of format 1",
        )
    try:
        file = PresetFile.model_validate(values)
    except ValidationError as error:
        raise BoardError(explain(error, source)) from None
    return Preset(file.name, _limits(file.limits), _timing(file.timing), file)


def explain(error: ValidationError, source: str) -> str:
    """One line for what a file's schema refused: unknown keys first, then the others counted."""
    problems = error.errors(include_url=False)
    problems.sort(key=lambda details: details["type"] != "extra_forbidden")
    first = problems[0]
    key = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    line = f"{source}: {key}: {message}" if key else f"{source}: {message}"
    if first["type"] not in ("missing", "value_error", "extra_forbidden"):
        line += f", not {first['input']!r}"
    return line + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else "")


def _limits(facts: LimitFacts) -> CoreLimits:
    return CoreLimits(
        cores=facts.cores.value,
        mesh=(facts.mesh_width.value, facts.mesh_height.value),
        axons=facts.axons.value,
        neurons=facts.neurons.value,
        axons_per_input=facts.axons_per_input.value,
        memory_bits=facts.memory_bits.value,
        synapse_bits=facts.synapse_bits.value,
        weight_bits=facts.weight_bits.value,
        activation_bits=facts.activation_bits.value,
        error_bits=facts.error_bits.value if facts.error_bits else None,
        master_bits=facts.master_bits.value if facts.master_bits else None,
        partial_bits=facts.partial_bits.value,
        partials=facts.partials.value,
        convolutions=tuple(facts.convolutions.value),
        learns=facts.learns.value,
    )


def _timing(facts: TimingFacts) -> Timing:
    return Timing(
        facts.clock_hz.value,
        facts.synapses_per_cycle.value,
        facts.hop_cycles.value,
        facts.packet_cycles.value,
    )
