"""Bits that moved in and out of the memories of the cores, by phase, core and use."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wagekit.backends.neuro.counters import FIELDS, Counters
from wagekit.backends.neuro.cycles import line_lengths
from wagekit.backends.neuro.mapping import PHASES, Phase, Tile
from wagekit.backends.neuro.memory import USES

SUM_BITS = 32
"""Of an accumulator."""


def memory_traffic(counters: Counters) -> NDArray[np.int64]:
    """Bits read and written, `[phases, cores, uses]` in the order of `USES`.

    A driven line reads its weights once; every product reads and writes the sum that it is added to; every
    rounding reads one sum. An update reads gradient and master, and writes master and weight where they
    changed.
    """
    mapping = counters.mapping
    found = np.zeros((len(PHASES), mapping.cores, len(USES)), np.int64)
    for tile in mapping.tiles:
        for number, phase in enumerate(PHASES):
            for use, bits in _moved(counters, tile, phase).items():
                found[number, tile.core, USES.index(use)] = bits
    return found


def _moved(counters: Counters, tile: Tile, phase: Phase) -> dict[str, int]:
    def count(name: str) -> int:
        return int(counters.cores[PHASES.index(phase), tile.core, FIELDS.index(name)])

    bits, layer = counters.mapping.graph.bits, counters.mapping.graph.layers[tile.layer]
    ranges = layer.ranges
    assert ranges is not None
    gradient = ranges.gradient_bits or 0
    lines = count("reads") * line_lengths(tile).get(phase, 0) * bits.weights
    if phase == "forward":
        sums = 2 * count("events") + 2 * count("additions") + count("roundings")
        return {
            "weights": lines,
            "inputs": count("reads") * bits.activations,
            "accumulators": sums * SUM_BITS,
        }
    if phase == "error":
        arrived = 2 * count("additions") + count("roundings")
        return {
            "weights": lines,
            "errors": (count("reads") + count("roundings")) * bits.errors,
            "partial_errors": 2 * count("events") * (ranges.raw_error_bits or 0),
            "raw_errors": arrived * _arriving_bits(counters, tile),
        }
    moved = {"gradient": (2 * count("events") + 2 * count("additions") + count("visited")) * gradient}
    moved["inputs"] = count("events") * bits.activations
    moved["masters"] = (count("visited") + count("changed")) * bits.gradients
    moved["weights"] = count("changed") * bits.weights
    return moved


def _arriving_bits(counters: Counters, tile: Tile) -> int:
    """Width of the raw error at a tile's output."""
    layers = counters.mapping.graph.layers
    if layers[tile.layer].last:
        return SUM_BITS
    above = layers[tile.layer + 1].ranges
    return (above.raw_error_bits or 0) if above is not None else 0
