"""Checkpoints through the real firmware in memory: what comes back is what the reference has at that step."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.link import harness
from wagekit.errors import LinkError, UsageError
from wagekit.executors.device import DeviceExecutor
from wagekit.executors.reference import ReferenceExecutor
from wagekit.link import Device, RefusedError, Timing
from wagekit.numerics import code_dtype
from wagekit.numerics.learn import LearnPlan

NET = harness.small_network()
BATCH = 3
PATIENT = Timing(resend=0.02, resend_limit=0.1, poll=0.05, silence=1e4, stall=1e5, hello=1e4)
STEPS = 40
SECTORS, SECTOR = 16, 256


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """The application with a flash and without."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    done = {}
    for flash in (True, False):
        folder = tmp_path_factory.mktemp("checkpoints")
        sources, includes = harness.render_network(NET, folder, BATCH)
        done[flash] = harness.build_app(folder, harness.Config(flash=flash), sources, includes)
    return done


@pytest.fixture
def board(libraries: dict[bool, Path]) -> harness.Board:
    board = harness.Board(libraries[True])
    board.new_flash(SECTORS, SECTOR)
    board.reset()
    return board


def opened(board: harness.Board, *, keep: bool = True) -> DeviceExecutor:
    device = Device.open(harness.MemoryTransport(board), timing=PATIENT)
    return DeviceExecutor(NET, device, name="memory", seed=3, keep=keep)


def batch(step: int) -> tuple[np.ndarray, np.ndarray, int]:
    rng = np.random.default_rng(step)
    x = rng.integers(-127, 128, (BATCH, 6, 5, 1)).astype(np.int8)
    return x, rng.integers(0, 3, BATCH), int(rng.integers(-1, 4))


@pytest.fixture(scope="module")
def digests() -> list[str]:
    """What the reference has after each step."""
    reference = ReferenceExecutor(NET, seed=3)
    found = [reference.digest()]
    for step in range(STEPS):
        reference.step(*batch(step))
        found.append(reference.digest())
    return found


def test_a_checkpoint_comes_back_and_training_goes_on(board: harness.Board, digests: list[str]) -> None:
    executor = opened(board, keep=False)
    assert executor.hello.checkpoints
    assert not executor.hello.restored
    assert executor.checkpoint_info().newest is None
    with pytest.raises(RefusedError, match="there is no checkpoint of this network"):
        executor.load_checkpoint()
    for step in range(7):
        executor.step(*batch(step), rule="paper")
    assert executor.save_checkpoint() == 7
    executor.step(*batch(7))
    assert executor.load_checkpoint() == 7
    assert executor.digest() == digests[7]
    executor.step(*batch(7))
    executor.step(*batch(8))
    board.power_on()
    again = opened(board)
    assert again.hello.restored
    assert (again.step_count, again.seed, again.digest()) == (7, 3, digests[7])
    assert again.device.state().log2_lr == batch(8)[2] or again.device.state().log2_lr == batch(6)[2]
    info = again.checkpoint_info()
    assert (info.step, info.sequence, info.newest, info.unconfirmed) == (7, 1, 0, False)
    for step in range(7, STEPS):
        again.step(*batch(step))
    assert again.digest() == digests[STEPS]


def test_the_power_goes_at_random_moments(board: harness.Board, digests: list[str]) -> None:
    """Each time the acknowledged record comes back, or the one that was being written."""
    generator = random.Random(5)
    opened(board, keep=False).save_checkpoint()
    board.power_on()
    acked = cuts = 0
    begun: set[int] = set()
    while acked < STEPS:
        executor = opened(board)
        step = executor.step_count
        assert executor.hello.restored
        assert step in begun | {acked}
        assert executor.digest() == digests[step]
        board.cut(generator.randrange(1, 700), generator.randrange(4))
        try:
            while step < STEPS:
                executor.step(*batch(step))
                step += 1
                begun.add(step)
                assert executor.save_checkpoint() == step
                acked, begun = step, set()
            break
        except LinkError:
            assert board.dead
            cuts += 1
            board.power_on()
    assert cuts >= 10
    assert opened(board).digest() == digests[STEPS]


