"""One core in plain Python: the specification of what the generated C does, one number after the other.

It knows its tile and the widths of its numbers, and nothing of other cores: what it is given has arrived,
what it returns is to be sent. Counts are made where the work is done. Tests build chips of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from wagekit.backends.neuro.counters import FIELDS
from wagekit.backends.neuro.imperfect import (
    FRACTION_BITS,
    Imperfections,
    back_largest,
    convert,
    deviation,
    flipped,
    forward_largest,
    scale,
    threshold,
)
from wagekit.backends.neuro.mapping import PHASES, Geometry, Phase, Tile
from wagekit.ir import Bits, WeightLayer
from wagekit.numerics import grid_limit, kappa, master_limit, mix, rha

Position = tuple[int, int]
Counts = dict[Phase, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Hit:
    """A nonzero error: of which output of the tile, at which position before pooling."""

    output: int
    position: Position
    error: int


def _counts() -> Counts:
    return {phase: dict.fromkeys(FIELDS, 0) for phase in PHASES}


@dataclass(slots=True)
class Core:
    """A core with the masters of its tile, `[output][line]`, both counted from the tile's first."""

    tile: Tile
    geometry: Geometry
    layer: WeightLayer
    bits: Bits
    masters: list[list[int]]
    counts: Counts = field(default_factory=_counts)
    gradient: list[list[int]] = field(default_factory=list)
    imperfections: Imperfections | None = None
    largest_tile: tuple[int, int] = (0, 0)
    """Lines and outputs of the layer's largest tile, which the converters' range is for."""

    def weight(self, output: int, line: int) -> int:
        """The weight that a product reads, derived from its master, or what its cell is stuck at."""
        high = grid_limit(self.bits.weights)
        if self.imperfections is not None:
            draw = self._cell_draw("stuck", 0, output, line)
            for limit, stuck in zip(self.imperfections.stuck_limits(), (0, high, -high), strict=True):
                if draw < limit:
                    return stuck
        shift = self.bits.gradients - self.bits.weights
        return max(-high, min(high, rha(self.masters[output][line], shift)))

    def element(self, line: int, position: Position) -> int | None:
        """The element of the layer's input (C order) on a line for a position; None in the padding."""
        channels = self.geometry.input[2]
        tap, channel = divmod(self.tile.inputs[0] + line, channels)
        ky, kx = divmod(tap, self.geometry.kernel[1])
        y = position[0] * self.geometry.stride[0] + ky - self.geometry.pads[0]
        x = position[1] * self.geometry.stride[1] + kx - self.geometry.pads[1]
        height, width, _ = self.geometry.input
        if not (0 <= y < height and 0 <= x < width):
            return None
        return (y * width + x) * channels + channel

    def positions(self) -> Iterable[Position]:
        """Positions before pooling, in order."""
        y0, y1, x0, x1 = self.tile.places
        high, wide = self.geometry.window
        for y in range(y0 * high, y1 * high):
            for x in range(x0 * wide, x1 * wide):
                yield y, x

    def pooled(self) -> Iterable[Position]:
        """Positions after pooling, in order."""
        y0, y1, x0, x1 = self.tile.places
        for y in range(y0, y1):
            for x in range(x0, x1):
                yield y, x

    def window(self, received: dict[int, int], position: Position) -> list[int]:
        """What stands on the lines for a position, of the inputs that arrived; the rest is 0."""
        elements = (self.element(line, position) for line in range(self.tile.fan_in))
        return [0 if element is None else received.get(element, 0) for element in elements]

    def present(self, window: Sequence[int], sample: int = 0, position: Position = (0, 0)) -> list[int]:
        """Partial sums of all outputs for a window, of that position and number of the sample."""
        sums = self._exact_sums(window)
        if self.imperfections is None:
            return sums
        converter = self.imperfections.converter(forward_largest(self.largest_tile[0], self.bits))
        for output in range(self.tile.width):
            total = sum(
                value * self._read("read", sample, position, output, line)
                for line, value in enumerate(window)
                if value
            )
            sums[output] = convert(total, converter)
        return sums

    def _exact_sums(self, window: Sequence[int]) -> list[int]:
        count = self.counts["forward"]
        sums = [0] * self.tile.width
        for line, value in enumerate(window):
            count["reads"] += value != 0
            for output in range(self.tile.width):
                weight = self.weight(output, line)
                sums[output] += value * weight
                count["nominal"] += 1
                count["events"] += value != 0 and weight != 0
        return sums

    def activate(self, sums: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
        """Activations of a pooling window from the sums of its positions, and the winning positions."""
        assert self.layer.shift is not None
        low, high = self.layer.clip
        values, winners = [], []
        for output in range(self.tile.width):
            rounded = [max(low, min(high, rha(here[output], self.layer.shift))) for here in sums]
            best = max(rounded)
            values.append(best)
            winners.append(rounded.index(best))
            self.counts["forward"]["roundings"] += len(sums)
            self.counts["forward"]["saturated"] += abs(best) == high
        return values, winners

    def quantise(self, raw: int, exponent: int | None) -> int:
        """An error on its grid, by the exponent of the largest of the batch (None: all are 0)."""
        self.counts["error"]["roundings"] += 1
        high = grid_limit(self.bits.errors)
        return 0 if exponent is None else max(-high, min(high, rha(raw, exponent - (self.bits.errors - 1))))

    def transpose(self, hits: Sequence[Hit], sample: int = 0) -> dict[int, int]:
        """Partial errors of the inputs that some errors go back to, by element."""
        partial = self._exact_errors(hits)
        if self.imperfections is None:
            return partial
        converter = self.imperfections.converter(back_largest(self.largest_tile[1], self.bits))
        partial = dict.fromkeys(partial, 0)
        for position in {hit.position for hit in hits}:  # the errors of a position are one read
            for line in range(self.tile.fan_in):
                element = self.element(line, position)
                if element is None:
                    continue
                total = sum(
                    hit.error * self._read("read_back", sample, position, hit.output, line)
                    for hit in hits
                    if hit.position == position
                )
                partial[element] += convert(total, converter)
        return partial

    def _exact_errors(self, hits: Iterable[Hit]) -> dict[int, int]:
        count = self.counts["error"]
        partial: dict[int, int] = {}
        for hit in hits:
            count["reads"] += 1
            for line in range(self.tile.fan_in):
                weight = self.weight(hit.output, line)
                count["events"] += weight != 0
                element = self.element(line, hit.position)
                if element is not None:
                    partial[element] = partial.get(element, 0) + hit.error * weight
        return partial

    def sum_gradient(self, batch: Sequence[tuple[dict[int, int], Sequence[Hit]]], phase: Phase) -> None:
        """`gradient`, summed over samples of inputs that arrived and errors."""
        count = self.counts[phase]
        self.gradient = [[0] * self.tile.fan_in for _ in range(self.tile.width)]
        for received, hits in batch:
            for hit in hits:
                count["reads"] += 1
                for line, value in enumerate(self.window(received, hit.position)):
                    self.gradient[hit.output][line] += hit.error * value
                    count["events"] += value != 0

    def exponent(self) -> int | None:
        """`kappa` of the core's largest gradient; None if it is 0."""
        largest = max(abs(g) for row in self.gradient for g in row)
        return kappa(largest) if largest else None

    def moves(self, shift: int, key: int) -> list[list[int]]:
        """How far each master goes down, from its gradient and its random number."""
        found = []
        for output, row in enumerate(self.gradient):
            first = (self.tile.outputs[0] + output) * self.geometry.fan_in + self.tile.inputs[0]
            found.append([_move(g, shift, key, first + line) for line, g in enumerate(row)])
        return found

    def move(self, moves: Sequence[Sequence[int]]) -> None:
        """Move all masters, within their limit."""
        count, limit = self.counts["update"], master_limit(self.bits.gradients, self.bits.weights)
        for output, row in enumerate(moves):
            for line, move in enumerate(row):
                count["visited"] += 1
                count["changed"] += move != 0
                moved = self.masters[output][line] - move
                self.masters[output][line] = max(-limit, min(limit, moved))

    def arrives(self, purpose: str, sample: int, index: int, position: Position | None = None) -> bool:
        """Whether a packet does not get lost. Inputs and errors are drawn where they arrive, by element;
        partial sums where they leave, by position and output; partial errors where they leave, by element."""
        if self.imperfections is None:
            return True
        shares = {
            "activation": self.imperfections.lost_activations,
            "partial": self.imperfections.lost_partials,
            "error": self.imperfections.lost_errors,
            "partial_error": self.imperfections.lost_errors,
        }
        key = self.imperfections.key(purpose, sample, self.tile.core)
        if position is not None:
            key = mix(key + self._number(position))
        return mix(key + index) >= threshold(shares[purpose])

    def flip(self, step: int) -> None:
        """Turn single bits of some masters over, at the end of a step."""
        if self.imperfections is None:
            return
        bits, share = self.bits.gradients, threshold(self.imperfections.bit_flips)
        limit = master_limit(bits, self.bits.weights)
        for output, row in enumerate(self.masters):
            for line, master in enumerate(row):
                draw = self._cell_draw("flip", step, output, line)
                if draw < share:
                    row[line] = flipped(master, draw, bits, limit)

    def _read(self, purpose: str, sample: int, position: Position, output: int, line: int) -> int:
        """What is read from a cell for a position, in 1/256 steps."""
        assert self.imperfections is not None
        device = self._cell_draw("device", 0, output, line)
        key = mix(self.imperfections.key(purpose, sample, self.tile.core) + self._number(position))
        return (
            (self.weight(output, line) << FRACTION_BITS)
            + deviation(scale(self.imperfections.device_variation), device)
            + deviation(
                scale(self.imperfections.cycle_variation), mix(key + output * self.tile.fan_in + line)
            )
        )

    def _cell_draw(self, purpose: str, time: int, output: int, line: int) -> int:
        assert self.imperfections is not None
        key = self.imperfections.key(purpose, time, self.tile.core)
        return mix(key + output * self.tile.fan_in + line)

    def _number(self, position: Position) -> int:
        """A position before pooling, counted within the layer."""
        return position[0] * self.geometry.pooled[1] * self.geometry.window[1] + position[1]


def _move(gradient: int, shift: int, key: int, index: int) -> int:
    random = mix(key + (index >> 1)) >> (16 * (index & 1)) & 0xFFFF
    magnitude = abs(gradient)
    fixed = magnitude << 16 - shift if shift < 16 else magnitude >> shift - 16
    size = (fixed >> 16) + ((fixed & 0xFFFF) > random)
    return -size if gradient < 0 else size
