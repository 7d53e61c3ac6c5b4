"""From a verified graph to the plan: operations in order, buffers with lifetimes, bytes of RAM."""

from __future__ import annotations

from collections.abc import Collection
from math import prod

from wagekit.backends.mcu.families import Scratch, family_of
from wagekit.backends.mcu.members import INT_BYTES, struct_members
from wagekit.backends.mcu.plan import (
    ArenaBuffer,
    ConvGeometry,
    GradientMode,
    LayerPlan,
    Op,
    Plan,
    PoolGeometry,
)
from wagekit.errors import LimitError
from wagekit.ir import Conv2d, Graph, WeightLayer
from wagekit.numerics import grid_limit, master_limit
from wagekit.passes.buffers import Buffer, peak_bytes, place_buffers

MAX_BYTES = (1 << 31) - 1
"""Offsets are int32 in the generated C."""
MAX_WINDOW = 256
"""The winner of a pooling window is stored in one byte."""
ARENA_ALIGN = 8


def plan_model(
    graph: Graph,
    *,
    recompute: bool | Collection[int] | None = None,
    memory_limit: int | None = None,
) -> Plan:
    """Plan the program and the memory of a compiled graph.

    `recompute` says which layers compute their gradient twice, a row at a time, instead of
    storing it: all, none, or those with these numbers. None leaves it to `memory_limit`:
    gradients are stored, and given up from the largest on until `wk_model_t` has at most
    that many bytes. If it never does, the smallest plan is returned: compare `Plan.ram`.
    Both ways give the same bits.

    Raises `LimitError` for a pooling window or a memory that the generated C cannot index.
    """
    if graph.batch is None or graph.training is None:
        raise ValueError("plan_model needs a graph from compile_graph")
    learning = [layer.index for layer in graph.layers if layer.learns]
    if recompute is not None:
        chosen = set(learning if recompute is True else recompute or ())
        return _plan(graph, graph.batch, chosen)
    plan = _plan(graph, graph.batch, set())
    largest_first = sorted(learning, key=lambda index: -_gradient_bytes(graph.layers[index]))
    for count in range(1, len(largest_first) + 1):
        if memory_limit is None or plan.ram <= memory_limit:
            break
        plan = _plan(graph, graph.batch, set(largest_first[:count]))
    return plan


