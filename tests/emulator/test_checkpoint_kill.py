"""The real firmware learns in QEMU and its power goes: what was acknowledged comes back, and training
goes on to what a run has that was never interrupted.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.emulator.monitor import Control
from tests.link import harness
from wagekit import open_executor
from wagekit.cli.sources import open_subject
from wagekit.errors import LinkError
from wagekit.executors.device import DeviceExecutor
from wagekit.executors.reference import ReferenceExecutor
from wagekit.link import Device
from wagekit.spec import Network

NET = harness.small_network()
BATCH, SEED = 4, 3
LONGEST = 0.6
"""Seconds until the power goes."""


class Digests:
    """What the reference has after a step, of a run that is never interrupted."""

    def __init__(self, net: Network = NET, size: int = BATCH) -> None:
        self._net, self._size = net, size
        self._reference = ReferenceExecutor(net, seed=SEED)
        self._found = [self._reference.digest()]

    def batch(self, step: int) -> tuple[np.ndarray, np.ndarray, int]:
        """What is learned in a step: samples, labels, rate."""
        rng = np.random.default_rng(step)
        x = rng.integers(-127, 128, (self._size, *self._net.input.shape)).astype(np.int8)
        return x, rng.integers(0, len(self._net.classes), self._size), int(rng.integers(-1, 4))

    def __getitem__(self, step: int) -> str:
        while len(self._found) <= step:
            self._reference.step(*self.batch(len(self._found) - 1))
            self._found.append(self._reference.digest())
        return self._found[step]


class Chip:
    """A board whose power goes: SIGKILL where a file keeps its flash, else system_reset."""

    def __init__(self, board: str, net: Network, batch: int, folder: Path) -> None:
        self.board, self.net, self.batch = board, net, batch
        self._control = Control(folder / "qmp")
        self._resets = board == "microbit"
        self._keeps: dict[str, Any] = {} if self._resets else {"flash": folder / "kept"}
        self.executor = self._boot(keep=False)

    def _boot(self, *, keep: bool) -> DeviceExecutor:
        executor = open_executor(
            self.net,
            f"qemu:{self.board}",
            seed=SEED,
            batch=self.batch,
            keep=keep,
            extra=self._control.options,
            **self._keeps,
        )
        assert isinstance(executor, DeviceExecutor)
        return executor

    def cut(self) -> None:
        """Let the power go. QEMU's serial flash writes its file some time after the firmware has read back
        what it programmed: `stop` lets the file catch up.
        """
        if self._resets:
            self._control.send("system_reset")
            return
        if self.board == "emcraft-sf2":
            self._control.send("stop")
        os.kill(self.executor.device.session.transport.process.pid, signal.SIGKILL)  # type: ignore[attr-defined]

    def start_again(self) -> None:
        """Power on; the chip as it is then."""
        if self._resets:
            device = Device.open(self.executor.device.session.transport)
            self.executor = DeviceExecutor(self.net, device, name=self.board, batch=self.batch, keep=True)
        else:
            self.executor.device.close()
            self.executor = self._boot(keep=True)
        assert self.executor.hello.restored

    def close(self) -> None:
        self.executor.device.close()


class Saved:
    """Steps that were acknowledged, and the one that may have been written since."""

    def __init__(self) -> None:
        self.acked = [0]
        self.begun: set[int] = set()

    def learn_until_cut(self, chip: Chip, digests: Digests, timer: threading.Timer, *, first: bool) -> None:
        """Learn and save without end. The timer is started at once, or with `first` after a save."""
        executor = chip.executor
        step = executor.step_count
        waits = first
        if not waits:
            timer.start()
        while True:
            executor.step(*digests.batch(step))
            step += 1
            self.begun.add(step)
            assert executor.save_checkpoint() == step
            self.acked.append(step)
            self.begun.clear()
            if waits:
                timer.start()
                waits = False


CUTS = [
    *(
        pytest.param(name, few, id=f"{name}-{few}")
        for name, few in (
            ("mps2-an386", 6),
            ("emcraft-sf2", 4),
            ("microbit", 4),
            ("mps2-an505", 2),
            ("mps3-an547", 2),
        )
    ),
    *(
        pytest.param(name, many, id=f"{name}-{many}", marks=pytest.mark.long)
        for name, many in (("mps2-an386", 80), ("emcraft-sf2", 70), ("microbit", 60))
    ),
]


@pytest.mark.parametrize(("board", "cuts"), CUTS)
def test_the_power_goes_at_random_moments(
    board: str, cuts: int, tmp_path: Path, arm_gcc: str, qemu: str
) -> None:
    """`digits-tiny` in the 16 KB of the microbit, a small convolutional network on the others."""
    net, size = (open_subject("digits-tiny").network, 1) if board == "microbit" else (NET, BATCH)
    digests, generator, saved = Digests(net, size), random.Random(cuts), Saved()
    chip = Chip(board, net, size, tmp_path)
    assert not chip.executor.hello.restored
    chip.executor.save_checkpoint()
    went_on = damaged = 0
    try:
        for number in range(cuts):
            timer = threading.Timer(generator.random() * LONGEST, chip.cut)
            with pytest.raises(LinkError):
                saved.learn_until_cut(chip, digests, timer, first=number % 4 == 0)
            timer.join()
            chip.start_again()
            step = chip.executor.step_count
            assert step in saved.begun | {saved.acked[-1]}
            assert chip.executor.digest() == digests[step]
            went_on += step > saved.acked[-1]
            damaged += "damaged" in chip.executor.checkpoint_info().slots
        first = chip.executor.step_count
        for step in range(first, first + 3):
            chip.executor.step(*digests.batch(step))
        assert chip.executor.digest() == digests[first + 3], "as if it had never been interrupted"
    finally:
        chip.close()
    assert len(saved.acked) > cuts // 4
    print(
        f"{board}: {cuts} cuts, {len(saved.acked)} saves acknowledged, last step {first}; "
        f"{damaged} times a slot was left unfinished, {went_on} times the record came back that was being "
        f"written"
    )


def test_the_policy_saves_while_the_chip_learns(tmp_path: Path, arm_gcc: str, qemu: str) -> None:
    digests = Digests()
    chip = Chip("mps2-an386", NET, BATCH, tmp_path)
    executor = chip.executor
    executor.set_policy(every=5)
    list(executor.train_stream([digests.batch(step) for step in range(13)]))
    while executor.checkpoint_info().work == "save":
        pass
    assert executor.checkpoint_info().saves == 2
    chip.cut()
    chip.start_again()
    with chip.executor as again:
        assert (again.step_count, again.digest()) == (10, digests[10])
        assert again.checkpoint_info().every == 5


@pytest.mark.parametrize("board", ["mps2-an385", "mps2-an500", "microbit", "emcraft-sf2"])
def test_every_flash_keeps_a_network_over_a_reset(
    board: str, tmp_path: Path, arm_gcc: str, qemu: str
) -> None:
    options = {"flash": tmp_path / "nor"} if board == "emcraft-sf2" else {}
    digests = Digests()
    with open_executor(NET, f"qemu:{board}", seed=SEED, batch=BATCH, **options) as executor:
        assert isinstance(executor, DeviceExecutor)
        for step in range(3):
            executor.step(*digests.batch(step))
        assert executor.save_checkpoint() == 3
        executor.step(*digests.batch(3))
        assert executor.reset().restored
        assert executor.step_count == 3
        assert executor.digest() == digests[3]
        executor.step(*digests.batch(3))
        assert executor.digest() == digests[4]
