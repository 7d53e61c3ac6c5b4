"""The real firmware learns in QEMU and is killed: what was acknowledged comes back, and training goes on."""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.link import harness
from wagekit import open_executor
from wagekit.errors import LinkError
from wagekit.executors.device import DeviceExecutor
from wagekit.executors.reference import ReferenceExecutor

NET = harness.small_network()
BOARD = "mps2-an386"
BATCH = 4


def opened(flash: Path, *, keep: bool = True) -> DeviceExecutor:
    executor = open_executor(NET, f"qemu:{BOARD}", seed=3, batch=BATCH, flash=flash, keep=keep)
    assert isinstance(executor, DeviceExecutor)
    return executor


def kill(executor: DeviceExecutor) -> None:
    os.kill(executor.device.session.transport.process.pid, signal.SIGKILL)  # type: ignore[attr-defined]


def batch(step: int) -> tuple[np.ndarray, np.ndarray, int]:
    rng = np.random.default_rng(step)
    x = rng.integers(-127, 128, (BATCH, 6, 5, 1)).astype(np.int8)
    return x, rng.integers(0, 3, BATCH), int(rng.integers(-1, 4))


class Digests:
    """What the reference has after a step, of a run that is never interrupted."""

    def __init__(self) -> None:
        self._reference = ReferenceExecutor(NET, seed=3)
        self._found = [self._reference.digest()]

    def __getitem__(self, step: int) -> str:
        while len(self._found) <= step:
            self._reference.step(*batch(len(self._found) - 1))
            self._found.append(self._reference.digest())
        return self._found[step]


def learn_until_killed(executor: DeviceExecutor, step: int, saved: list[int], begun: set[int]) -> None:
    """Learn and save without end; `saved` gets what was acknowledged."""
    while True:
        executor.step(*batch(step))
        step += 1
        begun.add(step)
        assert executor.save_checkpoint() == step
        saved.append(step)
        begun.clear()


@pytest.mark.parametrize(
    "kills", [pytest.param(6, id="6"), pytest.param(80, id="80", marks=pytest.mark.long)]
)
def test_killed_at_random_moments(kills: int, tmp_path: Path, arm_gcc: str, qemu: str) -> None:
    flash, digests, generator = tmp_path / "psram", Digests(), random.Random(kills)
    saved, begun = [0], set[int]()
    executor = opened(flash, keep=False)
    assert not executor.hello.restored
    executor.save_checkpoint()
    for _ in range(kills):
        timer = threading.Timer(generator.random() * 0.6, kill, [executor])
        timer.start()
        with pytest.raises(LinkError, match="ended with code -9"):
            learn_until_killed(executor, executor.step_count, saved, begun)
        timer.join()
        executor.device.close()
        executor = opened(flash)
        assert executor.hello.restored
        step = executor.step_count
        assert step in begun | {saved[-1]}
        assert executor.digest() == digests[step]
    with executor:
        end = executor.step_count + 3
        for step in range(executor.step_count, end):
            executor.step(*batch(step))
        assert executor.digest() == digests[end], "as if it had never been interrupted"
    assert len(saved) > kills


def test_the_policy_saves_while_the_chip_learns(tmp_path: Path, arm_gcc: str, qemu: str) -> None:
    flash, digests = tmp_path / "psram", Digests()
    executor = opened(flash, keep=False)
    executor.set_policy(every=5)
    list(executor.train_stream([batch(step) for step in range(13)]))
    while executor.checkpoint_info().work == "save":
        pass
    assert executor.checkpoint_info().saves == 2
    kill(executor)
    executor.device.close()
    with opened(flash) as again:
        assert (again.step_count, again.digest()) == (10, digests[10])
        assert again.checkpoint_info().every == 5


@pytest.mark.parametrize("board", ["mps2-an385", "mps2-an500", "microbit", "emcraft-sf2"])
def test_every_flash_keeps_a_network_over_a_reset(
    board: str, tmp_path: Path, arm_gcc: str, qemu: str
) -> None:
    options = {"flash": tmp_path / "nor"} if board == "emcraft-sf2" else {}
    digests = Digests()
    with open_executor(NET, f"qemu:{board}", seed=3, batch=BATCH, **options) as executor:
        assert isinstance(executor, DeviceExecutor)
        for step in range(3):
            executor.step(*batch(step))
        assert executor.save_checkpoint() == 3
        executor.step(*batch(3))
        assert executor.reset().restored
        assert executor.step_count == 3
        assert executor.digest() == digests[3]
        executor.step(*batch(3))
        assert executor.digest() == digests[4]
