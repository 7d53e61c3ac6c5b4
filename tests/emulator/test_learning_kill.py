"""A chip learns by itself, with a replay store, and its power goes at random moments: it goes on as a run
that was never interrupted.
"""

from __future__ import annotations

import random
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.emulator.test_checkpoint_kill import SEED, Chip
from wagekit import open_executor
from wagekit.cli.sources import open_subject
from wagekit.datasets import load_digits
from wagekit.errors import LinkError
from wagekit.executors.device import DeviceExecutor
from wagekit.executors.learning import Reservoir, learn
from wagekit.numerics.learn import Learning, LearnPlan

NET = open_subject("digits-tiny").network
PLAN = LearnPlan(((0, 3), (200, 2), (900, 1)), window_log2=5)
SAMPLES = 12
EVERY = 2
LONGEST = 0.5
"""Seconds until the power goes."""


@dataclass(frozen=True)
class Setup:
    """What a board learns with."""

    replay: int
    keep: str


SETUPS = {
    "mps2-an386": Setup(60, "learning"),
    "emcraft-sf2": Setup(40, "samples"),
    "microbit": Setup(8, "learning"),
}
CUTS = [
    *(pytest.param(name, 4, id=f"{name}-4") for name in SETUPS),
    *(pytest.param(name, 30, id=f"{name}-30", marks=pytest.mark.long) for name in SETUPS),
]


def samples() -> tuple[np.ndarray, np.ndarray]:
    digits = load_digits()
    return NET.encode(digits.x[:SAMPLES]), np.asarray(digits.labels[:SAMPLES])


class Twin:
    """The same on the host, never interrupted: digest and counts after every group of steps."""

    def __init__(self, capacity: int) -> None:
        self._host = open_executor(NET, "host", seed=SEED)
        self._learning = Learning(PLAN)
        self._reservoir = Reservoir.of(capacity, 1, seed=4)
        self._found = {0: self._now()}
        self._last = 0

    def _now(self) -> tuple[str, int, int, int, int]:
        counts = self._learning
        return self._host.digest(), counts.seen, counts.running, counts.best, self._reservoir.replay.filled

    def __getitem__(self, step: int) -> tuple[str, int, int, int, int]:
        while self._last < step:
            learn(
                self._host,
                *samples(),
                self._learning,
                order="drawn",
                seed=6,
                limit=1,
                reservoir=self._reservoir,
            )
            self._last = self._host.step_count
            self._found[self._last] = self._now()
        return self._found[step]


def state(executor: DeviceExecutor) -> tuple[str, int, int, int, int]:
    found = executor.device.learner.state()
    return executor.digest(), found.seen, found.running, found.best, found.stored


def learn_until_cut(executor: DeviceExecutor, timer: threading.Timer, acked: int, *, first: bool) -> int:
    """Let it learn without end; the newest step that it said it had saved. The timer is started at once, or
    with `first` after a save.
    """
    executor.upload(*samples())
    executor.device.learner.learn(0, SAMPLES, order="drawn", seed=6)
    waits, end = first, time.monotonic() + 120
    if not waits:
        timer.start()
    with suppress(LinkError):
        while time.monotonic() < end:
            info = executor.checkpoint_info()
            if waits and info.step > acked:
                timer.start()
                waits = False
            acked = max(acked, info.step)
            time.sleep(0.02)
    assert not waits, "no save"
    return acked


@pytest.mark.parametrize(("board", "cuts"), CUTS)
def test_the_power_goes_while_a_chip_learns_by_itself(
    board: str, cuts: int, tmp_path: Path, arm_gcc: str, qemu: str
) -> None:
    setup, generator = SETUPS[board], random.Random(cuts)
    twin, acked, damaged, records = Twin(setup.replay), 0, 0, []
    chip = Chip(board, NET, 1, tmp_path)
    try:
        chip.executor.keep_samples(setup.replay, 1, seed=4)
        chip.executor.plan_learning(PLAN)
        chip.executor.set_policy(every=EVERY, keep=setup.keep)  # type: ignore[arg-type]
        chip.executor.save_checkpoint()
        for number in range(cuts):
            timer = threading.Timer(generator.random() * LONGEST, chip.cut)
            acked = learn_until_cut(chip.executor, timer, acked, first=number % 4 == 0)
            timer.join()
            chip.start_again()
            info, step = chip.executor.checkpoint_info(), chip.executor.step_count
            assert info.learning == "taken"
            assert step >= info.step >= acked, "what was acknowledged is lost"
            assert state(chip.executor) == twin[step], f"step {step} is not what the twin has"
            acked = info.step
            damaged += "damaged" in info.slots
            records.append(info.step)
        chip.executor.upload(*samples())
        chip.executor.learn(0, SAMPLES, order="drawn", seed=6, limit=25)
        last = chip.executor.step_count
        assert state(chip.executor) == twin[last], "as if it had never been interrupted"
    finally:
        chip.close()
    assert len(set(records)) >= cuts // 4
    print(
        f"{board}: {cuts} cuts while it learned by itself, {damaged} in the midst of a save, "
        f"{len(set(records))} different records came back, the last of step {records[-1]}"
    )
