"""The plan as C: `wk_model.h` and `wk_model.c`, printed by the templates of `codegen/mcu`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from wagekit.backends.mcu.members import STRUCT_SIZES
from wagekit.backends.mcu.packing import pack_weights
from wagekit.backends.mcu.plan import Plan
from wagekit.numerics import weights_from_masters
from wagekit.numerics.grids import IntArray
from wagekit.templates import render
from wagekit.version import __version__

NUMBERS_A_LINE = 16


def render_model(plan: Plan, masters: Sequence[IntArray] | None = None) -> dict[str, str]:
    """Text of `wk_model.h` and `wk_model.c`.

    `masters`, in the layouts of the graph, become constants that `wk_model_init` loads, or of
    which a packed plan keeps only the weights; without them it sets all masters to 0.
    `ValueError` where they do not fit the plan.
    """
    if plan.packed and masters is None:
        raise ValueError("a plan with packed weights needs the masters that they come from")
    if masters is not None and len(masters) != len(plan.layers):
        raise ValueError(f"masters of {len(masters)} layers for a plan of {len(plan.layers)}")
    fingerprint = bytes.fromhex(plan.graph.fingerprint or "00" * 32)
    context = {
        "plan": plan,
        "version": __version__,
        "fingerprint": [", ".join(f"0x{byte:02x}" for byte in fingerprint[i : i + 16]) for i in (0, 16)],
        "struct_sizes": STRUCT_SIZES,
        "last_forward": plan.ops[len(plan.layers) - 1].name.upper(),
        "weight_lines": list(_lines(np.array(plan.weight_table))) if plan.needs_weight_table else [],
        "initial": [list(_lines(_constant(plan, i, array))) for i, array in enumerate(masters or [])],
    }
    return {name: render(f"mcu/{name}.jinja", **context) for name in ("wk_model.h", "wk_model.c")}


def _constant(plan: Plan, index: int, array: IntArray) -> IntArray:
    """What stands in flash for a layer: its masters, or the bytes of its packed weights."""
    masters = _checked(plan, index, array)
    if not plan.packed:
        return masters
    bits = plan.graph.bits
    weights = weights_from_masters(masters, bits.gradients, bits.weights)
    return np.frombuffer(pack_weights(weights, bits.weights), np.uint8)


def _checked(plan: Plan, index: int, array: IntArray) -> IntArray:
    layer = plan.layers[index]
    if array.size != layer.weights or abs(array.astype(int)).max() > plan.master_limit:
        raise ValueError(f"masters of layer {index} do not fit: {layer.weights} within {plan.master_limit}")
    return array


def _lines(array: IntArray) -> Iterator[str]:
    values = array.ravel().tolist()
    for first in range(0, len(values), NUMBERS_A_LINE):
        yield ", ".join(map(str, values[first : first + NUMBERS_A_LINE]))
