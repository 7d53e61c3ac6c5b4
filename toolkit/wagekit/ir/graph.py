"""The graph of a network: frozen values that front ends create, passes extend and backends read.

A graph is a chain of weight layers (a convolution or a dense product), each with the
activation, the pooling and the derived numbers that belong to it. One-dimensional
convolutions arrive here as two-dimensional ones of height 1, so that every backend
has two products to know and no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod


@dataclass(frozen=True, slots=True)
class Bits:
    """Bit widths of weights, activations, gradients (masters) and errors."""

    weights: int = 2
    activations: int = 8
    gradients: int = 8
    errors: int = 8


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of one sample (or of weights): `value = integer * 2**-fraction`.

    Shapes: activations `(height, width, channels)` or `(features,)`; weights
    `(out, kernel_h, kernel_w, in)` or `(out, in)`.
    """

    name: str
    shape: tuple[int, ...]
    bits: int
    fraction: int

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def limit(self) -> int:
        """Largest code on the grid, `2**(bits-1) - 1`; the smallest is its negative."""
        return (1 << (self.bits - 1)) - 1


@dataclass(frozen=True, slots=True)
class Conv2d:
    """Correlation of an NHWC tensor with OHWI weights, zeros as padding, no bias."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    pads: tuple[int, int, int, int]
    """Top, left, bottom, right."""


@dataclass(frozen=True, slots=True)
class Dense:
    """Product of the input, flattened in NHWC order, with weights `[out, in]`."""


@dataclass(frozen=True, slots=True)
class MaxPool:
    """Windows that do not overlap; rows and columns left over are dropped."""

    window: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ranges:
    """Bounds that the range pass proved, and the types that follow from them."""

    accumulator: int
    """Largest `|acc|` of the forward product."""
    raw_error: int | None
    """Largest `|e|` that this layer sends to its input before quantising; None where not computed."""
    gradient: int | None
    """Largest `|g|`; None where the layer does not learn."""
    raw_error_bits: int | None
    """32 or 64."""
    gradient_bits: int | None
    """32 or 64."""


@dataclass(frozen=True, slots=True)
class WeightLayer:
    """A convolution or dense product with its activation and its pooling."""

    index: int
    """Number among the weight layers, from 0 in network order; selects the random numbers."""
    name: str
    op: Conv2d | Dense
    input: Tensor
    weights: Tensor
    product_shape: tuple[int, ...]
    """Shape of the product before pooling: `(oh, ow, out)` or `(out,)`."""
    output: Tensor
    """What the next layer reads, after pooling; the int32 logits for the last layer."""
    pool: MaxPool | None
    relu: bool
    last: bool
    frozen: bool
    log2_alpha: int | None = None
    """Set by the shift pass (numerics has the only formula)."""
    shift: int | None = None
    """Right shift of the accumulator, set by the shift pass; None for the last layer."""
    learns: bool | None = None
    """Set by the learning pass: this layer's masters are updated."""
    sends_error: bool | None = None
    """Set by the learning pass: some layer below learns, so this one computes `e_in`."""
    ranges: Ranges | None = None
    """Set by the range pass."""

    @property
    def outputs(self) -> int:
        """Output channels or units."""
        return self.weights.shape[0]

    @property
    def fan_in(self) -> int:
        """Inputs that one output sums."""
        return prod(self.weights.shape[1:])

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one sample's forward product, padding not deducted."""
        return prod(self.product_shape) * self.fan_in

    @property
    def clip(self) -> tuple[int, int]:
        """Lower and upper code of the stored activation (hidden layers)."""
        high = self.output.limit
        return (0 if self.relu else -high, high)


@dataclass(frozen=True, slots=True)
class Graph:
    """A whole network, ready to be run or lowered."""

    name: str
    bits: Bits
    input: Tensor
    layers: tuple[WeightLayer, ...]
    classes: tuple[str, ...]
    batch: int | None = None
    """Largest batch that the ranges hold for; set by the range pass."""
    training: bool | None = None
    """Whether ranges and learning were worked out for training; set by the range pass."""
    fingerprint: str = ""
    """`Network.fingerprint()` of the description: 64 hex digits that generated code carries."""

    @property
    def log2_one(self) -> int:
        """`log2` of the integer that stands for a target of 1 at the logits."""
        alpha = self.layers[-1].log2_alpha
        assert alpha is not None, "the shift pass comes first"
        return self.bits.activations - 1 + self.bits.weights - 1 + alpha

    @property
    def weight_count(self) -> int:
        """Number of weights in all layers."""
        return sum(layer.weights.size for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(layer.macs for layer in self.layers)
