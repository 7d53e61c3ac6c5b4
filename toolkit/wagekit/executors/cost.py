"""Counts what a network's program executes on an emulated board, to the instruction."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wagekit.backends.mcu import Plan
from wagekit.boards import Board, Qemu
from wagekit.errors import UsageError
from wagekit.executors.attach import open_qemu
from wagekit.executors.base import Rule
from wagekit.executors.device import DeviceExecutor
from wagekit.spec import Network

WARM_STEPS = 2
"""Steps before the count: the very first ones, with random weights, are not typical."""


@dataclass(frozen=True, slots=True)
class OperationCost:
    """One operation of the program."""

    name: str
    instructions: float
    """A sample, in the mean."""
    slices: int
    """Tiles of one program at this batch: so often does the caller get the processor back."""
    longest: int
    """Instructions of the longest slice (one `wk_model_poll`), reading the counter included."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a program executed; the link is not in it."""

    board: str
    training: bool
    batch: int
    programs: int
    """That were counted."""
    operations: tuple[OperationCost, ...]

    @property
    def instructions(self) -> float:
        """Instructions a sample, in the mean."""
        return sum(operation.instructions for operation in self.operations)

    @property
    def longest(self) -> OperationCost:
        """The operation with the longest slice."""
        return max(self.operations, key=lambda operation: operation.longest)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"instructions": self.instructions, "longest": self.longest.longest}


def measure_cost(
    net: Network,
    board: Board,
    x: ArrayLike,
    labels: ArrayLike,
    *,
    training: bool,
    batch: int = 1,
    log2_lr: int = 0,
    rule: Rule = "error_scaled",
    warm_steps: int = WARM_STEPS,
    health_every: int = 0,
    **options: Any,
) -> Cost:
    """Run the samples `x` (input codes) in batches and count; the last part of them, if short, is left out.

    Training begins at the initial masters, and its first `warm_steps` are not counted if there are more.
    Counts depend on samples and weights, because zeros are skipped; for the same ones they repeat.
    Steps count the health of layers as `Executor.health_every` says.
    Further options are those of `build_firmware`.
    """
    codes = np.asarray(x)
    _check(board, codes, batch)
    store = {"store_limit": batch * (codes[0].size + 2)}
    building = {"training": training} | store | options
    classes = labels if training else None
    how: dict[str, Any] = {"batch": batch, "log2_lr": log2_lr, "rule": rule, "warm_steps": warm_steps}
    with open_qemu(net, board, batch=batch, icount=True, **building) as chip:
        chip.health_every = health_every
        return count(chip, chip.image.plan, board, codes, classes, **how)


def count(
    chip: DeviceExecutor,
    plan: Plan,
    board: Board,
    x: ArrayLike,
    labels: ArrayLike | None,
    *,
    batch: int,
    log2_lr: int = 0,
    rule: Rule = "error_scaled",
    warm_steps: int = WARM_STEPS,
) -> Cost:
    """What `measure_cost` does, on a chip that is open (with `icount`) and from the weights that it has.

    `plan` and `board` are those of its firmware. With `labels` it learns, else it infers.
    The operations of the result are those of the plan, in order.
    """
    codes, classes = np.asarray(x), None if labels is None else np.asarray(labels)
    qemu = _check(board, codes, batch)
    programs = len(codes) // batch
    ticks = np.zeros(len(plan.ops), np.int64)
    longest = np.zeros(len(plan.ops), np.int64)
    skipped = 0 if classes is None else min(warm_steps, programs - 1)
    for number in range(programs):
        part = slice(number * batch, (number + 1) * batch)
        _run(chip, codes[part], None if classes is None else classes[part], log2_lr, rule)
        longest = np.maximum(longest, chip.device.slices())
        if number >= skipped:
            ticks += np.array(chip.device.profile(), np.int64)
    counted = programs - skipped
    found = tuple(
        OperationCost(
            name=op.name,
            instructions=qemu.to_instructions(int(total)) / (counted * batch),
            slices=op.slices(batch),
            longest=qemu.to_instructions(int(most)),
        )
        for op, total, most in zip(plan.ops, ticks, longest, strict=True)
    )
    return Cost(board.name, classes is not None, batch, counted, found)


def _check(board: Board, codes: NDArray[Any], batch: int) -> Qemu:
    if board.qemu is None:
        raise UsageError(f"board {board.name} is not emulated: nothing can be counted")
    if len(codes) < batch:
        raise UsageError(f"{len(codes)} samples are less than a batch of {batch}")
    return board.qemu


def _run(chip: DeviceExecutor, codes: Any, labels: Any, log2_lr: int, rule: Rule) -> None:
    if labels is None:
        chip.forward(codes)
    else:
        chip.step(codes, labels, log2_lr, rule)
