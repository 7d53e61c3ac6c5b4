"""Imperfect hardware: what goes wrong, how strongly, and the random numbers that say where.

Every draw comes from the counter generator, keyed by seed, purpose, time and core, so that no order of
work changes it. What is given in shares and deviations becomes integers here, once; all else is integers.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from wagekit.backends.neuro.mapping import Mapping
from wagekit.errors import LimitError, UsageError
from wagekit.ir import Bits, WeightLayer
from wagekit.numerics import grid_limit, mix, rha

DOMAIN = 0x494D5046
"""Separates these draws from updates and initial weights ("IMPF" in ASCII)."""
PURPOSES = (
    "stuck",
    "device",
    "flip",
    "read",
    "read_back",
    "activation",
    "partial",
    "error",
    "partial_error",
)
FRACTION_BITS = 8
"""Fraction of a read weight: one step of the `k_W` grid is 256."""
SCALE_BITS = 16
"""Fraction of the factor that makes a deviation of a draw."""
CERTAIN = 1 << 32
"""The share 1, as a number that 32 random bits are compared with."""
MEAN = 510
"""Of the sum of four random bytes, which lies in 0..1020."""
STANDARD_DEVIATION = (4 * (256**2 - 1) / 12) ** 0.5
"""Of that sum; it is near to Gaussian and never beyond 3.45 of it."""
MOST_VARIATION = 4.0


@dataclass(frozen=True, slots=True)
class Imperfections:
    """What is imperfect and how strongly; at 0 (`adc_bits` None) it is the ideal chip, to the bit.

    Shares lie in 0..1 and are drawn with 32 bits. A synapse is a master and the cell that is read for it;
    each copy of a weight (`unrolled`) is a synapse of its own. `UsageError` where a value is out of range.
    """

    seed: int = 0
    """uint32: another seed is another chip of the same kind."""
    stuck_zero: float = 0.0
    """Share of cells that read 0, whatever their master."""
    stuck_high: float = 0.0
    """Share of cells that read the upper end of the `k_W` grid (+1 for ternary weights)."""
    stuck_low: float = 0.0
    """Share of cells that read the lower end. The three exclude each other; their sum is at most 1."""
    bit_flips: float = 0.0
    """Share of masters of which a training step turns one bit over, at its end, any of the `k_G`."""
    device_variation: float = 0.0
    """Standard deviation of a cell's read weight from what it should be, for ever the same; in steps of
    the `k_W` grid, 0..4."""
    cycle_variation: float = 0.0
    """The same, but drawn anew whenever the crossbar is read."""
    adc_bits: int | None = None
    """Width in which a column's sum is converted, sign included, 2..31; None: exactly."""
    adc_headroom: int = 0
    """Octaves by which the converter's range is smaller than the largest sum that could be, 0..30; finer
    steps, but large sums are clipped."""
    lost_activations: float = 0.0
    """Share of packets with inputs or activations that are lost."""
    lost_partials: float = 0.0
    """Share of packets with partial sums that are lost."""
    lost_errors: float = 0.0
    """Share of packets with errors or partial errors that are lost."""

    def __post_init__(self) -> None:
        _whole("seed", self.seed, 0, (1 << 32) - 1)
        for name in ("stuck_zero", "stuck_high", "stuck_low", "bit_flips"):
            _between(name, getattr(self, name), 1.0)
        for name in ("lost_activations", "lost_partials", "lost_errors"):
            _between(name, getattr(self, name), 1.0)
        for name in ("device_variation", "cycle_variation"):
            _between(name, getattr(self, name), MOST_VARIATION)
        stuck = self.stuck_zero + self.stuck_high + self.stuck_low
        if stuck > 1 + 1e-9:
            raise UsageError(f"imperfections: stuck_zero, stuck_high and stuck_low are {stuck:g}, limit 1")
        if self.adc_bits is not None:
            _whole("adc_bits", self.adc_bits, 2, 31)
        _whole("adc_headroom", self.adc_headroom, 0, 30)
        if self.adc_headroom and self.adc_bits is None:
            raise UsageError("imperfections: adc_headroom needs adc_bits", hint="give adc_bits, 2..31")

    @classmethod
    def load(cls, path: Path | str) -> Imperfections:
        """From a TOML file with the fields as keys; `UsageError` where it cannot be read."""
        try:
            values = tomllib.loads(Path(path).read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"{path}: cannot be read as imperfections: {error}") from None
        known = [field.name for field in fields(cls)]
        for key in values:
            if key not in known:
                raise UsageError(f"{path}: unknown key {key!r}", hint=f"allowed: {', '.join(known)}")
        try:
            return cls(**values)
        except UsageError as error:
            raise UsageError(f"{path}: {error.message}", hint=error.hint) from None

    def purpose_key(self, purpose: str) -> int:
        """Where the keys of a purpose begin."""
        return mix(mix(mix(self.seed) ^ DOMAIN) + PURPOSES.index(purpose))

    def key(self, purpose: str, time: int, core: int) -> int:
        """Key of one core's draws. `time` is the sample's number, the step's (flips), or 0 (what stays)."""
        return mix(mix(self.purpose_key(purpose) + time) + core)

    def stuck_limits(self) -> tuple[int, int, int]:
        """A draw below the first is a cell stuck at 0, below the second at the upper end, then the lower."""
        zero = threshold(self.stuck_zero)
        high = min(CERTAIN, zero + threshold(self.stuck_high))
        return zero, high, min(CERTAIN, high + threshold(self.stuck_low))

    def most_deviation(self) -> int:
        """No read weight is farther from its grid than this, in 1/256 steps."""
        return deviation(scale(self.device_variation), 0xFFFFFFFF) + deviation(
            scale(self.cycle_variation), 0xFFFFFFFF
        )

    def converter(self, largest: int) -> tuple[int, int] | None:
        """Shift and limit of the code of a column whose sum is at most `largest`; None where it is exact."""
        if self.adc_bits is None:
            return None
        octaves = largest.bit_length() - self.adc_headroom
        return max(0, octaves - (self.adc_bits - 1)), grid_limit(self.adc_bits)


