"""Cortex-M cores: what each has, may have, and what compiler flags ask of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

Core = Literal[
    "cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"
]
Feature = Literal["dsp", "fpu", "mve"]

_ALWAYS: dict[Core, tuple[Feature, ...]] = {
    "cortex-m4": ("dsp",),
    "cortex-m7": ("dsp",),
    "cortex-m55": ("dsp",),
}
_OPTIONAL: dict[Core, tuple[Feature, ...]] = {
    "cortex-m4": ("fpu",),
    "cortex-m7": ("fpu",),
    "cortex-m33": ("dsp", "fpu"),
    "cortex-m55": ("fpu", "mve"),
}


def features_used(core: Core, flags: Sequence[str]) -> list[Feature]:
    """The features that code compiled with these flags may use, or that every such core has."""
    cpu = _value(flags, "-mcpu") or core
    used = set(_ALWAYS.get(core, ()))
    if core == "cortex-m33" and "+nodsp" not in cpu:
        used.add("dsp")
    if core == "cortex-m55" and "+nomve+" not in f"{cpu}+":
        used.add("mve")
    if (_value(flags, "-mfloat-abi") or "soft") != "soft" and "+nofp" not in cpu:
        used.add("fpu")
    return [feature for feature in get_args(Feature) if feature in used]


def features_problem(core: Core, flags: Sequence[str], stated: Sequence[Feature] | None) -> str | None:
    """What contradicts what among core, flags and stated features; None if nothing does."""
    cpu = _value(flags, "-mcpu")
    if cpu is None or cpu.split("+", maxsplit=1)[0] != core:
        return f"flags: -mcpu={core} is needed for core = {core!r}, found {cpu or 'none'}"
    possible = (*_ALWAYS.get(core, ()), *_OPTIONAL.get(core, ()))
    used = features_used(core, flags)
    for feature in used:
        if feature not in possible:
            return f"flags: they use {feature}, which a {core} never has"
    for feature in stated or ():
        if feature not in possible:
            return f"features: a {core} has no {feature}; allowed: {', '.join(possible) or 'none'}"
    missing = [feature for feature in used if stated is not None and feature not in stated]
    return f"features: {missing[0]} is missing, which flags or core have" if missing else None


def _value(flags: Sequence[str], option: str) -> str | None:
    """The value of the last `option=value`."""
    values = [flag.partition("=")[2] for flag in flags if flag.startswith(f"{option}=")]
    return values[-1] if values else None
