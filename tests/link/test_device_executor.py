"""The executor of a device against the reference, over the real C in memory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.link import harness
from wagekit.errors import DataError, LimitError, LinkError, UsageError
from wagekit.executors.device import DeviceExecutor
from wagekit.executors.reference import ReferenceExecutor
from wagekit.link import Device, FaultRates, FaultyTransport, Timing, Transport
from wagekit.spec import Bits, Network

BATCH = 5
PATIENT = Timing(resend=0.02, resend_limit=0.1, poll=0.05, silence=1e4, stall=1e5, hello=1e4)
ROUGH = FaultRates(drop=0.06, double=0.06, cut=0.04, swap=0.04, delay=0.04, byte_corrupt=5e-4)
NET = harness.small_network()
SAMPLE = 30 + 2
Build = Callable[[Network, harness.Config], Path]
Batch = tuple[np.ndarray, np.ndarray, int]


@pytest.fixture(scope="session")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Build:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    done: dict[tuple[Network, harness.Config], Path] = {}

    def build(net: Network, config: harness.Config) -> Path:
        if (net, config) not in done:
            folder = tmp_path_factory.mktemp("network")
            sources, includes = harness.render_network(net, folder, BATCH)
            done[net, config] = harness.build_app(folder, config, sources, includes)
        return done[net, config]

    return build


def open_device(
    library: Path, net: Network = NET, faults: int | None = None, **options: object
) -> DeviceExecutor:
    line: Transport = harness.MemoryTransport(harness.Board(library))
    if faults is not None:
        line = FaultyTransport(line, faults, ROUGH)
    return DeviceExecutor(net, Device.open(line, timing=PATIENT), name="memory", **options)


@pytest.fixture
def device(firmware: Build) -> Iterator[DeviceExecutor]:
    with open_device(firmware(NET, harness.Config(store=20 * SAMPLE))) as executor:
        yield executor


def batches(count: int, seed: int = 0, largest: int = BATCH) -> list[Batch]:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, largest + 1, count)
    return [
        (
            rng.integers(-127, 128, (size, 6, 5, 1)).astype(np.int8),
            rng.integers(0, 3, size),
            int(rng.integers(-3, 5)),
        )
        for size in sizes
    ]


def assert_same(one: DeviceExecutor, other: ReferenceExecutor) -> None:
    assert one.step_count == other.step_count
    for mine, theirs in zip(one.masters, other.masters, strict=True):
        assert mine.dtype == theirs.dtype
        assert (mine == theirs).all()
    assert one.digest() == other.digest()


@pytest.mark.parametrize("faults", [None, 1, 2, 3])
@pytest.mark.parametrize("slots", [1, 3, 20])
def test_streamed_steps_equal_the_reference(slots: int, faults: int | None, firmware: Build) -> None:
    """Also where the store holds less than a batch, and over a rough line."""
    work = batches(12)
    reference = ReferenceExecutor(NET, seed=7)
    library = firmware(NET, harness.Config(store=slots * SAMPLE + 3))
    with open_device(library, faults=faults, seed=7) as executor:
        assert executor.hello.store_slots == slots
        got = list(executor.train_stream(work[:6], "error_scaled"))
        got += [executor.step(*batch) for batch in work[6:]]
        wanted = [reference.step(*batch, rule="error_scaled") for batch in work[:6]]
        wanted += [reference.step(*batch) for batch in work[6:]]
        assert got == wanted
        assert_same(executor, reference)
        x = np.concatenate([batch[0] for batch in work])
        assert (executor.forward(x) == reference.forward(x)).all()


def test_wide_masters_and_narrow_codes(firmware: Build) -> None:
    net = NET.replace(bits=Bits(weights=3, activations=5, gradients=12, errors=6))
    work = [(x // 9, labels, rate) for x, labels, rate in batches(6)]
    reference = ReferenceExecutor(net)
    with open_device(firmware(net, harness.Config()), net) as executor:
        assert executor.hello.master_bytes == 2
        assert list(executor.train_stream(work)) == [reference.step(*batch) for batch in work]
        assert_same(executor, reference)


def test_masters_step_and_seed_are_replaced(device: DeviceExecutor) -> None:
    reference = ReferenceExecutor(NET, seed=9)
    for batch in batches(3):
        reference.step(*batch)
    device.load_masters(reference.masters, 3, 9)
    assert device.seed == 9
    assert_same(device, reference)
    device.load_masters(reference.masters, 4)
    assert (device.step_count, device.seed) == (4, 9)


def test_samples_stay_on_the_device(device: DeviceExecutor) -> None:
    reference = ReferenceExecutor(NET)
    rng = np.random.default_rng(5)
    x = rng.integers(-127, 128, (17, 6, 5, 1)).astype(np.int8)
    labels = rng.integers(0, 3, 17)
    device.upload(x[:9], labels[:9])
    device.upload(x[9:], labels[9:], first=9)
    for _ in range(4):
        chosen = rng.permutation(17)[:BATCH]
        assert device.step_indices(chosen.tolist(), 1) == reference.step(x[chosen], labels[chosen], 1)
    chosen = [(rng.permutation(17)[:BATCH].tolist(), rate) for rate in (0, 1, 1, -2)]
    wanted = [reference.step(x[indices], labels[indices], rate) for indices, rate in chosen]
    assert list(device.train_indices(chosen)) == wanted
    extra = batches(1)[0]
    assert device.step(*extra) == reference.step(*extra), "sent samples leave the stored ones alone"
    logits = reference.forward(x[2:])
    one = 1 << device._graph.log2_one
    error = logits.astype(np.int64) - one * np.eye(3, dtype=np.int64)[labels[2:]]
    found = device.evaluate(2, 15)
    assert found.errors == int((logits.argmax(1) != labels[2:]).sum())
    assert found.sum_squared_error == int((error * error).sum())
    assert found.loss == found.sum_squared_error / (2 * one * one * 15)
    assert_same(device, reference)


def test_limits_of_the_store_are_named(device: DeviceExecutor) -> None:
    x, labels = np.zeros((20, 30), np.int8), np.zeros(20, int)
    with pytest.raises(LimitError, match=r"samples 1\.\.20 do not fit the 20 slots"):
        device.upload(x, labels, first=1)
    with pytest.raises(LimitError, match="sample 0 is not in the store"):
        device.step_indices([0])
    device.upload(x, labels)
    with pytest.raises(LimitError, match=r"sample 20 is not in the store, which has samples 0\.\.19"):
        device.evaluate(5, 16)
    with pytest.raises(LimitError, match="all 20 slots of the sample store hold uploaded samples"):
        device.forward(x)


def test_mistakes_are_found_before_anything_is_sent(device: DeviceExecutor) -> None:
    x, labels = np.zeros((2, 30), np.int8), [0, 1]
    sent = device.counters().frames
    with pytest.raises(DataError, match="label 1 is 3"):
        device.step(x, [0, 3])
    with pytest.raises(DataError, match="samples have the shape"):
        device.step(x[:, :5], labels)
    with pytest.raises(DataError, match="a batch of 6 samples is larger than 5"):
        device.step(np.zeros((6, 30), np.int8), [0] * 6)
    with pytest.raises(UsageError, match="log2_lr"):
        device.step(x, labels, 16)
    with pytest.raises(UsageError, match="rule"):
        device.step(x, labels, 0, "other")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="masters"):
        device.load_masters([np.zeros((1, 1), np.int8)])
    assert device.counters().frames == sent + 1


def test_a_stream_given_up_in_the_middle_leaves_all_well(device: DeviceExecutor) -> None:
    work = batches(5)
    for _ in device.train_stream(iter(work)):
        break
    done = device.step_count
    assert 1 <= done <= 3
    reference = ReferenceExecutor(NET)
    for batch in work[:done]:
        reference.step(*batch)
    assert device.step(*work[4]) == reference.step(*work[4])
    assert_same(device, reference)


@pytest.mark.parametrize("size", [1, 4], ids=["joined", "by the store"])
def test_who_waits_for_its_source_is_told_of_each_step_at_once(firmware: Build, size: int) -> None:
    """Or a person who labels samples would see what became of one when the next but one is there."""
    rng = np.random.default_rng(3)
    work = [
        (rng.integers(-127, 128, (size, 6, 5, 1)).astype(np.int8), rng.integers(0, 3, size), 1)
        for _ in range(12)
    ]
    reference, told, at_hand = ReferenceExecutor(NET), [], []
    reference.health_every = 3
    with open_device(firmware(NET, harness.Config())) as device:
        device.health_every = 3
        line = device.device.session.transport
        assert isinstance(line, harness.MemoryTransport)
        assert device.device.streams(size) == (size == 1)

        def source() -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
            for number, batch in enumerate(work):
                at_hand.append(len(told))
                line.now += 1.0 if 3 <= number < 9 else 0.0
                yield batch

        for result in device.train_stream(source()):
            told.append(result)
        assert at_hand[4:10] == [4, 5, 6, 7, 8, 9]
        assert at_hand[10] == 9, "a source that is quick again overlaps again"
        assert told == [reference.step(*batch) for batch in work]
        assert_same(device, reference)


def test_firmware_of_another_network_is_refused(firmware: Build) -> None:
    library = firmware(NET, harness.Config())
    line = harness.MemoryTransport(harness.Board(library))
    other = NET.replace(classes=["x", "y", "z"])
    with pytest.raises(LinkError, match="was built from another network") as caught:
        DeviceExecutor(other, Device.open(line), name="memory")
    assert caught.value.exit_code == 7
    assert line.closed


def test_a_larger_batch_than_the_firmwares_is_refused(firmware: Build) -> None:
    with pytest.raises(LimitError, match="a batch of 6 is larger than 5"):
        open_device(firmware(NET, harness.Config()), batch=BATCH + 1)
    with open_device(firmware(NET, harness.Config()), batch=2) as executor, pytest.raises(DataError):
        executor.step(np.zeros((3, 30), np.int8), [0, 0, 0])


def test_the_state_of_a_device_can_be_kept(firmware: Build) -> None:
    board = harness.Board(firmware(NET, harness.Config()))
    first = DeviceExecutor(NET, Device.open(harness.MemoryTransport(board)), name="memory")
    for batch in batches(3):
        first.step(*batch)
    digest = first.digest()
    kept = DeviceExecutor(NET, Device.open(harness.MemoryTransport(board)), name="memory", keep=True)
    assert kept.digest() == digest
    fresh = DeviceExecutor(NET, Device.open(harness.MemoryTransport(board)), name="memory")
    assert fresh.digest() == ReferenceExecutor(NET).digest()


def test_programs_are_counted(device: DeviceExecutor) -> None:
    device.step(*batches(1)[0])
    before = device.ticks()
    assert device.counters().ticks > before
    assert len(device.device.profile()) > 4


def test_a_batch_is_one_inference_whatever_the_store_holds(firmware: Build) -> None:
    """Or the counters would tell of its last part only."""
    x = np.ones((BATCH, 6, 5, 1), np.int8)
    spent = []
    for slots in (1, 2, BATCH):
        with open_device(firmware(NET, harness.Config(store=slots * SAMPLE))) as executor:
            logits = executor.forward(x)
            assert (logits == logits[0]).all()
            spent.append(executor.device.profile())
    assert spent[0] == spent[1] == spent[2]
