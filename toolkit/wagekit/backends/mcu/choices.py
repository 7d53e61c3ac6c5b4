"""What a plan may choose, and the search for the fastest choice that fits.

Every choice gives the same bits. Which is faster is estimated (`costs`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from wagekit.backends.mcu import costs
from wagekit.backends.mcu.plan import Choice, PairsGeometry, Plan
from wagekit.errors import UsageError
from wagekit.ir import Conv2d, Graph, WeightLayer

Prefer = Literal["fastest", "smallest", "plain"]
MAX_INDEX = 65_535
"""Lists of positions are uint16."""


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
    pitch = max(output_w, costs.NARROW) + op.kernel[1] - 1
    words = rows * pitch * layer.input.shape[-1]
    return PairsGeometry(half, rows, pitch, words) if words <= MAX_INDEX else None


def can_be_live(graph: Graph, layer: WeightLayer) -> bool:
    """Whether a dense layer may work from lists of what is not 0, straight from its masters."""
    sizes = (layer.input.size, layer.outputs)
    return graph.batch == 1 and not isinstance(layer.op, Conv2d) and max(sizes) <= MAX_INDEX


def leanest(graph: Graph, *, packed: Collection[int]) -> Choice:
    """The choice that needs the least memory as long as all activations are kept.

    The weights of `packed` layers are unpacked a row at a time.
    """
    live = frozenset(
        layer.index for layer in graph.layers if layer.index not in packed and can_be_live(graph, layer)
    )
    return Choice(_rows(graph, live), frozenset(), live, frozenset(), "the least memory")


def _rows(graph: Graph, live: frozenset[int]) -> dict[int, int]:
    """No stored row for each layer that has a gradient at all."""
    return {layer.index: 0 for layer in graph.layers if layer.learns and layer.index not in live}


@dataclass(frozen=True, slots=True)
class ByHand:
    """What the caller decides instead of the planner; None is left to the planner."""

    recompute: bool | Collection[int] | None
    """Layers whose gradient is computed twice."""
    stored_rows: Mapping[int, int]
    """Rows of the gradient that are stored, by layer."""
    recompute_activations: bool | Collection[int] | None
    """Layers whose activation is computed again; True: where that needs less memory."""

    @property
    def text(self) -> str:
        """What was decided, in a few words."""
        gradients = self.recompute is not None or bool(self.stored_rows)
        words = ["gradients"] * gradients + ["activations"] * (self.recompute_activations is not None)
        return f"{' and '.join(words)} by hand" if words else ""

    def decides_rows(self, layer: int) -> bool:
        """Whether the rows of this layer's gradient are not for the planner to choose."""
        return self.recompute is not None or layer in self.stored_rows


def choose(
    graph: Graph,
    planned: Callable[[Choice], Plan],
    *,
    by_hand: ByHand,
    memory_limit: int | None,
    prefer: Prefer,
    packed: Collection[int],
) -> Plan:
    """The plan of the fastest choice that fits `memory_limit`; the leanest where none does.

    Activations are computed again only where nothing fits without, or where the least is wanted.
    """
    best = planned(_start(graph, by_hand, prefer, packed))
    asked = by_hand.recompute_activations
    if asked is True or (asked is None and (prefer == "smallest" or _exceeds(best, memory_limit))):
        best = dropping(best, planned, memory_limit if prefer != "smallest" else None)
    if prefer == "smallest":
        why, memory_limit = "the least memory", best.ram
    else:
        why = "the fastest" if memory_limit is None else f"the fastest within {memory_limit} bytes"
    if prefer == "plain" or by_hand.text:
        why = f"{why}, {best.choice.why}"
    for upgrade in _upgrades(best, by_hand, plain=prefer == "plain"):
        best = _upgraded(best, upgrade, replace(best.choice, why=why), planned, memory_limit)
    return best


def _exceeds(plan: Plan, memory_limit: int | None) -> bool:
    return memory_limit is not None and plan.ram > memory_limit


def _start(graph: Graph, by_hand: ByHand, prefer: Prefer, packed: Collection[int]) -> Choice:
    if prefer not in ("fastest", "smallest", "plain"):
        raise UsageError(f"prefer = {prefer!r}: 'fastest', 'smallest' or 'plain' is allowed")
    for layer in by_hand.stored_rows:
        if layer not in range(len(graph.layers)):
            raise UsageError(
                f"stored_rows: there is no layer {layer} in {graph.name}; it has 0 to {len(graph.layers) - 1}"
            )
    choice = leanest(graph, packed=packed)
    if prefer == "plain":
        choice = Choice(_rows(graph, frozenset()), frozenset(), frozenset(), frozenset(), "plain kernels")
    if not by_hand.text:
        return choice
    rows = {
        layer: _rows_by_hand(graph.layers[layer], by_hand) if by_hand.decides_rows(layer) else 0
        for layer in choice.stored_rows
    }
    dropped = by_hand.recompute_activations
    return replace(
        choice,
        stored_rows=rows,
        dropped=frozenset() if dropped is None or isinstance(dropped, bool) else _checked(graph, dropped),
        why=by_hand.text,
    )


