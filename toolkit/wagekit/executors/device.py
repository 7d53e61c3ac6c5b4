"""The executor of a chip, emulated or real, behind the link."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wagekit.backends.mcu import frozen_crc
from wagekit.errors import LimitError, LinkError
from wagekit.executors.base import IntArray, LayerStats, Rule, StepResult
from wagekit.executors.checks import (
    check_batch,
    check_inputs,
    check_labels,
    check_masters,
    check_rate,
    check_rule,
    check_uint32,
)
from wagekit.executors.health import health_of
from wagekit.executors.on_device import OnDevice
from wagekit.executors.overlap import Step, StepStream
from wagekit.executors.waiting import Waiting
from wagekit.ir import WeightLayer
from wagekit.link import Device
from wagekit.link.codec import Record
from wagekit.link.device import Request
from wagekit.link.health import health_report
from wagekit.numerics import code_dtype, is_on_grid
from wagekit.passes import compile_graph
from wagekit.reference import initial_masters
from wagekit.spec import Network


class FrozenWeightsError(LinkError):
    """A firmware whose frozen layers have other weights in flash than those to be loaded."""


@dataclass(frozen=True, slots=True)
class DeviceEvaluation:
    """What the device found over a range of its store."""

    samples: int
    errors: int
    sum_squared_error: int
    loss: float
    """As in `StepResult`."""


class DeviceExecutor(OnDevice):
    """A network on a device.

    Beside the common interface it keeps samples on the device: `upload` stores them once,
    `step_indices` and `evaluate` use them there; `train_stream` sends the samples of the
    next batch while the device learns the present one. Samples of `step` and `forward` go
    into the part of the store behind those that `upload` put there.
    """

    def __init__(
        self,
        net: Network,
        device: Device,
        *,
        name: str,
        seed: int | None = None,
        batch: int | None = None,
        keep: bool = False,
        masters: Sequence[ArrayLike] | None = None,
        counts_time: bool = True,
    ) -> None:
        """Take over a device, and close it if that fails.

        With `keep` the state of the device stays as it is; else it gets `masters`, by default the
        initial ones of `seed` (default: the network's), and step 0. LinkError if its firmware was
        built from another network or with other frozen weights (`FrozenWeightsError`), LimitError if
        for smaller batches than `batch`. `counts_time` is False where the device's counter counts
        instructions, not time.
        """
        self.name = name
        self._device = device
        self._stored = 0
        self._kept = 0
        self._rule: tuple[int, Rule] | None = None
        self._waiting = Waiting(device.session.transport.clock, device.hello.tick_hz if counts_time else 0)
        try:
            device.check_network(net.fingerprint(), net.name)
            if batch is not None and batch > device.hello.batch:
                raise LimitError(
                    f"{name}: a batch of {batch} is larger than {device.hello.batch}, which the firmware "
                    f"was built for",
                    hint=f"build the firmware with batch {batch}",
                )
            self._batch = device.hello.batch if batch is None else batch
            self._graph = compile_graph(net, device.hello.batch, training=device.hello.trains)
            start = net.seed if seed is None else check_uint32(seed, "seed")
            self._retell_health()
            if keep:
                self._kept = self._device.learner.state().replay_capacity
            else:
                begin = initial_masters(self._graph, start) if masters is None else masters
                self.load_masters(begin, 0, start)
                self._device.learner.replay(0, 0, 0, 0)
        except BaseException:
            device.close()
            raise

    @property
    def waiting(self) -> float | None:
        """Share of the time of its training steps, 0..1, in which the device did not compute: it waited for
        data, or served the line. None before any, and where its counter does not tell time.
        """
        return self._waiting.share

    @property
    def checkpoint_bytes(self) -> int:
        """Bytes of masters in a checkpoint: those of layers in flash are not in it."""
        kept = (layer for layer in self._graph.layers if layer.index not in self.hello.in_flash)
        return sum(layer.weights.size for layer in kept) * self.hello.master_bytes

    @property
    def masters(self) -> list[IntArray]:
        """Copies of the stored weights, read from the device."""
        layers = self._graph.layers
        dtype = np.dtype(code_dtype(self._graph.bits.gradients))
        raw = self._device.read_masters([layer.weights.size for layer in layers])
        return [
            np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype).reshape(layer.weights.shape)
            for layer, data in zip(layers, raw, strict=True)
        ]

    @property
    def step_count(self) -> int:
        """Batches learned since initialisation (uint32)."""
        return self._device.state().step

    @property
    def seed(self) -> int:
        """Seed of the random numbers of the update (uint32)."""
        return self._device.state().seed

    def load_masters(self, masters: Sequence[ArrayLike], step: int = 0, seed: int | None = None) -> None:
        """Replace all masters, the step and (if given) the seed; all or nothing.

        `FrozenWeightsError` if that would change a layer whose weights lie in the firmware's flash.
        """
        step = check_uint32(step, "step")
        checked = check_masters(self._graph, masters)
        self._check_frozen(checked)
        seed = self.seed if seed is None else check_uint32(seed, "seed")
        raw = [m.astype(m.dtype.newbyteorder("<"), copy=False).tobytes() for m in checked]
        self._device.load_masters(raw, step, seed)

    def _same_frozen(self, masters: Sequence[IntArray]) -> bool:
        """Whether what lies in the firmware's flash is what these masters would put there."""
        return frozen_crc(masters[i] for i in self.hello.in_flash) == self.hello.frozen_crc

    def _check_frozen(self, masters: Sequence[IntArray]) -> None:
        if self._same_frozen(masters):
            return
        present = self.masters
        for layer in (self._graph.layers[i] for i in self.hello.in_flash):
            self._check_layer(layer, present[layer.index], masters[layer.index])

    def _check_layer(self, layer: WeightLayer, there: IntArray, given: IntArray) -> None:
        different = np.argwhere(there != given)
        if not len(different):
            return
        place = tuple(int(i) for i in different[0])
        bits = self._graph.bits
        hint = "build the firmware with these weights and flash it, or load those it was built with"
        if not is_on_grid(given, bits.gradients, bits.weights):
            hint = (
                "masters in flash are on the grid of weights: wagekit.training.frozen_on_grid puts them there"
            )
        raise FrozenWeightsError(
            f"{self.name}: frozen layer {layer.name} lies in the firmware's flash with other weights: "
            f"master {list(place)} is {there[place]} there, but {given[place]} is to be loaded",
            hint=hint,
        )

    def step(self, x: ArrayLike, labels: ArrayLike, log2_lr: int = 0, rule: Rule = "paper") -> StepResult:
        """Learn from one batch. `log2_lr` lies in -16..15."""
        (result,) = self.train_stream([(x, labels, log2_lr)], rule)
        return result

    def train_stream(
        self, batches: Iterable[tuple[ArrayLike, ArrayLike, int]], rule: Rule = "paper"
    ) -> Iterator[StepResult]:
        """Learn from batches `(x, labels, log2_lr)`, in order; yields what each step reports.

        The samples of the next batch travel while the present one is learned, so the next
        one is taken from `batches`, and may have begun, before the present one's result is
        yielded: read state and masters when the stream has ended. Where a batch takes longer
        than `overlap.SLOW_SOURCE` to come there is nothing to overlap with: then its result is
        yielded before the next one is taken.
        """
        rule = check_rule(rule)
        return self._stream(self._step_requests(x, labels, log2_lr, rule) for x, labels, log2_lr in batches)

    def train_indices(
        self, batches: Iterable[tuple[Sequence[int], int]], rule: Rule = "paper"
    ) -> Iterator[StepResult]:
        """Learn from batches `(indices, log2_lr)` of stored samples, in order, as `train_stream` does.

        The request of the next batch waits on the device when the present one ends.
        """
        rule = check_rule(rule)
        return self._stream(
            Step([], self._index_requests(indices, log2_lr, rule), reports=False)
            for indices, log2_lr in batches
        )

    def _stream(self, steps: Iterable[Step]) -> Iterator[StepResult]:
        first = self.step_count if self.health_every else 0
        stream = StepStream(self._device, self._waiting, lambda: self.health_every, self._result, first)
        complete = False
        try:
            yield from stream.run(steps)
            complete = True
        finally:
            if not complete:  # perhaps the device never got the rule
                self._rule = None

    def _step_requests(self, x: ArrayLike, labels: ArrayLike, log2_lr: int, rule: Rule) -> Step:
        self._check_trains()
        inputs = check_inputs(self._graph, x)
        check_batch(len(inputs), self._batch)
        classes = check_labels(self._graph, labels, len(inputs))
        codes = inputs.reshape(len(inputs), -1)
        rule_requests = self._rule_requests(check_rate(log2_lr), rule)
        if self._device.streams(len(codes)):
            return Step([], [*rule_requests, self._device.stream_request(codes, classes)], reports=True)
        uploads, begin = self._batch_requests("train", codes, classes)
        return Step(uploads, rule_requests + begin, reports=False)

    def _batch_requests(
        self, name: str, codes: NDArray[np.int8], classes: NDArray[np.uint16]
    ) -> tuple[list[Request], list[Request]]:
        """Uploads of what the store has room for, and what begins `name`, with the other uploads."""
        room = self._room()
        uploads = list(self._device.upload_requests(self._stored, codes[:room], classes[:room]))
        begin: list[Request] = []
        for place in range(0, len(codes), room):
            part = slice(place, place + room)
            if place > 0:
                begin += self._device.upload_requests(self._stored, codes[part], classes[part])
            slots = range(self._stored, self._stored + len(codes[part]))
            begin += self._device.batch_requests(name, slots, place, place + room < len(codes))
        return uploads, begin

    def _rule_requests(self, log2_lr: int, rule: Rule) -> list[Request]:
        if self._rule == (log2_lr, rule):
            return []
        self._rule = (log2_lr, rule)
        return [self._device.rule_request(log2_lr, rule)]

    def _result(self, records: Sequence[Record]) -> StepResult:
        """From the answers to the requests for a result and, behind it, for health or counters."""
        device = self._device
        wanted = len(device.result_requests())
        report, more = device.report(records[:wanted]), records[wanted:]
        if more and "compute_ticks" in more[0].values:
            self._waiting.computed(more[0].int("compute_ticks"))
            more = ()
        health = health_report(more, self.hello, self.name)
        if health is not None and health.step != report.step:  # another pace was set in the middle
            health = None
        return StepResult(
            step=report.step,
            samples=report.samples,
            sum_squared_error=report.sum_squared_error,
            loss=self._loss(report.sum_squared_error, report.samples),
            errors=report.errors,
            log2_lr=report.log2_lr,
            layers=tuple(
                LayerStats(layer.error_exponent, layer.gradient_exponent, layer.saturated)
                for layer in report.layers
            ),
            health=None if health is None else health_of(self._graph, health),
        )

    def _loss(self, sum_squared_error: int, samples: int) -> float:
        one = 1 << self._graph.log2_one
        return sum_squared_error / (2 * one * one * samples)

    def forward(self, x: ArrayLike) -> NDArray[np.int32]:
        """Logits, int32 `[n, classes]`; any `n`."""
        inputs = check_inputs(self._graph, x)
        codes = inputs.reshape(len(inputs), -1)
        logits = np.empty((len(codes), len(self._graph.classes)), np.int32)
        for first in range(0, len(codes), self.hello.batch):
            batch = codes[first : first + self.hello.batch]
            uploads, begin = self._batch_requests("infer", batch, np.zeros(len(batch), np.uint16))
            logits[first : first + len(batch)] = self._device.logits([*uploads, *begin], len(batch))
        return logits

    def step_indices(self, indices: Sequence[int], log2_lr: int = 0, rule: Rule = "paper") -> StepResult:
        """Learn from one batch of stored samples."""
        (result,) = self.train_indices([(indices, log2_lr)], rule)
        return result

    def _index_requests(self, indices: Sequence[int], log2_lr: int, rule: Rule) -> list[Request]:
        self._check_trains()
        check_batch(len(indices), self._batch)
        slots = [self._check_slot(int(index)) for index in indices]
        requests = self._rule_requests(check_rate(log2_lr), rule)
        requests += self._device.batch_requests("train", slots)
        return requests

    def evaluate(self, first: int, count: int) -> DeviceEvaluation:
        """Infer `count` stored samples from slot `first` on and compare with their labels."""
        check_batch(count, None)
        self._check_slot(first)
        self._check_slot(first + count - 1)
        report = self._device.evaluate(first, count, self._graph.log2_one)
        return DeviceEvaluation(
            samples=report.samples,
            errors=report.errors,
            sum_squared_error=report.sum_squared_error,
            loss=self._loss(report.sum_squared_error, report.samples),
        )
