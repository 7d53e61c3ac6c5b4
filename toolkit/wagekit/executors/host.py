"""The executor of the generated C on the host: the same sources as on a chip, opened with cffi."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Any, cast

import cffi
import numpy as np
from numpy.typing import ArrayLike, NDArray

from wagekit.backends.mcu import Plan, Prefer, packable, plan_model, render_model
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
from wagekit.numerics import WeightCounts, code_dtype
from wagekit.passes import compile_graph
from wagekit.reference import initial_masters
from wagekit.spec import Network
from wagekit.toolchain.host import build_library
from wagekit.writer import firmware_files

FIRST_BATCH = 128
"""Batch that a library is built for when none is asked for; a larger one is built when it comes."""
RULES: dict[Rule, int] = {"paper": 0, "error_scaled": 1}
COUNTS = fields(WeightCounts)
"""Their names are those of `wk_layer_health_t`."""


class HostExecutor(Executor):
    """The generated C, compiled for this machine.

    Without `batch` the library is built anew, twice as large or larger, when a batch does
    not fit; the state is carried over. With it, larger batches are refused as on a chip,
    and so is at once a network that cannot be trained.
    `recompute`, `stored_rows`, `recompute_activations`, `memory_limit`, `prefer` and `max_slice` are
    those of `plan_model`, as is `health`; `extra` are further compiler flags. With `packed` the weights of
    frozen layers are constants of the library, as in a firmware, and loading others builds it anew.
    `ToolError` where the compiler is missing or fails.
    """

    name = "host"

    def __init__(
        self,
        net: Network,
        seed: int | None = None,
        batch: int | None = None,
        *,
        recompute: bool | Collection[int] | None = None,
        stored_rows: Mapping[int, int] | None = None,
        recompute_activations: bool | Collection[int] | None = None,
        memory_limit: int | None = None,
        prefer: Prefer = "fastest",
        max_slice: int | None = None,
        packed: bool = False,
        health: bool = True,
        extra: Sequence[str] = (),
    ) -> None:
        self._net = net
        self._batch = batch
        self._recompute = recompute
        self._stored_rows = stored_rows
        self._recompute_activations = recompute_activations
        self._memory_limit = memory_limit
        self._prefer: Prefer = prefer
        self._max_slice = max_slice
        self._health = health
        self._extra = tuple(extra)
        start = net.seed if seed is None else check_uint32(seed, "seed")
        self._refusal: WagekitError | None = None
        initial = initial_masters(compile_graph(net, training=False), start)
        self._constants = initial if packed else None
        self._model = self._opened()
        self._model.load(initial, 0, start)

    @property
    def counts_health(self) -> bool:
        """Whether the library can count the health of layers."""
        return self._health

    def _set_health(self, every: int) -> None:
        if every and not self._health:
            raise UsageError("the library was built without health: open it with health=True")
        self._model.set_health(every)

    @property
    def plan(self) -> Plan:
        """The plan of the library in use."""
        return self._model.plan

    @property
    def masters(self) -> list[IntArray]:
        """Copies of the stored weights, in network order."""
        return self._model.masters()

    @property
    def step_count(self) -> int:
        """Batches learned since initialisation (uint32)."""
        return self._model.step_count

    @property
    def seed(self) -> int:
        """Seed of the random numbers of the update (uint32)."""
        return self._model.seed

    def load_masters(self, masters: Sequence[ArrayLike], step: int = 0, seed: int | None = None) -> None:
        """Replace all masters, the step and (if given) the seed; all or nothing."""
        step = check_uint32(step, "step")
        seed = self._model.seed if seed is None else check_uint32(seed, "seed")
        checked = check_masters(self.plan.graph, masters)
        if self._constants is not None:
            self._model.idle()
            self._constants = checked
            self._model = self._built(self.plan.batch, self.plan.training)
        self._model.load(checked, step, seed)

    def begin_step(self, x: ArrayLike, labels: ArrayLike, log2_lr: int = 0, rule: Rule = "paper") -> None:
        """Start a training step that `poll` then runs, a slice a call."""
        graph = self.plan.graph
        inputs = check_inputs(graph, x)
        check_batch(len(inputs), self._batch)
        classes = check_labels(graph, labels, len(inputs))
        log2_lr, rule = check_rate(log2_lr), check_rule(rule)
        if self._refusal is not None:
            raise self._refusal
        self._grow(len(inputs))
        self._model.begin_step(inputs, classes, log2_lr, RULES[rule])

    def begin_forward(self, x: ArrayLike) -> None:
        """Start a forward pass of at most `plan.batch` samples that `poll` then runs."""
        inputs = check_inputs(self.plan.graph, x)
        check_batch(len(inputs), self.plan.batch)
        self._model.begin_forward(inputs)

    def poll(self) -> bool:
        """Run one slice; True as long as there are more."""
        return self._model.poll()

    def step_result(self) -> StepResult:
        """What the last finished step reports."""
        return self._model.step_result()

    def logits(self, samples: int) -> NDArray[np.int32]:
        """Logits of the first `samples` of the last finished program, int32 `[samples, classes]`."""
        return self._model.logits(samples)

    def fill_arena(self, byte: int) -> None:
        """Overwrite the shared buffers, which hold nothing between programs; for tests."""
        self._model.fill_arena(byte)

    def step(self, x: ArrayLike, labels: ArrayLike, log2_lr: int = 0, rule: Rule = "paper") -> StepResult:
        """Learn from one batch. `log2_lr` lies in -16..15."""
        self.begin_step(x, labels, log2_lr, rule)
        self._model.finish()
        return self._model.step_result()

    def forward(self, x: ArrayLike) -> NDArray[np.int32]:
        """Logits, int32 `[n, classes]`; any `n`."""
        inputs = check_inputs(self.plan.graph, x)
        logits = np.empty((len(inputs), self.plan.classes), np.int32)
        for first in range(0, len(inputs), self.plan.batch):
            part = inputs[first : first + self.plan.batch]
            self._model.begin_forward(part)
            self._model.finish()
            logits[first : first + len(part)] = self._model.logits(len(part))
        return logits

    def _opened(self) -> _Model:
        """The first library; without `batch` a network that cannot be trained is opened to infer."""
        if self._batch is not None:
            return self._built(self._batch)
        try:
            return self._built(FIRST_BATCH)
        except (NetworkError, LimitError) as error:
            model = self._built(FIRST_BATCH, training=False)
            self._refusal = error
            return model

    def _built(self, batch: int, training: bool = True) -> _Model:
        graph = compile_graph(self._net, batch, training)
        constants = self._constants
        packed = packable(graph, constants) if constants is not None else frozenset[int]()
        plan = plan_model(
            graph,
            packed=packed,
            recompute=self._recompute,
            stored_rows=self._stored_rows,
            recompute_activations=self._recompute_activations,
            memory_limit=self._memory_limit,
            prefer=self._prefer,
            max_slice=self._max_slice,
            health=self._health,
        )
        kept = [constants[i] if constants and i in packed else None for i in range(len(plan.layers))]
        return _Model(plan, kept, self._extra, self.health_every)

    def _grow(self, samples: int) -> None:
        if samples <= self.plan.batch:
            return
        model = self._built(max(samples, 2 * self.plan.batch))
        model.load(self._model.masters(), self._model.step_count, self._model.seed)
        self._model = model


class _Model:
    """One generated library with the memory of one network."""

    def __init__(
        self, plan: Plan, constants: Sequence[IntArray | None], extra: Sequence[str], health_every: int
    ) -> None:
        self.plan = plan
        static = firmware_files()
        library = build_library({**static, **render_model(plan, constants)}, extra=extra)
        headers = ("include/wagekit/wk_status.h", "include/wagekit/wagekit.h")
        self._ffi = declared(*(static[name] for name in headers))
        self._lib = cast(Any, self._ffi.dlopen(str(library)))
        self._memory = self._ffi.new("uint64_t[]", plan.ram // 8)
        self._model = self._ffi.cast("wk_model_t *", self._memory)
        self._lib.wk_model_init(self._model, 0)
        self._busy = self._counts = False
        self.set_health(health_every)

    @property
    def step_count(self) -> int:
        return int(self._lib.wk_model_step(self._model))

    @property
    def seed(self) -> int:
        return int(self._lib.wk_model_seed(self._model))

    def masters(self) -> list[IntArray]:
        dtype = code_dtype(self.plan.graph.bits.gradients)
        found: list[IntArray] = []
        for layer in self.plan.graph.layers:
            raw = np.empty(layer.weights.size * self.plan.master_bytes, np.uint8)
            buffer = self._ffi.from_buffer("uint8_t[]", raw.data)
            self._check(
                self._lib.wk_model_read_masters(self._model, layer.index, 0, layer.weights.size, buffer)
            )
            values = raw.view(np.dtype(dtype).newbyteorder("<")).astype(dtype)
            found.append(cast(IntArray, values.reshape(layer.weights.shape)))
        return found

    def load(self, masters: Sequence[IntArray], step: int, seed: int) -> None:
        self.idle()
        for index, array in enumerate(masters):
            raw = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).view(np.uint8)
            buffer = self._ffi.from_buffer("uint8_t[]", raw.data)
            self._check(self._lib.wk_model_write_masters(self._model, index, 0, array.size, buffer))
        self._lib.wk_model_set_state(self._model, step, seed)

    def set_health(self, every: int) -> None:
        if self.plan.health:
            self._lib.wk_model_set_health(self._model, every)

    def begin_step(self, x: NDArray[np.int8], labels: NDArray[np.uint16], log2_lr: int, rule: int) -> None:
        self._take(x)
        classes = self._ffi.from_buffer("uint16_t[]", labels.data)
        self._check(self._lib.wk_model_begin_step(self._model, len(x), classes, log2_lr, rule))
        self._busy = True
        self._counts = self.plan.health and bool(self._lib.wk_model_is_counting(self._model))

    def begin_forward(self, x: NDArray[np.int8]) -> None:
        self._take(x)
        self._check(self._lib.wk_model_begin_forward(self._model, len(x)))
        self._busy = True

    def poll(self) -> bool:
        self._busy = self._lib.wk_model_poll(self._model) == self._lib.WK_BUSY
        return self._busy

    def finish(self) -> None:
        busy = self._lib.WK_BUSY
        while self._lib.wk_model_poll(self._model) == busy:
            pass
        self._busy = False

    def fill_arena(self, byte: int) -> None:
        self.idle()
        self._ffi.memmove(self._memory, bytes([byte & 0xFF]) * self.plan.arena_bytes, self.plan.arena_bytes)

    def logits(self, samples: int) -> NDArray[np.int32]:
        count = samples * self.plan.classes
        pointer = self._lib.wk_model_logits(self._model, 0)
        values = np.frombuffer(bytes(self._ffi.buffer(pointer, count * 4)), dtype=np.int32)
        return values.reshape(samples, self.plan.classes).copy()

    def step_result(self) -> StepResult:
        stats = self._lib.wk_model_stats(self._model)
        squared = int(stats.sum_squared_error)
        found = [self._lib.wk_model_layer_stats(self._model, i) for i in range(len(self.plan.layers))]
        layers = tuple(
            LayerStats(
                _exponent(layer.error_exponent), _exponent(layer.gradient_exponent), int(layer.saturated)
            )
            for layer in found
        )
        return StepResult(
            step=int(stats.step),
            samples=int(stats.samples),
            sum_squared_error=squared,
            loss=squared / (2 * self.plan.one * self.plan.one * int(stats.samples)),
            errors=int(stats.errors),
            log2_lr=int(stats.log2_lr),
            layers=layers,
            health=self._layer_health(int(stats.samples), layers) if self._counts else None,
        )

    def _layer_health(self, samples: int, layers: Sequence[LayerStats]) -> tuple[LayerHealth, ...]:
        found = []
        for layer in self.plan.graph.layers:
            health = self._lib.wk_model_layer_health(self._model, layer.index)
            counts = WeightCounts(**{field.name: int(getattr(health, field.name)) for field in COUNTS})
            found.append(layer_health(layer, samples, layers[layer.index], counts, int(health.zero_errors)))
        return tuple(found)

    def _take(self, x: NDArray[np.int8]) -> None:
        self.idle()
        pointer = self._lib.wk_model_input(self._model, 0)
        self._ffi.memmove(pointer, x.data, x.nbytes)

    def idle(self) -> None:
        """UsageError while a program is under way."""
        if self._busy:
            raise UsageError("a program is under way on this executor: poll it to its end first")

    def _check(self, status: int) -> None:
        if status != self._lib.WK_OK:
            raise UsageError(f"the generated code refused a call (status {status})")


def _exponent(value: int) -> int | None:
    return None if value < 0 else int(value)


@lru_cache(maxsize=8)
def declared(*headers: str) -> cffi.FFI:
    """What the texts of headers declare. It is read once: that takes longer than opening a library."""
    ffi = cffi.FFI()
    for header in headers:
        ffi.cdef(declarations(header))
    return ffi


def declarations(header: str) -> str:
    """What cffi reads of a header: no comments, nothing that is for C++ alone, no preprocessor."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    text = re.sub(r"^#ifdef __cplusplus$.*?^#endif$", "", text, flags=re.DOTALL | re.MULTILINE)
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))