def threshold(share: float) -> int:
    """The number that a share of all 32-bit draws lies below."""
    return round(share * CERTAIN)


def scale(variation: float) -> int:
    """The factor of `deviation` for a standard deviation in steps."""
    return round(variation * (1 << (FRACTION_BITS + SCALE_BITS)) / STANDARD_DEVIATION)


def deviation(factor: int, draw: int) -> int:
    """A deviation in 1/256 steps from a 32-bit draw: its four bytes add up, which is near to Gaussian."""
    total = sum(draw >> shift & 0xFF for shift in (0, 8, 16, 24))
    return rha((total - MEAN) * factor, SCALE_BITS)


def flipped(master: int, draw: int, bits: int, limit: int) -> int:
    """A `bits`-wide master with one bit turned over; it is stored within its limit, as by any write."""
    bit = (mix(draw) >> 16) * bits >> 16
    turned = master ^ (-(1 << bit) if bit == bits - 1 else 1 << bit)
    return max(-limit, min(limit, turned))


def convert(total: int, converter: tuple[int, int] | None) -> int:
    """A column's sum in 1/256 steps as it leaves the core, a whole number."""
    if converter is None:
        return rha(total, FRACTION_BITS)
    shift, limit = converter
    return max(-limit, min(limit, rha(total, FRACTION_BITS + shift))) << shift


def forward_largest(fan_in: int, bits: Bits) -> int:
    """The largest sum of a column of that many lines, read forward."""
    return fan_in * grid_limit(bits.activations) * grid_limit(bits.weights)


def back_largest(width: int, bits: Bits) -> int:
    """The largest sum of a line over that many outputs, read transposed."""
    return width * grid_limit(bits.errors) * grid_limit(bits.weights)


def check_room(mapping: Mapping, imperfections: Imperfections) -> None:
    """`LimitError` where deviations or rounded codes could make a sum of a layer leave its type."""
    for layer in mapping.graph.layers:
        ranges = layer.ranges
        assert ranges is not None
        bits = mapping.graph.bits
        _check_sum(bits, layer, ("accumulator", ranges.accumulator, 32), imperfections)
        if layer.sends_error and ranges.raw_error is not None:
            width = ranges.raw_error_bits or 32
            _check_sum(bits, layer, ("error", ranges.raw_error, width), imperfections)


def _check_sum(
    bits: Bits, layer: WeightLayer, total: tuple[str, int, int], imperfections: Imperfections
) -> None:
    what, exact, width = total
    step = grid_limit(bits.weights) << FRACTION_BITS
    largest = -(-exact * (step + imperfections.most_deviation()) // step)
    if imperfections.adc_bits is not None:
        largest *= 2  # a code rounds up to twice its sum at most
    if largest >= 1 << (width - 1):
        raise LimitError(
            f"imperfections: layer {layer.name}: the {what} may reach {largest}, int{width} holds "
            f"{(1 << (width - 1)) - 1}",
            hint="less variation, or a layer with fewer inputs",
        )


def _between(name: str, value: Any, limit: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= limit:
        raise UsageError(f"imperfections: {name} is {value!r}, allowed: 0 to {limit:g}")


def _whole(name: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UsageError(f"imperfections: {name} is {value!r}, allowed: whole numbers {low} to {high}")
