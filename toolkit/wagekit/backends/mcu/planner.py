"""From a verified graph to the plan: operations in order, buffers with lifetimes, bytes of RAM."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from math import prod

from wagekit.backends.mcu.arena import Buffers
from wagekit.backends.mcu.choices import ByHand, Prefer, again, choose, pairs_of
from wagekit.backends.mcu.costs import instructions_of
from wagekit.backends.mcu.families import family_of
from wagekit.backends.mcu.members import struct_members
from wagekit.backends.mcu.plan import (
    ArenaBuffer,
    Choice,
    ConvGeometry,
    LayerPlan,
    Op,
    Plan,
    PoolGeometry,
)
from wagekit.backends.mcu.slicing import Limit, sliced
from wagekit.errors import LimitError
from wagekit.ir import Conv2d, Graph, WeightLayer
from wagekit.numerics import grid_limit, master_limit
from wagekit.passes.buffers import peak_bytes, place_buffers

MAX_BYTES = (1 << 31) - 1
"""Offsets are int32 in the generated C."""
WINNER_BITS = (1, 2, 4, 8)
"""Widths of a stored winner: none crosses the border of a byte."""
MAX_WINDOW = 1 << WINNER_BITS[-1]
ARENA_ALIGN = 8
LIVE_OUTPUTS = 4
"""Outputs of a dense layer that are computed at once where only live inputs are read."""


def plan_model(
    graph: Graph,
    *,
    recompute: bool | Collection[int] | None = None,
    stored_rows: Mapping[int, int] | None = None,
    recompute_activations: bool | Collection[int] | None = None,
    memory_limit: int | None = None,
    prefer: Prefer = "fastest",
    packed: bool | Collection[int] = False,
    max_slice: int | None = None,
    health: bool = True,
) -> Plan:
    """Plan the program and the memory of a compiled graph.

    Several ways lead to the same bits. `prefer` says which is wanted: "fastest", the fastest whose
    `wk_model_t` has at most `memory_limit` bytes (any number without a limit), or "smallest".
    If none fits, the smallest plan is returned: compare `Plan.ram`. "plain" does without the
    kernels for a batch of one, otherwise as "fastest".

    By hand: `recompute` says which layers compute their gradient twice, a row at a time,
    instead of storing it: all, none, or those with these numbers; `stored_rows` of how many outputs
    a layer stores it, whatever `recompute` says. Both do not concern dense
    layers at a batch of one, which need neither, but with "plain".
    `recompute_activations` names the hidden layers whose activations are dropped after the forward
    pass and computed again before errors pass them; True drops those that make the plan smallest,
    False none. Without it they are dropped where nothing fits otherwise, and for "smallest".

    The weights of `packed` layers become constants in flash, k_W bits each, and have no masters in
    RAM: those layers that do not learn (in a graph that only infers, all), or some of them by
    number. `render_model` then needs their masters.

    `max_slice` bounds the multiply-accumulates of one slice (of `wk_model_poll`): tiles are cut by
    samples, by rows of products and by weights, with the plain kernels. That costs instructions,
    and changes no bit.

    Without `health` a program that learns cannot count the health of its layers, and has neither the code
    nor the memory for it: that of one row of masters during updates, and a few numbers a layer.

    Raises `LimitError` for a slice that cannot be so short, and for a pooling window or a memory
    that the generated C cannot index, `UsageError` for another preference.
    """
    if graph.batch is None or graph.training is None:
        raise ValueError("plan_model needs a graph from compile_graph")
    in_flash = _packed_layers(graph, packed)
    if max_slice is not None and prefer in ("fastest", "smallest"):
        memory_limit = 0 if prefer == "smallest" else memory_limit
        prefer = "plain"
    return choose(
        graph,
        lambda choice: _plan(graph, choice, in_flash, max_slice=max_slice, health=health),
        by_hand=ByHand(recompute, stored_rows or {}, recompute_activations),
        memory_limit=memory_limit,
        prefer=prefer,
        packed=in_flash,
    )


def _packed_layers(graph: Graph, packed: bool | Collection[int]) -> frozenset[int]:
    still = {layer.index for layer in graph.layers if not layer.learns}
    if isinstance(packed, bool):
        return frozenset(still) if packed else frozenset()
    if not still.issuperset(packed):
        learning = sorted(set(packed) - still)
        raise ValueError(f"layers {learning} learn, or are not there: packed weights cannot learn")
    return frozenset(packed)


def _plan(
    graph: Graph, choice: Choice, packed: frozenset[int], *, max_slice: int | None, health: bool
) -> Plan:
    assert graph.batch is not None
    bits, batch = graph.bits, graph.batch
    health = health and bool(graph.training)
    dropped = again(graph, choice.dropped) if graph.training else []
    choice = replace(choice, dropped=frozenset(dropped), stored_rows=_worthwhile(graph, choice))
    layers = tuple(_layer(graph, layer, choice, layer.index in packed) for layer in graph.layers)
    ops = _operations(layers, choice.dropped, bool(graph.training))
    if max_slice is not None:
        ops = tuple(sliced(op, layers, Limit(max_slice, graph.name)) for op in ops)
    error_bits = 8 if bits.errors <= 8 else 16
    master_bits = 8 if bits.gradients <= 8 else 16
    buffers = Buffers(graph, layers, ops, choice, error_bits).all(kept_bits=master_bits if health else None)
    arena = place_buffers([buffer for buffer, _, _ in buffers])
    arena_bytes = -(-arena.bytes // ARENA_ALIGN) * ARENA_ALIGN
    members, ram = struct_members(layers, batch, arena_bytes, master_bits, health)
    if ram > MAX_BYTES:
        raise LimitError(
            f"{graph.name}: the network needs {ram} bytes at batch {batch}; generated C indexes {MAX_BYTES}",
            hint="use a smaller batch",
        )
    return Plan(
        graph=graph,
        batch=batch,
        training=bool(graph.training),
        health=health,
        layers=layers,
        ops=ops,
        buffers=tuple(
            ArenaBuffer(
                buffer.name,
                ctype,
                count,
                buffer.bytes,
                arena.offsets[buffer.name],
                ops[buffer.first].name,
                ops[buffer.last].name,
            )
            for buffer, ctype, count in buffers
        ),
        arena_bytes=arena_bytes,
        members=members,
        ram=ram,
        peak=peak_bytes([buffer for buffer, _, _ in buffers]),
        master_bits=master_bits,
        error_bits=error_bits,
        master_limit=master_limit(bits.gradients, bits.weights),
        derive_shift=bits.gradients - bits.weights,
        derive_limit=grid_limit(bits.weights),
        one=1 << graph.log2_one,
        log2_one=graph.log2_one,
        choice=choice,
        instructions=round(sum(instructions_of(op, layers, batch) for op in ops)),
        max_slice=max_slice,
    )


def _layer(graph: Graph, layer: WeightLayer, choice: Choice, packed: bool) -> LayerPlan:
    ranges = layer.ranges
    assert ranges is not None and layer.learns is not None and layer.sends_error is not None
    conv, pool = _geometry(layer)
    low, high = (0, 0) if layer.last else layer.clip
    return LayerPlan(
        index=layer.index,
        title=_title(layer),
        family=family_of(layer).name,
        conv=conv,
        pool=pool,
        pairs=pairs_of(graph, layer) if layer.index in choice.pairs else None,
        packed=packed,
        live=layer.index in choice.live,
        pooled=layer.pool is not None,
        input_size=layer.input.size,
        output_size=layer.output.size,
        positions=layer.output.size // layer.outputs,
        outputs=layer.outputs,
        fan_in=layer.fan_in,
        weights=layer.weights.size,
        shift=layer.shift,
        low=low,
        high=high,
        mask_low=low,
        learns=layer.learns,
        sends_error=layer.sends_error,
        stored_rows=choice.stored_rows.get(layer.index),
        gradient_bits=ranges.gradient_bits if layer.learns else None,
        raw_bits=_raw_bits(graph, layer),
        last=layer.last,
    )


def _worthwhile(graph: Graph, choice: Choice) -> dict[int, int]:
    """Stored rows by layer: the last row of a gradient may stay where it was computed."""
    outputs = {layer: graph.layers[layer].outputs for layer in choice.stored_rows}
    return {
        layer: rows if rows < outputs[layer] - 1 else outputs[layer]
        for layer, rows in choice.stored_rows.items()
    }


def _raw_bits(graph: Graph, layer: WeightLayer) -> int | None:
    """Type of the raw errors at a layer's output: proved for the layer above, which sends them."""
    if layer.last:
        return 32 if graph.training else None
    above = graph.layers[layer.index + 1]
    assert above.ranges is not None
    return above.ranges.raw_error_bits if above.sends_error else None


