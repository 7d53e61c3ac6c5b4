"""What a network on a mesh of cores is: tiles, groups, flows and places, all frozen.

A layer's weights are a matrix `[fan_in, outputs]`, its rows in OHWI order. It is cut into tiles; a core
holds one tile. Convolutions are `shared` (one copy of the weights, the window of each position is presented
in turn) or `unrolled` (a core has neurons for a block of positions, and a copy of the weights).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from wagekit.backends.neuro.preset import Convolution, Preset
from wagekit.ir import Conv2d, Graph, WeightLayer

Phase = Literal["forward", "error", "gradient", "maximum", "update"]
PHASES: tuple[Phase, ...] = get_args(Phase)
Kind = Literal[
    "input",
    "activation",
    "partial",
    "logit",
    "target",
    "error",
    "partial_error",
    "gradient",
    "maximum",
    "rate",
    "update",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
Reduction = Literal["direct", "chain"]
Gradient = Literal["stored", "recomputed"]
IO = -1
"""Number of the I/O port where a core's number is expected; it sits at router (0, 0)."""
IO_PLACE = (0, 0)
GRADIENT_ROWS = 8
"""Outputs whose gradient is held at a time where gradients are recomputed."""


@dataclass(frozen=True, slots=True)
class MappingOptions:
    """How to lay a network out; None leaves the choice to the partition."""

    axons: int | None = None
    """Largest number of inputs of a tile."""
    neurons: int | None = None
    """Largest number of neurons of a tile."""
    convolution: Convolution | None = None
    """By default the first that the preset has."""
    reduction: Reduction = "direct"
    """Partial sums go straight to their root, or from core to core."""
    gradient: Gradient = "stored"
    """Gradients are kept whole, or computed twice, some outputs at a time."""
    place: bool = True
    """Whether the first placement is improved by swaps."""


@dataclass(frozen=True, slots=True)
class Tile:
    """What one core holds. Ranges are half open."""

    core: int
    """Number of the core, from 0 in network order: the index of everything that is kept by core."""
    layer: int
    row: int
    """Which part of the fan-in; the tile of row 0 is the root of its column and block."""
    column: int
    """Which part of the outputs."""
    block: int
    """Which part of the positions; always 0 where weights are shared."""
    inputs: tuple[int, int]
    """Range of the fan-in, in OHWI order."""
    outputs: tuple[int, int]
    """Range of the output channels."""
    places: tuple[int, int, int, int]
    """First and last row, first and last column of the pooled positions: `y0, y1, x0, x1`."""
    axons: int
    """Inputs that the crossbar has lines for, before `axons_per_input`."""
    neurons: int
    """Accumulators: outputs, times positions before pooling where unrolled."""

    @property
    def fan_in(self) -> int:
        """Inputs of one output that lie on this core."""
        return self.inputs[1] - self.inputs[0]

    @property
    def width(self) -> int:
        """Output channels of this core."""
        return self.outputs[1] - self.outputs[0]

    @property
    def pooled(self) -> int:
        """Pooled positions of this core."""
        y0, y1, x0, x1 = self.places
        return (y1 - y0) * (x1 - x0)


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The tiles of one row and block, which read the same inputs."""

    row: int
    block: int
    runs: NDArray[np.int64]
    """`[n, 3]`: start and length in the layer's input (C order of NHWC), and the source that sends it.

    A source is a root of the layer before, `block * columns + column` there; 0 is the I/O port for layer 0.
    """

    @property
    def elements(self) -> int:
        """Inputs that these tiles need."""
        return int(self.runs[:, 1].sum())


@dataclass(frozen=True, slots=True)
class Geometry:
    """Sizes of a layer as loops need them; a dense layer is a convolution of one position."""

    input: tuple[int, int, int]
    """Height, width, channels."""
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pads: tuple[int, int]
    """Above and at the left."""
    window: tuple[int, int]
    """Of the pool; (1, 1) without."""
    pooled: tuple[int, int]
    """Rows and columns after pooling."""
    outputs: int

    @property
    def fan_in(self) -> int:
        """Inputs of one output."""
        return prod(self.kernel) * self.input[2]

    @property
    def input_size(self) -> int:
        """Elements of one sample's input."""
        return prod(self.input)

    @property
    def output_size(self) -> int:
        """Elements of one sample's output, after pooling."""
        return prod(self.pooled) * self.outputs

    @property
    def window_size(self) -> int:
        """Positions of a pooling window."""
        return prod(self.window)


