"""Who sends what to whom, and which counter counts it.

Nothing that is zero travels: a phase ends with a barrier, and what did not arrive by then is zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wagekit.backends.neuro.mapping import (
    IO,
    Flow,
    Kind,
    LayerCounters,
    LayerMap,
    MappingOptions,
    Phase,
    Tile,
)
from wagekit.ir import Graph

EXPONENT_BITS = 6
"""`kappa` of an int64 is at most 62; 63 stands for a maximum of 0."""
STEP = 0
"""The counter of training steps: that of every flow which sends one packet a step."""


@dataclass(slots=True)
class _Builder:
    """Hands out counters and collects flows."""

    graph: Graph
    layers: tuple[LayerMap, ...]
    options: MappingOptions
    used: int = 1
    flows: list[Flow] = field(default_factory=list)

    def counters(self, count: int = 1) -> int:
        first = self.used
        self.used += count
        return first

    def add(
        self, what: tuple[Kind, Phase], layer: int, ends: tuple[int, int], *, bits: int, counter: int
    ) -> None:
        self.flows.append(Flow(*what, layer, *ends, bits, counter))

    def source_core(self, layer: int, source: int) -> int:
        return self.layers[layer - 1].roots[source].core if layer else IO

    def source_count(self, layer: int) -> int:
        return len(self.layers[layer - 1].roots) if layer else 1


def build_flows(
    graph: Graph, layers: tuple[LayerMap, ...], options: MappingOptions, training: bool
) -> tuple[tuple[Flow, ...], tuple[LayerCounters, ...], int]:
    """All flows, the counters of each layer, and how many counters there are."""
    builder = _Builder(graph, layers, options)
    tables = []
    for mapped in layers:
        tables.append(_layer_tables(mapped))
        _forward(builder, mapped, tables[-1])
        if training:
            _backward(builder, mapped, tables[-1])
    if training:
        _exponents(builder)
    return tuple(builder.flows), tuple(tables), builder.used


def _layer_tables(mapped: LayerMap) -> LayerCounters:
    def zeros(count: int) -> NDArray[np.int64]:
        return np.zeros(count, np.int64)

    tiles, roots = len(mapped.tiles), len(mapped.roots)
    return LayerCounters(
        deliver=zeros(len(mapped.groups)),
        partial=zeros(tiles),
        logit=zeros(roots),
        target=zeros(roots),
        send_error=zeros(roots),
        partial_error=zeros(tiles),
        gradient=zeros(tiles),
        gradient_again=zeros(tiles),
        update=zeros(len(mapped.owners)),
    )


def _forward(b: _Builder, mapped: LayerMap, table: LayerCounters) -> None:
    layer = b.graph.layers[mapped.index]
    kind: Kind = "activation" if mapped.index else "input"
    for number, group in enumerate(mapped.groups):
        table.deliver[number] = b.counters(b.source_count(mapped.index))
        for source in np.unique(group.runs[:, 2]).tolist():
            counter = int(table.deliver[number]) + source
            for column in range(mapped.columns):
                ends = (b.source_core(mapped.index, source), mapped.tile(group.row, column, group.block).core)
                b.add((kind, "forward"), mapped.index, ends, bits=b.graph.bits.activations, counter=counter)
    for number, tile in enumerate(mapped.tiles):
        if tile.row:
            table.partial[number] = b.counters()
            to = mapped.tile(tile.row - 1 if b.options.reduction == "chain" else 0, tile.column, tile.block)
            b.add(
                ("partial", "forward"),
                mapped.index,
                (tile.core, to.core),
                bits=mapped.partial_bits,
                counter=int(table.partial[number]),
            )
    if layer.last:
        for number, root in enumerate(mapped.roots):
            table.logit[number] = b.counters()
            b.add(
                ("logit", "forward"), mapped.index, (root.core, IO), bits=32, counter=int(table.logit[number])
            )


def _backward(b: _Builder, mapped: LayerMap, table: LayerCounters) -> None:
    layer = b.graph.layers[mapped.index]
    if layer.last:
        bits = (len(b.graph.classes) - 1).bit_length()
        for number, root in enumerate(mapped.roots):
            table.target[number] = b.counters()
            b.add(
                ("target", "error"),
                mapped.index,
                (IO, root.core),
                bits=bits,
                counter=int(table.target[number]),
            )
    if layer.learns or layer.sends_error:
        _send_errors(b, mapped, table)
    if layer.sends_error:
        for number, tile in enumerate(mapped.tiles):
            _partial_errors(b, mapped, table, number, tile)
    if layer.learns and mapped.blocks > 1:
        _copies(b, mapped, table)


def _send_errors(b: _Builder, mapped: LayerMap, table: LayerCounters) -> None:
    bits = b.graph.bits.errors + (mapped.geometry.window_size - 1).bit_length()
    for number, root in enumerate(mapped.roots):
        if mapped.rows > 1:
            table.send_error[number] = b.counters()
        for row in range(1, mapped.rows):
            ends = (root.core, mapped.tile(row, root.column, root.block).core)
            b.add(("error", "error"), mapped.index, ends, bits=bits, counter=int(table.send_error[number]))


def _partial_errors(b: _Builder, mapped: LayerMap, table: LayerCounters, number: int, tile: Tile) -> None:
    ranges = b.graph.layers[mapped.index].ranges
    assert ranges is not None and ranges.raw_error is not None
    bits = ranges.raw_error.bit_length() + 1
    if b.options.reduction == "chain" and tile.column:
        table.partial_error[number] = b.counters()
        ends = (tile.core, mapped.tile(tile.row, tile.column - 1, tile.block).core)
        b.add(
            ("partial_error", "error"),
            mapped.index,
            ends,
            bits=bits,
            counter=int(table.partial_error[number]),
        )
        return
    table.partial_error[number] = b.counters(b.source_count(mapped.index))
    group = mapped.groups[tile.block * mapped.rows + tile.row]
    for source in np.unique(group.runs[:, 2]).tolist():
        ends = (tile.core, b.source_core(mapped.index, source))
        b.add(
            ("partial_error", "error"),
            mapped.index,
            ends,
            bits=bits,
            counter=int(table.partial_error[number]) + source,
        )


def _copies(b: _Builder, mapped: LayerMap, table: LayerCounters) -> None:
    """Gradients of copies go to the owner of the weights, and the moves of its masters come back."""
    ranges = b.graph.layers[mapped.index].ranges
    assert ranges is not None and ranges.gradient is not None
    bits = ranges.gradient.bit_length() + 1
    owners = len(mapped.owners)
    for number, owner in enumerate(mapped.owners):
        table.update[number] = b.counters()
        for block in range(1, mapped.blocks):
            copy = block * owners + number
            core = mapped.tiles[copy].core
            table.gradient[copy] = b.counters()
            b.add(
                ("gradient", "gradient"),
                mapped.index,
                (core, owner.core),
                bits=bits,
                counter=int(table.gradient[copy]),
            )
            if b.options.gradient == "recomputed":
                table.gradient_again[copy] = b.counters()
                b.add(
                    ("gradient", "update"),
                    mapped.index,
                    (core, owner.core),
                    bits=bits,
                    counter=int(table.gradient_again[copy]),
                )
            b.add(
                ("update", "update"),
                mapped.index,
                (owner.core, core),
                bits=b.graph.bits.gradients + 1,
                counter=int(table.update[number]),
            )


def tree(cores: list[int]) -> Iterator[tuple[int, int]]:
    """Edges (child, parent) of the binary tree over cores in their order; the first is the root."""
    for number in range(1, len(cores)):
        yield cores[number], cores[(number - 1) // 2]


def _exponents(b: _Builder) -> None:
    """Maxima go up a tree and come back down it, as exponents; the learning rate goes to each tree's root."""
    last = b.layers[-1].roots[0].core
    b.add(("rate", "maximum"), len(b.layers) - 1, (IO, last), bits=EXPONENT_BITS, counter=STEP)
    for mapped in b.layers:
        layer = b.graph.layers[mapped.index]
        if layer.last or b.graph.layers[mapped.index + 1].sends_error:
            _tree_flows(b, mapped.index, "error", [root.core for root in mapped.roots])
        if layer.learns:
            owners = [owner.core for owner in mapped.owners]
            if owners[0] != last:
                b.add(("rate", "maximum"), mapped.index, (last, owners[0]), bits=EXPONENT_BITS, counter=STEP)
            _tree_flows(b, mapped.index, "maximum", owners)


def _tree_flows(b: _Builder, layer: int, phase: Phase, cores: list[int]) -> None:
    for child, parent in tree(cores):
        b.add(("maximum", phase), layer, (child, parent), bits=EXPONENT_BITS, counter=STEP)
        b.add(("maximum", phase), layer, (parent, child), bits=EXPONENT_BITS, counter=STEP)