def _geometry(layer: WeightLayer) -> tuple[ConvGeometry | None, PoolGeometry | None]:
    op = layer.op
    if not isinstance(op, Conv2d):
        return None, None
    input_h, input_w, input_c = layer.input.shape
    output_h, output_w, outputs = layer.product_shape
    window = layer.pool.window if layer.pool is not None else (1, 1)
    if prod(window) > MAX_WINDOW:
        raise LimitError(
            f"layer {layer.name}: a pooling window of {window[0]}x{window[1]} has {prod(window)} positions; "
            f"generated C holds at most {MAX_WINDOW}",
            hint="pool twice with smaller windows, or use a larger stride",
        )
    conv = ConvGeometry(
        input_h,
        input_w,
        input_c,
        output_h,
        output_w,
        outputs,
        *op.kernel,
        *op.stride,
        op.pads[0],
        op.pads[1],
        int(family_of(layer).by_rows(layer)),
    )
    pooled_h, pooled_w, _ = layer.output.shape
    winner_bits = next(bits for bits in WINNER_BITS if prod(window) <= 1 << bits)
    return conv, PoolGeometry(output_w, *window, pooled_h, pooled_w, winner_bits)


def _title(layer: WeightLayer) -> str:
    def shape(values: tuple[int, ...]) -> str:
        return "x".join(str(value) for value in values)

    if not isinstance(layer.op, Conv2d):
        return f"{layer.name}: dense {layer.input.size} -> {layer.outputs}"
    kernel, stride = shape(layer.op.kernel), shape(layer.op.stride)
    text = f"{layer.name}: conv2d {shape(layer.input.shape)} -> {shape(layer.product_shape)}"
    text += f", kernel {kernel}, stride {stride}"
    if layer.pool is not None:
        text += f", max_pool {shape(layer.pool.window)} -> {shape(layer.output.shape)}"
    return text


