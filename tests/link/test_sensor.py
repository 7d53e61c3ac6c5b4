"""A device's own sensor over the link, with the real C in memory."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.link import harness
from tests.link.test_device_executor import PATIENT, ROUGH
from wagekit.errors import LimitError
from wagekit.executors.device import DeviceExecutor
from wagekit.link import Device, FaultyTransport, Transport
from wagekit.link.errors import RefusedError

INPUTS = 20


@pytest.fixture(scope="session")
def sensing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in network, whose sensor counts."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    return harness.build_app(tmp_path_factory.mktemp("sensor"), harness.Config(sensor=True))


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    folder = tmp_path_factory.mktemp("network")
    sources, includes = harness.render_network(harness.small_network(), folder, 5)
    return harness.build_app(folder, harness.Config(store=3 * 32, sensor=True), sources, includes)


def opened(library: Path, faults: int | None = None) -> Device:
    line: Transport = harness.MemoryTransport(harness.Board(library))
    if faults is not None:
        line = FaultyTransport(line, faults, ROUGH)
    return Device.open(line, timing=PATIENT)


@pytest.mark.parametrize("faults", [None, 1, 2])
def test_each_request_senses_once(network: Path, faults: int | None) -> None:
    """Also over a rough line: a request that comes twice does not sense twice."""
    device = opened(network, faults)
    assert device.hello.senses
    for number in range(20):
        if number % 3 == 2:
            with pytest.raises(RefusedError, match="the sensor gave no sample"):
                device.sense(number % 3)
            continue
        device.sense(number % 3)
        codes, label = device.read_sample(number % 3)
        assert codes.tolist() == [number + i for i in range(30)]
        assert label == 0


def test_codes_outside_the_grid_are_refused(sensing: Path) -> None:
    """The stand-in's codes end at 7, the sensor's at 127."""
    device = opened(sensing)
    device.upload(4, np.ones((1, INPUTS), np.int8), np.array([3], np.uint16))
    with pytest.raises(RefusedError, match="a sample code outside the grid"):
        device.sense(4)
    codes, label = device.read_sample(4)
    assert codes.tolist() == [*range(8), *[0] * (INPUTS - 8)]
    assert label == 0


def test_what_was_uploaded_is_read_back_in_parts(sensing: Path) -> None:
    device = opened(sensing)
    rng = np.random.default_rng(0)
    codes = rng.integers(-7, 8, (50, INPUTS)).astype(np.int8)
    labels = rng.integers(0, 4, 50).astype(np.uint16)
    device.upload(0, codes, labels)
    for slot in (0, 17, 49):
        found, label = device.read_sample(slot)
        assert found.tolist() == codes[slot].tolist()
        assert label == labels[slot]
    record = device.session.call("read_sample", {"slot": 3, "offset": INPUTS - 2})
    assert record.bytes("codes") == codes[3, -2:].tobytes()


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("sense", {"slot": 50}, "a slot behind the end"),
        ("read_sample", {"slot": 50, "offset": 0}, "a slot behind the end"),
        ("read_sample", {"slot": 0, "offset": INPUTS}, "a value outside its range"),
        ("read_sample", {"slot": 0, "offset": 2**32 - 1}, "a value outside its range"),
    ],
)
def test_requests_are_checked(sensing: Path, name: str, values: dict[str, int], message: str) -> None:
    device = opened(sensing)
    with pytest.raises(RefusedError, match=message):
        device.session.call(name, values)


def test_another_session_ends_the_sensing(sensing: Path) -> None:
    board = harness.Board(sensing)
    first = Device.open(harness.MemoryTransport(board), timing=PATIENT)
    first.session.submit("sense", {"slot": 0})
    second = Device.open(harness.MemoryTransport(board), timing=PATIENT)
    assert second.state().step == 0


def test_a_firmware_without_a_sensor_says_so(library: Callable[[harness.Config], Path]) -> None:
    device = opened(library(harness.Config()))
    assert not device.hello.senses
    with pytest.raises(RefusedError, match="the firmware has no sensor"):
        device.sense(0)


def test_the_executor_senses_into_what_is_free_of_the_store(network: Path) -> None:
    net = harness.small_network()
    with DeviceExecutor(net, opened(network), name="memory") as executor:
        x = np.full((2, 6, 5, 1), -3, np.int8)
        executor.upload(x, [0, 1])
        for number in (0, 1):
            sensed = executor.sense()
            assert sensed.shape == (1, 6, 5, 1)
            assert sensed.ravel().tolist() == [number + i for i in range(30)]
        assert executor.device.read_sample(1)[0].tolist() == x[1].ravel().tolist()
        with pytest.raises(RefusedError, match="the sensor gave no sample"):
            executor.sense()
        executor.upload(x[:1], [0], first=2)
        with pytest.raises(LimitError, match="all 3 slots"):
            executor.sense()