def geometry(layer: WeightLayer) -> Geometry:
    """The loops of a layer. Rows and columns that no pooling window takes are left out."""
    if isinstance(layer.op, Conv2d):
        height, width, channels = layer.input.shape
        pooled = (layer.output.shape[0], layer.output.shape[1])
        kernel, stride, pads = layer.op.kernel, layer.op.stride, (layer.op.pads[0], layer.op.pads[1])
    else:
        height, width, channels = 1, 1, layer.input.size
        pooled = kernel = stride = (1, 1)
        pads = (0, 0)
    window = layer.pool.window if layer.pool else (1, 1)
    return Geometry((height, width, channels), kernel, stride, pads, window, pooled, layer.outputs)


@dataclass(frozen=True, slots=True, eq=False)
class LayerMap:
    """A layer on its cores: `rows x columns` tiles for each block of positions."""

    index: int
    name: str
    geometry: Geometry
    unrolled: bool
    rows: int
    columns: int
    blocks: int
    tiles: tuple[Tile, ...]
    """By block, then column, then row."""
    groups: tuple[Group, ...]
    """By block, then row."""
    partial_bits: int
    """Width of a partial sum that travels."""

    def tile(self, row: int, column: int, block: int = 0) -> Tile:
        """The tile at a place of the matrix."""
        return self.tiles[(block * self.columns + column) * self.rows + row]

    @property
    def roots(self) -> tuple[Tile, ...]:
        """Tiles of row 0, by block and column: the sources of the layer above."""
        return self.tiles[:: self.rows]

    @property
    def owners(self) -> tuple[Tile, ...]:
        """Tiles of block 0, by column and row: each holds its weights' only gradient."""
        return self.tiles[: self.rows * self.columns]


@dataclass(frozen=True, slots=True)
class Flow:
    """Packets of one kind between two cores in one phase."""

    kind: Kind
    phase: Phase
    layer: int
    """Layer whose data it is: the reader of inputs and activations, else the owner of the sums."""
    source: int
    """Core, or `IO`."""
    destination: int
    payload_bits: int
    counter: int
    """Which of the packet counters counts it; flows that carry copies of the same packets share one."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerCounters:
    """Packet counters of a layer; 0 where nothing is sent."""

    deliver: NDArray[np.int64]
    """By group: the first of as many counters as there are sources."""
    partial: NDArray[np.int64]
    """By tile."""
    logit: NDArray[np.int64]
    """By root."""
    target: NDArray[np.int64]
    """By root."""
    send_error: NDArray[np.int64]
    """By root."""
    partial_error: NDArray[np.int64]
    """By tile: the first of as many counters as there are sources; in a chain only column 0 has many."""
    gradient: NDArray[np.int64]
    """By tile."""
    gradient_again: NDArray[np.int64]
    """By tile, in the second pass."""
    update: NDArray[np.int64]
    """By owner."""


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    """A network on a chip. Everything by core is indexed by `Tile.core`."""

    graph: Graph
    preset: Preset
    options: MappingOptions
    layers: tuple[LayerMap, ...]
    tiles: tuple[Tile, ...]
    flows: tuple[Flow, ...]
    tables: tuple[LayerCounters, ...]
    """Which counters of packets each layer's cores use."""
    counters: int
    """Number of packet counters."""
    places: tuple[tuple[int, int], ...]
    """Router (column, row) of each core."""
    memory: tuple[dict[str, int], ...]
    """Bits that each core holds, by use."""
    batch: int
    training: bool

    @property
    def cores(self) -> int:
        """Cores in use."""
        return len(self.tiles)

    def place(self, core: int) -> tuple[int, int]:
        """Router of a core, or of the I/O port."""
        return IO_PLACE if core == IO else self.places[core]
