"""The arithmetic of wagekit as functions: grids, rounding, shift, random numbers, updates.

docs/numerics.md states it in prose; every executor computes exactly this.
"""

from __future__ import annotations

from wagekit.numerics.encode import encode_affine, encode_centered, encode_real, encode_unit
from wagekit.numerics.grids import (
    clip_grid,
    code_dtype,
    grid_limit,
    is_on_grid,
    master_limit,
    masters_from_weights,
    on_grid,
    rha,
    weights_from_masters,
)
from wagekit.numerics.health import WeightCounts, count_weights
from wagekit.numerics.initial import initial_masters, log2_alpha
from wagekit.numerics.prng import initial_key, layer_key, mix, rand16, words
from wagekit.numerics.shift import kappa, max_abs, quantise_error
from wagekit.numerics.update import (
    LOG2_LR_MAX,
    LOG2_LR_MIN,
    LOG2_LR_NONE,
    apply_decrement,
    decrement,
    frac16,
    scaled_log2_lr,
)

__all__ = [
    "LOG2_LR_MAX",
    "LOG2_LR_MIN",
    "LOG2_LR_NONE",
    "WeightCounts",
    "apply_decrement",
    "clip_grid",
    "code_dtype",
    "count_weights",
    "decrement",
    "encode_affine",
    "encode_centered",
    "encode_real",
    "encode_unit",
    "frac16",
    "grid_limit",
    "initial_key",
    "initial_masters",
    "is_on_grid",
    "kappa",
    "layer_key",
    "log2_alpha",
    "master_limit",
    "masters_from_weights",
    "max_abs",
    "mix",
    "on_grid",
    "quantise_error",
    "rand16",
    "rha",
    "scaled_log2_lr",
    "weights_from_masters",
    "words",
]
