"""For how much of the time a device waits, with the real C in virtual time: told and true are compared."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.link import harness
from tests.link.paced import PacedLine
from wagekit.cli.places import tell_link
from wagekit.executors.device import DeviceExecutor
from wagekit.executors.waiting import ASK_SECONDS, Waiting
from wagekit.link import Device
from wagekit.monitor import Event, Link

NET = harness.small_network()
BATCH, STEPS = 5, 20
TICK = 1e-6
"""Seconds; the board that is memory counts one for each slice."""


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    folder = tmp_path_factory.mktemp("waiting")
    sources, includes = harness.render_network(NET, folder, BATCH)
    return harness.build_app(folder, harness.Config(store=2 * BATCH * 32, flash=False), sources, includes)


def batches() -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    rng = np.random.default_rng(1)
    for _ in range(STEPS):
        yield rng.integers(0, 128, (BATCH, 6, 5, 1)).astype(np.int8), rng.integers(0, 3, BATCH), 1


@pytest.mark.parametrize("byte_time", [1e-9, 1e-7, 1e-6], ids=["computes", "both", "waits"])
@pytest.mark.parametrize("health", [0, 4])
def test_told_is_what_the_line_saw(byte_time: float, health: int, firmware: Path) -> None:
    line = PacedLine(harness.Board(firmware), byte_time=byte_time, slice_time=TICK, turn_time=TICK / 100)
    with DeviceExecutor(NET, Device.open(line), name="paced", batch=BATCH) as executor:
        executor.health_every = health
        assert executor.waiting is None
        start, computed = line.now, line.computed
        assert len(list(executor.train_stream(batches()))) == STEPS
        true = 1 - (line.computed - computed) / (line.now - start)
        assert executor.waiting == pytest.approx(true, abs=0.005)
        line.now += 1000.0  # nothing is under way: a pause
        events: list[Event] = []
        tell_link(events.append, executor)
        told = next(event for event in events if isinstance(event, Link))
        assert told.waiting == executor.waiting == pytest.approx(true, abs=0.005)


def test_a_counter_of_instructions_is_not_taken_for_time(firmware: Path) -> None:
    line = PacedLine(harness.Board(firmware), slice_time=TICK)
    device = Device.open(line)
    with DeviceExecutor(NET, device, name="paced", batch=BATCH, counts_time=False) as executor:
        list(executor.train_stream(batches()))
        assert executor.waiting is None


def test_the_counter_is_asked_now_and_then() -> None:
    now = 100.0
    waiting = Waiting(lambda: now, tick_hz=1000)
    waiting.begin()
    asked = 0
    for _ in range(100):
        asked += waiting.due()
        if asked == 1:
            waiting.computed(50)
        now += ASK_SECONDS / 10
        waiting.ended()
    assert asked == 10
    assert waiting.share == pytest.approx(1 - 0.05 / (ASK_SECONDS / 10))
