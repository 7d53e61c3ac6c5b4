"""The plan as C: `wk_model.h` and `wk_model.c`, printed by the templates of `codegen/mcu`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from wagekit.backends.mcu.members import struct_sizes
from wagekit.backends.mcu.packing import frozen_crc, pack_weights
from wagekit.backends.mcu.plan import Plan
from wagekit.numerics import is_on_grid, on_grid, weights_from_masters
from wagekit.numerics.grids import IntArray
from wagekit.templates import render
from wagekit.version import __version__

NUMBERS_A_LINE = 16


def render_model(plan: Plan, masters: Sequence[IntArray | None] | None = None) -> dict[str, str]:
    """Text of `wk_model.h` and `wk_model.c`.

    `masters`, in the layouts of the graph, become constants: those of packed layers as bits, the
    others as what `wk_model_init` loads. It sets masters to 0 of layers that have None here, which
    packed layers cannot. `ValueError` where they do not fit the plan, or where a layer of a program
    that learns would lose by packing.
    """
    known = [None] * len(plan.layers) if masters is None else list(masters)
    if len(known) != len(plan.layers):
        raise ValueError(f"masters of {len(known)} layers for a plan of {len(plan.layers)}")
    fingerprint = bytes.fromhex(plan.graph.fingerprint or "00" * 32)
    context = {
        "plan": plan,
        "version": __version__,
        "fingerprint": [", ".join(f"0x{byte:02x}" for byte in fingerprint[i : i + 16]) for i in (0, 16)],
        "frozen_crc": f"0x{_frozen_crc(plan, known):08x}",
        "struct_sizes": struct_sizes(plan.health),
        "last_forward": plan.ops[len(plan.layers) - 1].name.upper(),
        "weight_lines": list(_lines(np.array(plan.weight_table))) if plan.needs_weight_table else [],
        "packed_layers": [layer for layer in plan.layers if layer.packed],
        "initial_layers": [
            layer for layer in plan.layers if not layer.packed and known[layer.index] is not None
        ],
        "constants": [
            [] if array is None else list(_lines(_constant(plan, i, array))) for i, array in enumerate(known)
        ],
    }
    return {name: render(f"mcu/{name}.jinja", **context) for name in ("wk_model.h", "wk_model.c")}


def _constant(plan: Plan, index: int, array: IntArray) -> IntArray:
    """What stands in flash for a layer: its masters, or the bytes of its packed weights."""
    masters = _checked(plan, index, array)
    if not plan.layers[index].packed:
        return masters
    bits = plan.graph.bits
    if plan.training and not is_on_grid(masters, bits.gradients, bits.weights):
        raise ValueError(f"masters of layer {index} are not on the weights' grid: packing would change them")
    weights = weights_from_masters(masters, bits.gradients, bits.weights)
    return np.frombuffer(pack_weights(weights, bits.weights), np.uint8)


def _frozen_crc(plan: Plan, masters: Sequence[IntArray | None]) -> int:
    """Of the masters that stand for packed weights; `ValueError` for a packed layer without masters."""
    bits = plan.graph.bits
    packed = []
    for layer in plan.layers:
        array = masters[layer.index]
        if layer.packed and array is None:
            raise ValueError(f"packed layer {layer.index} needs the masters that its weights come from")
        if layer.packed and array is not None:
            packed.append(on_grid(array, bits.gradients, bits.weights))
    return frozen_crc(packed)


def _checked(plan: Plan, index: int, array: IntArray) -> IntArray:
    layer = plan.layers[index]
    if array.size != layer.weights or abs(array.astype(int)).max() > plan.master_limit:
        raise ValueError(f"masters of layer {index} do not fit: {layer.weights} within {plan.master_limit}")
    return array


def _lines(array: IntArray) -> Iterator[str]:
    values = array.ravel().tolist()
    for first in range(0, len(values), NUMBERS_A_LINE):
        yield ", ".join(map(str, values[first : first + NUMBERS_A_LINE]))
