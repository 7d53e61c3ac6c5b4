"""Graph to a plan of constants, buffers and kernel calls, and from there to fixed-point C."""

from wagekit.backends.mcu.choices import Prefer
from wagekit.backends.mcu.costs import instructions_of
from wagekit.backends.mcu.explain import explain, lower_bound
from wagekit.backends.mcu.families import FAMILIES, KernelFamily, family_of
from wagekit.backends.mcu.packing import (
    frozen_crc,
    pack_weights,
    packable,
    packed_bytes,
    unpack_weights,
)
from wagekit.backends.mcu.plan import ArenaBuffer, Choice, LayerPlan, Member, Op, Plan, Slicing
from wagekit.backends.mcu.planner import plan_model
from wagekit.backends.mcu.render import render_model

__all__ = [
    "FAMILIES",
    "ArenaBuffer",
    "Choice",
    "KernelFamily",
    "LayerPlan",
    "Member",
    "Op",
    "Plan",
    "Prefer",
    "Slicing",
    "explain",
    "family_of",
    "frozen_crc",
    "instructions_of",
    "lower_bound",
    "pack_weights",
    "packable",
    "packed_bytes",
    "plan_model",
    "render_model",
    "unpack_weights",
]
