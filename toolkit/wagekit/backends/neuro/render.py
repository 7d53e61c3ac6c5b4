"""The cores as C: sources printed by the templates of `codegen/neuro`, and the tables that they read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wagekit.backends.neuro.counters import FIELDS
from wagekit.backends.neuro.imperfect import FRACTION_BITS, MEAN, PURPOSES, SCALE_BITS
from wagekit.backends.neuro.mapping import GRADIENT_ROWS, PHASES, LayerMap, Mapping
from wagekit.ir import WeightLayer
from wagekit.numerics import LOG2_LR_NONE, grid_limit, master_limit
from wagekit.templates import render
from wagekit.version import __version__

LANES = 16
"""Rows are padded to a multiple of this, so that loops over them have no rest."""
TILE_FIELDS = (
    "core",
    "row",
    "first_input",
    "fan_in",
    "first_output",
    "width",
    "y0",
    "y1",
    "x0",
    "x1",
    "partial",
    "logit",
    "target",
    "send_error",
    "partial_error",
    "gradient",
    "gradient_again",
    "update",
)
Table = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Extents:
    """Sizes of a layer's arrays: tiles differ by one line, and all have the room of the largest."""

    tiles: int
    inputs: int
    """Lines of the largest tile."""
    lines: int
    """The same, padded."""
    width: int
    """Outputs of the largest tile."""
    neurons: int
    """The same, padded."""
    positions: int
    """Positions before pooling of the largest block."""
    rows_at_once: int
    """Outputs whose gradient is computed at a time."""


def extents(mapping: Mapping, index: int) -> Extents:
    """Sizes of the arrays of a layer."""
    mapped = mapping.layers[index]
    inputs = max(tile.fan_in for tile in mapped.tiles)
    width = max(tile.width for tile in mapped.tiles)
    recomputed = mapping.options.gradient == "recomputed"
    return Extents(
        tiles=len(mapped.tiles),
        inputs=inputs,
        lines=_padded(inputs),
        width=width,
        neurons=_padded(width),
        positions=max(tile.pooled for tile in mapped.tiles) * mapped.geometry.window_size,
        rows_at_once=min(GRADIENT_ROWS, width) if recomputed else width,
    )


