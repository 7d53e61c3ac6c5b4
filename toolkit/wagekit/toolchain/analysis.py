"""What a network needs on a board before anything is flashed: RAM and flash by part and by layer.

With the cross compiler every number is that of a firmware that was linked. Without it the network's
own bytes are exact all the same, because the plan knows them, and code is an estimate that says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from wagekit.backends.mcu import Plan, plan_model
from wagekit.boards import Board
from wagekit.errors import LimitError
from wagekit.ir import Graph
from wagekit.numerics.grids import IntArray
from wagekit.passes import compile_graph
from wagekit.spec import Network
from wagekit.toolchain import estimate, memory
from wagekit.toolchain.firmware import MODEL_SYMBOL, FirmwareImage, build_firmware, weights_in_flash
from wagekit.toolchain.size import Sizes

_PARTS = {
    "receive ring": ("rx_ring",),
    "transmit ring": ("tx_ring",),
    "link frames": ("received", "answers"),
    "checkpoints": ("checkpoint",),
    "link application": ("wk_app", "wk_app_learning", "link"),
    "sample store, one sample": ("codes", "labels"),
}
"""Static data of the firmware by the names of its objects; what is left is the port's."""
_Wanted = tuple[bool, int, Sequence[IntArray] | None]
"""Training, batch, masters built in."""
_OF_LAYER = re.compile(r"^(\w+?)_(\d+)$")


@dataclass(frozen=True, slots=True)
class LayerBytes:
    """One layer's share. Its buffers share bytes with those of other layers: they do not add up."""

    index: int
    title: str
    learns: bool
    weights: int
    macs: int
    flash: int
    """Bytes of its weights in flash: packed where it is frozen, or as they are built in."""
    masters: int
    """Bytes of its weights in RAM."""
    buffers: dict[str, int]
    gradient: str | None
    """How its gradient is come by; None where it learns nothing."""


@dataclass(frozen=True, slots=True)
class Advice:
    """A change with which a program fits: found by planning it, so that it does."""

    change: str
    ram: int
    """Bytes that are needed then."""


@dataclass(frozen=True, slots=True)
class Program:
    """What inference, or training at one batch size, needs on a board."""

    board: str
    training: bool
    batch: int
    fits: bool
    missing: int
    """Bytes of RAM, or else of flash, that the board lacks; 0 if it fits."""
    reason: str
    """Why it does not fit, in a line."""
    linked: bool
    """Measured in a linked firmware; else code is an estimate, and the port's data an upper bound."""
    ram: dict[str, int]
    ram_bytes: int
    """With room for one sample in the store."""
    ram_size: int
    flash: dict[str, int]
    flash_bytes: int
    flash_size: int
    sections: dict[str, int]
    """Of the ELF; empty if not linked."""
    stack: int | None
    """How deep the stack can grow; None if not linked."""
    samples: int
    """That the store could hold in what is left of the RAM."""
    network: dict[str, int]
    """The network's struct by use."""
    layers: tuple[LayerBytes, ...]
    operations: dict[str, int]
    """Instructions of a sample by operation: an estimate."""
    advice: tuple[Advice, ...]

    @property
    def instructions(self) -> int:
        """Instructions of a sample in all: an estimate."""
        return sum(self.operations.values())

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def analyse(
    net: Network,
    board: Board,
    *,
    training: bool,
    batch: int = 1,
    masters: Sequence[IntArray] | None = None,
    compiled: bool = True,
    advise: bool = True,
) -> Program:
    """What a firmware with the link needs. `masters` are built into its flash.

    What does not fit is an answer, with advice if `advise`, not an error. ToolError: `compiled`,
    and there is no compiler.
    """
    try:
        plan = _plan(net, board, batch, training, masters)
        memory.ram_budget(board, plan, link=True)
        planned = _planned(net, board, plan, masters is not None)
        if planned.flash_bytes > planned.flash_size:
            raise _flash_misfit(planned)
        if not compiled:
            return planned
        image = build_firmware(net, board, batch=batch, masters=masters, training=training, store_limit=1)
        return _linked(planned, image, masters is not None)
    except LimitError as error:
        return _misfit(net, board, (training, batch, masters), error, advise=advise)


def _plan(net: Network, board: Board, batch: int, training: bool, masters: Sequence[IntArray] | None) -> Plan:
    """The plan that a build for the board would use; LimitError where the network itself cannot be."""
    graph = compile_graph(net, batch=batch, training=training)
    _, packed = weights_in_flash(graph, net.seed, masters)
    return _planned_within(graph, board, packed)


