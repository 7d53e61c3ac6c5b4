"""How operations are cut into slices of a bounded number of multiply-accumulates.

What is counted is a multiply-accumulate of a long dot product; other work counts as more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from wagekit.backends.mcu.plan import LayerPlan, Op, Slicing
from wagekit.errors import LimitError

UPDATE_WEIGHT = 8
"""The update of a weight counts as so many multiply-accumulates: it draws a random number."""
ERROR_VALUE = 4
"""Masking or quantising an error counts as so many."""
SHORT_ROW = 3
"""What a product counts in a convolution whose kernel rows are short."""
BACKWARD = 2
"""What a product of an error counts in a convolution: it is added to memory, not to a register."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The most multiply-accumulates of a slice."""

    macs: int
    network: str

    def per(self, cost: int, layer: LayerPlan, what: str) -> int:
        """How many parts of that cost a slice may have; LimitError if not even one."""
        if cost > self.macs:
            raise LimitError(
                f"{self.network}: max_slice = {self.macs}: {what} of layer {layer.title} cannot be cut "
                f"below {cost} multiply-accumulates",
                hint=f"use at least {cost}",
            )
        return self.macs // cost


def sliced(op: Op, layers: tuple[LayerPlan, ...], limit: Limit) -> Op:
    """The operation with its way to be cut."""
    if op.layer is None:
        return op
    layer = layers[op.layer]
    if op.kind in ("mask", "quantise"):
        return replace(op, slicing=_elements(layer, limit))
    return replace(op, slicing=_products(op, layer, limit))


def _elements(layer: LayerPlan, limit: Limit) -> Slicing:
    most = limit.per(ERROR_VALUE, layer, "an error")
    chunk = min(most, layer.output_size)
    return Slicing(group=1, bands=1, rows=0, chunks=-(-layer.output_size // chunk), chunk=chunk)


def _products(op: Op, layer: LayerPlan, limit: Limit) -> Slicing:
    forward = op.kind in ("forward", "again")
    rows, cost = 1, layer.fan_in
    if layer.conv is not None and layer.pool is not None:
        rows = layer.conv.output_h if forward else layer.pool.pooled_h
        cost *= layer.conv.output_w if forward else layer.pool.pooled_w * BACKWARD
        cost *= SHORT_ROW if layer.conv.by_rows else 1
    what = "a row of products" if layer.conv else "an output"
    fitting = min(limit.per(cost, layer, what), rows)
    bands = -(-rows // fitting)
    group = max(1, limit.macs // (cost * rows)) if bands == 1 else 1
    if op.kind != "update":
        return Slicing(group=group, bands=bands, rows=fitting, chunks=0, chunk=0)
    chunk = min(limit.per(UPDATE_WEIGHT, layer, "a weight"), layer.fan_in)
    chunks = -(-layer.fan_in // chunk)
    if layer.gradient_mode == "stored":
        bands = 0
    return Slicing(group=group, bands=bands, rows=fitting, chunks=chunks, chunk=chunk)
