"""The link to emulated chips: equal to the reference, and clear when something ends."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from tests.link import harness
from wagekit import boards, open_executor
from wagekit.errors import LinkError
from wagekit.executors.device import DeviceExecutor
from wagekit.executors.learning import Reservoir, learn
from wagekit.executors.reference import ReferenceExecutor
from wagekit.numerics.learn import Learning, LearnPlan
from wagekit.spec import Dense, Input, Network
from wagekit.toolchain.firmware import build_firmware

NET = harness.small_network()


def opened(board: str, **options: object) -> DeviceExecutor:
    executor = open_executor(NET, f"qemu:{board}", seed=3, batch=4, **options)
    assert isinstance(executor, DeviceExecutor)
    return executor


def work(count: int) -> list[tuple[np.ndarray, np.ndarray, int]]:
    rng = np.random.default_rng(8)
    return [
        (
            rng.integers(-127, 128, (4, 6, 5, 1)).astype(np.int8),
            rng.integers(0, 3, 4),
            int(rng.integers(-2, 3)),
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("board", ["mps2-an386", "microbit", "netduinoplus2"])
def test_a_chip_learns_over_the_link(board: str, arm_gcc: str, qemu: str) -> None:
    batches = work(6)
    reference = ReferenceExecutor(NET, seed=3)
    with opened(board) as executor:
        assert executor.hello.board == board
        got = list(executor.train_stream(batches[:4])) + [executor.step(*batch) for batch in batches[4:]]
        assert got == [reference.step(*batch) for batch in batches]
        assert executor.digest() == reference.digest()
        x = np.concatenate([batch[0] for batch in batches])
        assert (executor.forward(x) == reference.forward(x)).all()
        counters = executor.counters()
        assert counters.overruns == 0
        assert counters.crc_errors <= 1, "only what came before the port was enabled (the first hello)"
        assert counters.stack_free > 0
        executor.device.reset()
        assert executor.step_count == 0


def test_a_small_chip_learns_by_itself(arm_gcc: str, qemu: str) -> None:
    """On a core without a long multiplication, with a replay store, as the host does."""
    plan = LearnPlan(((0, 2), (20, 1)), window_log2=4, samples=40)
    x = np.concatenate([batch[0] for batch in work(3)])
    labels = np.concatenate([batch[1] for batch in work(3)])
    reference, learning = ReferenceExecutor(NET, seed=3), Learning(plan)
    learn(reference, x, labels, learning, order="drawn", seed=9, reservoir=Reservoir.of(4, seed=2))
    with opened("microbit") as executor:
        executor.upload(x, labels)
        executor.keep_samples(4, seed=2)
        executor.plan_learning(plan)
        state = executor.learn(0, len(x), order="drawn", seed=9)
        assert (state.seen, state.running, state.end) == (40, learning.running, "samples")
        assert executor.digest() == reference.digest()


def test_instructions_are_counted_and_repeat(arm_gcc: str, qemu: str) -> None:
    counts = []
    for _ in range(2):
        with opened("mps2-an386", icount=True) as executor:
            executor.step(*work(1)[0])
            counts.append(executor.counters().instructions)
    assert counts[0] is not None
    assert counts[0] > 1000
    assert counts[1] == pytest.approx(counts[0], rel=0.05)


def test_a_deep_network_leaves_room_for_its_counters(arm_gcc: str) -> None:
    """The store takes all RAM that is left, so everything else must be counted."""
    layers = [Dense(units=6)] * 12 + [Dense(units=2)]
    net = Network(
        name="deep", input=Input(shape=(6,), encoding="centered"), classes=["a", "b"], layers=layers
    )
    image = build_firmware(net, boards.load("microbit"), batch=1)
    assert image.sizes.ram <= 16384


def test_an_emulator_that_is_killed_is_an_error(arm_gcc: str, qemu: str) -> None:
    with opened("mps2-an386") as executor:
        executor.device.train([0])
        os.kill(executor.device.session.transport.process.pid, signal.SIGKILL)  # type: ignore[attr-defined]
        with pytest.raises(LinkError, match=r"qemu:mps2-an386: the emulator ended with code -9.*waited for"):
            for _ in range(100):
                executor.device.state()


def test_firmware_of_another_network_is_told_at_hello(arm_gcc: str, qemu: str) -> None:
    with opened("mps2-an386") as executor:
        other = Network.model_validate(NET.model_dump() | {"classes": ["x", "y", "z"]})
        with pytest.raises(LinkError, match="was built from another network"):
            DeviceExecutor(other, executor.device, name="qemu")
