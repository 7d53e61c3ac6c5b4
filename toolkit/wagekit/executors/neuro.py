"""The executor of the neuromorphic cores: generated C for the cores of a mapping, opened with cffi."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wagekit.backends.neuro import (
    Counters,
    Imperfections,
    Mapping,
    MappingOptions,
    Preset,
    load_preset,
    map_graph,
)
from wagekit.backends.neuro.counters import FIELDS, READS
from wagekit.backends.neuro.imperfect import (
    PURPOSES,
    back_largest,
    check_room,
    forward_largest,
    scale,
    threshold,
)
from wagekit.backends.neuro.mapping import PHASES
from wagekit.backends.neuro.render import (
    Extents,
    extents,
    gets_error,
    group_tables,
    raw_bits,
    render_chip,
    tile_table,
)
from wagekit.errors import LimitError, NetworkError, UsageError, WagekitError
from wagekit.executors.base import Executor, IntArray, LayerHealth, LayerStats, Rule, StepResult
from wagekit.executors.checks import (
    check_batch,
    check_inputs,
    check_labels,
    check_masters,
    check_rate,
    check_rule,
    check_uint32,
)
from wagekit.executors.health import layer_health
from wagekit.executors.host import declared
from wagekit.numerics import code_dtype, count_weights
from wagekit.passes import compile_graph
from wagekit.reference import initial_masters
from wagekit.spec import Network
from wagekit.toolchain.host import build_library
from wagekit.writer import firmware_files

FIRST_BATCHES = (32, 16, 8, 4, 2, 1)
"""Batches that a chip is opened for when none is asked for: the largest that its memories hold."""
Array = NDArray[Any]


class NeuroExecutor(Executor):
    """A network on the cores of a chip: `preset` is a name, the path of a `.toml`, or a `Preset`.

    `batch` is the largest batch to be trained; without it the chip is laid out anew when a larger one
    comes, and one that cannot train the network at all is opened to infer. With `infer_only` it is laid out
    for inference and never learns. `options` lay it out, `imperfections` (or the path of a `.toml` with
    them) make its hardware imperfect, and `extra` are further compiler flags. `MappingError` where it does
    not fit, `LimitError` where imperfect sums could overflow, `ToolError` without a compiler.
    """

    def __init__(
        self,
        net: Network,
        preset: str | Preset,
        seed: int | None = None,
        batch: int | None = None,
        *,
        infer_only: bool = False,
        options: MappingOptions | None = None,
        imperfections: Imperfections | Path | str | None = None,
        extra: Sequence[str] = (),
    ) -> None:
        self._net = net
        self._preset = preset if isinstance(preset, Preset) else load_preset(preset)
        self.name = f"neuro:{preset.name if isinstance(preset, Preset) else preset}"
        self._batch = batch
        self._infer_only = infer_only
        self._options = options or MappingOptions()
        if isinstance(imperfections, Path | str):
            imperfections = Imperfections.load(imperfections)
        elif imperfections is not None and not isinstance(imperfections, Imperfections):
            raise UsageError(
                f"imperfections are {type(imperfections).__name__}", hint="give Imperfections, or a path"
            )
        self._imperfections = imperfections
        self._extra = tuple(extra)
        self._refusal: WagekitError | None = None
        start = net.seed if seed is None else check_uint32(seed, "seed")
        self._chip = self._opened()
        self._chip.load(initial_masters(self.mapping.graph, start), 0, start)

    @property
    def mapping(self) -> Mapping:
        """How the network lies on the chip."""
        return self._chip.mapping

    @property
    def imperfections(self) -> Imperfections | None:
        """What is imperfect; None for the ideal chip."""
        return self._imperfections

    @property
    def presented(self) -> int:
        """Samples that imperfect hardware has been shown since masters were loaded (uint32): their number
        is what their draws are keyed by. 0 on the ideal chip."""
        return self._chip.presented

    @property
    def masters(self) -> list[IntArray]:
        """Copies of the stored weights, in network order."""
        return [self._chip.masters(index) for index in range(len(self.mapping.layers))]

    @property
    def step_count(self) -> int:
        """Batches learned since initialisation (uint32)."""
        return self._chip.step_count

    @property
    def seed(self) -> int:
        """Seed of the random numbers of the update (uint32)."""
        return self._chip.seed

    def load_masters(self, masters: Sequence[ArrayLike], step: int = 0, seed: int | None = None) -> None:
        """Replace all masters, the step and (if given) the seed; all or nothing.

        Samples that are presented to imperfect hardware are counted from 0 again.
        """
        step = check_uint32(step, "step")
        seed = self._chip.seed if seed is None else check_uint32(seed, "seed")
        self._chip.load(check_masters(self.mapping.graph, masters), step, seed)

    def step(self, x: ArrayLike, labels: ArrayLike, log2_lr: int = 0, rule: Rule = "paper") -> StepResult:
        """Learn from one batch. `log2_lr` lies in -16..15."""
        graph = self.mapping.graph
        inputs = check_inputs(graph, x)
        check_batch(len(inputs), self._batch)
        classes = check_labels(graph, labels, len(inputs))
        log2_lr, rule = check_rate(log2_lr), check_rule(rule)
        if self._refusal is not None:
            raise self._refusal
        self._grow(len(inputs))
        before = self.masters if self._is_health_due(self.step_count) else None
        result = self._chip.step(inputs, classes, log2_lr, rule == "error_scaled")
        return result if before is None else replace(result, health=self._health(before, result))

    def _health(self, before: Sequence[IntArray], result: StepResult) -> tuple[LayerHealth, ...]:
        """Counted here: a core has no instruction for it, and its masters are at hand."""
        bits = self.mapping.graph.bits
        return tuple(
            layer_health(
                layer,
                result.samples,
                result.layers[layer.index],
                count_weights(old, new, bits.gradients, bits.weights),
                self._chip.zero_errors(layer.index, result.samples),
            )
            for layer, old, new in zip(self.mapping.graph.layers, before, self.masters, strict=True)
        )

    def forward(self, x: ArrayLike) -> NDArray[np.int32]:
        """Logits, int32 `[n, classes]`; any `n`."""
        return self._chip.forward(check_inputs(self.mapping.graph, x))

    def counters(self) -> Counters:
        """What was counted since the executor was opened or `reset_counters` was called."""
        return self._chip.counters()

    def reset_counters(self) -> None:
        """Begin to count anew."""
        self._chip.reset_counters()

    def copies(self, layer: int) -> Array:
        """Masters of a layer as each block of positions holds them, `[blocks, out, fan_in]`."""
        return self._chip.copies(layer)

    def poison(self, byte: int) -> None:
        """Overwrite everything that holds nothing between calls; for tests."""
        self._chip.poison(byte)

    def _opened(self) -> _Chip:
        if self._infer_only:
            self._refusal = UsageError(f"{self.name} was opened to infer only")
            return self._built(FIRST_BATCHES[0], training=False)
        if self._batch is not None:
            return self._built(self._batch)
        for batch in FIRST_BATCHES:
            try:
                return self._built(batch)
            except (NetworkError, LimitError) as error:
                self._refusal = error
        return self._built(FIRST_BATCHES[0], training=False)

    def _built(self, batch: int, training: bool = True) -> _Chip:
        graph = compile_graph(self._net, batch, training)
        mapping = map_graph(graph, self._preset, self._options)
        if self._imperfections is not None:
            check_room(mapping, self._imperfections)
        chip = _Chip(mapping, self._extra, self._imperfections)
        if training:
            self._refusal = None
        return chip

    def _grow(self, samples: int) -> None:
        if samples <= self.mapping.batch:
            return
        old = self._chip
        chip = self._built(samples)
        chip.load([old.masters(i) for i in range(len(old.mapping.layers))], old.step_count, old.seed)
        chip.presented = old.presented
        self._chip = chip


class _Chip:
    """One generated library with the memories of its cores."""

    def __init__(
        self, mapping: Mapping, extra: Sequence[str], imperfections: Imperfections | None = None
    ) -> None:
        self.mapping = mapping
        self._imperfect = imperfections is not None
        files = render_chip(mapping, self._imperfect)
        headers = {
            name: text
            for name, text in firmware_files(("include/wagekit", "src/train")).items()
            if name.endswith(".h")
        }
        library = build_library({**headers, **files}, include=(".", "include", "src/train"), extra=extra)
        self._ffi = declared(files["wk_neuro.h"])
        self._lib = cast(Any, self._ffi.dlopen(str(library)))
        self._chip = cast(Any, self._ffi.new("wk_neuro_t *"))
        self._stats = cast(Any, self._ffi.new("wk_neuro_stats_t *"))
        self._arrays: list[dict[str, Array]] = []
        self._scratch: list[Array] = []
        self._extents = [extents(mapping, index) for index in range(len(mapping.layers))]
        for index in range(len(mapping.layers)):
            self._arrays.append(self._memories(index))
            self._point(self._chip.layers[index], self._arrays[-1])
        self._counts = np.zeros((len(PHASES), mapping.cores, len(FIELDS)), np.uint64)
        self._packets = np.zeros(mapping.counters, np.uint64)
        self._logits = np.zeros((mapping.batch, len(mapping.graph.classes)), np.int32)
        self._point(self._chip, {"counts": self._counts, "packets": self._packets, "logits": self._logits})
        self._scratch.append(self._logits)
        self._samples = self._steps = 0
        if imperfections is not None:
            self._tell(imperfections)

    @property
    def presented(self) -> int:
        return int(self._chip.imperfect.sample) if self._imperfect else 0

    @presented.setter
    def presented(self, value: int) -> None:
        if self._imperfect:
            self._chip.imperfect.sample = value

    @property
    def step_count(self) -> int:
        return int(self._chip.step)

    @property
    def seed(self) -> int:
        return int(self._chip.seed)

    def load(self, masters: Sequence[IntArray], step: int, seed: int) -> None:
        for index, array in enumerate(masters):
            matrix = array.reshape(array.shape[0], -1)
            stored = self._arrays[index]["masters"]
            for number, tile in enumerate(self.mapping.layers[index].tiles):
                part = matrix[tile.outputs[0] : tile.outputs[1], tile.inputs[0] : tile.inputs[1]]
                stored[number, : tile.width, : tile.fan_in] = part
        self._chip.step, self._chip.seed = step, seed
        self.presented = 0
        self._lib.wk_neuro_derive(self._chip)

    def copies(self, index: int) -> Array:
        mapped, layer = self.mapping.layers[index], self.mapping.graph.layers[index]
        stored = self._arrays[index]["masters"]
        found = np.zeros((mapped.blocks, layer.outputs, layer.fan_in), stored.dtype)
        for number, tile in enumerate(mapped.tiles):
            part = stored[number, : tile.width, : tile.fan_in]
            found[tile.block, tile.outputs[0] : tile.outputs[1], tile.inputs[0] : tile.inputs[1]] = part
        return found

    def masters(self, index: int) -> IntArray:
        return cast(IntArray, self.copies(index)[0].reshape(self.mapping.graph.layers[index].weights.shape))

    def forward(self, x: NDArray[np.int8]) -> NDArray[np.int32]:
        logits = np.empty((len(x), len(self.mapping.graph.classes)), np.int32)
        for first in range(0, len(x), self.mapping.batch):
            part = x[first : first + self.mapping.batch]
            self._take(part)
            self._lib.wk_neuro_forward(self._chip, len(part))
            logits[first : first + len(part)] = self._logits[: len(part)]
        self._samples += len(x)
        return logits

    def step(
        self, x: NDArray[np.int8], labels: NDArray[np.uint16], log2_lr: int, error_scaled: bool
    ) -> StepResult:
        self._take(x)
        number = self.step_count
        classes = self._ffi.from_buffer("uint16_t[]", labels.data)
        self._lib.wk_neuro_step(self._chip, len(x), classes, log2_lr, int(error_scaled), self._stats)
        self._samples += len(x)
        self._steps += 1
        stats, one = self._stats, 1 << self.mapping.graph.log2_one
        squared = int(stats.sum_squared_error)
        return StepResult(
            step=number,
            samples=len(x),
            sum_squared_error=squared,
            loss=squared / (2 * one * one * len(x)),
            errors=int(stats.errors),
            log2_lr=int(stats.log2_lr),
            layers=tuple(
                LayerStats(
                    _exponent(stats.error_exponent[i]),
                    _exponent(stats.gradient_exponent[i]),
                    int(stats.saturated[i]),
                )
                for i in range(len(self.mapping.layers))
            ),
        )

    def zero_errors(self, index: int, samples: int) -> int:
        """Quantised errors of the last step at a layer's output that are 0; 0 where it has none."""
        errors = self._arrays[index].get("errors")
        return 0 if errors is None else int(np.count_nonzero(errors[:samples] == 0))

    def counters(self) -> Counters:
        cores = self._counts.astype(np.int64)
        for mapped, tables in zip(self.mapping.layers, self.mapping.tables, strict=True):
            if not mapped.unrolled or self._imperfect:
                continue  # imperfect cores count what arrives themselves
            # An input drives its line once, whatever number of positions reads it.
            sources = len(self.mapping.layers[mapped.index - 1].roots) if mapped.index else 1
            for tile in mapped.tiles:
                first = int(tables.deliver[tile.block * mapped.rows + tile.row])
                cores[0, tile.core, READS] = int(self._packets[first : first + sources].sum())
        wanted = [flow.counter for flow in self.mapping.flows]
        packets = self._packets.astype(np.int64)[wanted]
        return Counters(self.mapping, cores, packets, self._samples, self._steps)

    def reset_counters(self) -> None:
        self._counts[:] = 0
        self._packets[:] = 0
        self._samples = self._steps = 0

    def poison(self, byte: int) -> None:
        for array in self._scratch:
            array.view(np.uint8).reshape(-1)[:] = byte & 0xFF
        for index in range(len(self.mapping.layers)):
            self._chip.layers[index].key = byte * 0x01010101 & 0xFFFFFFFF

    def _tell(self, imperfections: Imperfections) -> None:
        """Hand strengths and keys to the cores."""
        told, bits = self._chip.imperfect, self.mapping.graph.bits
        told.keys = [imperfections.purpose_key(purpose) for purpose in PURPOSES]
        told.stuck = list(imperfections.stuck_limits())
        told.flips = threshold(imperfections.bit_flips)
        told.lost_activations = threshold(imperfections.lost_activations)
        told.lost_partials = threshold(imperfections.lost_partials)
        told.lost_errors = threshold(imperfections.lost_errors)
        told.device = scale(imperfections.device_variation)
        told.cycle = scale(imperfections.cycle_variation)
        for index in range(len(self.mapping.layers)):
            extent = self._extents[index]
            sums = (forward_largest(extent.inputs, bits), back_largest(extent.width, bits))
            for way, largest in enumerate(sums):
                shift, limit = imperfections.converter(largest) or (0, (1 << 63) - 1)
                told.shift[index][way], told.limit[index][way] = shift, limit

    def _take(self, x: NDArray[np.int8]) -> None:
        self._arrays[0]["input"][: len(x)] = x.reshape(len(x), -1)

    def _memories(self, index: int) -> dict[str, Array]:
        """The arrays of a layer's cores, by the names of the C struct."""
        mapping, extent = self.mapping, self._extents[index]
        groups, runs = group_tables(mapping, index)
        tables: dict[str, Array] = {"tiles": tile_table(mapping, index), "groups": groups, "runs": runs}
        kept: dict[str, Array] = {
            "masters": np.zeros(
                (extent.tiles, extent.width, extent.lines), code_dtype(mapping.graph.bits.gradients)
            ),
            "by_output": np.zeros((extent.tiles, extent.width, extent.lines), np.int8),
            "by_input": np.zeros((extent.tiles, extent.inputs, extent.neurons), np.int8),
            "nonzero_of_input": np.zeros((extent.tiles, extent.inputs), np.uint32),
            "nonzero_of_output": np.zeros((extent.tiles, extent.width), np.uint32),
        }
        if self._imperfect:
            kept["read_weights"] = np.zeros((extent.tiles, extent.width, extent.lines), np.int32)
        scratch = self._forward_scratch(index, extent)
        if mapping.training:
            scratch |= self._training_scratch(index, extent)
        self._scratch += scratch.values()
        return {**tables, **kept, **scratch}

    def _forward_scratch(self, index: int, extent: Extents) -> dict[str, Array]:
        mapped = self.mapping.layers[index]
        return {
            "accumulators": np.zeros(extent.positions * mapped.columns * extent.neurons, np.int32),
            "window": np.zeros(extent.lines, np.int8),
            "lines": np.zeros(extent.lines, np.uint32),
            "input": np.zeros((self.mapping.batch, mapped.geometry.input_size), np.int8),
        }

    def _training_scratch(self, index: int, extent: Extents) -> dict[str, Array]:
        mapping, mapped = self.mapping, self.mapping.layers[index]
        layer, outputs = mapping.graph.layers[index], mapped.geometry.output_size
        ranges = layer.ranges
        assert ranges is not None
        found: dict[str, Array] = {"hits": np.zeros((extent.width, 3), np.uint32)}
        if gets_error(mapping, index):
            errors = code_dtype(mapping.graph.bits.errors)
            found["raw_errors"] = np.zeros((mapping.batch, outputs), f"i{raw_bits(mapping, index) // 8}")
            found["errors"] = np.zeros((mapping.batch, outputs), errors)
            found["winners"] = np.zeros((mapping.batch, outputs), np.uint8)
        if layer.sends_error:
            raw = f"i{(ranges.raw_error_bits or 32) // 8}"
            found["partial"] = np.zeros(mapped.geometry.input_size, raw)
            found["transposed"] = np.zeros(extent.lines, raw)
        if layer.learns:
            kind = f"i{(ranges.gradient_bits or 32) // 8}"
            found["rows"] = np.zeros((2 * extent.rows_at_once, extent.lines), kind)
            if mapping.options.gradient == "stored":
                found["gradient"] = np.zeros((len(mapped.owners), extent.width, extent.lines), kind)
        return found

    def _point(self, struct: Any, arrays: dict[str, Array]) -> None:
        for name, array in arrays.items():
            pointer = self._ffi.from_buffer(array.data)
            setattr(struct, name, self._ffi.cast("void *", pointer))


def _exponent(value: int) -> int | None:
    return None if value < 0 else int(value)