def test_the_policy_saves_by_itself_and_survives(board: harness.Board, digests: list[str]) -> None:
    executor = opened(board, keep=False)
    executor.set_policy(every=4)
    list(executor.train_stream([batch(step) for step in range(14)]))
    assert executor.device.state().step == 14
    while executor.checkpoint_info().work == "save":
        pass
    info = executor.checkpoint_info()
    assert (info.step, info.saves, info.last_save) == (12, 3, "whole")
    assert info.erases == 3 * -(-(128 + 64 + -(-executor.hello.weights // 64) * 64) // SECTOR)
    board.power_on()
    again = opened(board)
    assert (again.step_count, again.digest()) == (12, digests[12])
    assert again.checkpoint_info().every == 4
    again.set_policy(every=1, spacing=3600)
    for step in range(12, 16):
        again.step(*batch(step))
    while again.checkpoint_info().work == "save":
        pass
    assert again.checkpoint_info().saves == 1, "an hour has not gone by"
    with pytest.raises(UsageError, match="improvement = 2"):
        again.set_policy(improvement=2)


def test_inference_goes_on_while_a_save_is_under_way_and_learning_waits(board: harness.Board) -> None:
    executor = opened(board, keep=False)
    reference = ReferenceExecutor(NET, seed=3)
    x, labels, _ = batch(0)
    executor.upload(x[:2], labels[:2])
    assert executor.save_checkpoint(wait=False) == 0
    assert executor.checkpoint_info().work == "save"
    assert (executor.device.infer([0, 1]) == reference.forward(x[:2])).all()
    assert executor.checkpoint_info().work == "save"
    assert executor.step_indices([0, 1]) == reference.step(x[:2], labels[:2])
    info = executor.checkpoint_info()
    assert (info.work, info.last_save, info.step) == ("idle", "whole", 0)


def test_a_worn_flash_is_an_error_and_the_network_goes_on(board: harness.Board, digests: list[str]) -> None:
    executor = opened(board, keep=False)
    assert executor.save_checkpoint() == 0
    board.stick(SECTORS // 2 * SECTOR + 300, 3, 0)
    executor.step(*batch(0))
    with pytest.raises(RefusedError, match="did not take the checkpoint") as caught:
        executor.save_checkpoint()
    assert caught.value.code == "worn"
    info = executor.checkpoint_info()
    assert (info.failures, info.last_save, info.step) == (1, "worn", 0)
    assert SECTORS // 2 * SECTOR <= info.failed_at <= SECTORS // 2 * SECTOR + 512
    executor.step(*batch(1))
    assert executor.digest() == digests[2]
    board.stick(0, 0, 2)
    assert executor.save_checkpoint() == 2


def test_a_flash_that_is_too_small_or_absent_is_an_error(libraries: dict[bool, Path]) -> None:
    small = harness.Board(libraries[True])
    small.new_flash(2, 64)
    small.reset()
    for board in (small, harness.Board(libraries[False])):
        executor = opened(board, keep=False)
        assert executor.hello.checkpoints == (board is small)
        for call in (executor.save_checkpoint, executor.load_checkpoint, executor.set_policy):
            with pytest.raises(RefusedError, match="no room for checkpoints"):
                call()
        executor.step(*batch(0))


def test_masters_that_are_being_loaded_are_not_saved(board: harness.Board, digests: list[str]) -> None:
    executor = opened(board, keep=False)
    executor.step(*batch(0))
    executor.save_checkpoint()
    dtype = np.dtype(code_dtype(NET.bits.gradients))
    executor.device.session.call("load_begin")
    executor.device.session.call("load_chunk", {"layer": 0, "first": 0, "data": np.zeros(5, dtype).tobytes()})
    with pytest.raises(RefusedError, match="masters are incomplete"):
        executor.save_checkpoint()
    assert executor.load_checkpoint() == 1, "the checkpoint takes the place of what was broken off"
    assert executor.digest() == digests[1]


@pytest.mark.parametrize("broken_off", [True, False])
def test_a_loading_that_goes_wrong_leaves_the_checkpoint(
    board: harness.Board, digests: list[str], broken_off: bool
) -> None:
    """Its CRC is wrong, or the line breaks in the midst: the chip says so, and has its checkpoint again."""
    executor = opened(board, keep=False)
    executor.step(*batch(0))
    executor.save_checkpoint()
    masters = [np.zeros(m.size, m.dtype).tobytes() for m in executor.masters]
    session = executor.device.session
    session.call("load_begin")
    session.call("load_chunk", {"layer": 0, "first": 0, "data": masters[0][:32]})
    if not broken_off:
        with pytest.raises(RefusedError, match="not those that were sent"):
            session.call("load_commit", {"crc": 1, "step": 9, "seed": 9})
    again = opened(board)
    assert again.hello.loading
    with pytest.raises(RefusedError, match="masters are incomplete"):
        again.step(*batch(1))
    if broken_off:
        assert again.load_checkpoint() == 1
    else:
        board.power_on()
        again = opened(board)
    assert (again.step_count, again.seed, again.digest()) == (1, 3, digests[1])


def test_learning_by_itself_waits_for_the_saves_of_the_policy(board: harness.Board) -> None:
    x, labels, _ = batch(0)
    reference = ReferenceExecutor(NET, seed=3)
    executor = opened(board, keep=False)
    executor.upload(x, labels)
    executor.set_policy(every=2)
    executor.plan_learning(LearnPlan())
    executor.learn(0, BATCH, limit=6)
    for step in range(6):
        reference.step(x[[step % BATCH]], labels[[step % BATCH]], 0, "error_scaled")
    assert executor.digest() == reference.digest()
    while executor.checkpoint_info().work == "save":
        pass
    info = executor.checkpoint_info()
    assert (info.saves, info.last_save, info.step) == (3, "whole", 6)
