"""The buffers of a program's arena, with their lifetimes."""

from __future__ import annotations

from wagekit.backends.mcu.families import Scratch, family_of
from wagekit.backends.mcu.members import INT_BYTES
from wagekit.backends.mcu.plan import LayerPlan, Op
from wagekit.ir import Graph
from wagekit.passes.buffers import Buffer


class Buffers:
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
            self._scratches(layer)
        return self.found

    def _scratches(self, layer: LayerPlan) -> None:
        forward, backward = f"forward_{layer.index}", f"backward_input_{layer.index}"
        if layer.live:
            # The first entry of a list is how many follow.
            self._scratch((Scratch("live", "uint16_t", layer.fan_in + 1),), forward, layer.index)
            if layer.sends_error:
                lists = (
                    Scratch("senders", "uint16_t", layer.outputs + 1),
                    Scratch("passing", "uint16_t", layer.fan_in + 1),
                )
                self._scratch(lists, backward, layer.index)
            return
        node = self.graph.layers[layer.index]
        family = family_of(node)
        self._scratch(family.forward_scratch(node, layer.pairs), forward, layer.index)
        if layer.sends_error:
            self._scratch(family.backward_input_scratch(node), backward, layer.index)

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
        if layer.pool is not None and layer.pooled:
            if layer.gradient_mode == "recomputed":
                users.append(last)
            winners = self.batch * layer.outputs * layer.pool.winner_bytes
            self._add(f"winners_{index}", "uint8_t", winners, f"forward_{index}", *users)
        if layer.gradient_mode == "outer":
            self._add(f"nonzero_{index}", "uint32_t", layer.fan_in // 2 + 1, last)
        elif layer.gradient_mode is not None:
            held = layer.weights if layer.gradient_mode == "stored" else layer.fan_in
            ctype = f"int{layer.gradient_bits}_t"
            self._add(f"gradient_{index}", ctype, held, f"gradient_{index}", f"update_{index}")
