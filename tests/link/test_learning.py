"""The device learns by itself, over the real C in memory, against its twin over the reference."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.link import harness
from wagekit.errors import LimitError, WagekitError
from wagekit.executors.device import DeviceExecutor
from wagekit.executors.learning import Order, Reservoir, learn
from wagekit.executors.reference import ReferenceExecutor
from wagekit.link import Device, FaultRates, FaultyTransport, RefusedError, Timing, Transport
from wagekit.numerics.learn import ONE, Learning, LearnPlan

BATCH, SLOTS = 4, 40
PATIENT = Timing(resend=0.02, resend_limit=0.1, poll=0.05, silence=1e4, stall=1e5, hello=1e4)
ROUGH = FaultRates(drop=0.06, double=0.06, cut=0.04, swap=0.04, delay=0.04, byte_corrupt=5e-4)
NET = harness.small_network()
RATES = ((0, 2), (10, 1), (33, -1))
Opener = Callable[..., DeviceExecutor]


def samples(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three classes that can be told apart: where the bright half is."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    x = rng.integers(-30, 31, (count, 6, 5, 1))
    for sample, label in zip(x, labels, strict=True):
        sample[2 * label : 2 * label + 2] += 90
    return x.astype(np.int8), labels


@pytest.fixture(scope="session")
def opener(tmp_path_factory: pytest.TempPathFactory) -> Opener:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    folder: Path = tmp_path_factory.mktemp("network")
    sources, includes = harness.render_network(NET, folder, BATCH)
    library = harness.build_app(folder, harness.Config(store=SLOTS * 32), sources, includes)

    def open_device(faults: int | None = None) -> DeviceExecutor:
        line: Transport = harness.MemoryTransport(harness.Board(library))
        if faults is not None:
            line = FaultyTransport(line, faults, ROUGH)
        return DeviceExecutor(NET, Device.open(line, timing=PATIENT), name="memory", seed=7)

    return open_device


def assert_same(device: DeviceExecutor, learning: Learning, twin: ReferenceExecutor) -> None:
    state = device.device.learner.state()
    for name in ("seen", "wrong", "running", "best", "best_at", "end"):
        assert getattr(state, name) == getattr(learning, name), name
    assert state.log2_lr == learning.rate()
    assert state.step == twin.step_count
    assert device.digest() == twin.digest()
    assert not state.active


@pytest.mark.parametrize("faults", [None, 1])
@pytest.mark.parametrize("order", ["in_turn", "drawn"])
@pytest.mark.parametrize(("batch", "capacity", "steps"), [(1, 0, 1), (1, 6, 1), (3, 9, 2), (4, 0, 0)])
def test_it_learns_what_its_twin_learns(
    opener: Opener, batch: int, capacity: int, steps: int, order: Order, faults: int | None
) -> None:
    plan = LearnPlan(RATES, window_log2=4, samples=62)
    x, labels = samples(25)
    twin, learning = ReferenceExecutor(NET, seed=7), Learning(plan)
    reservoir = Reservoir.of(capacity, steps, seed=3)
    with opener(faults) as device:
        device.upload(x, labels)
        device.keep_samples(capacity, steps, seed=3)
        device.plan_learning(plan)
        for limit in (21, 0):
            device.learn(0, 25, batch=batch, order=order, seed=5, limit=limit)
            learn(
                twin, x, labels, learning, batch=batch, order=order, seed=5, limit=limit, reservoir=reservoir
            )
            assert_same(device, learning, twin)
        assert learning.seen == 62
        assert device.device.learner.state().stored == reservoir.replay.filled == min(capacity, 62)


@pytest.mark.parametrize(
    ("plan", "end"),
    [
        (LearnPlan(((0, 2),), window_log2=4, accuracy=ONE * 85 // 100, samples=2000), "accuracy"),
        (LearnPlan(((0, -16),), window_log2=4, patience=40), "patience"),
    ],
)
def test_it_stops_by_itself(opener: Opener, plan: LearnPlan, end: str) -> None:
    x, labels = samples(25)
    twin, learning = ReferenceExecutor(NET, seed=7), Learning(plan)
    with opener() as device:
        device.upload(x, labels)
        device.plan_learning(plan)
        state = device.learn(0, 25)
        learn(twin, x, labels, learning)
        assert_same(device, learning, twin)
        assert state.end == end
        with pytest.raises(WagekitError, match="state"):
            device.learn(0, 25)


def test_it_is_stopped_while_it_learns(opener: Opener) -> None:
    x, labels = samples(25)
    with opener() as device:
        device.upload(x, labels)
        device.plan_learning(LearnPlan())
        device.device.learner.learn(0, 25)
        assert device.device.learner.state().active
        device.device.learner.stop()
        assert device.step_count == device.device.learner.state().seen > 0
        assert device.device.learner.state().end == "asked"


def test_another_session_ends_it(opener: Opener) -> None:
    """The plan stays: the count goes on when it is told to learn again."""
    x, labels = samples(25)
    device = opener()
    device.upload(x, labels)
    device.plan_learning(LearnPlan())
    device.device.learner.learn(0, 25)
    again = Device.open(device.device.session.transport, timing=PATIENT)
    before = again.state().step
    assert not again.learner.state().active
    again.learner.learn(0, 25, limit=5)
    assert again.state().step == before + 5 == again.learner.state().seen


def test_what_cannot_be_is_refused(opener: Opener) -> None:
    x, labels = samples(25)
    with opener() as device:
        device.upload(x, labels)
        with pytest.raises(WagekitError, match="state"):
            device.learn(0, 25)
        device.plan_learning(LearnPlan())
        with pytest.raises(LimitError, match="16 samples does not fit: 25 of the 40"):
            device.keep_samples(16)
        device.keep_samples(15)
        with pytest.raises(LimitError):
            device.upload(x[:1], labels[:1], first=25)
        with pytest.raises(WagekitError, match="slot"):
            device.device.learner.learn(0, 26)
        with pytest.raises(WagekitError, match="batch"):
            device.device.learner.learn(0, 25, batch=BATCH + 1)
        with pytest.raises(WagekitError, match="range"):
            device.device.learner.plan(((1, 0),), 4, 0, 0, 0)
        with pytest.raises(WagekitError, match="slot"):
            device.device.learner.replay(30, 11, 1, 0)


@pytest.mark.parametrize("faults", [None, 2])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_pause_and_other_rates_keep_the_count(opener: Opener, batch: int, faults: int | None) -> None:
    plan = LearnPlan(RATES, window_log2=4, samples=62)
    slower = tuple((first, log2_lr - 2) for first, log2_lr in RATES)
    x, labels = samples(25)
    twin, learning, reservoir = ReferenceExecutor(NET, seed=7), Learning(plan), Reservoir.of(6, 1, seed=3)
    how = {"batch": batch, "order": "drawn", "seed": 5}
    with opener(faults) as device:
        device.upload(x, labels)
        device.keep_samples(6, 1, seed=3)
        device.plan_learning(plan)
        device.begin_learning(0, 25, **how)
        device.pause_learning()
        device.device.state()
        state = device.learning()
        assert (state.active, state.end) == (False, "goes_on")
        assert 0 < state.seen < 62
        learn(twin, x, labels, learning, **how, limit=state.seen, reservoir=reservoir)
        assert_same(device, learning, twin)
        device.change_rates(slower)
        learning.plan = replace(plan, rates=slower)
        device.learn(0, 25, **how)
        learn(twin, x, labels, learning, **how, reservoir=reservoir)
        assert_same(device, learning, twin)
        assert learning.end == "samples"


def test_rates_that_are_no_rates_are_refused(opener: Opener) -> None:
    with opener() as device:
        with pytest.raises(RefusedError) as none:
            device.change_rates(((0, 1),))
        assert none.value.code == "state"
        device.plan_learning(LearnPlan(RATES))
        for rates in (((5, 1),), ((0, 99),), ()):
            with pytest.raises(RefusedError) as wrong:
                device.change_rates(rates)
            assert wrong.value.code == "range"
        assert device.learning().log2_lr == 2
