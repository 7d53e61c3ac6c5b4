"""Whatever the line does, every request is executed once and in order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.link import harness
from wagekit.link import Device, FaultRates, FaultyTransport, Timing, Transport

PATIENT = Timing(resend=0.02, resend_limit=0.1, poll=0.05, silence=1e4, stall=1e5, hello=1e4)
LAYERS, WEIGHTS = 9, 37
ROUGH = FaultRates(
    drop=0.05,
    double=0.05,
    cut=0.03,
    swap=0.03,
    delay=0.03,
    byte_drop=5e-4,
    byte_double=5e-4,
    byte_corrupt=5e-4,
)


def session_of_work(line: Transport, steps: int, seed: int) -> tuple[str, Device]:
    """A session with all that a host does; the hash of everything that it saw, and the device."""
    device = Device.open(line, timing=PATIENT)
    rng = np.random.default_rng(seed)
    seen = hashlib.sha256()

    def saw(what: object) -> None:
        seen.update(repr(what).encode())

    masters = [rng.integers(-16383, 16384, WEIGHTS).astype("<i2").tobytes() for _ in range(LAYERS)]
    device.load_masters(masters, 3, 99)
    for _ in range(steps):
        count = int(rng.integers(1, 41))
        codes = rng.integers(-7, 8, (count, 20)).astype(np.int8)
        labels = rng.integers(0, 4, count).astype(np.uint16)
        device.set_rule(int(rng.integers(-16, 16)), "paper" if rng.random() < 0.5 else "error_scaled")
        device.upload(0, codes, labels)
        device.train([int(slot) for slot in rng.integers(0, count, count)])
        saw(device.result())
        saw(device.infer(list(range(count))).tolist())
        saw(device.evaluate(0, count, 9))
    saw(device.state())
    saw(device.read_masters([WEIGHTS] * LAYERS))
    assert device.state().step == 3 + steps, "no batch is lost, none applied twice"
    return seen.hexdigest(), device


def perfect(library: Path, steps: int, seed: int) -> str:
    return session_of_work(harness.MemoryTransport(harness.Board(library)), steps, seed)[0]


def test_thousands_of_frames_over_a_rough_line(library: Callable[[harness.Config], Path]) -> None:
    built = library(harness.Config())
    wanted = perfect(built, 60, seed=1)
    for seed in range(3):
        line = FaultyTransport(harness.MemoryTransport(harness.Board(built)), seed, ROUGH)
        got, device = session_of_work(line, 60, seed=1)
        assert got == wanted, f"seed {seed}"
        counters = device.counters()
        assert line.faults > 500
        assert counters.frames > 1500
        assert counters.duplicates > 100
        assert counters.crc_errors > 50
        assert device.session.damaged > 50


rate = st.floats(0, 0.15)
byte_rate = st.floats(0, 1e-3)
rates = st.builds(
    FaultRates,
    drop=rate,
    double=rate,
    cut=rate,
    swap=rate,
    delay=rate,
    byte_drop=byte_rate,
    byte_double=byte_rate,
    byte_corrupt=byte_rate,
)


@given(to_device=rates, to_host=rates, seed=st.integers(0, 2**32 - 1), frame=st.sampled_from([64, 300]))
def test_any_faults_in_either_direction(
    to_device: FaultRates,
    to_host: FaultRates,
    seed: int,
    frame: int,
    library: Callable[[harness.Config], Path],
) -> None:
    built = library(harness.Config(frame=frame, ring=1024))
    board = harness.Board(built)
    line = FaultyTransport(harness.MemoryTransport(board), seed, to_device, to_host)
    assert session_of_work(line, 4, seed=2)[0] == perfect(built, 4, seed=2)


class Overrunning(harness.MemoryTransport):
    """A line without back pressure: the board loses what its ring cannot hold."""

    def write(self, data: bytes) -> None:
        self.board.feed(data)


def test_overruns_of_the_receive_ring_lose_nothing(library: Callable[[harness.Config], Path]) -> None:
    built = library(harness.Config(ring=96))
    line = Overrunning(harness.Board(built))
    got, device = session_of_work(line, 20, seed=4)
    assert got == perfect(built, 20, seed=4)
    assert device.counters().overruns > 0


@pytest.mark.long
@pytest.mark.parametrize("seed", range(6))
def test_hundred_thousands_of_frames(seed: int, library: Callable[[harness.Config], Path]) -> None:
    built = library(harness.Config())
    line = FaultyTransport(harness.MemoryTransport(harness.Board(built)), 1000 + seed, ROUGH)
    assert session_of_work(line, 300, seed)[0] == perfect(built, 300, seed)
