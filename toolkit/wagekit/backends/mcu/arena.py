"""The buffers of a program's arena, with their lifetimes."""

from __future__ import annotations

from wagekit.backends.mcu.families import Scratch, family_of
from wagekit.backends.mcu.members import INT_BYTES
from wagekit.backends.mcu.plan import Choice, LayerPlan, Op, activation_buffer
from wagekit.ir import Graph
from wagekit.passes.buffers import Buffer


class Buffers:
    """Collects the arena's buffers of a program with their lifetimes."""

    def __init__(
        self,
        graph: Graph,
        layers: tuple[LayerPlan, ...],
        ops: tuple[Op, ...],
        choice: Choice,
        error_bits: int,
    ) -> None:
        assert graph.batch is not None
        self.graph = graph
        self.layers = layers
        self.choice = choice
        self.batch = graph.batch
        self.error_bits = error_bits
        self.ops = ops
        self.at = {op.name: number for number, op in enumerate(ops)}
        self.found: list[tuple[Buffer, str, int]] = []

    def all(self, *, kept_bits: int | None) -> list[tuple[Buffer, str, int]]:
        """Buffers with their element types and counts.

        With `kept_bits` there is one for the masters of this type that an update will be compared with.
        """
        for layer in self.layers:
            self._tensors(layer)
            self._learning(layer)
            self._scratches(layer)
        if kept_bits is not None:
            self._keep_rows(kept_bits)
        return self.found

    def _keep_rows(self, master_bits: int) -> None:
        """Room for the masters of an update's tile as they were before it, to compare."""
        for op in self.ops:
            if op.kind == "update" and op.layer is not None:
                count = op.slicing.chunk if op.slicing else self.layers[op.layer].fan_in
                self._add(f"before_{op.layer}", f"int{master_bits}_t", count, op.name)

    def _scratches(self, layer: LayerPlan) -> None:
        for kind in ("forward", "again") if layer.index in self.choice.dropped else ("forward",):
            op = Op(kind, layer.index, None)
            for item in self._forward_scratch(layer):
                self._add(f"{item.name}_{op.tag}", item.ctype, item.count, op.name)
        self._backward_scratch(layer)

    def _forward_scratch(self, layer: LayerPlan) -> tuple[Scratch, ...]:
        if layer.live:
            # The first entry of a list is how many follow.
            return (Scratch("live", "uint16_t", layer.fan_in + 1),)
        node = self.graph.layers[layer.index]
        return family_of(node).forward_scratch(node, layer.pairs)

    def _backward_scratch(self, layer: LayerPlan) -> None:
        backward = f"backward_input_{layer.index}"
        if layer.live:
            if layer.sends_error:
                lists = (
                    Scratch("senders", "uint16_t", layer.outputs + 1),
                    Scratch("passing", "uint16_t", layer.fan_in + 1),
                )
                self._scratch(lists, backward, layer.index)
            return
        if layer.sends_error:
            node = self.graph.layers[layer.index]
            self._scratch(family_of(node).backward_input_scratch(node), backward, layer.index)

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
        forward, late = [f"forward_{index}"], [f"again_{index}"]
        if layer.learns:
            late.append(f"gradient_{index}" if layer.gradient_mode == "stored" else f"update_{index}")
        if layer.sends_error:
            late.append(f"mask_{index - 1}")
        below = index - 1
        count = self.batch * layer.input_size
        name = activation_buffer(below, self.choice, late=False)
        if below >= 0:
            forward.append(f"forward_{below}")
        if below in self.choice.dropped:
            self._add(name, "int8_t", count, *forward)
            name = activation_buffer(below, self.choice, late=True)
            self._add(name, "int8_t", count, f"again_{below}", *late)
        else:
            self._add(name, "int8_t", count, *forward, *late)

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
        if layer.pool is not None and layer.pooled:
            if layer.recomputes:
                users.append(last)
            winners = self.batch * layer.outputs * layer.pool.winner_bytes
            maker = "again" if index in self.choice.dropped else "forward"
            self._add(f"winners_{index}", "uint8_t", winners, f"{maker}_{index}", *users)
        if layer.gradient_mode == "outer":
            self._add(f"nonzero_{index}", "uint32_t", layer.fan_in // 2 + 1, last)
        elif layer.gradient_mode is not None:
            held = layer.gradient_rows * layer.fan_in
            ctype = f"int{layer.gradient_bits}_t"
            self._add(f"gradient_{index}", ctype, held, f"gradient_{index}", f"update_{index}")
