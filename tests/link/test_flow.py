"""Flow control and overlap, in virtual time, with the real C: nothing here waits or measures a clock."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.link import harness
from tests.link.paced import PacedLine
from wagekit import Dense, Input, Network
from wagekit.executors.device import DeviceExecutor
from wagekit.executors.reference import ReferenceExecutor
from wagekit.link import Device

NET = Network(
    name="wide",
    classes=[str(i) for i in range(10)],
    input=Input(shape=[28, 28, 1], encoding="unit"),
    layers=[Dense(units=16), Dense(units=10)],
)
STEPS = 12
BATCH = 8
FRAME = 1024
SHARES = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Compute over transfer, each alone: transfer-bound, balanced, compute-bound."""


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its store holds one batch, its receive ring the two requests that may be under way."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    folder = tmp_path_factory.mktemp("flow")
    sources, includes = harness.render_network(NET, folder, BATCH)
    config = harness.Config(frame=FRAME, ring=4 * FRAME, store=BATCH * 800)
    return harness.build_app(folder, config, sources, includes)


def batches() -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    rng = np.random.default_rng(1)
    for _ in range(STEPS):
        yield rng.integers(0, 128, (BATCH, 28, 28, 1)).astype(np.int8), rng.integers(0, 10, BATCH), 1


def trained(library: Path, **times: float) -> tuple[float, PacedLine, str]:
    """Seconds that the steps took, the line, and the digest at the end; nothing was lost."""
    line = PacedLine(harness.Board(library), **times)  # type: ignore[arg-type]
    with DeviceExecutor(NET, Device.open(line), name="paced", batch=BATCH) as executor:
        start = line.now
        assert len(list(executor.train_stream(batches()))) == STEPS
        spent = line.now - start
        assert line.board.overruns == 0
        assert line.most_waiting <= 4 * FRAME
        return spent, line, executor.digest()


@pytest.fixture(scope="module")
def digest() -> str:
    with ReferenceExecutor(NET) as reference:
        for work in batches():
            reference.step(*work)
        return reference.digest()


@pytest.mark.parametrize("baud", [115_200, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_training_overlaps_transfer(baud: int, firmware: Path, digest: str) -> None:
    """A run takes at most 1.1 times the larger of both alone, though the chip sends by polling."""
    byte_time = 10 / baud
    transfer, _, _ = trained(firmware, byte_time=byte_time)
    slices = trained(firmware, slice_time=1e-3)[1].computed / 1e-3
    for share in SHARES:
        slice_time = share * transfer / slices
        compute, _, _ = trained(firmware, slice_time=slice_time)
        both, _, found = trained(firmware, byte_time=byte_time, slice_time=slice_time)
        assert both <= 1.1 * max(transfer, compute), (share, both, transfer, compute)
        assert found == digest


@pytest.mark.parametrize(
    "times",
    [{"byte_time": 1e-6, "slice_time": 5e-3}, {"byte_time": 1e-5, "slice_time": 1e-5, "host_time": 0.05}],
    ids=["fast host, slow device", "slow host, fast device"],
)
def test_neither_side_is_overrun(times: dict[str, float], firmware: Path, digest: str) -> None:
    """However long the device does not listen, no more than two requests lie in its ring."""
    _, line, found = trained(firmware, **times)
    assert found == digest
    assert line.most_waiting > 0
