"""What needs how much of a board's RAM and flash, before anything is compiled."""

from __future__ import annotations

from dataclasses import dataclass

from wagekit.backends.mcu import Plan
from wagekit.boards import Board
from wagekit.errors import LimitError
from wagekit.link import schema

PORT_BYTES = 160
"""Static data of startup, drivers and faults beside the rings, rounded up."""
APP_BYTES = 400
"""Static data of the link and its application beside frames, store, labels and counters, rounded up."""
OPERATION_BYTES = 12
"""Counters of what an operation of the program costs, and its longest slice."""
CHECKPOINT_BYTES = 320
"""Static data of the checkpoints, where a board keeps any, rounded up."""
CODE_BYTES = 12 * 1024
"""Code and tables of the smallest firmware: a network that leaves less flash cannot fit."""
MAX_SLOTS = 65_535
"""Samples that the link can name."""
LABEL_BYTES = 2
_FRAMES = 5
"""Frame buffers of the link: three that come in, two answers."""


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes that something takes."""

    name: str
    bytes: int


class FitError(LimitError):
    """A firmware that does not fit its board."""

    def __init__(self, message: str, needs: tuple[Need, ...], missing: int, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.needs = needs
        """What needs how much."""
        self.missing = missing
        """Bytes that the board lacks."""

    def with_advice(self, text: str) -> FitError:
        """The same with one more line of what to do."""
        return FitError(self.message, self.needs, self.missing, f"{self.hint}\n{text}")


@dataclass(frozen=True, slots=True)
class RamBudget:
    """The use of a board's RAM; the needs, the store among them, sum up to at most `size`."""

    size: int
    needs: tuple[Need, ...]
    store: int
    """Bytes of the sample store: a whole number of samples."""

    @property
    def used(self) -> int:
        """Bytes of all needs."""
        return sum(need.bytes for need in self.needs)


def model_limit(board: Board, inputs: int, batch: int, layers: int, *, link: bool) -> int:
    """Bytes that are left for the network's struct; below 1 if none are.

    The program is not known yet: a layer has at most six operations, a network two more.
    """
    fixed = _fixed_needs(board, batch, 6 * layers + 2, link=link)
    return board.region("ram").size - sum(need.bytes for need in fixed) - _least_store(inputs, link=link)


def ram_budget(board: Board, plan: Plan, *, link: bool, store_limit: int | None = None) -> RamBudget:
    """Share out the RAM: what must be there, and the sample store takes what is left.

    `store_limit` caps the store in bytes. `FitError` with the table if there is too little.
    """
    ram = board.region("ram").size
    needs = least_needs(board, plan, link=link)
    total = sum(need.bytes for need in needs)
    if total > ram:
        raise _misfit(board, plan, tuple(needs), "RAM", ram)
    if not link:
        return RamBudget(ram, tuple(needs[:-1]), 0)
    sample = plan.inputs + LABEL_BYTES
    # Two arrays, each aligned to a word.
    room = ram - total + sample
    if store_limit is not None:
        room = min(room, max(store_limit, sample))
    store = min(room // sample, MAX_SLOTS) * sample
    needs[-1] = Need(f"sample store, {store // sample} samples", store)
    return RamBudget(ram, tuple(needs), store)


def fits(board: Board, plan: Plan, *, link: bool) -> bool:
    """Whether `ram_budget` finds enough RAM."""
    return sum(need.bytes for need in least_needs(board, plan, link=link)) <= board.region("ram").size


def least_needs(board: Board, plan: Plan, *, link: bool) -> list[Need]:
    """All uses of the RAM with a sample store of one sample, which comes last."""
    needs = [Need(f"network, {part}", size) for part, size in plan.parts().items()]
    needs += _fixed_needs(board, plan.batch, len(plan.ops), link=link, checkpoints=not plan.packed)
    needs.append(Need("sample store, one sample", _least_store(plan.inputs, link=link)))
    return needs


def check_flash(board: Board, plan: Plan, *, baked: bool) -> None:
    """`FitError` if masters that are built in, and the least code, exceed the flash."""
    flash = board.code_flash
    needs = (Need("code, at least", CODE_BYTES), Need("weights built in", plan.flash_bytes(baked=baked)))
    total = sum(need.bytes for need in needs)
    if total > flash:
        raise _misfit(board, plan, needs, "flash", flash)


def _fixed_needs(
    board: Board, batch: int, operations: int, *, link: bool, checkpoints: bool = True
) -> list[Need]:
    needs = [
        Need("stack", board.stack),
        Need("receive ring", board.link.ring),
        Need("transmit ring", board.link.send_ring),
        Need("port", PORT_BYTES),
    ]
    if link:
        frames = _FRAMES * (board.link.frame + schema.OVERHEAD_BYTES)
        app = APP_BYTES + LABEL_BYTES * batch + OPERATION_BYTES * operations
        if board.checkpoint and checkpoints:
            needs.append(Need("checkpoints", CHECKPOINT_BYTES))
        needs += [Need("link frames", frames), Need("link application", app)]
    return needs


def _least_store(inputs: int, *, link: bool) -> int:
    return inputs + LABEL_BYTES if link else 0


def _misfit(board: Board, plan: Plan, needs: tuple[Need, ...], memory: str, size: int) -> FitError:
    total = sum(need.bytes for need in needs)
    missing = total - size
    message = (
        f"network {plan.name!r} at batch {plan.batch} does not fit board {board.name}: "
        f"it needs {total:,} bytes of {memory}, {missing:,} more than the board's {size:,}"
    )
    width = max(len(need.name) for need in needs)
    rows = [f"{need.name:<{width}}  {need.bytes:>12,}" for need in needs if need.bytes]
    advice = "use a smaller network" if plan.batch == 1 else "use a smaller batch or network"
    return FitError(message, needs, missing, "\n".join([*rows, f"{advice}, or a larger board"]))