def _padded(count: int) -> int:
    return -(-count // LANES) * LANES


def partial_bits(mapping: Mapping, index: int) -> int:
    """16 where the partial sums of every tile of a layer fit int16, else 32."""
    bits = mapping.graph.bits
    largest = extents(mapping, index).inputs * grid_limit(bits.activations) * grid_limit(bits.weights)
    return 16 if largest < 1 << 15 else 32


def raw_bits(mapping: Mapping, index: int) -> int:
    """Width of the raw error at a layer's output."""
    if index == len(mapping.layers) - 1:
        return 32
    ranges = mapping.graph.layers[index + 1].ranges
    return (ranges.raw_error_bits if ranges else None) or 32


def gets_error(mapping: Mapping, index: int) -> bool:
    """Whether the error at a layer's output is quantised."""
    if not mapping.training:
        return False
    layers = mapping.graph.layers
    return layers[index].last or bool(layers[index + 1].sends_error)


def render_chip(mapping: Mapping, imperfect: bool = False) -> dict[str, str]:
    """Texts of the C files, by name. They depend on sizes and widths, never on where cores sit.

    `imperfect` are cores that can do wrong; how strongly is told them when they run.
    """
    graph = mapping.graph
    layers = [_layer(mapping, index, imperfect) for index in range(len(mapping.layers))]
    context: dict[str, Any] = {
        "name": graph.name,
        "version": __version__,
        "layers": layers,
        "phases": PHASES,
        "cores": mapping.cores,
        "classes": len(graph.classes),
        "last": len(layers) - 1,
        "log2_one": graph.log2_one,
        "no_rate": LOG2_LR_NONE,
        "training": mapping.training,
        "tile_fields": TILE_FIELDS,
        "count_fields": FIELDS,
        "master_type": "int8_t" if graph.bits.gradients <= 8 else "int16_t",
        "error_type": "int8_t" if graph.bits.errors <= 8 else "int16_t",
        "error_bits": 8 if graph.bits.errors <= 8 else 16,
        "chain": mapping.options.reduction == "chain",
        "recomputed": mapping.options.gradient == "recomputed",
        "imperfect": imperfect,
        "purposes": PURPOSES,
        "draw_mean": MEAN,
        "scale_bits": SCALE_BITS,
        "fraction_bits": FRACTION_BITS,
        "fraction_one": 1 << FRACTION_BITS,
        "master_bits": graph.bits.gradients,
    }
    names = ("wk_neuro.h", "wk_neuro_core.h", "wk_neuro_count.c", "wk_neuro.c")
    files = {name: render(f"neuro/{name}.jinja", **context) for name in names}
    for layer in layers:
        name = f"wk_neuro_layer_{layer['index']}.c"
        files[name] = render("neuro/wk_neuro_layer.c.jinja", layer=layer, **context)
    return files


def _layer(mapping: Mapping, index: int, imperfect: bool) -> dict[str, Any]:
    """What the template of a layer prints."""
    layer, mapped = mapping.graph.layers[index], mapping.layers[index]
    ranges = layer.ranges
    assert ranges is not None
    works = bool(layer.learns or layer.sends_error)
    gradient = ranges.gradient_bits or 32
    below = ranges.raw_error_bits or 32
    raw = raw_bits(mapping, index)
    return {
        "index": index,
        "below": index - 1,
        "name": layer.name,
        "last": layer.last,
        "relu": layer.relu,
        "learns": bool(layer.learns),
        "sends_error": bool(layer.sends_error),
        "gets_error": gets_error(mapping, index),
        "sends_packets": works and mapped.rows > 1,
        "rows": mapped.rows,
        "columns": mapped.columns,
        "blocks": mapped.blocks,
        "unrolled": mapped.unrolled,
        "window_size": mapped.geometry.window_size,
        "partial_bits": partial_bits(mapping, index),
        "partial_type": f"int{partial_bits(mapping, index)}_t",
        "raw_bits": raw,
        "raw_type": f"int{raw}_t",
        "raw_unsigned": f"uint{raw}_t",
        "raw_below_bits": below,
        "raw_below_type": f"int{below}_t",
        "gradient_bits": gradient,
        "gradient_type": f"int{gradient}_t",
        "gradient_unsigned": f"uint{gradient}_t",
        "sizes": _sizes(mapping, layer, mapped),
    }


def _sizes(mapping: Mapping, layer: WeightLayer, mapped: LayerMap) -> list[tuple[str, str]]:
    """The constants of a layer's file; unsigned ones end in `u`."""
    sizes, extent, bits = mapped.geometry, extents(mapping, layer.index), mapping.graph.bits
    recomputed = mapping.options.gradient == "recomputed"
    below = mapping.layers[layer.index - 1].rows if layer.index else 1
    unsigned = {
        "LAYER": layer.index,
        "INPUT_H": sizes.input[0],
        "INPUT_W": sizes.input[1],
        "INPUT_C": sizes.input[2],
        "INPUT_SIZE": sizes.input_size,
        "KERNEL_W": sizes.kernel[1],
        "STRIDE_H": sizes.stride[0],
        "STRIDE_W": sizes.stride[1],
        "WINDOW_H": sizes.window[0],
        "WINDOW_W": sizes.window[1],
        "WINDOW": sizes.window_size,
        "POOLED_H": sizes.pooled[0],
        "POOLED_W": sizes.pooled[1],
        "OUTPUTS": sizes.outputs,
        "OUTPUT_SIZE": sizes.output_size,
        "FAN_IN": sizes.fan_in,
        "ROWS": mapped.rows,
        "COLUMNS": mapped.columns,
        "BLOCKS": mapped.blocks,
        "OWNERS": mapped.rows * mapped.columns,
        "ROWS_BELOW": below,
        "TILES": extent.tiles,
        "INPUTS": extent.inputs,
        "LINES": extent.lines,
        "WIDTH": extent.width,
        "NEURONS": extent.neurons,
        "POSITIONS": extent.positions,
        "ROWS_AT_ONCE": extent.rows_at_once,
        "COPY_AT": extent.rows_at_once * extent.lines if recomputed else 0,
        "MASTER_SHIFT": bits.gradients - bits.weights,
        "WEIGHT_LIMIT": grid_limit(bits.weights),
        "SHIFT": layer.shift or 0,
        "ACTIVATION_LIMIT": grid_limit(bits.activations),
        "ERROR_LIMIT": grid_limit(bits.errors),
    }
    signed = {
        "PAD_TOP": sizes.pads[0],
        "PAD_LEFT": sizes.pads[1],
        "ACTIVATION_LOW": 0 if layer.relu else -grid_limit(bits.activations),
        "ERROR_BITS": bits.errors,
        "MASTER_LIMIT": master_limit(bits.gradients, bits.weights),
    }
    found = [(key, f"{value}u") for key, value in unsigned.items()]
    return found + [(key, str(value) if value >= 0 else f"({value})") for key, value in signed.items()]


def tile_table(mapping: Mapping, index: int) -> Table:
    """`[tiles, fields of TILE_FIELDS]`."""
    mapped, counters = mapping.layers[index], mapping.tables[index]
    rows = []
    for number, tile in enumerate(mapped.tiles):
        root = number // mapped.rows
        owner = number if tile.block == 0 else None
        rows.append(
            [
                tile.core,
                tile.row,
                tile.inputs[0],
                tile.fan_in,
                tile.outputs[0],
                tile.width,
                *tile.places,
                counters.partial[number],
                counters.logit[root],
                counters.target[root],
                counters.send_error[root],
                counters.partial_error[number],
                counters.gradient[number],
                counters.gradient_again[number],
                0 if owner is None else counters.update[owner],
            ]
        )
    return np.array(rows, np.uint32)


def group_tables(mapping: Mapping, index: int) -> tuple[Table, Table]:
    """Groups `[n, 3]` and all their runs `[n, 3]`, as the C structs have them."""
    mapped, counters = mapping.layers[index], mapping.tables[index]
    groups, first = [], 0
    for number, group in enumerate(mapped.groups):
        groups.append([first, len(group.runs), int(counters.deliver[number])])
        first += len(group.runs)
    runs = np.concatenate([group.runs for group in mapped.groups])
    if not len(runs):
        runs = np.zeros((1, 3), np.int64)  # a pointer must lead somewhere
    return np.array(groups, np.uint32), runs.astype(np.uint32)
