"""Flow control and overlap, in virtual time, with the real C: nothing here waits or measures a clock."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.link import harness
from tests.link.paced import PacedLine
from wagekit.executors.device import DeviceExecutor
from wagekit.executors.reference import ReferenceExecutor
from wagekit.link import Device

NET = harness.small_network()
STEPS = 40
FRAME = 256
Build = Callable[[int], Path]


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """By batch; the store holds one batch, the receive ring the two requests that may be under way."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    done: dict[int, Path] = {}

    def build(batch: int) -> Path:
        if batch not in done:
            folder = tmp_path_factory.mktemp("flow")
            sources, includes = harness.render_network(NET, folder, batch)
            config = harness.Config(frame=FRAME, ring=4 * FRAME, store=batch * 32)
            done[batch] = harness.build_app(folder, config, sources, includes)
        return done[batch]

    return build


def batches(batch: int) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    rng = np.random.default_rng(batch)
    for _ in range(STEPS):
        yield rng.integers(-127, 128, (batch, 6, 5, 1)).astype(np.int8), rng.integers(0, 3, batch), 1


def trained(library: Path, batch: int, **times: float) -> tuple[float, PacedLine, str]:
    """Seconds that the steps took, the line, and the digest at the end; nothing was lost or sent twice."""
    line = PacedLine(harness.Board(library), **times)  # type: ignore[arg-type]
    with DeviceExecutor(NET, Device.open(line), name="paced", batch=batch) as executor:
        start = line.now
        assert len(list(executor.train_stream(batches(batch)))) == STEPS
        spent = line.now - start
        assert line.board.overruns == 0
        assert line.most_waiting <= 4 * FRAME
        assert executor.device.session.stats.resent == 0
        return spent, line, executor.digest()


def digest(batch: int) -> str:
    with ReferenceExecutor(NET) as reference:
        for work in batches(batch):
            reference.step(*work)
        return reference.digest()


@pytest.mark.parametrize(("batch", "baud"), [(1, 115_200), (8, 115_200), (8, 1_000_000)])
def test_training_overlaps_transfer(batch: int, baud: int, firmware: Build) -> None:
    """A run takes at most 1.1 times the larger of both alone, on a port that buffers what it sends."""
    library, byte_time = firmware(batch), 10 / baud
    transfer, _, _ = trained(library, batch, byte_time=byte_time, polled=False)
    slices = trained(library, batch, slice_time=1e-3)[1].computed / 1e-3
    wanted = digest(batch)
    for share in (0.2, 0.5, 1.0, 2.0, 5.0):  # transfer-bound, balanced, compute-bound
        slice_time = share * transfer / slices
        compute, _, _ = trained(library, batch, slice_time=slice_time, polled=False)
        both, _, found = trained(library, batch, byte_time=byte_time, slice_time=slice_time, polled=False)
        assert both <= 1.1 * max(transfer, compute), (share, both, transfer, compute)
        assert found == wanted


@pytest.mark.parametrize(
    "times",
    [{"byte_time": 1e-6, "slice_time": 5e-3}, {"byte_time": 1e-5, "slice_time": 1e-5, "host_time": 0.05}],
    ids=["fast host, slow device", "slow host, fast device"],
)
def test_neither_side_is_overrun(times: dict[str, float], firmware: Build) -> None:
    """However long the device does not listen, no more than two requests lie in its ring."""
    _, line, found = trained(firmware(8), 8, **times)
    assert found == digest(8)
    assert line.most_waiting > 0
