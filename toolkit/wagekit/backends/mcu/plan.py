"""The plan: all numbers that the generated C needs, computed and frozen; templates only print it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from wagekit.backends.mcu.packing import packed_bytes
from wagekit.ir import Graph
from wagekit.numerics import weights_from_masters

GradientMode = Literal["stored", "tiled", "recomputed", "outer"]
OpKind = Literal[
    "forward", "loss", "again", "quantise", "backward_input", "mask", "gradient", "update", "finish"
]
"""`again` computes an activation that was dropped after the forward pass once more."""


@dataclass(frozen=True, slots=True)
class ConvGeometry:
    """The values of `wk_conv2d_t`, under its field names."""

    input_h: int
    input_w: int
    input_c: int
    output_h: int
    output_w: int
    outputs: int
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    pad_top: int
    pad_left: int
    by_rows: int

    def items(self) -> list[tuple[str, int]]:
        """Field names and values, in the order of the C struct."""
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


@dataclass(frozen=True, slots=True)
class PoolGeometry:
    """The values of `wk_pool_t`, under its field names; a window of 1x1 where nothing is pooled."""

    input_w: int
    window_h: int
    window_w: int
    pooled_h: int
    pooled_w: int
    winner_bits: int
    first: int = 0

    @property
    def winner_bytes(self) -> int:
        """Bytes of the winners of one output of one sample."""
        return -(-self.pooled_h * self.pooled_w * self.winner_bits // 8)

    def items(self) -> list[tuple[str, int]]:
        """Field names and values, in the order of the C struct."""
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


@dataclass(frozen=True, slots=True)
class PairsGeometry:
    """The values of `wk_pairs_t`, under its field names, and what its words and lists take."""

    half: int
    rows: int
    pitch: int
    words: int
    """Words of one sample's packed input."""

    def items(self) -> list[tuple[str, int]]:
        """Field names and values, in the order of the C struct."""
        return [(name, getattr(self, name)) for name in ("half", "rows", "pitch")]


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """One weight layer as the program runs it. Sizes are in elements of one sample."""

    index: int
    title: str
    """One line for comments: name, kind, shapes."""
    family: str
    """Kernel family: owner of the weights' format."""
    conv: ConvGeometry | None
    pool: PoolGeometry | None
    """Set for every convolution."""
    pairs: PairsGeometry | None
    """Set where the forward pass sums two outputs in a word."""
    packed: bool
    """Its weights are constants in flash, packed; it has no masters and does not learn."""
    live: bool
    """A dense layer that reads, one sample at a time, only what is not 0, four outputs at once."""
    pooled: bool
    input_size: int
    output_size: int
    positions: int
    """Stored positions of one output channel: pooled height times width, 1 for a dense layer."""
    outputs: int
    fan_in: int
    weights: int
    shift: int | None
    low: int
    high: int
    mask_low: int
    learns: bool
    sends_error: bool
    stored_rows: int | None
    """Outputs, from the first on, whose gradient is stored; that of the others is computed twice.
    None where no gradient is computed."""
    gradient_bits: int | None
    raw_bits: int | None
    """Type of the raw errors at this layer's output; None where none are computed."""
    last: bool

    @property
    def gradient_mode(self) -> GradientMode | None:
        """Way to the gradient, in a word; None where nothing is learned."""
        if not self.learns:
            return None
        if self.stored_rows is None:
            return "outer"
        if self.stored_rows == self.outputs:
            return "stored"
        return "tiled" if self.stored_rows else "recomputed"

    @property
    def recomputes(self) -> bool:
        """Whether rows of the gradient are computed twice."""
        return self.gradient_mode in ("tiled", "recomputed")

    @property
    def gradient_rows(self) -> int:
        """Rows of memory for the gradient: those that are stored, and one for all the others."""
        assert self.stored_rows is not None
        return min(self.stored_rows + 1, self.outputs)

    @property
    def odd(self) -> bool:
        """Whether rows begin at odd flat indices too."""
        return self.fan_in % 2 == 1

    @property
    def has_errors(self) -> bool:
        """Whether errors at this layer's output are quantised."""
        return self.learns or self.sends_error

    @property
    def pooled_row(self) -> int:
        """Stored values of one row of a convolution's pooled output, all channels."""
        assert self.pool is not None
        return self.pool.pooled_w * self.outputs


@dataclass(frozen=True, slots=True)
class Choice:
    """What a plan may choose freely: all choices give the same bits."""

    stored_rows: Mapping[int, int]
    """Outputs whose gradient is stored, of each layer that learns, but for those in `live`,
    which need none."""
    pairs: frozenset[int]
    """Convolutions that sum two outputs in a word."""
    live: frozenset[int]
    """Dense layers that read only what is not 0."""
    dropped: frozenset[int]
    """Layers whose activation is dropped after the forward pass and computed again."""
    why: str
    """Who chose, in a few words."""


def activation_buffer(layer: int, choice: Choice, *, late: bool) -> str:
    """Name of the buffer that holds a layer's activation (-1: the input), in the forward pass or later."""
    if layer < 0:
        return "input"
    return f"{'again' if late and layer in choice.dropped else 'output'}_{layer}"


@dataclass(frozen=True, slots=True)
class Slicing:
    """How the tiles of an operation are cut further.

    An output's products are made `group` samples at a time in `bands` of `rows` rows (one of
    both is 1), then, where it is the update, its weights in `chunks` of `chunk`. Masking and
    quantising a sample come in chunks only.
    """

    group: int
    bands: int
    """0: no products, the gradient is stored."""
    rows: int
    chunks: int
    chunk: int


