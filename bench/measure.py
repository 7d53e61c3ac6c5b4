"""Measures one network: on an emulated board by exact instruction counts, on the host by the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

from bench.cases import Case, find
from wagekit import boards, open_executor
from wagekit.backends.mcu import Plan
from wagekit.executors import Rule
from wagekit.executors.cost import Cost as Counted
from wagekit.executors.cost import count
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
    "again": "forward",
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
    """Layers whose gradient is computed twice, or a part of it, for want of RAM."""


@dataclass(frozen=True)
class OnHost:
    """Samples a second on one core of this machine."""

    case: str
    batch: int
    training: float
    inference: float


def measure(name: str, board_name: str, batch: int) -> OnBoard:
    """Build, boot and count the case of that name."""
    case = find(name)
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
    steps = batch * (WARM_STEPS + STEPS)
    codes, plan = net.encode(samples.x[:steps]), image.plan
    with open_executor(net, f"qemu:{board_name}", batch=batch, icount=True, store_limit=store) as chip:
        assert isinstance(chip, DeviceExecutor)
        labels = samples.labels[:steps]
        training = count(chip, plan, board, codes, labels, batch=batch, rule=RULE, warm_steps=WARM_STEPS)
        inference = count(chip, plan, board, codes[: max(INFERENCES, batch)], None, batch=batch)
        stack_free = chip.counters().stack_free
    return OnBoard(
        case.name,
        board_name,
        batch,
        plan.graph.macs,
        tuple(layer.name for layer in plan.graph.layers),
        inference=by_phase(plan, inference),
        training=by_phase(plan, training),
        model=plan.ram,
        ram=image.sizes.ram - _store_bytes(image) - stack_free,
        flash=image.sizes.flash,
        recomputed=sum(layer.recomputes for layer in plan.layers),
    )


def _store_bytes(image: FirmwareImage) -> int:
    return int(image.manifest["link"]["store_bytes"])


def by_phase(plan: Plan, counted: Counted) -> Cost:
    """What a program of the plan cost, by layer and phase."""
    parts: dict[tuple[int, str], float] = {}
    for op, operation in zip(plan.ops, counted.operations, strict=True):
        phase = _PHASE_OF.get(op.kind)
        if phase is not None:
            layer = plan.layers[-1].index if op.layer is None else op.layer
            parts[layer, phase] = parts.get((layer, phase), 0.0) + operation.instructions
    return Cost(counted.instructions, parts)


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
