"""A chip of plain cores: every packet is walked link by link, every synapse is visited.

It takes tiles and places from a mapping, and nothing else: who needs what, who sends what, and what is
counted is worked out here anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from wagekit.backends.neuro import IO, Imperfections, Kind, Mapping, Phase, Tile
from wagekit.backends.neuro.core import Core, Hit, Position
from wagekit.numerics import kappa, layer_key

Packet = tuple[Kind, Phase, int, int, int]
NO_RATE = -17


@dataclass
class Sample:
    """What one sample leaves behind, by core."""

    number: int = 0
    """Among all that were presented."""
    received: dict[int, dict[int, int]] = field(default_factory=dict)
    outputs: dict[int, list[int]] = field(default_factory=dict)
    """By layer: activations in C order."""
    winners: dict[int, dict[int, Position]] = field(default_factory=dict)
    """By layer and element: the winning position before pooling."""
    hits: dict[int, list[Hit]] = field(default_factory=dict)
    """By core."""
    logits: list[int] = field(default_factory=list)


class PlainChip:
    def __init__(
        self,
        mapping: Mapping,
        masters: Sequence[object],
        seed: int,
        step: int = 0,
        imperfections: Imperfections | None = None,
    ) -> None:
        self.mapping, self.seed, self.step_count = mapping, seed, step
        self.presented = 0
        self.packets: Counter[Packet] = Counter()
        self.links: Counter[tuple[Phase, tuple[Position, Position]]] = Counter()
        self.cores: list[Core] = []
        for mapped in mapping.layers:
            layer = mapping.graph.layers[mapped.index]
            matrix = masters[mapped.index].reshape(layer.outputs, -1).tolist()  # type: ignore[attr-defined]
            largest = max(t.fan_in for t in mapped.tiles), max(t.width for t in mapped.tiles)
            for tile in mapped.tiles:
                part = [row[slice(*tile.inputs)] for row in matrix[slice(*tile.outputs)]]
                core = Core(tile, mapped.geometry, layer, mapping.graph.bits, part)
                core.imperfections, core.largest_tile = imperfections, largest
                self.cores.append(core)

    # Sending

    def send(self, kind: Kind, phase: Phase, layer: int, source: int, destination: int) -> None:
        self.packets[kind, phase, layer, source, destination] += 1
        (x, y), end = self.mapping.place(source), self.mapping.place(destination)
        while (x, y) != end:
            here = (x, y)
            if x != end[0]:
                x += 1 if end[0] > x else -1
            else:
                y += 1 if end[1] > y else -1
            self.links[phase, (here, (x, y))] += 1

    def tiles(self, layer: int) -> list[Tile]:
        return [tile for tile in self.mapping.tiles if tile.layer == layer]

    def one(self, layer: int, row: int, column: int, block: int) -> Core:
        return next(
            self.cores[t.core]
            for t in self.tiles(layer)
            if (t.row, t.column, t.block) == (row, column, block)
        )

    def maker(self, layer: int, element: int) -> int:
        """The core whose output an element of a layer's output is; `IO` for the network's input."""
        if layer < 0:
            return IO
        sizes = self.mapping.layers[layer].geometry
        place, channel = divmod(element, sizes.outputs)
        y, x = divmod(place, sizes.pooled[1])
        for tile in self.tiles(layer):
            y0, y1, x0, x1 = tile.places
            if tile.row == 0 and y0 <= y < y1 and x0 <= x < x1 and channel in range(*tile.outputs):
                return tile.core
        raise AssertionError("nobody makes it")

    def readers(self, layer: int) -> dict[int, set[int]]:
        """By element: the cores of a layer that some window of theirs brings it to."""
        found: dict[int, set[int]] = {}
        for tile in self.tiles(layer):
            core = self.cores[tile.core]
            for position in core.positions():
                for line in range(tile.fan_in):
                    element = core.element(line, position)
                    if element is not None:
                        found.setdefault(element, set()).add(tile.core)
        return found

    # Forward

    def forward(self, batch: Iterable[Sequence[int]]) -> list[Sample]:
        samples = []
        for x in batch:
            sample = Sample(self.presented)
            self.presented += 1
            values = list(x)
            for mapped in self.mapping.layers:
                self._deliver(sample, mapped.index, values)
                values = self._layer(sample, mapped.index)
            sample.logits = values
            samples.append(sample)
        return samples

    def _deliver(self, sample: Sample, layer: int, values: Sequence[int]) -> None:
        readers = self.readers(layer)
        for tile in self.tiles(layer):
            sample.received[tile.core] = {}
        for element, value in enumerate(values):
            for core in readers.get(element, ()) if value else ():
                self.send(
                    "activation" if layer else "input", "forward", layer, self.maker(layer - 1, element), core
                )
                if self.cores[core].arrives("activation", sample.number, element):
                    sample.received[core][element] = value
        if self.mapping.layers[layer].unrolled:
            for tile in self.tiles(layer):  # an input drives its line once
                self.cores[tile.core].counts["forward"]["reads"] += len(sample.received[tile.core])

    def _layer(self, sample: Sample, layer: int) -> list[int]:
        mapped = self.mapping.layers[layer]
        out = [0] * mapped.geometry.output_size
        sample.winners[layer] = {}
        for root_tile in [tile for tile in self.tiles(layer) if tile.row == 0]:
            sums = {p: self._sums(sample, root_tile, p) for p in self.cores[root_tile.core].positions()}
            self._finish(sample, root_tile, sums, out)
        if self.mapping.graph.layers[layer].last:
            for element, value in enumerate(out):
                if value:
                    self.send("logit", "forward", layer, self.maker(layer, element), IO)
        sample.outputs[layer] = out
        return out

    def _sums(self, sample: Sample, root: Tile, position: Position) -> list[int]:
        mapped = self.mapping.layers[root.layer]
        total = [0] * root.width
        for row in reversed(range(mapped.rows)):
            core = self.one(root.layer, row, root.column, root.block)
            reads = core.counts["forward"]["reads"]
            window = core.window(sample.received[core.tile.core], position)
            partial = core.present(window, sample.number, position)
            if mapped.unrolled:
                core.counts["forward"]["reads"] = reads
            if not row:
                return [a + b for a, b in zip(total, partial, strict=True)]
            chain = self.mapping.options.reduction == "chain"
            to = self.one(root.layer, row - 1 if chain else 0, root.column, root.block)
            for output, value in enumerate(partial):
                packet = value + total[output] if chain else value
                arrives = core.arrives("partial", sample.number, output, position)
                if packet:
                    self.send("partial", "forward", root.layer, core.tile.core, to.tile.core)
                    to.counts["forward"]["additions"] += arrives
                total[output] = packet * arrives + (0 if chain else total[output])
        raise AssertionError("every column has a root")

    def _finish(self, sample: Sample, root: Tile, sums: dict[Position, list[int]], out: list[int]) -> None:
        core, sizes = self.cores[root.core], self.mapping.layers[root.layer].geometry
        high, wide = sizes.window
        for y, x in core.pooled():
            places = [(y * high + i, x * wide + j) for i in range(high) for j in range(wide)]
            if self.mapping.graph.layers[root.layer].last:
                values, winners = sums[y, x], [0] * root.width
            else:
                values, winners = core.activate([sums[place] for place in places])
            for output, (value, winner) in enumerate(zip(values, winners, strict=True)):
                element = (y * sizes.pooled[1] + x) * sizes.outputs + root.outputs[0] + output
                out[element] = value
                sample.winners[root.layer][element] = places[winner]

    # Training

    def step(self, batch: Sequence[Sequence[int]], labels: Sequence[int], log2_lr: int, rule: str) -> None:
        graph = self.mapping.graph
        samples = self.forward(batch)
        last = len(graph.layers) - 1
        raws = []
        for sample, label in zip(samples, labels, strict=True):
            self.send("target", "error", last, IO, self.maker(last, label))
            raws.append([v - (k == label) * (1 << graph.log2_one) for k, v in enumerate(sample.logits)])
        out_exponent = self._quantise(samples, last, raws)
        for layer in reversed(graph.layers):
            if layer.sends_error:
                self._quantise(samples, layer.index - 1, self._back(samples, layer.index))
        rate = self._rate(log2_lr, rule, out_exponent)
        self.send("rate", "maximum", last, IO, self.maker(last, 0))
        for layer in graph.layers:
            if layer.learns:
                self._learn(samples, layer.index, rate)
        for core in self.cores:
            core.flip(self.step_count)
        self.step_count += 1

    def _rate(self, log2_lr: int, rule: str, exponent: int | None) -> int:
        if rule == "error_scaled":
            if exponent is None:
                return NO_RATE
            log2_lr += min(0, exponent - self.mapping.graph.log2_one)
        return max(log2_lr, NO_RATE)

    def _tree(self, phase: Phase, layer: int, cores: list[int]) -> None:
        """Each number but the first says its exponent to the one half as far, and hears the result."""
        for number in range(1, len(cores)):
            parent = cores[(number - 1) // 2]
            self.send("maximum", phase, layer, cores[number], parent)
            self.send("maximum", phase, layer, parent, cores[number])

    def _quantise(self, samples: list[Sample], layer: int, raws: list[list[int]]) -> int | None:
        exponents: dict[int, int] = {}
        for raw in raws:
            for element, value in enumerate(raw):
                if value:
                    root = self.maker(layer, element)
                    exponents[root] = max(exponents.get(root, -1), kappa(abs(value)))
        exponent = max(exponents.values(), default=None)
        self._tree("error", layer, [tile.core for tile in self.tiles(layer) if tile.row == 0])
        works = self.mapping.graph.layers[layer]
        for sample, raw in zip(samples, raws, strict=True):
            for tile in self.tiles(layer):
                sample.hits[tile.core] = []
            for element, value in enumerate(raw):
                root = self.cores[self.maker(layer, element)]
                error = root.quantise(value, exponent)
                if error:
                    position = sample.winners[layer][element]
                    output = element % root.geometry.outputs - root.tile.outputs[0]
                    hit = Hit(output, position, error)
                    self._spread(sample, root.tile, hit, element, works.learns or works.sends_error)
        return exponent

    def _spread(self, sample: Sample, root: Tile, hit: Hit, element: int, wanted: bool | None) -> None:
        for tile in self.tiles(root.layer):
            if (tile.column, tile.block) == (root.column, root.block) and wanted:
                if tile.row:
                    self.send("error", "error", root.layer, root.core, tile.core)
                    if not self.cores[tile.core].arrives("error", sample.number, element):
                        continue
                sample.hits[tile.core].append(hit)

    def _back(self, samples: list[Sample], layer: int) -> list[list[int]]:
        mapped = self.mapping.layers[layer]
        producer = self.mapping.graph.layers[layer - 1]
        raws = []
        for sample in samples:
            raw = [0] * mapped.geometry.input_size
            for block in range(mapped.blocks):
                for row in range(mapped.rows):
                    self._row_back(sample, layer, (row, block), raw)
            low, high = producer.clip
            stored = sample.outputs[layer - 1]
            raws.append([e if low < y < high else 0 for e, y in zip(raw, stored, strict=True)])
        return raws

    def _row_back(self, sample: Sample, layer: int, where: tuple[int, int], raw: list[int]) -> None:
        mapped, chain = self.mapping.layers[layer], self.mapping.options.reduction == "chain"
        row, block = where
        total: dict[int, int] = {}
        for column in reversed(range(mapped.columns)):
            core = self.one(layer, row, column, block)
            count = core.counts["error"]
            count["nominal"] += core.tile.pooled * core.tile.width * core.tile.fan_in
            partial = core.transpose(sample.hits[core.tile.core], sample.number)
            if chain:
                for element, value in total.items():
                    partial[element] = partial.get(element, 0) + value
                total = partial
            for element, value in partial.items():
                if not value:
                    continue
                if chain and column:
                    to = self.one(layer, row, column - 1, block)
                else:
                    to = self.cores[self.maker(layer - 1, element)]
                self.send("partial_error", "error", layer, core.tile.core, to.tile.core)
                arrives = core.arrives("partial_error", sample.number, element)
                to.counts["error"]["additions"] += arrives
                partial[element] = value * arrives
                if not (chain and column):
                    raw[element] += partial[element]

    def _learn(self, samples: list[Sample], layer: int, rate: int) -> None:
        owners = [self.cores[tile.core] for tile in self.tiles(layer) if tile.block == 0]
        last = self.maker(len(self.mapping.layers) - 1, 0)
        if owners[0].tile.core != last:
            self.send("rate", "maximum", layer, last, owners[0].tile.core)
        self._gradients(samples, owners, "gradient")
        exponent = max((e for owner in owners if (e := owner.exponent()) is not None), default=None)
        self._tree("maximum", layer, [owner.tile.core for owner in owners])
        if exponent is None or rate <= NO_RATE:
            return
        if self.mapping.options.gradient == "recomputed":
            self._gradients(samples, owners, "update")
        key = layer_key(self.seed, self.step_count, layer)
        for owner in owners:
            moves = owner.moves(exponent - rate, key)
            owner.move(moves)
            for copy in self._copies(owner):
                for row in moves:
                    for move in row:
                        if move:
                            self.send("update", "update", layer, owner.tile.core, copy.tile.core)
                copy.move(moves)

    def _copies(self, owner: Core) -> list[Core]:
        t = owner.tile
        return [
            self.cores[other.core]
            for other in self.tiles(t.layer)
            if (other.row, other.column) == (t.row, t.column) and other.block
        ]

    def _gradients(self, samples: list[Sample], owners: list[Core], phase: Phase) -> None:
        for owner in owners:
            group = [owner, *self._copies(owner)]
            for core in group:
                batch = [(s.received[core.tile.core], s.hits[core.tile.core]) for s in samples]
                core.sum_gradient(batch, phase)
                products = core.tile.pooled * core.tile.width * core.tile.fan_in
                core.counts[phase]["nominal"] += products * len(samples)
            for copy in group[1:]:
                for output, row in enumerate(copy.gradient):
                    for line, value in enumerate(row):
                        if value:
                            self.send("gradient", phase, owner.tile.layer, copy.tile.core, owner.tile.core)
                            owner.counts[phase]["additions"] += 1
                            owner.gradient[output][line] += value
