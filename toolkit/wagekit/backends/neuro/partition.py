"""Cuts the weight matrix of each layer into tiles that fit a core."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from math import prod

import numpy as np
from numpy.typing import NDArray

from wagekit.backends.neuro.mapping import Geometry, Group, LayerMap, MappingOptions, Tile, geometry
from wagekit.backends.neuro.preset import Convolution, CoreLimits
from wagekit.ir import Conv2d, WeightLayer
from wagekit.numerics import grid_limit

Range = tuple[int, int]
ROWS_TRIED = 16


@dataclass(frozen=True, slots=True)
class Cut:
    """Into how many parts a layer falls: fan-in, outputs, and rows and columns of pooled positions."""

    rows: int
    columns: int
    block_rows: int = 1
    block_columns: int = 1

    @property
    def blocks(self) -> tuple[int, int]:
        """Rows and columns of blocks."""
        return self.block_rows, self.block_columns

    @property
    def cores(self) -> int:
        """Tiles that it makes."""
        return self.rows * self.columns * self.block_rows * self.block_columns


def split(size: int, parts: int) -> list[Range]:
    """`parts` ranges that cover `0..size` and differ by one at most, longer ones first."""
    whole, rest = divmod(size, parts)
    bounds = [i * whole + min(i, rest) for i in range(parts + 1)]
    return list(pairwise(bounds))


def convolution_of(options: MappingOptions, limits: CoreLimits) -> Convolution:
    """How convolutions are laid out."""
    return options.convolution or limits.convolutions[0]


def cut_layer(layer: WeightLayer, limits: CoreLimits, options: MappingOptions) -> Cut:
    """The cut of a layer that takes the fewest cores within the limits of axons, neurons and synapses."""
    sizes = geometry(layer)
    axons = options.axons or max(1, limits.axons // limits.axons_per_input)
    neurons = options.neurons or limits.neurons
    bits = layer.weights.bits
    if isinstance(layer.op, Conv2d) and convolution_of(options, limits) == "unrolled":
        return _cut_unrolled(sizes, axons, neurons, limits.synapse_bits // bits)
    forced = options.axons is not None or options.neurons is not None
    least = -(-sizes.fan_in // axons)
    if forced:
        return Cut(least, -(-sizes.outputs // neurons))
    cuts = []
    for rows in range(least, min(least + ROWS_TRIED, sizes.fan_in) + 1):
        inputs = -(-sizes.fan_in // rows)
        width = min(neurons, max(1, limits.synapse_bits // (inputs * bits)))
        cuts.append(Cut(rows, -(-sizes.outputs // width)))
    return min(cuts, key=lambda cut: (cut.cores, cut.rows))


def _cut_unrolled(sizes: Geometry, axons: int, neurons: int, synapses: int) -> Cut:
    """The cut with the fewest cores; a block has whole pooling windows."""
    best: Cut | None = None
    blocks = sorted(product(_parts(sizes.pooled[0]), _parts(sizes.pooled[1])), key=prod)
    for down, across in blocks:
        block = (0, -(-sizes.pooled[0] // down), 0, -(-sizes.pooled[1] // across))
        places = block[1] * block[3] * sizes.window_size
        width = min(sizes.outputs, neurons // places)
        if width < 1:
            continue
        columns = -(-sizes.outputs // width)
        for rows in _row_counts(sizes, block, axons):
            if best is not None and down * across * rows * columns >= best.cores:
                break
            lines = _most_lines(sizes, block, rows, axons)
            fitting = min(width, synapses // (lines * places)) if lines else 0
            if fitting >= 1:
                cut = Cut(rows, -(-sizes.outputs // fitting), down, across)
                if best is None or cut.cores < best.cores:
                    best = cut
    if best is None:  # nothing fits: one window a core, for the limits to name what is exceeded
        best = Cut(-(-sizes.fan_in // axons), sizes.outputs, *sizes.pooled)
    return best


def _parts(size: int) -> list[int]:
    """Into how many parts a number of positions may fall: by lengths of 1, 2, 4, 8, ... and all."""
    lengths = {size, *(1 << n for n in range(size.bit_length()))}
    return sorted({-(-size // length) for length in lengths})


def _row_counts(sizes: Geometry, block: tuple[int, int, int, int], axons: int) -> list[int]:
    """Numbers of parts of the fan-in that are tried, from the fewest that could do."""
    least = -(-_lines(sizes, block, (0, sizes.fan_in)) // axons)
    counts = [n for n in range(least, least + 4) if n <= sizes.fan_in]
    step = max(counts, default=0)
    while 0 < step < sizes.fan_in:
        step = min(2 * step, sizes.fan_in)
        counts.append(step)
    return counts


def _most_lines(sizes: Geometry, block: tuple[int, int, int, int], rows: int, axons: int) -> int:
    """The most inputs of any part of the fan-in, 0 if one needs more than there are axons."""
    most = 0
    for part in split(sizes.fan_in, rows):
        lines = _lines(sizes, block, part)
        if lines > axons:
            return 0
        most = max(most, lines)
    return most


def _lines(sizes: Geometry, block: tuple[int, int, int, int], inputs: Range) -> int:
    """Inputs that a block needs of a part of the fan-in, padding left out of account."""
    y0, y1, x0, x1 = block
    high, wide = (y1 - y0) * sizes.window[0], (x1 - x0) * sizes.window[1]
    tall = (high - 1) * sizes.stride[0] + sizes.kernel[0]
    broad = (wide - 1) * sizes.stride[1] + sizes.kernel[1]
    marks: dict[tuple[int, int], NDArray[np.bool_]] = {}  # where each range of channels is needed
    for ky, kx, first, last in taps(sizes, inputs):
        here = marks.setdefault((first, last), np.zeros((tall, broad), bool))
        rows = slice(ky, ky + (high - 1) * sizes.stride[0] + 1, sizes.stride[0])
        here[rows, kx : kx + (wide - 1) * sizes.stride[1] + 1 : sizes.stride[1]] = True
    if len(marks) == 1:
        ((first, last),) = marks
        return (last - first) * int(marks[first, last].sum())
    edges = sorted({edge for key in marks for edge in key})
    return sum(
        (end - begin)
        * int(np.any([m for (a, b), m in marks.items() if a <= begin and end <= b], axis=0).sum())
        for begin, end in pairwise(edges)
        if any(a <= begin and end <= b for a, b in marks)
    )


def taps(sizes: Geometry, inputs: Range) -> list[tuple[int, int, int, int]]:
    """Kernel positions in a part of the fan-in: row, column, first and last channel."""
    channels = sizes.input[2]
    found = []
    for tap in range(inputs[0] // channels, -(-inputs[1] // channels)):
        ky, kx = divmod(tap, sizes.kernel[1])
        first = max(inputs[0] - tap * channels, 0)
        last = min(inputs[1] - tap * channels, channels)
        found.append((ky, kx, first, last))
    return found


def needed(sizes: Geometry, places: tuple[int, int, int, int], inputs: Range) -> NDArray[np.bool_]:
    """Which elements of the input (C order) a part of the fan-in at some pooled positions reads."""
    y0, y1, x0, x1 = places
    marks = np.zeros(sizes.input, bool)
    ys = np.arange(y0 * sizes.window[0], y1 * sizes.window[0]) * sizes.stride[0] - sizes.pads[0]
    xs = np.arange(x0 * sizes.window[1], x1 * sizes.window[1]) * sizes.stride[1] - sizes.pads[1]
    for ky, kx, first, last in taps(sizes, inputs):
        rows, columns = ys + ky, xs + kx
        rows = rows[(rows >= 0) & (rows < sizes.input[0])]
        columns = columns[(columns >= 0) & (columns < sizes.input[1])]
        if len(rows) and len(columns):
            marks[rows[0] : rows[-1] + 1 : sizes.stride[0], columns[0] : columns[-1] + 1 : sizes.stride[1],
                  first:last] = True  # fmt: skip
    return marks.ravel()


def map_layer(
    layer: WeightLayer,
    cut: Cut,
    asked: tuple[CoreLimits, MappingOptions],
    *,
    first_core: int = 0,
    below: LayerMap | None = None,
) -> LayerMap:
    """The tiles of a layer by its cut, and the inputs that they need from the layer below."""
    limits, options = asked
    sizes = geometry(layer)
    unrolled = isinstance(layer.op, Conv2d) and convolution_of(options, limits) == "unrolled"
    blocks = [
        (*y, *x)
        for y in split(sizes.pooled[0], cut.block_rows)
        for x in split(sizes.pooled[1], cut.block_columns)
    ]
    rows, columns = split(sizes.fan_in, cut.rows), split(sizes.outputs, cut.columns)
    source = sources(below) if below else np.zeros(sizes.input_size, np.int64)
    groups = []
    tiles: list[Tile] = []
    for block, places in enumerate(blocks):
        lines = []
        for row, inputs in enumerate(rows):
            marks = needed(sizes, places, inputs)
            groups.append(Group(row, block, _runs(marks, source)))
            lines.append(int(marks.sum()) if unrolled else inputs[1] - inputs[0])
        spots = (places[1] - places[0]) * (places[3] - places[2]) * sizes.window_size
        for column, outputs in enumerate(columns):
            neurons = (outputs[1] - outputs[0]) * (spots if unrolled else 1)
            for row, inputs in enumerate(rows):
                core = first_core + len(tiles)
                tiles.append(
                    Tile(core, layer.index, row, column, block, inputs, outputs, places, lines[row], neurons)
                )
    return LayerMap(
        index=layer.index,
        name=layer.name,
        geometry=sizes,
        unrolled=unrolled,
        rows=cut.rows,
        columns=cut.columns,
        blocks=len(blocks),
        tiles=tuple(tiles),
        groups=tuple(groups),
        partial_bits=_partial_bits(layer, rows, options),
    )


def sources(below: LayerMap) -> NDArray[np.int64]:
    """Which root makes each element of a layer's output (C order)."""
    sizes = below.geometry
    found = np.zeros((*sizes.pooled, sizes.outputs), np.int64)
    for number, root in enumerate(below.roots):
        y0, y1, x0, x1 = root.places
        found[y0:y1, x0:x1, root.outputs[0] : root.outputs[1]] = number
    return found.ravel()


def _runs(marks: NDArray[np.bool_], source: NDArray[np.int64]) -> NDArray[np.int64]:
    """Elements next to each other with one source, as `[n, 3]`: start, length, source."""
    index = np.flatnonzero(marks)
    if not len(index):
        return np.zeros((0, 3), np.int64)
    of = source[index]
    starts = np.flatnonzero(np.r_[True, (np.diff(index) != 1) | (np.diff(of) != 0)])
    lengths = np.diff(np.r_[starts, len(index)])
    return np.stack([index[starts], lengths, of[starts]], axis=1)


def _partial_bits(layer: WeightLayer, rows: list[Range], options: MappingOptions) -> int:
    """Bits of the largest partial sum that travels: of one tile, or of all before the root in a chain."""
    product = grid_limit(layer.input.bits) * grid_limit(layer.weights.bits)
    lengths = [last - first for first, last in rows[1:]]
    travelling = sum(lengths) if options.reduction == "chain" else max(lengths, default=0)
    return (travelling * product).bit_length() + 1
