"""Constants of the cost model: what an operation takes, each number with its source, read from TOML.

Packaged tables are named after their presets; `generic` serves every preset without one. A preset of
one's own, `chip.toml`, takes `chip.costs.toml` beside it if that is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wagekit import resources
from wagekit.backends.neuro.preset import Confidence, Fact, Preset, explain, read_toml
from wagekit.errors import BoardError

FORMAT = 1
GENERIC = "generic"
CONFIDENCES: tuple[Confidence, ...] = ("published", "secondary", "assumed")
"""From the highest to the lowest."""
MARKS: dict[Confidence, str] = {"published": "", "secondary": "†", "assumed": "*"}
"""What stands behind a number whose lowest constant has that confidence."""
LEGEND = "† rests on a secondary source, * on an assumption, no mark: on makers' figures"
OWN_SUFFIX = ".costs.toml"
Amount = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Energy(Fact[Amount]):
    """Of one operation."""

    unit: Literal["pJ"]


class Power(Fact[Amount]):
    """Of one core in use, also while it waits."""

    unit: Literal["uW"]


class Cycles(Fact[Amount]):
    """Of one operation, in cycles of the preset's clock."""

    unit: Literal["cycles"]


class Payload(Fact[Annotated[int, Field(ge=1, le=4096)]]):
    """What one packet carries."""

    unit: Literal["bits"]


class EnergyFacts(_Part):
    """`[energy]`: docs/simulate.md says which count each is multiplied with."""

    synapse: Energy
    addition: Energy
    rounding: Energy
    packet: Energy
    hop_x: Energy
    hop_y: Energy
    static: Power
    gradient: Energy | None = None
    update: Energy | None = None
    write: Energy | None = None


class CycleFacts(_Part):
    """`[cycles]`: what adds to the preset's `[timing]`."""

    addition: Cycles
    rounding: Cycles
    barrier: Cycles
    update: Cycles | None = None
    tick: Cycles | None = None
    """Stages last whole ticks, where a chip has them."""


class PacketFacts(_Part):
    """`[packet]`."""

    payload: Payload


class CostFile(_Part):
    """A whole table."""

    format: Literal[1]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=32)]
    summary: Annotated[str, Field(min_length=1)]
    sources: dict[str, str]
    energy: EnergyFacts
    cycles: CycleFacts
    packet: PacketFacts

    @model_validator(mode="after")
    def _sources_exist(self) -> Self:
        for constant in self.constants():
            fact = constant.fact
            if fact.confidence != "assumed" and fact.source not in self.sources:
                raise ValueError(f"{constant.key}: source {fact.source!r} is not in [sources]")
        return self

    def constants(self) -> list[Constant]:
        """Every constant that the table has, in its order."""
        found = []
        for section in ("energy", "cycles", "packet"):
            group = getattr(self, section)
            for key in type(group).model_fields:
                fact = getattr(group, key)
                if fact is not None:
                    found.append(Constant(f"{section}.{key}", fact))
        return found


@dataclass(frozen=True, slots=True)
class Constant:
    """One number of a table, by its key there."""

    key: str
    fact: Energy | Power | Cycles | Payload

    @property
    def source(self) -> str:
        """Source and place in one line."""
        return self.fact.source + (f", {self.fact.where}" if self.fact.where else "")


def lowest(confidences: Iterable[Confidence]) -> Confidence:
    """The lowest of some confidences; `published` where there are none."""
    return max(confidences, key=CONFIDENCES.index, default="published")


def available_tables() -> list[str]:
    """Names of the packaged tables, sorted."""
    names = (entry.name for entry in resources.cost_files().iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def load_costs(preset: Preset, path: str | Path | None = None) -> CostFile:
    """The table of a preset; `path` is the file that the preset was read from, if it is not packaged.

    `BoardError`: unreadable, wrong, or without learning's constants for a preset that learns; the message
    names file, key and value.
    """
    own = _own(path) if path is not None else None
    if own is not None:
        table = _read(own, str(own))
    else:
        name = preset.name if path is None and preset.name in available_tables() else GENERIC
        table = _read(resources.cost_files() / f"{name}.toml", f"costs/{name}.toml")
    missing = [key for key in ("gradient", "update", "write") if getattr(table.energy, key) is None]
    if table.cycles.update is None:
        missing.append("cycles.update")
    if preset.limits.learns and missing:
        raise BoardError(
            f"costs of {preset.name}: {', '.join(missing)} missing, which a chip that learns needs"
        )
    return table


def _own(path: str | Path) -> Path | None:
    beside = Path(str(path).removesuffix(".toml") + OWN_SUFFIX)
    return beside if beside.exists() else None


def _read(file: Traversable, source: str) -> CostFile:
    return costs_from(read_toml(file, source), source)


def costs_from(values: dict[str, object], source: str) -> CostFile:
    """A table from what stood in TOML; `source` names it in errors."""
    if values.get("format", FORMAT) != FORMAT:
        raise BoardError(
            f"{source}: format = {values['format']!r} is not known",
            hint=f"this version of wagekit reads tables of costs of format {FORMAT}",
        )
    try:
        return CostFile.model_validate(values)
    except ValidationError as error:
        raise BoardError(explain(error, source)) from None