def _rows_by_hand(layer: WeightLayer, by_hand: ByHand) -> int:
    index = layer.index
    if index in by_hand.stored_rows:
        rows = by_hand.stored_rows[index]
        if not 0 <= rows <= layer.outputs:
            raise UsageError(
                f"stored_rows of layer {layer.name} = {rows}: 0 to its {layer.outputs} outputs is allowed"
            )
        return rows
    recompute = by_hand.recompute
    twice = recompute if isinstance(recompute, bool) else index in (recompute or ())
    return 0 if twice else layer.outputs


def _checked(graph: Graph, layers: Collection[int]) -> frozenset[int]:
    hidden = range(len(graph.layers) - 1)
    for layer in layers:
        if layer not in hidden:
            raise UsageError(
                f"recompute_activations: there is no hidden layer {layer} in {graph.name}; "
                f"its hidden layers are 0 to {len(hidden) - 1}"
            )
    return frozenset(layers)


def _upgrades(plan: Plan, by_hand: ByHand, *, plain: bool) -> list[_Upgrade]:
    """All faster ways, those that save most first."""
    found = []
    for layer, node in zip(plan.layers, plan.graph.layers, strict=True):
        pairs = None if plain else pairs_of(plan.graph, node)
        if pairs is not None:
            saving = costs.forward(layer, plan.batch) - costs.forward(replace(layer, pairs=pairs), plan.batch)
            found.append(_Upgrade(layer.index, "pairs", saving))
        if layer.stored_rows is not None and not by_hand.decides_rows(layer.index):
            found.append(_Upgrade(layer.index, "stored", costs.products("gradient", layer, plan.batch)))
    faster = [upgrade for upgrade in found if upgrade.saving > 0]
    return sorted(faster, key=lambda upgrade: (-upgrade.saving, upgrade.layer))


def _upgraded(
    best: Plan, upgrade: _Upgrade, choice: Choice, planned: Callable[[Choice], Plan], memory_limit: int | None
) -> Plan:
    """The plan with the faster way, as far as it fits: of a gradient also a part is stored."""
    if upgrade.kind == "pairs":
        plan = planned(replace(choice, pairs=choice.pairs | {upgrade.layer}))
        return best if _exceeds(plan, memory_limit) else plan
    low, high = 0, best.layers[upgrade.layer].outputs
    rows = high
    while low < high:
        plan = planned(replace(choice, stored_rows={**choice.stored_rows, upgrade.layer: rows}))
        if _exceeds(plan, memory_limit):
            high = rows - 1
        else:
            low, best = rows, plan
        rows = (low + high + 1) // 2
    return best


def dropping(plan: Plan, planned: Callable[[Choice], Plan], enough: int | None) -> Plan:
    """The plan with the activations dropped and computed again that it takes to fit `enough` bytes.

    The fewest instructions of what was found to fit; the least memory where nothing does, or where
    no limit is given. `plan` itself where dropping does not help. Sets of layers are searched by
    adding and removing one at a time, from none and from every second one on.
    """
    hidden = range(len(plan.layers) - 1)
    seen: dict[frozenset[int], Plan] = {}

    def at(dropped: frozenset[int]) -> Plan:
        if dropped not in seen:
            seen[dropped] = planned(replace(plan.choice, dropped=dropped))
        return seen[dropped]

    for start in (frozenset[int](), frozenset(hidden[::2])):
        here, step = at(start), None
        while step is not here:
            here = here if step is None else step
            step = min([here, *(at(here.choice.dropped ^ {layer}) for layer in hidden)], key=_by_peak)
    fitting = [other for other in seen.values() if enough is not None and other.ram <= enough]
    if fitting:
        return min(fitting, key=lambda other: other.instructions)
    least = min(seen.values(), key=_by_peak)
    return least if least.ram < plan.ram else plan


def _by_peak(plan: Plan) -> tuple[int, int]:
    return plan.peak, plan.instructions


def again(graph: Graph, dropped: Collection[int]) -> list[int]:
    """Those of the dropped activations that a training step reads again, itself or for one above."""
    found: list[int] = []
    for below, layer in zip(reversed(graph.layers[:-1]), reversed(graph.layers[1:]), strict=True):
        read = layer.learns or layer.sends_error or layer.index in found
        if below.index in dropped and read:
            found.append(below.index)
    return sorted(found)
