"""Kernel families: who owns a layer's weight format, its packing and its scratch memory.

A family is a set of kernels that read weights in one format. The plan asks the registry
for a family for each layer. There is one today, `portable`, whose C is the specification
in code; faster ones join by adding an entry that supports the layers it is good for, and
pass the same tests.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import prod

import numpy as np

from wagekit.backends.mcu.plan import PairsGeometry
from wagekit.errors import UsageError
from wagekit.ir import Conv2d, WeightLayer
from wagekit.numerics.grids import IntArray

SHORT_KERNEL_ROW = 16
"""A kernel row (width times channels) below this is summed weight by weight over whole rows of
outputs: a dot product of so few terms costs more than its set-up."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """Memory that one tile of an operation needs while it runs."""

    name: str
    ctype: str
    count: int


class KernelFamily(ABC):
    """What the plan must know of a set of kernels."""

    name: str

    @abstractmethod
    def supports(self, layer: WeightLayer) -> bool:
        """Whether the family has kernels for this layer."""

    @abstractmethod
    def pack(self, masters: IntArray) -> bytes:
        """A layer's masters in the family's format, as the firmware stores them."""

    @abstractmethod
    def by_rows(self, layer: WeightLayer) -> bool:
        """Whether the forward convolution sums whole rows of outputs (`wk_conv2d_t.by_rows`)."""

    @abstractmethod
    def forward_scratch(self, layer: WeightLayer, pairs: PairsGeometry | None) -> tuple[Scratch, ...]:
        """Scratch of a tile of the forward pass; `pairs` where two outputs are summed in a word."""

    @abstractmethod
    def backward_input_scratch(self, layer: WeightLayer) -> tuple[Scratch, ...]:
        """Scratch of a tile of the errors into the layer's input."""


class Portable(KernelFamily):
    """Plain C for every layer; weights are the masters themselves, a row is derived when needed."""

    name = "portable"

    def supports(self, layer: WeightLayer) -> bool:
        """All layers."""
        return True

    def pack(self, masters: IntArray) -> bytes:
        """Little-endian int8 or int16 in OHWI or `[out, in]` order."""
        return np.ascontiguousarray(masters, dtype=masters.dtype.newbyteorder("<")).tobytes()

    def by_rows(self, layer: WeightLayer) -> bool:
        """True for convolutions with short kernel rows."""
        op = layer.op
        return isinstance(op, Conv2d) and op.kernel[1] * layer.input.shape[-1] < SHORT_KERNEL_ROW

    def forward_scratch(self, layer: WeightLayer, pairs: PairsGeometry | None) -> tuple[Scratch, ...]:
        """The weights of one output, a plane of products to be pooled, and what the sums need:
        a plane of them, or the packed input and a list of weights."""
        scratch = [Scratch("row", "int8_t", layer.fan_in)]
        positions = prod(layer.product_shape[:-1])
        if layer.pool is not None:
            scratch.append(Scratch("plane", "int8_t", positions))
        if pairs is not None:
            scratch.append(Scratch("words", "uint32_t", pairs.words))
            scratch.append(Scratch("list", "uint16_t", layer.fan_in))
        elif self.by_rows(layer):
            scratch.append(Scratch("sums", "int32_t", positions))
        return tuple(scratch)

    def backward_input_scratch(self, layer: WeightLayer) -> tuple[Scratch, ...]:
        """The weights of one output."""
        return (Scratch("back_row", "int8_t", layer.fan_in),)


FAMILIES: dict[str, KernelFamily] = {family.name: family for family in (Portable(),)}
"""All families by name, best first: the plan takes the first that supports a layer."""


def family_of(layer: WeightLayer) -> KernelFamily:
    """The family that the plan uses for a layer."""
    for family in FAMILIES.values():
        if family.supports(layer):
            return family
    raise UsageError(f"layer {layer.name}: no kernel family supports it")