def _operations(layers: tuple[LayerPlan, ...], dropped: frozenset[int], training: bool) -> tuple[Op, ...]:
    """The program in order. Errors go through a layer before it is updated: they use the weights
    of the forward pass. Raw errors are quantised before the gradient, so that they never live together.
    A run of dropped activations is computed again just before the layer above it is gone through:
    no layer that this needs has been updated by then."""
    ops = [Op("forward", layer.index, _tiles(layer)) for layer in layers]
    if not training:
        return tuple(ops)
    ops.append(Op("loss", None, None))
    for layer in reversed(layers):
        if not layer.has_errors:
            break
        if layer.last:
            ops.append(Op("quantise", layer.index, None))
        if layer.index not in dropped:
            ops += [Op("again", below.index, _tiles(below)) for below in _run(layers, dropped, layer.index)]
        if layer.sends_error:
            ops.append(Op("backward_input", layer.index, _tiles(layer)))
            ops.append(Op("mask", layer.index - 1, None))
            ops.append(Op("quantise", layer.index - 1, None))
        if layer.learns:
            ops.append(Op("gradient", layer.index, 1 if layer.gradient_mode == "outer" else layer.outputs))
            ops.append(Op("update", layer.index, layer.outputs))
    ops.append(Op("finish", None, 1))
    return tuple(ops)


def _run(layers: tuple[LayerPlan, ...], dropped: frozenset[int], end: int) -> tuple[LayerPlan, ...]:
    """The layers below number `end` whose activations were dropped, down to the nearest kept one."""
    first = end
    while first - 1 in dropped:
        first -= 1
    return layers[first:end]


def _tiles(layer: LayerPlan) -> int:
    return -(-layer.outputs // LIVE_OUTPUTS) if layer.live else layer.outputs
