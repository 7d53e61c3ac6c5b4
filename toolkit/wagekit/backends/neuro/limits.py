"""The limits of a chip as named predicates. All are checked, and what is violated is reported together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from wagekit.backends.neuro.mapping import LayerMap, MappingOptions, Tile
from wagekit.backends.neuro.memory import core_memory, weight_bits
from wagekit.backends.neuro.partition import Cut, convolution_of
from wagekit.backends.neuro.preset import Preset
from wagekit.errors import LimitError
from wagekit.ir import Graph


@dataclass(frozen=True, slots=True)
class Violation:
    """One limit that a mapping exceeds; of cores with the same trouble in a layer the worst."""

    limit: str
    """Name of the predicate."""
    layer: str | None
    core: int | None
    value: int
    allowed: int
    """0 where something is not allowed at all; `value` is 1 then."""
    what: str
    """In words, what is too much."""
    fix: str
    """A split or a setting that would work."""

    def __str__(self) -> str:
        where = f"layer {self.layer}: " if self.layer else ""
        where += f"core {self.core}: " if self.core is not None else ""
        if self.allowed == 0:
            return f"{where}{self.what}: {self.limit} does not allow it"
        return f"{where}{self.what}: {self.value:,}, {self.limit} allows {self.allowed:,}"


class MappingError(LimitError):
    """A network that does not fit a chip, with everything that is in the way."""

    def __init__(self, name: str, preset: str, violations: tuple[Violation, ...]) -> None:
        self.violations = violations
        lines = "; ".join(str(violation) for violation in violations)
        fixes = dict.fromkeys(violation.fix for violation in violations if violation.fix)
        super().__init__(f"{name} does not fit {preset}: {lines}", hint="; ".join(fixes) or None)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be put on a chip, as the predicates see it."""

    graph: Graph
    preset: Preset
    options: MappingOptions
    cuts: tuple[Cut, ...]
    layers: tuple[LayerMap, ...]
    """Empty where there are more cores than the chip has: tiles are not made then."""
    lacking: tuple[int | None, ...]
    """By layer the least bits that its fullest core would have to hold, where no cut fits a core's memory."""
    least_cores: int
    """That would do if cores had all the memory that they could need."""
    batch: int
    training: bool


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of every core: what of a tile it bounds."""

    name: str
    allowed: int
    what: str
    value: Callable[[Tile], int]
    fix: Callable[[Tile], str]


Predicate = Callable[[Asked], Iterator[Violation]]


def check(asked: Asked) -> None:
    """`MappingError` with every violation of every predicate, in the order of `PREDICATES`."""
    violations = tuple(found for predicate in PREDICATES.values() for found in predicate(asked))
    if violations:
        raise MappingError(asked.graph.name, asked.preset.name, violations)


def _width(limit: str, what: str, value: int, allowed: int | None) -> Iterator[Violation]:
    if allowed is not None and value > allowed:
        yield Violation(limit, None, None, value, allowed, what, f"use {allowed} bits or fewer for {what}")


def _weight_bits(asked: Asked) -> Iterator[Violation]:
    return _width("weight_bits", "weights", asked.graph.bits.weights, asked.preset.limits.weight_bits)


def _activation_bits(asked: Asked) -> Iterator[Violation]:
    value, allowed = asked.graph.bits.activations, asked.preset.limits.activation_bits
    return _width("activation_bits", "activations", value, allowed)


def _error_bits(asked: Asked) -> Iterator[Violation]:
    if asked.training:
        yield from _width("error_bits", "errors", asked.graph.bits.errors, asked.preset.limits.error_bits)


def _master_bits(asked: Asked) -> Iterator[Violation]:
    if asked.training:
        value, allowed = asked.graph.bits.gradients, asked.preset.limits.master_bits
        yield from _width("master_bits", "gradients", value, allowed)


def _learns(asked: Asked) -> Iterator[Violation]:
    if asked.training and not asked.preset.limits.learns:
        fact = asked.preset.file.limits.learns
        reason = fact.where or fact.source
        fix = f"{asked.preset.name} only infers ({reason}); train on tianjic-train or a preset of your own"
        yield Violation("learns", None, None, 1, 0, "training", fix)


def _convolution(asked: Asked) -> Iterator[Violation]:
    wanted = convolution_of(asked.options, asked.preset.limits)
    have = asked.preset.limits.convolutions
    if wanted not in have:
        fix = f"{asked.preset.name} lays convolutions out as: {', '.join(have)}"
        yield Violation("convolutions", None, None, 1, 0, f"{wanted} convolutions", fix)


def _cores(asked: Asked) -> Iterator[Violation]:
    value, allowed = sum(cut.cores for cut in asked.cuts), asked.preset.limits.cores
    if value > allowed:
        largest = max(zip(asked.cuts, asked.graph.layers, strict=True), key=lambda pair: pair[0].cores)
        fix = f"layer {largest[1].name} takes {largest[0].cores:,} of them; a chip of {value:,} would do"
        if asked.training and asked.batch > 1 and asked.least_cores <= allowed:
            fix += f"; a smaller batch than {asked.batch} takes fewer"
        what = "cores needed" if all(bits is None for bits in asked.lacking) else "cores needed at least"
        yield Violation("cores", None, None, value, allowed, what, fix)


def _worst(asked: Asked, limit: Limit) -> Iterator[Violation]:
    for mapped in asked.layers:
        worst = max(mapped.tiles, key=limit.value)
        value = limit.value(worst)
        if value > limit.allowed:
            fix = limit.fix(worst)
            yield Violation(limit.name, mapped.name, worst.core, value, limit.allowed, limit.what, fix)


def _axons(asked: Asked) -> Iterator[Violation]:
    limits = asked.preset.limits
    lines = limits.axons_per_input

    def fix(tile: Tile) -> str:
        mapped = asked.layers[tile.layer]
        most = max(1, limits.axons // lines)
        if mapped.unrolled:
            inputs = max(1, most * tile.fan_in // tile.axons)
            return f"{inputs} inputs of a window or fewer a core of {mapped.name}, or smaller blocks"
        rows = -(-mapped.geometry.fan_in // most)
        return f"cut the fan-in of {mapped.name} into {rows} rows: axons={most}"

    yield from _worst(asked, Limit("axons", limits.axons, "axons", lambda tile: tile.axons * lines, fix))


def _neurons(asked: Asked) -> Iterator[Violation]:
    allowed = asked.preset.limits.neurons

    def fix(tile: Tile) -> str:
        mapped = asked.layers[tile.layer]
        window = mapped.geometry.window_size
        if mapped.unrolled and window > allowed:
            return f"{mapped.name} pools {window} positions: use smaller windows, or shared weights"
        columns = -(-mapped.geometry.outputs // allowed)
        return f"cut the outputs of {mapped.name} into {columns} columns: neurons={allowed}"

    yield from _worst(asked, Limit("neurons", allowed, "neurons", lambda tile: tile.neurons, fix))


def _synapse_bits(asked: Asked) -> Iterator[Violation]:
    allowed, bits = asked.preset.limits.synapse_bits, asked.graph.bits

    def fix(tile: Tile) -> str:
        width = allowed // (tile.axons * bits.weights)
        return f"{max(1, width)} neurons beside {tile.axons} inputs fit: neurons={max(1, width)}"

    def value(tile: Tile) -> int:
        return weight_bits(tile, bits)

    yield from _worst(asked, Limit("synapse_bits", allowed, "bits of weights", value, fix))


def _memory(asked: Asked) -> Iterator[Violation]:
    allowed, gradient = asked.preset.limits.memory_bits, asked.options.gradient
    if asked.training and not asked.preset.limits.learns:
        return  # what training would need is of no interest where nothing learns

    def bits(tile: Tile, batch: int) -> int:
        return sum(core_memory(asked.graph, asked.layers[tile.layer], tile, batch, gradient).values())

    def fix(tile: Tile) -> str:
        if asked.training and bits(tile, 1) <= allowed:
            low, high = 1, asked.batch
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if bits(tile, middle) <= allowed else (low, middle)
            return f"a batch of {low} fits layer {asked.layers[tile.layer].name}"
        uses = core_memory(asked.graph, asked.layers[tile.layer], tile, asked.batch, gradient)
        largest = max(uses, key=lambda use: uses[use])
        recomputed = " or gradient=recomputed" if largest == "gradient" and gradient == "stored" else ""
        return f"most bits of core {tile.core} are {largest}: use smaller tiles{recomputed}"

    def value(tile: Tile) -> int:
        return bits(tile, asked.batch)

    if asked.layers:
        yield from _worst(asked, Limit("memory_bits", allowed, "bits of memory", value, fix))
        return
    for layer, bits_at_least in zip(asked.graph.layers, asked.lacking, strict=True):
        if bits_at_least is not None:
            hint = f"no cut of layer {layer.name} fits: use a smaller batch or larger cores"
            yield Violation("memory_bits", layer.name, None, bits_at_least, allowed, "bits of memory", hint)


def _partial_bits(asked: Asked) -> Iterator[Violation]:
    allowed = asked.preset.limits.partial_bits
    for mapped in asked.layers:
        if mapped.rows > 1 and mapped.partial_bits > allowed:
            fix = f"fewer inputs a core of {mapped.name}" + (
                ", or reduction=direct" if asked.options.reduction == "chain" else ""
            )
            yield Violation(
                "partial_bits", mapped.name, None, mapped.partial_bits, allowed, "bits of a partial sum", fix
            )


def _partials(asked: Asked) -> Iterator[Violation]:
    allowed = asked.preset.limits.partials
    if asked.options.reduction == "chain":
        return  # one arrives at a time
    for mapped in asked.layers:
        if mapped.rows > allowed:
            fix = f"at most {allowed} rows of cores for {mapped.name}, or reduction=chain"
            yield Violation("partials", mapped.name, None, mapped.rows, allowed, "partial sums", fix)


PREDICATES: dict[str, Predicate] = {
    "learns": _learns,
    "weight_bits": _weight_bits,
    "activation_bits": _activation_bits,
    "error_bits": _error_bits,
    "master_bits": _master_bits,
    "convolutions": _convolution,
    "cores": _cores,
    "axons": _axons,
    "neurons": _neurons,
    "synapse_bits": _synapse_bits,
    "memory_bits": _memory,
    "partial_bits": _partial_bits,
    "partials": _partials,
}
"""Every limit by its name, which is the key of the preset's `[limits]` where it stands."""