@dataclass(frozen=True, slots=True)
class Op:
    """One operation of the program; each poll runs one of its tiles."""

    kind: OpKind
    layer: int | None
    tiles: int | None
    """Tiles of the operation; None: as many as there are samples."""
    slicing: Slicing | None = None
    """Cuts the tiles further; None where the plan does not bound slices."""

    @property
    def name(self) -> str:
        """Name of its C function: kind and layer."""
        return self.kind if self.layer is None else f"{self.kind}_{self.layer}"

    @property
    def tag(self) -> str:
        """What the names of a forward pass's scratch buffers end in."""
        return f"again_{self.layer}" if self.kind == "again" else f"{self.layer}"

    def slices(self, samples: int) -> int:
        """Polls that run the operation."""
        tiles = samples if self.tiles is None else self.tiles
        if self.slicing is None:
            return tiles
        if self.tiles is None:
            return tiles * self.slicing.chunks
        groups = -(-samples // self.slicing.group)
        return tiles * (groups * self.slicing.bands + self.slicing.chunks)


@dataclass(frozen=True, slots=True)
class ArenaBuffer:
    """A buffer of the arena: `count` elements of `ctype` at `offset` bytes, live from op to op."""

    name: str
    ctype: str
    count: int
    bytes: int
    offset: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Member:
    """A member of `struct wk_model`."""

    name: str
    ctype: str
    count: int | None
    """Elements of an array; None for a single value."""
    offset: int
    bytes: int
    text: str
    """What it is, for a comment."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A network lowered to constants, operations and bytes."""

    graph: Graph
    batch: int
    training: bool
    health: bool
    """The program can count the health of its layers."""
    layers: tuple[LayerPlan, ...]
    ops: tuple[Op, ...]
    buffers: tuple[ArenaBuffer, ...]
    arena_bytes: int
    members: tuple[Member, ...]
    ram: int
    """`sizeof(wk_model_t)`: all the memory of the network but stack; generated code asserts it."""
    peak: int
    """Bytes of the fullest moment in the arena: a lower bound of `arena_bytes`."""
    master_bits: int
    error_bits: int
    master_limit: int
    derive_shift: int
    derive_limit: int
    one: int
    log2_one: int
    choice: Choice
    instructions: int
    """Estimate of a step's (or forward pass's) instructions a sample, for comparing plans."""
    max_slice: int | None
    """Most multiply-accumulates of a slice; None: a slice is an output, for all samples."""

    @property
    def name(self) -> str:
        """Name of the network."""
        return self.graph.name

    @property
    def classes(self) -> int:
        """Logits of a sample."""
        return self.layers[-1].outputs

    @property
    def inputs(self) -> int:
        """Codes of a sample."""
        return self.layers[0].input_size

    @property
    def weights(self) -> int:
        """Weights of all layers."""
        return sum(layer.weights for layer in self.layers)

    @property
    def master_bytes(self) -> int:
        """Bytes of one master: 1 or 2."""
        return self.master_bits // 8

    @property
    def packed(self) -> bool:
        """Whether all weights are constants in flash, packed: there are no masters at all."""
        return all(layer.packed for layer in self.layers)

    @property
    def learns(self) -> bool:
        """Whether any layer learns."""
        return any(layer.learns for layer in self.layers)

    @property
    def least_nonzero(self) -> int:
        """The smallest magnitude of a master whose weight is not 0."""
        return 1 << max(self.derive_shift - 1, 0)

    @property
    def weight_table(self) -> list[int]:
        """The weight of every int8 master from `-master_limit` on."""
        masters = np.arange(-self.master_limit, self.master_limit + 1)
        bits = self.graph.bits
        weights: list[int] = weights_from_masters(masters, bits.gradients, bits.weights).tolist()
        return weights

    @property
    def needs_weight_table(self) -> bool:
        """Whether a kernel looks weights up: where masters are int8 and a layer reads them one by one."""
        return self.master_bits == 8 and any(layer.live for layer in self.layers)

    def flash_bytes(self, *, baked: bool) -> int:
        """Bytes that weights take in flash: packed ones, and masters where they are built in (`baked`)."""
        return sum(self.flash_of(layer, baked=baked) for layer in self.layers)

    def flash_of(self, layer: LayerPlan, *, baked: bool) -> int:
        """The part of one layer in `flash_bytes`."""
        if layer.packed:
            return packed_bytes(layer.weights, self.graph.bits.weights)
        return layer.weights * self.master_bytes if baked else 0

    def below(self, op: Op) -> LayerPlan:
        """The layer that an operation sends its errors to."""
        assert op.layer
        return self.layers[op.layer - 1]

    def reader(self, op: Op) -> str:
        """The buffer of the activation that an operation reads."""
        assert op.layer is not None
        layer = op.layer if op.kind == "mask" else op.layer - 1
        return activation_buffer(layer, self.choice, late=op.kind != "forward")

    def writer(self, op: Op) -> str:
        """The buffer of the activation that a forward pass writes."""
        assert op.layer is not None
        return activation_buffer(op.layer, self.choice, late=op.kind == "again")

    def updater(self, op: Op) -> str:
        """Name of the C function that updates masters; another one counts what it did."""
        return f"{op.name}_masters" if self.health else op.name

    def finds_winners(self, op: Op) -> bool:
        """Whether a forward pass is the one that notes the winners of its pooling windows."""
        assert op.layer is not None
        wanted = any(buffer.name == f"winners_{op.layer}" for buffer in self.buffers)
        return wanted and (op.kind == "again") == (op.layer in self.choice.dropped)

    def parts(self) -> dict[str, int]:
        """The RAM of the network by use, in bytes; the values sum up to `ram`."""
        masters = sum(member.bytes for member in self.members if member.name.startswith("masters_"))
        return {
            "masters": masters,
            "arena": self.arena_bytes,
            "state": self.ram - masters - self.arena_bytes,
        }