def _planned_within(graph: Graph, board: Board, packed: bool | Collection[int]) -> Plan:
    assert graph.batch is not None
    limit = memory.model_limit(board, graph.input.size, graph.batch, len(graph.layers), link=True)
    return plan_model(graph, memory_limit=max(limit, 1), packed=packed)


def _planned(net: Network, board: Board, plan: Plan, baked: bool) -> Program:
    needs = _needs(board, plan)
    flash = {
        "code": estimate.code_bytes(board, plan),
        "weights": plan.flash_bytes(baked=baked),
    }
    ram_size = board.region("ram").size
    ram_bytes = sum(needs.values())
    return Program(
        board=board.name,
        training=plan.training,
        batch=plan.batch,
        fits=True,
        missing=0,
        reason="",
        linked=False,
        ram=needs,
        ram_bytes=ram_bytes,
        ram_size=ram_size,
        flash=flash,
        flash_bytes=sum(flash.values()),
        flash_size=board.code_flash,
        sections={},
        stack=None,
        samples=_samples(ram_size - ram_bytes, plan),
        network=plan.parts(),
        layers=_layers(plan, baked),
        operations=estimate.instructions(plan, board, net.input.encoding),
        advice=(),
    )


def _needs(board: Board, plan: Plan) -> dict[str, int]:
    """The table of `ram_budget` with one sample, whether it fits or not."""
    return {need.name: need.bytes for need in memory.least_needs(board, plan, link=True)}


