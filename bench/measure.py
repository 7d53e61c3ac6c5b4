"""Measures one network: on an emulated board by exact instruction counts, on the host by the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

from bench.cases import Case
from wagekit import boards, open_executor
from wagekit.backends.mcu import Op, Plan
from wagekit.boards import Board
from wagekit.executors import Rule
from wagekit.executors.device import DeviceExecutor
from wagekit.toolchain.firmware import FirmwareImage, build_firmware
from wagekit.toolchain.memory import FitError

WARM_STEPS = 3
"""Steps before the count: the very first ones, with random weights, are not typical."""
STEPS = 5
INFERENCES = 8
RULE: Rule = "error_scaled"
PHASES = ("forward", "error", "gradient", "update")
_PHASE_OF = {
    "forward": "forward",
    "loss": "error",
    "quantise": "error",
    "backward_input": "error",
    "mask": "error",
    "gradient": "gradient",
    "update": "update",
}
HOST_BATCH = 128
HOST_SECONDS = 2.0


@dataclass(frozen=True)
class Cost:
    """Instructions a sample, in all and by layer and phase."""

    total: float
    parts: dict[tuple[int, str], float]


@dataclass(frozen=True)
class OnBoard:
    """A network on a board, built for a batch."""

    case: str
    board: str
    batch: int
    macs: int
    layers: tuple[str, ...]
    missing: int | None = None
    """Bytes that the board lacks; nothing else is known then."""
    inference: Cost | None = None
    training: Cost | None = None
    model: int = 0
    """Bytes of the network: weights, buffers and state."""
    ram: int = 0
    """Static data and the stack that was used; the sample store is not counted."""
    flash: int = 0
    recomputed: int = 0
    """Layers whose gradient is computed twice for want of RAM."""


@dataclass(frozen=True)
class OnHost:
    """Samples a second on one core of this machine."""

    case: str
    batch: int
    training: float
    inference: float


def measure(case: Case, board_name: str, batch: int) -> OnBoard:
    """Build, boot and count."""
    net = case.network()
    board = boards.load(board_name)
    store = batch * (net.input_size + 2)
    try:
        image = build_firmware(net, board, batch=batch, store_limit=store)
    except FitError as error:
        from wagekit.passes import compile_graph

        graph = compile_graph(net, batch)
        names = tuple(layer.name for layer in graph.layers)
        return OnBoard(case.name, board_name, batch, graph.macs, names, missing=error.missing)
    samples = case.samples()
    codes = net.encode(samples.x[: batch * (WARM_STEPS + STEPS)])
    place = f"qemu:{board_name}"
    with open_executor(net, place, batch=batch, icount=True, store_limit=store) as chip:
        assert isinstance(chip, DeviceExecutor)
        training = Counter(image.plan, board)
        for step in range(WARM_STEPS + STEPS):
            part = slice(step * batch, (step + 1) * batch)
            chip.step(codes[part], samples.labels[part], 0, RULE)
            if step >= WARM_STEPS:
                training.add(chip, batch)
        inference = Counter(image.plan, board)
        for first in range(0, max(INFERENCES, batch), batch):
            chip.forward(codes[first : first + batch])
            inference.add(chip, batch)
        stack_free = chip.counters().stack_free
    return OnBoard(
        case.name,
        board_name,
        batch,
        image.plan.graph.macs,
        tuple(layer.name for layer in image.plan.graph.layers),
        inference=inference.cost(),
        training=training.cost(),
        model=image.plan.ram,
        ram=image.sizes.ram - _store_bytes(image) - stack_free,
        flash=image.sizes.flash,
        recomputed=sum(layer.gradient_mode == "recomputed" for layer in image.plan.layers),
    )


def _store_bytes(image: FirmwareImage) -> int:
    return int(image.manifest["link"]["store_bytes"])


class Counter:
    """Adds up the instructions of programs, operation by operation."""

    def __init__(self, plan: Plan, board: Board) -> None:
        assert board.qemu is not None
        self.qemu = board.qemu
        self.ops: tuple[Op, ...] = plan.ops
        self.ticks = np.zeros(len(plan.ops), np.int64)
        self.last = plan.layers[-1].index
        self.samples = 0

    def add(self, chip: DeviceExecutor, samples: int) -> None:
        """The program that the chip has just ended."""
        self.ticks += np.array(chip.device.profile(), np.int64)
        self.samples += samples

    def cost(self) -> Cost:
        """Means over all samples."""
        parts: dict[tuple[int, str], float] = {}
        for op, ticks in zip(self.ops, self.ticks.tolist(), strict=True):
            phase = _PHASE_OF.get(op.kind)
            if phase is not None:
                layer = self.last if op.layer is None else op.layer
                spent = self.qemu.to_instructions(ticks) / self.samples
                parts[layer, phase] = parts.get((layer, phase), 0.0) + spent
        total = self.qemu.to_instructions(int(self.ticks.sum())) / self.samples
        return Cost(total, parts)


def measure_host(case: Case) -> OnHost:
    """Samples a second of the host executor, median of runs within `HOST_SECONDS`.

    Seconds are the processor time of this process, so that what else the machine does counts little.
    """
    net = case.network()
    samples = case.samples()
    take = np.arange(HOST_BATCH) % len(samples.labels)
    codes, labels = net.encode(samples.x[take]), samples.labels[take]
    with open_executor(net, "host", batch=HOST_BATCH) as host:
        training = _rate(lambda: host.step(codes, labels, 0, RULE))
        inference = _rate(lambda: host.forward(codes))
    return OnHost(case.name, HOST_BATCH, training, inference)


def _rate(action: Callable[[], object]) -> float:
    action()
    times: list[float] = []
    while len(times) < 3 or sum(times) < HOST_SECONDS:
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return HOST_BATCH / median(times)
