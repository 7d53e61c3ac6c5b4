"""Flow control and overlap, in virtual time, with the real C: nothing here waits or measures a clock."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.link import harness
from tests.link.paced import PacedLine
from wagekit import Dense, Input, Network
from wagekit.executors.device import DeviceExecutor
from wagekit.executors.reference import ReferenceExecutor
from wagekit.link import Device


@dataclass(frozen=True)
class Case:
    """A firmware and how long it learns: values of a sample, bytes of a frame and of the transmit ring."""

    size: int
    batch: int
    frame: int
    send_ring: int
    steps: int = 12

    @property
    def net(self) -> Network:
        return Network(
            name="wide",
            classes=[str(i) for i in range(10)],
            input=Input(shape=[self.size], encoding="unit"),
            layers=[Dense(units=16), Dense(units=10)],
        )

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
        rng = np.random.default_rng(1)
        for _ in range(self.steps):
            yield (
                rng.integers(0, 128, (self.batch, self.size)).astype(np.int8),
                rng.integers(0, 10, self.batch),
                1,
            )

    @property
    def digest(self) -> str:
        with ReferenceExecutor(self.net) as reference:
            for work in self.batches():
                reference.step(*work)
            return reference.digest()


LARGE = Case(784, batch=8, frame=1024, send_ring=256)
CASES = [
    LARGE,
    Case(784, batch=1, frame=256, send_ring=256),
    Case(30, batch=8, frame=256, send_ring=256, steps=24),
    Case(30, batch=1, frame=128, send_ring=128, steps=24),
]
SMALL = Case(64, batch=1, frame=1024, send_ring=256, steps=24)
SHARES = (0.5, 1.0, 2.0)
"""Compute over transfer, each alone: transfer-bound, balanced, compute-bound."""


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], Path]:
    """Its store holds one batch, its receive ring the two requests that may be under way."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")

    @cache
    def built(case: Case) -> Path:
        folder = tmp_path_factory.mktemp("flow")
        sources, includes = harness.render_network(case.net, folder, case.batch)
        store = case.batch * (case.size + 16)
        config = harness.Config(frame=case.frame, ring=4 * case.frame, store=store)
        return harness.build_app(folder, config, sources, includes)

    return built


def trained(library: Path, case: Case, **times: float) -> tuple[float, PacedLine, str]:
    """Seconds that the steps took, the line, and the digest at the end; nothing was lost."""
    grain = 1 + case.size * case.batch // 64  # a step is told apart to 2 %
    line = PacedLine(harness.Board(library), send_ring=case.send_ring, grain=grain, **times)
    device = Device.open(line)
    # The share of waiting is asked for once in two seconds: in a run of 0.3 s that would weigh a tenth.
    with DeviceExecutor(case.net, device, name="paced", batch=case.batch, counts_time=False) as executor:
        start = line.now
        assert len(list(executor.train_stream(case.batches()))) == case.steps
        spent = line.now - start
        assert line.board.overruns == 0
        assert line.most_waiting <= 4 * case.frame
        return spent, line, executor.digest()


@pytest.mark.parametrize(
    ("case", "baud"),
    [
        *((case, 115_200) for case in CASES),
        (SMALL, 1_000_000),
        pytest.param(LARGE, 1_000_000, marks=pytest.mark.long),
    ],
    ids=str,
)
def test_training_overlaps_transfer(case: Case, baud: int, firmware: Callable[[Case], Path]) -> None:
    """A run takes at most 1.1 times the larger of both alone."""
    library, byte_time, digest = firmware(case), 10 / baud, case.digest
    transfer, _, _ = trained(library, case, byte_time=byte_time)
    slices = trained(library, case, slice_time=1e-3)[1].computed / 1e-3
    for share in SHARES:
        slice_time = share * transfer / slices
        compute, _, _ = trained(library, case, slice_time=slice_time)
        both, _, found = trained(library, case, byte_time=byte_time, slice_time=slice_time)
        assert both <= 1.1 * max(transfer, compute), (share, both, transfer, compute)
        assert found == digest


@pytest.mark.parametrize(
    "times",
    [{"byte_time": 1e-6, "slice_time": 5e-3}, {"byte_time": 1e-5, "slice_time": 1e-5, "host_time": 0.05}],
    ids=["fast host, slow device", "slow host, fast device"],
)
def test_neither_side_is_overrun(times: dict[str, float], firmware: Callable[[Case], Path]) -> None:
    """However long the device does not listen, no more than two requests lie in its ring."""
    _, line, found = trained(firmware(LARGE), LARGE, **times)
    assert found == LARGE.digest
    assert line.most_waiting > 0
