"""What a plan may choose, what it costs about, and the search for the fastest choice that fits.

Every choice gives the same bits. Costs are estimates in instructions of a Cortex-M a sample,
good enough to rank choices; `bench` measures what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from math import prod
from typing import Literal

from wagekit.backends.mcu.families import SHORT_KERNEL_ROW
from wagekit.backends.mcu.plan import Choice, GradientMode, PairsGeometry, Plan
from wagekit.errors import UsageError
from wagekit.ir import Conv2d, Graph, WeightLayer

Prefer = Literal["fastest", "smallest", "plain"]
MAX_INDEX = 65_535
"""Lists of positions are uint16."""
NARROW = 4
WIDE = 8
"""Words of a row that `wk_conv2d_forward_pairs` sums at a time."""
_LIVE = 0.6
"""Activations and errors that are not 0, typically."""
_NONZERO = 0.67
"""Ternary weights that are not 0, at the start."""


@dataclass(frozen=True, slots=True)
class _Upgrade:
    """A faster way for one layer, for more memory."""

    layer: int
    kind: Literal["pairs", "stored"]
    saving: float


def pairs_of(graph: Graph, layer: WeightLayer) -> PairsGeometry | None:
    """How the layer would sum two outputs in a word; None where it cannot.

    It takes ternary weights, one sample at a time, and a horizontal stride of 1.
    """
    op = layer.op
    if not isinstance(op, Conv2d) or graph.batch != 1 or graph.bits.weights != 2 or op.stride[1] != 1:
        return None
    output_h, output_w, _ = layer.product_shape
    half = (output_h + 1) // 2
    rows = (half - 1) * op.stride[0] + op.kernel[0]
    pitch = max(output_w, NARROW) + op.kernel[1] - 1
    words = rows * pitch * layer.input.shape[-1]
    return PairsGeometry(half, rows, pitch, words) if words <= MAX_INDEX else None


def can_be_live(graph: Graph, layer: WeightLayer) -> bool:
    """Whether a dense layer may work from lists of what is not 0, straight from its masters."""
    sizes = (layer.input.size, layer.outputs)
    return graph.batch == 1 and not isinstance(layer.op, Conv2d) and max(sizes) <= MAX_INDEX


def leanest(graph: Graph, *, packed: bool) -> Choice:
    """The choice that needs the least memory; packed weights are unpacked a row at a time."""
    live = frozenset(layer.index for layer in graph.layers if not packed and can_be_live(graph, layer))
    gradients: dict[int, GradientMode] = {
        layer.index: "outer" if layer.index in live else "recomputed"
        for layer in graph.layers
        if layer.learns
    }
    return Choice(gradients, frozenset(), live, "the least memory")


def choose(
    graph: Graph,
    planned: Callable[[Choice], Plan],
    *,
    recompute: bool | Collection[int] | None,
    memory_limit: int | None,
    prefer: Prefer,
    packed: bool,
) -> Plan:
    """The plan of the fastest choice that fits `memory_limit`; the leanest where none does."""
    choice = _start(graph, recompute, prefer, packed)
    best = planned(choice)
    if prefer == "smallest":
        return best
    why = "the fastest" if memory_limit is None else f"the fastest within {memory_limit} bytes"
    if recompute is not None or prefer == "plain":
        why = f"{why}, {choice.why}"
    for upgrade in _upgrades(graph, choice, by_hand=recompute is not None, plain=prefer == "plain"):
        candidate = _applied(choice, upgrade, why)
        plan = planned(candidate)
        if memory_limit is None or plan.ram <= memory_limit:
            choice, best = candidate, plan
    return best


def _start(graph: Graph, recompute: bool | Collection[int] | None, prefer: Prefer, packed: bool) -> Choice:
    if prefer not in ("fastest", "smallest", "plain"):
        raise UsageError(f"prefer = {prefer!r}: 'fastest', 'smallest' or 'plain' is allowed")
    choice = leanest(graph, packed=packed)
    if prefer == "plain":
        gradients: dict[int, GradientMode] = dict.fromkeys(choice.gradients, "recomputed")
        choice = Choice(gradients, frozenset(), frozenset(), "plain kernels")
    if recompute is None:
        return choice
    twice = choice.gradients if recompute is True else recompute or ()
    chosen: dict[int, GradientMode] = {
        layer: mode if mode == "outer" else ("recomputed" if layer in twice else "stored")
        for layer, mode in choice.gradients.items()
    }
    return replace(choice, gradients=chosen, why="gradients by hand")


def _upgrades(graph: Graph, choice: Choice, *, by_hand: bool, plain: bool) -> list[_Upgrade]:
    """All faster ways, those that save most first."""
    found = []
    for layer in graph.layers:
        if not plain and pairs_of(graph, layer) is not None:
            saving = forward_cost(graph, layer, pairs=False) - forward_cost(graph, layer, pairs=True)
            found.append(_Upgrade(layer.index, "pairs", saving))
        if not by_hand and choice.gradients.get(layer.index) == "recomputed":
            found.append(_Upgrade(layer.index, "stored", gradient_cost(layer)))
    faster = [upgrade for upgrade in found if upgrade.saving > 0]
    return sorted(faster, key=lambda upgrade: (-upgrade.saving, upgrade.layer))


def _applied(choice: Choice, upgrade: _Upgrade, why: str) -> Choice:
    if upgrade.kind == "pairs":
        return replace(choice, pairs=choice.pairs | {upgrade.layer}, why=why)
    return replace(choice, gradients={**choice.gradients, upgrade.layer: "stored"}, why=why)


def estimate(graph: Graph, choice: Choice) -> int:
    """Instructions a sample of the whole program."""
    total = 0.0
    for layer in graph.layers:
        index = layer.index
        total += forward_cost(graph, layer, pairs=index in choice.pairs, live=index in choice.live)
        if layer.sends_error:
            total += gradient_cost(layer)
        mode = choice.gradients.get(index)
        if mode is not None:
            total += 14.0 * layer.weights.size * (_LIVE if mode == "outer" else 1.0)
            total += {"outer": 0, "stored": 1, "recomputed": 2}[mode] * gradient_cost(layer)
    return round(total)


def forward_cost(graph: Graph, layer: WeightLayer, *, pairs: bool, live: bool = False) -> float:
    """Instructions of a layer's forward pass of one sample."""
    positions = prod(layer.product_shape[:-1])
    derived = 3.5 * layer.weights.size
    if live:
        return 4.8 * _LIVE * layer.weights.size
    if not pairs:
        short = isinstance(layer.op, Conv2d) and layer.op.kernel[1] * layer.input.shape[-1] < SHORT_KERNEL_ROW
        return derived + layer.macs * (6.0 if short else 4.2)
    geometry = pairs_of(graph, layer)
    assert geometry is not None
    output_w = layer.product_shape[1]
    wide, rest = divmod(output_w, WIDE)
    narrow = 0
    if rest > NARROW and output_w >= WIDE:
        wide += 1
    else:
        narrow = -(-rest // NARROW)
    terms = layer.fan_in * _NONZERO
    sums = geometry.half * (wide * (20 * terms + 200) + narrow * (12 * terms + 120))
    return derived + layer.outputs * (sums + 9 * layer.fan_in + 15 * positions) + 20 * geometry.words


def gradient_cost(layer: WeightLayer) -> float:
    """Instructions of one pass over a layer's products with errors, of one sample."""
    positions = layer.output.size // layer.outputs
    return 3.5 * _LIVE * positions * layer.weights.size
