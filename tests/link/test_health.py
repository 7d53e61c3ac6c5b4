"""The health of layers over the link, from the real C in memory, against the reference."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.link import harness
from wagekit.errors import LimitError, LinkError
from wagekit.executors.base import LayerHealth, StepResult
from wagekit.executors.device import DeviceExecutor
from wagekit.executors.learning import learn
from wagekit.executors.reference import ReferenceExecutor
from wagekit.link import Device, FaultRates, FaultyTransport, RefusedError, Timing, Transport
from wagekit.link.codec import Record
from wagekit.link.health import health_report, health_requests
from wagekit.numerics.learn import Learning, LearnPlan

BATCH = 4
PATIENT = Timing(resend=0.02, resend_limit=0.1, poll=0.05, silence=1e4, stall=1e5, hello=1e4)
ROUGH = FaultRates(drop=0.06, double=0.06, cut=0.04, swap=0.04, delay=0.04, byte_corrupt=5e-4)
NET = harness.small_network()
Opener = Callable[..., DeviceExecutor]


@pytest.fixture(scope="session")
def opener(tmp_path_factory: pytest.TempPathFactory) -> Opener:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    done: dict[tuple[bool, int], Path] = {}

    def open_device(faults: int | None = None, health: bool = True, frame: int = 64) -> DeviceExecutor:
        if (health, frame) not in done:
            folder: Path = tmp_path_factory.mktemp("network")
            sources, includes = harness.render_network(NET, folder, BATCH, health=health)
            config = harness.Config(frame=frame, store=40 * 32)
            done[health, frame] = harness.build_app(folder, config, sources, includes)
        line: Transport = harness.MemoryTransport(harness.Board(done[health, frame]))
        if faults is not None:
            line = FaultyTransport(line, faults, ROUGH)
        return DeviceExecutor(NET, Device.open(line, timing=PATIENT), name="memory", seed=7)

    return open_device


def samples(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    return rng.integers(-127, 128, (count, 6, 5, 1)).astype(np.int8), rng.integers(0, 3, count)


@pytest.mark.parametrize("faults", [None, 1, 2])
@pytest.mark.parametrize(("every", "frame"), [(1, 64), (3, 64), (1, 200), (2, 200), (4, 200)])
def test_steps_that_overlap_tell_the_health_of_their_own(
    opener: Opener, every: int, frame: int, faults: int | None
) -> None:
    x, labels = samples(30)
    reference = ReferenceExecutor(NET, seed=7)
    reference.health_every = every
    rng = np.random.default_rng(every)
    batches = [rng.permutation(30)[:BATCH].tolist() for _ in range(20)]
    with opener(faults, frame=frame) as device:
        assert device.counts_health
        device.health_every = every
        assert len(health_requests(device.hello)) == (3 if frame == 64 else 1)
        got = list(device.train_stream((x[b], labels[b], 1) for b in batches[:8]))
        device.upload(x, labels)
        got += device.train_indices((b, 1) for b in batches[8:18])
        got += [device.step(x[b], labels[b], 1) for b in batches[18:]]
        assert got == [reference.step(x[b], labels[b], 1) for b in batches]
        assert [r.step for r in got if r.health is not None] == list(range(0, 20, every))
        device.health_every = 0
        assert device.step(x[:BATCH], labels[:BATCH]).health is None
        assert device.health() is not None, "the last one stays"
        assert device.reset().health
        assert device.health() is None


class Recording(ReferenceExecutor):
    """Keeps what its steps reported."""

    def __init__(self) -> None:
        super().__init__(NET, seed=7)
        self.results: dict[int, StepResult] = {}

    def step(self, *arguments: object, **options: object) -> StepResult:
        result = super().step(*arguments, **options)  # type: ignore[arg-type]
        self.results[result.step] = result
        return result


@pytest.mark.parametrize("every", [1, 5])
def test_it_is_told_while_the_device_learns_by_itself(opener: Opener, every: int) -> None:
    plan = LearnPlan(((0, 2),), window_log2=4, samples=60)
    x, labels = samples(30)
    twin = Recording()
    twin.health_every = every
    learn(twin, x, labels, Learning(plan), batch=2, order="drawn", seed=5)
    told: dict[int, tuple[LayerHealth, ...]] = {}
    with opener(frame=200) as device:
        device.health_every = every
        device.upload(x, labels)
        device.plan_learning(plan)
        device.begin_learning(0, 30, batch=2, order="drawn", seed=5)
        while device.learning().active:
            if (found := device.health()) is not None:
                told[found[0]] = found[1]
        last = device.health()
        assert device.digest() == twin.digest()
    assert last is not None
    assert last[0] == 30 // every * every - (every if 30 % every == 0 else 0)
    assert len(told) > 2, "some were told on the way"
    for step, layers in [*told.items(), last]:
        assert layers == twin.results[step].health, step


def test_a_firmware_without_it_says_so(opener: Opener) -> None:
    x, labels = samples(4)
    with opener(health=False) as device:
        assert not device.counts_health
        device.health_every = 0
        with pytest.raises(LimitError, match="the firmware cannot count the health of layers"):
            device.health_every = 4
        assert device.health_every == 0
        assert device.health() is None
        assert device.step(x, labels).health is None
        with pytest.raises(RefusedError, match="does not know this message"):
            device.device.set_health(4)
        with pytest.raises(RefusedError, match="does not know this message"):
            device.device.health()


def test_answers_that_make_no_sense_are_not_believed(opener: Opener) -> None:
    with opener() as device:
        hello = device.hello

    def record(step: int, data: bytes, count: int = 4) -> Record:
        return Record({"step": step, "samples": count, "layers": data})

    layer = bytes(range(29))
    whole = health_report([record(5, layer), record(5, 2 * layer + b"cut")], hello, "here")
    assert whole is not None and len(whole.layers) == 3
    assert whole.layers[0].plus == 0x03020100
    assert health_report([record(5, layer), record(6, 2 * layer)], hello, "here") is None
    assert health_report([record(5, 3 * layer, count=0)], hello, "here") is None
    with pytest.raises(LinkError, match="here: the device reports the health of 2 of 3 layers"):
        health_report([record(5, layer), record(5, layer)], hello, "here")