def _samples(left: int, plan: Plan) -> int:
    return max(0, min(1 + left // (plan.inputs + memory.LABEL_BYTES), memory.MAX_SLOTS))


def _layers(plan: Plan, baked: bool) -> tuple[LayerBytes, ...]:
    buffers: dict[int, dict[str, int]] = {layer.index: {} for layer in plan.layers}
    for buffer in plan.buffers:
        found = _OF_LAYER.match(buffer.name)
        name, index = (found[1], int(found[2])) if found else (buffer.name, 0)
        buffers[index][name] = buffer.bytes
    masters = {member.name: member.bytes for member in plan.members}
    return tuple(
        LayerBytes(
            index=layer.index,
            title=layer.title,
            learns=layer.learns,
            weights=layer.weights,
            macs=node.macs,
            flash=plan.flash_of(layer, baked=baked),
            masters=masters.get(f"masters_{layer.index}", 0),
            buffers=buffers[layer.index],
            gradient=layer.gradient_mode,
        )
        for layer, node in zip(plan.layers, plan.graph.layers, strict=True)
    )


def _linked(planned: Program, image: FirmwareImage, baked: bool) -> Program:
    """The same with the numbers of the ELF."""
    sizes = image.sizes
    ram = _ram_of(sizes, image.board, image.plan)
    weights = image.plan.flash_bytes(baked=baked)
    return replace(
        planned,
        linked=True,
        ram=ram,
        ram_bytes=sizes.ram,
        flash={"code": sizes.flash - weights, "weights": weights},
        flash_bytes=sizes.flash,
        sections={section.name: section.bytes for section in sizes.sections},
        stack=image.stack.total if image.stack else None,
        samples=_samples(planned.ram_size - sizes.ram, image.plan),
    )


def _ram_of(sizes: Sizes, board: Board, plan: Plan) -> dict[str, int]:
    """RAM of the ELF by use; it sums up to `sizes.ram`."""
    region = board.region("ram")
    data = [symbol for symbol in sizes.symbols if symbol.kind == "object" and symbol.address >= region.origin]
    data = [symbol for symbol in data if symbol.address < region.origin + region.size]
    model = sizes.symbol(MODEL_SYMBOL)
    assert model is not None and model.bytes == plan.ram
    ram = {f"network, {part}": size for part, size in plan.parts().items()}
    ram["stack"] = sizes.stack
    for part, names in _PARTS.items():
        # The port has a `received` too, a counter: the largest of a name is meant.
        ram[part] = sum(max((s.bytes for s in data if s.name == name), default=0) for name in names)
    ram["port and padding"] = sizes.ram - sum(ram.values())
    return ram


def _flash_misfit(planned: Program) -> memory.FitError:
    missing = planned.flash_bytes - planned.flash_size
    return memory.FitError(
        f"{planned.flash_bytes:,} bytes of flash, {missing:,} more than the board's {planned.flash_size:,}",
        (),
        missing,
        "use a smaller network or a larger board",
    )


def _misfit(net: Network, board: Board, wanted: _Wanted, error: LimitError, *, advise: bool) -> Program:
    """What is missing, and with what it would fit."""
    training, batch, masters = wanted
    baked = masters is not None
    missing = error.missing if isinstance(error, memory.FitError) else 0
    try:
        plan = _plan(net, board, batch, training, masters)
        planned = _planned(net, board, plan, baked)
    except LimitError:  # the network cannot be at this batch on any board
        planned = _nothing(board, training, batch)
    advice = tuple(_advice(net, planned, board, baked)) if advise else ()
    return replace(planned, fits=False, missing=missing, reason=error.message, samples=0, advice=advice)


def _nothing(board: Board, training: bool, batch: int) -> Program:
    sizes = {kind: board.region(kind).size for kind in ("ram", "flash")}
    return Program(
        board=board.name,
        training=training,
        batch=batch,
        fits=False,
        missing=0,
        reason="",
        linked=False,
        ram={},
        ram_bytes=0,
        ram_size=sizes["ram"],
        flash={},
        flash_bytes=0,
        flash_size=sizes["flash"],
        sections={},
        stack=None,
        samples=0,
        network={},
        layers=(),
        operations={},
        advice=(),
    )


# What would fit.


Fit = Callable[[Network, int, bool], int | None]
"""Bytes of RAM that a network needs at a batch, learning or not; None if it does not fit."""


def _advice(net: Network, misfit: Program, board: Board, baked: bool) -> list[Advice]:
    """Smallest changes of each kind with which it fits, each of them planned."""
    training, batch = misfit.training, misfit.batch

    def need(changed: Network, size: int, learns: bool) -> int | None:
        try:
            graph = compile_graph(changed, batch=size, training=learns)
            plan = _planned_within(graph, board, learns or baked)
            memory.ram_budget(board, plan, link=True)
        except LimitError:
            return None
        planned = _planned(changed, board, plan, baked)
        return planned.ram_bytes if planned.flash_bytes <= planned.flash_size else None

    found: list[Advice] = []
    smaller = _largest_batch(net, batch, training, need)
    if smaller:
        found.append(Advice(f"batch {smaller[0]} instead of {batch}", smaller[1]))
    if training:
        found += _freezing(net, batch, need)
        if batch > 1 and not found:
            found += _freezing(net, 1, need)
    found += _shrinking(net, batch, training, need)
    if training and (bytes_needed := need(net, 1, False)) is not None:
        found.append(Advice("inference only, at batch 1", bytes_needed))
    return found


def _largest_batch(net: Network, batch: int, training: bool, need: Fit) -> tuple[int, int] | None:
    best = None
    low, high = 1, batch - 1
    while low <= high:
        middle = (low + high + 1) // 2 if best else low  # batch 1 first: often nothing fits
        size = need(net, middle, training)
        if size is None:
            if best is None:
                return None
            high = middle - 1
        else:
            best = middle, size
            low = middle + 1
    return best


def frozen_first(net: Network, count: int) -> Network:
    """The network with its first `count` weight layers frozen."""
    layers = []
    left = count
    for layer in net.layers:
        if layer.type == "max_pool" or left == 0:
            layers.append(layer)
            continue
        layers.append(layer.model_copy(update={"frozen": True}))
        left -= 1
    return net.replace(layers=layers)


def _freezing(net: Network, batch: int, need: Fit) -> list[Advice]:
    """The fewest first layers that must be frozen."""
    total = sum(layer.type != "max_pool" for layer in net.layers)
    for count in range(1, total):
        changed = frozen_first(net, count)
        if changed == net:
            continue
        size = need(changed, batch, True)
        if size is not None:
            which = "the first layer" if count == 1 else f"the first {count} layers"
            return [Advice(f"{which} frozen, at batch {batch}", size)]
    return []


EIGHTHS = 8


def shrunk(net: Network, eighths: int) -> Network:
    """The network with so many eighths of the filters and units of every hidden layer, at least one."""
    layers = list(net.layers)
    for at, layer in enumerate(layers[:-1]):
        if layer.type == "dense":
            layers[at] = layer.model_copy(update={"units": max(1, layer.units * eighths // EIGHTHS)})
        elif layer.type != "max_pool":
            layers[at] = layer.model_copy(update={"filters": max(1, layer.filters * eighths // EIGHTHS)})
    return net.replace(layers=layers)


def _shrinking(net: Network, batch: int, training: bool, need: Fit) -> list[Advice]:
    for eighths in range(EIGHTHS - 1, 0, -1):
        size = need(shrunk(net, eighths), batch, training)
        if size is not None:
            share = f"{eighths}/{EIGHTHS} of the filters and units in every hidden layer"
            return [Advice(f"{share}, at batch {batch}", size)]
    return []