def _plan(graph: Graph, batch: int, recomputed: set[int]) -> Plan:
    bits = graph.bits
    layers = tuple(_layer(graph, layer, recomputed) for layer in graph.layers)
    ops = _operations(layers, bool(graph.training))
    error_bits = 8 if bits.errors <= 8 else 16
    buffers = _Buffers(graph, layers, ops, batch, error_bits).all()
    arena = place_buffers([buffer for buffer, _, _ in buffers])
    master_bits = 8 if bits.gradients <= 8 else 16
    arena_bytes = -(-arena.bytes // ARENA_ALIGN) * ARENA_ALIGN
    members, ram = struct_members(layers, batch, arena_bytes, master_bits)
    if ram > MAX_BYTES:
        raise LimitError(
            f"{graph.name}: the network needs {ram} bytes at batch {batch}; generated C indexes {MAX_BYTES}",
            hint="use a smaller batch",
        )
    return Plan(
        graph=graph,
        batch=batch,
        training=bool(graph.training),
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
    )


def _layer(graph: Graph, layer: WeightLayer, recomputed: set[int]) -> LayerPlan:
    ranges = layer.ranges
    assert ranges is not None and layer.learns is not None and layer.sends_error is not None
    conv, pool = _geometry(layer)
    low, high = (0, 0) if layer.last else layer.clip
    mode: GradientMode | None = None
    if layer.learns:
        mode = "recomputed" if layer.index in recomputed else "stored"
    return LayerPlan(
        index=layer.index,
        title=_title(layer),
        family=family_of(layer).name,
        conv=conv,
        pool=pool,
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
        gradient_mode=mode,
        gradient_bits=ranges.gradient_bits if layer.learns else None,
        raw_bits=_raw_bits(graph, layer),
        last=layer.last,
    )


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
    return conv, PoolGeometry(output_w, *window, pooled_h, pooled_w)


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


def _operations(layers: tuple[LayerPlan, ...], training: bool) -> tuple[Op, ...]:
    """The program in order. Errors go through a layer before it is updated: they use the weights
    of the forward pass. Raw errors are quantised before the gradient, so that they never live together."""
    ops = [Op("forward", layer.index, layer.outputs) for layer in layers]
    if not training:
        return tuple(ops)
    ops.append(Op("loss", None, None))
    for layer in reversed(layers):
        if not layer.has_errors:
            break
        if layer.last:
            ops.append(Op("quantise", layer.index, None))
        if layer.sends_error:
            ops.append(Op("backward_input", layer.index, layer.outputs))
            ops.append(Op("mask", layer.index - 1, None))
            ops.append(Op("quantise", layer.index - 1, None))
        if layer.learns:
            ops.append(Op("gradient", layer.index, layer.outputs))
            ops.append(Op("update", layer.index, layer.outputs))
    ops.append(Op("finish", None, 1))
    return tuple(ops)


def _gradient_bytes(layer: WeightLayer) -> int:
    assert layer.ranges is not None and layer.ranges.gradient_bits is not None
    return layer.weights.size * layer.ranges.gradient_bits // 8


class _Buffers:
    """Collects the arena's buffers of a program with their lifetimes."""

    def __init__(
        self, graph: Graph, layers: tuple[LayerPlan, ...], ops: tuple[Op, ...], batch: int, error_bits: int
    ) -> None:
        self.graph = graph
        self.layers = layers
        self.batch = batch
        self.error_bits = error_bits
        self.at = {op.name: number for number, op in enumerate(ops)}
        self.found: list[tuple[Buffer, str, int]] = []

    def all(self) -> list[tuple[Buffer, str, int]]:
        """Buffers with their element types and counts."""
        for layer in self.layers:
            self._tensors(layer)
            self._learning(layer)
            node = self.graph.layers[layer.index]
            family = family_of(node)
            self._scratch(family.forward_scratch(node), f"forward_{layer.index}", layer.index)
            if layer.sends_error:
                name = f"backward_input_{layer.index}"
                self._scratch(family.backward_input_scratch(node), name, layer.index)
        return self.found

    def _add(self, name: str, ctype: str, count: int, *ops: str) -> None:
        """A buffer that is needed from the first to the last of those operations that exist."""
        live = [self.at[op] for op in ops if op in self.at]
        size = INT_BYTES[ctype]
        self.found.append((Buffer(name, count * size, size, min(live), max(live)), ctype, count))

    def _scratch(self, scratch: tuple[Scratch, ...], op: str, layer: int) -> None:
        for item in scratch:
            self._add(f"{item.name}_{layer}", item.ctype, item.count, op)

    def _tensors(self, layer: LayerPlan) -> None:
        """What the layer reads: the input, or the activation of the layer below."""
        index = layer.index
        readers = [f"forward_{index}"]
        if layer.learns:
            readers += [f"gradient_{index}", f"update_{index}"]
        if layer.gradient_mode == "stored":
            readers.remove(f"update_{index}")
        count = self.batch * layer.input_size
        if index == 0:
            self._add("input", "int8_t", count, *readers)
        else:
            if layer.sends_error:
                readers.append(f"mask_{index - 1}")
            self._add(f"output_{index - 1}", "int8_t", count, f"forward_{index - 1}", *readers)

    def _learning(self, layer: LayerPlan) -> None:
        index = layer.index
        users = []
        if layer.sends_error:
            users.append(f"backward_input_{index}")
        if layer.learns:
            users.append(f"gradient_{index}")
        if not users:
            if layer.last and layer.raw_bits is not None:
                self._add(f"raw_{index}", "int32_t", self.batch * layer.output_size, "loss")
            return
        count = self.batch * layer.output_size
        source = "loss" if layer.last else f"backward_input_{index + 1}"
        self._add(f"raw_{index}", f"int{layer.raw_bits}_t", count, source, f"quantise_{index}")
        # An update skips outputs without errors, so it reads them also where gradients are stored.
        last = f"update_{index}"
        self._add(f"errors_{index}", f"int{self.error_bits}_t", count, f"quantise_{index}", *users, last)
        if layer.pooled:
            if layer.gradient_mode == "recomputed":
                users.append(last)
            self._add(f"winners_{index}", "uint8_t", count, f"forward_{index}", *users)
        if layer.gradient_mode is not None:
            held = layer.weights if layer.gradient_mode == "stored" else layer.fan_in
            ctype = f"int{layer.gradient_bits}_t"
            self._add(f"gradient_{index}", ctype, held, f"gradient_{index}", f"update_{index}")
