"""The link application with frozen layers in flash: what it says, loads, refuses and keeps."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest

from tests.equality import assert_same_logits, assert_same_masters, step_together
from tests.link import harness
from wagekit import Bits
from wagekit.executors.device import DeviceExecutor, FrozenWeightsError
from wagekit.executors.reference import ReferenceExecutor
from wagekit.link import Device, RefusedError, Timing
from wagekit.link.checkpoint import Geometry, cost
from wagekit.passes import compile_graph
from wagekit.reference import initial_masters
from wagekit.spec import Network
from wagekit.training import frozen_on_grid

SEED = 3
BATCH = 3
PATIENT = Timing(resend=0.02, resend_limit=0.1, poll=0.05, silence=1e4, stall=1e5, hello=1e4)
SECTORS, SECTOR = 16, 256


def network(gradients: int) -> Network:
    """The first and the middle weight layer are frozen, the second and the last learn."""
    layers = list(harness.small_network().layers)
    for place in (0, 2):
        layers[place] = layers[place].model_copy(update={"frozen": True})
    return harness.small_network().replace(layers=layers, bits=Bits(gradients=gradients))


@pytest.fixture(scope="module", params=[8, 11])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Network, Path]:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    net = network(request.param)
    folder = tmp_path_factory.mktemp("frozen")
    masters = initial_masters(compile_graph(net), SEED)
    sources, includes = harness.render_network(net, folder, BATCH, masters)
    return net, harness.build_app(folder, harness.Config(), sources, includes)


@pytest.fixture
def board(built: tuple[Network, Path]) -> harness.Board:
    board = harness.Board(built[1])
    board.new_flash(SECTORS, SECTOR)
    board.reset()
    return board


def opened(net: Network, board: harness.Board, seed: int = SEED, *, keep: bool = False) -> DeviceExecutor:
    device = Device.open(harness.MemoryTransport(board), timing=PATIENT)
    return DeviceExecutor(net, device, name="memory", seed=seed, keep=keep)


def batch(step: int) -> tuple[np.ndarray, np.ndarray, int]:
    rng = np.random.default_rng(step)
    x = rng.integers(-127, 128, (BATCH, 6, 5, 1)).astype(np.int8)
    return x, rng.integers(0, 3, BATCH), int(rng.integers(-1, 4))


def test_it_says_which_layers_lie_in_flash_and_learns_alike(
    built: tuple[Network, Path], board: harness.Board
) -> None:
    net = built[0]
    reference = ReferenceExecutor(net, seed=SEED)
    with opened(net, board) as executor:
        little = [m.astype(m.dtype.newbyteorder("<")).tobytes() for m in reference.masters]
        assert executor.hello.in_flash == (0, 1)
        assert executor.hello.frozen_crc == zlib.crc32(little[0] + little[1])
        for step in range(12):
            x, labels, rate = batch(step)
            step_together([reference, executor], x, labels, rate)
        assert_same_masters([reference, executor], "after 12 steps")
        assert_same_logits([reference, executor], batch(99)[0], "after 12 steps")
        assert reference.digest() == executor.digest()
        before = executor.digest()
        executor.load_masters(executor.masters, 12)
        assert executor.digest() == before


def test_other_frozen_weights_are_refused_and_nothing_changes(
    built: tuple[Network, Path], board: harness.Board
) -> None:
    net = built[0]
    with pytest.raises(FrozenWeightsError, match=r"frozen layer conv0 lies in the firmware's flash"):
        opened(net, board, seed=SEED + 1)
    with opened(net, board) as executor:
        masters = executor.masters
        executor.load_masters(masters, 5)
        before = executor.digest()
        off_grid = [m.copy() for m in masters]
        off_grid[1][2, 3] += 1 if off_grid[1][2, 3] <= 0 else -1
        with pytest.raises(FrozenWeightsError, match=r"dense1 .* master \[2, 3\] is") as caught:
            executor.load_masters(off_grid)
        assert "frozen_on_grid" in (caught.value.hint or "")
        assert executor.digest() == before
        moved, names = frozen_on_grid(net, off_grid)
        assert names == ["dense1"]
        executor.load_masters(moved, 5)
        assert executor.digest() == before
        # Another host that does not ask first is refused by the device itself.
        executor.device.session.call("load_begin")
        wrong = (-masters[0][:1]).astype(masters[0].dtype.newbyteorder("<")).tobytes()
        with pytest.raises(RefusedError, match="constants in flash") as refused:
            executor.device.session.call("load_chunk", {"layer": 0, "first": 0, "data": wrong})
        assert refused.value.code == "frozen"


def test_checkpoints_hold_what_learns_and_belong_to_the_frozen_weights(
    built: tuple[Network, Path], board: harness.Board, tmp_path: Path
) -> None:
    net = built[0]
    reference = ReferenceExecutor(net, seed=SEED)
    executor = opened(net, board)
    for step in range(7):
        x, labels, rate = batch(step)
        step_together([reference, executor], x, labels, rate)
    assert executor.save_checkpoint() == 7
    sizes = [layer.weights.size for layer in compile_graph(net).layers]
    payload = sum(sizes[2:]) * executor.hello.master_bytes
    assert executor.checkpoint_bytes == payload
    assert executor.checkpoint_info().words == cost(Geometry(SECTORS, SECTOR, 4), payload).words
    executor.step(*batch(50))
    assert executor.load_checkpoint() == 7
    assert executor.digest() == reference.digest()
    board.power_on()
    again = opened(net, board, keep=True)
    assert again.hello.restored
    assert again.digest() == reference.digest()
    for step in range(7, 10):
        x, labels, rate = batch(step)
        step_together([reference, again], x, labels, rate)
    assert again.digest() == reference.digest()
    # The same network with other frozen weights: a firmware that must not take this checkpoint.
    folder = tmp_path / "other"
    folder.mkdir()
    sources, includes = harness.render_network(net, folder, BATCH, initial_masters(compile_graph(net), 4))
    other = harness.Board(harness.build_app(folder, harness.Config(), sources, includes))
    other.new_flash(SECTORS, SECTOR)
    assert again.save_checkpoint() == 10
    size = SECTORS * SECTOR
    other.flash(size).raw = board.flash(size).raw
    other.reset()
    foreign = opened(net, other, keep=True)
    assert not foreign.hello.restored
    assert foreign.checkpoint_info().newest is None
    assert "foreign" in foreign.checkpoint_info().slots
