"""Learning by itself over power cuts, through the real firmware in memory: after the cut it goes on as the
twin does that is never interrupted, with the same masters, counts, replay store, draws and end.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.link import harness
from tests.link.test_learning import samples
from wagekit.errors import DataError, LinkError
from wagekit.executors.device import DeviceExecutor
from wagekit.executors.learning import Order, Reservoir, learn
from wagekit.executors.reference import ReferenceExecutor
from wagekit.link import Device, RefusedError, Timing, checkpoint
from wagekit.link.checkpoint import Geometry
from wagekit.link.kept import FORMAT, HEAD, MAGIC, Kept, build_kept, parse_kept
from wagekit.numerics.learn import Learning, LearnPlan

NET = harness.small_network()
BATCH, SLOTS = 3, 40
PATIENT = Timing(resend=0.02, resend_limit=0.1, poll=0.05, silence=1e4, stall=1e5, hello=1e4)
GEOMETRY = Geometry(sectors=16, sector_bytes=256, word_bytes=4)
SAMPLE = 32
"""Bytes of one in a record: 30 codes and the label."""
COUNTS = ("seen", "wrong", "running", "best", "best_at")


@dataclass(frozen=True)
class Case:
    """How it learns."""

    order: Order
    batch: int
    capacity: int
    replays: int
    plan: LearnPlan


CASES = {
    "in turn, plan ends": Case("in_turn", 1, 6, 1, LearnPlan(((0, 2), (10, 1), (33, -1)), 4, samples=62)),
    "drawn, batches": Case("drawn", 3, 9, 2, LearnPlan(((0, 2), (20, 0)), 4, samples=62)),
    "no better": Case("drawn", 1, 5, 1, LearnPlan(((0, -16),), 3, patience=30)),
    "no replay": Case("in_turn", 2, 0, 0, LearnPlan(((0, 2),), 4, samples=41)),
}


@dataclass(frozen=True)
class Moment:
    """Where a run is after a group."""

    digest: str
    counts: dict[str, int]
    end: str
    offered: int
    drawn: int
    samples: list[tuple[int, bytes]]


def never_interrupted(case: Case) -> dict[int, Moment]:
    """Every moment of a run, by step."""
    x, labels = samples(25)
    twin, learning = ReferenceExecutor(NET, seed=7), Learning(case.plan)
    reservoir = Reservoir.of(case.capacity, case.replays, seed=3)
    found = {}

    def note() -> None:
        stored = [reservoir.samples[place] for place in range(reservoir.replay.filled)]
        found[twin.step_count] = Moment(
            twin.digest(),
            {name: getattr(learning, name) for name in COUNTS},
            learning.end,
            reservoir.replay.offered,
            reservoir.replay.drawn,
            [(label, codes.astype(np.int8).tobytes()) for codes, label in stored],
        )

    note()
    while learning.end == "goes_on":
        learn(
            twin,
            x,
            labels,
            learning,
            batch=case.batch,
            order=case.order,
            seed=5,
            limit=case.batch,
            reservoir=reservoir,
        )
        note()
    return found


@pytest.fixture(scope="module")
def moments() -> dict[str, dict[int, Moment]]:
    return {name: never_interrupted(case) for name, case in CASES.items()}


Maker = Callable[..., harness.Board]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    libraries: dict[int, Path] = {}

    def board(slots: int = SLOTS, geometry: Geometry = GEOMETRY) -> harness.Board:
        if slots not in libraries:
            folder = tmp_path_factory.mktemp("kept")
            sources, includes = harness.render_network(NET, folder, BATCH)
            config = harness.Config(store=slots * SAMPLE)
            libraries[slots] = harness.build_app(folder, config, sources, includes)
        made = harness.Board(libraries[slots])
        made.new_flash(geometry.sectors, geometry.sector_bytes, geometry.word_bytes)
        made.reset()
        return made

    return board


def opened(board: harness.Board, *, keep: bool = True) -> DeviceExecutor:
    device = Device.open(harness.MemoryTransport(board), timing=PATIENT)
    return DeviceExecutor(NET, device, name="memory", seed=7, keep=keep)


def begin(board: harness.Board, case: Case, **policy: int | str) -> DeviceExecutor:
    executor = opened(board, keep=False)
    executor.keep_samples(case.capacity, case.replays, seed=3)
    executor.plan_learning(case.plan)
    executor.set_policy(**policy)  # type: ignore[arg-type]
    executor.save_checkpoint()
    return executor


def go_on(executor: DeviceExecutor, case: Case, limit: int = 0) -> None:
    """The samples are those of a sensor, so to say: what is new comes again."""
    x, labels = samples(25)
    executor.upload(x, labels)
    executor.learn(0, 25, batch=case.batch, order=case.order, seed=5, limit=limit)


def in_flash(board: harness.Board) -> checkpoint.Checkpoint:
    area = board.flash(GEOMETRY.sectors * GEOMETRY.sector_bytes).raw
    found = checkpoint.newest(area, GEOMETRY, bytes.fromhex(NET.fingerprint()))
    assert found is not None
    return found


def assert_there(executor: DeviceExecutor, moment: Moment) -> None:
    state = executor.device.learner.state()
    assert {name: getattr(state, name) for name in COUNTS} == moment.counts
    assert (state.end, state.stored) == (moment.end, len(moment.samples))
    assert executor.digest() == moment.digest


def assert_kept(kept: Kept | None, moment: Moment) -> None:
    assert kept is not None
    assert {name: kept.numbers[name] for name in COUNTS} == moment.counts
    assert (kept.numbers["offered"], kept.numbers["drawn"]) == (moment.offered, moment.drawn)
    assert list(kept.samples) == moment.samples


@pytest.mark.parametrize(
    "stride", [pytest.param(151, id="151"), pytest.param(3, id="3", marks=pytest.mark.long)]
)
@pytest.mark.parametrize("name", CASES)
def test_the_power_goes_while_it_learns(
    make: Maker, moments: dict[str, dict[int, Moment]], name: str, stride: int
) -> None:
    """At many operations of the flash, each in one of four ways, until no operation is left to cut at."""
    case, trace = CASES[name], moments[name]
    came_back, last = set(), max(trace)
    cut = 1
    while True:
        board = make()
        begin(board, case, every=7)
        board.cut(cut, cut % 4)
        try:
            go_on(opened(board), case)
            done = not board.dead
        except LinkError:
            done = False
        if done:
            break
        assert board.dead
        board.power_on()
        kept, again = in_flash(board), opened(board)
        came_back.add(kept.step)
        assert again.step_count == kept.step
        assert again.checkpoint_info().learning == "taken"
        assert_there(again, trace[kept.step])
        assert_kept(parse_kept(kept.extra), trace[kept.step])
        if trace[kept.step].end == "goes_on":
            go_on(again, case)
        assert again.step_count == last
        assert_there(again, trace[last])
        cut += stride
    assert len(came_back) >= 3


def test_with_its_samples_it_goes_on_alone(make: Maker, moments: dict[str, dict[int, Moment]]) -> None:
    """No host is there after the cut; what it learns from lies in the checkpoint too."""
    case, trace = CASES["drawn, batches"], moments["drawn, batches"]
    board = make()
    x, labels = samples(25)
    executor = begin(board, case, every=7, keep="samples")
    executor.upload(x, labels)
    board.cut(1500)
    with pytest.raises(LinkError):
        executor.learn(0, 25, batch=case.batch, order=case.order, seed=5)
    board.power_on()
    kept = in_flash(board)
    found = parse_kept(kept.extra)
    assert found is not None
    assert found.numbers["active"] == 1
    assert list(found.samples)[case.capacity :] == [
        (int(label), codes.tobytes()) for label, codes in zip(labels, x, strict=True)
    ]
    assert trace[kept.step].end == "goes_on"
    for _ in range(20_000):
        assert board.turn() == harness.RUNS
    again = opened(board)
    assert not again.device.learner.state().active
    assert again.step_count == max(trace)
    assert_there(again, trace[max(trace)])


def test_a_host_that_comes_pauses_what_goes_on_alone(
    make: Maker, moments: dict[str, dict[int, Moment]]
) -> None:
    case, trace = CASES["drawn, batches"], moments["drawn, batches"]
    board = make()
    x, labels = samples(25)
    executor = begin(board, case, every=7, keep="samples")
    executor.upload(x, labels)
    executor.learn(0, 25, batch=case.batch, order=case.order, seed=5, limit=9)
    assert not board.dead
    board.power_on()
    again = opened(board)
    step = again.step_count
    assert_there(again, trace[step])
    go_on(again, case)
    assert_there(again, trace[max(trace)])


def test_the_replay_store_comes_back_with_load_checkpoint(
    make: Maker, moments: dict[str, dict[int, Moment]]
) -> None:
    case, trace = CASES["in turn, plan ends"], moments["in turn, plan ends"]
    executor = begin(make(), case)
    go_on(executor, case, limit=20)
    step = executor.save_checkpoint()
    go_on(executor, case, limit=20)
    executor.keep_samples(0)
    assert executor.load_checkpoint() == step
    assert_there(executor, trace[step])
    with pytest.raises(Exception, match=f"do not fit the {SLOTS - case.capacity} slots"):
        executor.upload(*samples(SLOTS))
    go_on(executor, case)
    assert_there(executor, trace[max(trace)])


def test_without_learning_in_the_checkpoint_the_count_goes_on(make: Maker) -> None:
    case = CASES["in turn, plan ends"]
    board = make()
    executor = begin(board, case, keep="network")
    go_on(executor, case, limit=20)
    step = executor.save_checkpoint()
    assert in_flash(board).extra == b""
    assert executor.load_checkpoint() == step
    state = executor.device.learner.state()
    assert (state.seen, state.stored) == (20, 6)
    assert executor.checkpoint_info().keep == "network"
    board.power_on()
    again = opened(board)
    state = again.device.learner.state()
    assert (again.step_count, state.seen, state.replay_capacity) == (step, 0, 0)
    assert again.checkpoint_info().learning == "none"


def test_a_replay_store_that_does_not_fit_a_slot_is_refused(make: Maker) -> None:
    """With numbers, and with what to do; the store that was there stays."""
    board = make(geometry=Geometry(4, 512, 4))
    executor = opened(board, keep=False)
    network = executor.checkpoint_info().record_bytes
    fitting = (1024 - network - 128) // 64 * 64 // SAMPLE
    executor.keep_samples(fitting, seed=3)
    with pytest.raises(RefusedError, match=r"do not fit a slot .*\(value 1088, limit 1024\)") as caught:
        executor.keep_samples(fitting + 1)
    assert caught.value.code == "large"
    assert caught.value.hint is not None
    assert 'set_policy(keep="network")' in caught.value.hint
    assert executor.device.learner.state().replay_capacity == fitting
    executor.set_policy(keep="network")
    executor.keep_samples(SLOTS - 25)
    with pytest.raises(RefusedError, match="do not fit a slot"):
        executor.set_policy(every=3)
    info = executor.checkpoint_info()
    assert (info.every, info.keep, info.record_bytes) == (0, "network", network)
    executor.keep_samples(0)
    executor.set_policy(every=3, keep="samples")
    x, labels = samples(25)
    executor.upload(x, labels)
    executor.plan_learning(LearnPlan(samples=5))
    with pytest.raises(RefusedError, match="do not fit a slot"):
        executor.learn(0, 25)
    executor.set_policy(every=3)
    assert executor.learn(0, 25).end == "samples"


def test_a_firmware_with_a_smaller_sample_store_uses_the_network_alone(
    make: Maker, moments: dict[str, dict[int, Moment]]
) -> None:
    case, trace = CASES["in turn, plan ends"], moments["in turn, plan ends"]
    board = make()
    executor = begin(board, case)
    go_on(executor, case, limit=20)
    step = executor.save_checkpoint()
    smaller = make(30)
    size = GEOMETRY.sectors * GEOMETRY.sector_bytes
    smaller.flash(size).raw = board.flash(size).raw
    smaller.reset()
    again = opened(smaller)
    assert again.hello.restored
    assert (again.step_count, again.digest()) == (step, trace[step].digest)
    info, state = again.checkpoint_info(), again.device.learner.state()
    assert (info.learning, state.seen, state.replay_capacity) == ("refused", 0, 0)


def test_what_would_change_a_record_waits_for_its_end(make: Maker) -> None:
    case = CASES["in turn, plan ends"]
    board = make()
    executor = begin(board, case)
    go_on(executor, case, limit=20)
    executor.save_checkpoint(wait=False)
    assert executor.checkpoint_info().work == "save"
    executor.keep_samples(0)
    assert executor.checkpoint_info().work == "idle"
    found = parse_kept(in_flash(board).extra)
    assert found is not None
    assert found.numbers["replay_capacity"] == case.capacity


@given(data=st.data())
def test_what_is_kept_is_bytes_and_back(data: st.DataObject) -> None:
    codes = data.draw(st.integers(1, 9))
    sample = st.tuples(st.integers(0, 2**16 - 1), st.binary(min_size=codes, max_size=codes))
    stored = data.draw(st.lists(sample, max_size=5))
    rate = st.tuples(st.integers(0, 2**32 - 1), st.integers(-16, 15))
    rates = tuple(data.draw(st.lists(rate, max_size=8)))
    numbers = {part.name: data.draw(st.integers(0, 255)) for part in HEAD if part.kind != "bytes"}
    numbers |= {"learn_magic": MAGIC, "learn_format": FORMAT, "rate_count": len(rates)}
    numbers |= {"sample_codes": codes, "sample_count": len(stored)}
    kept = Kept(numbers, rates, stored)
    image = build_kept(kept)
    assert parse_kept(image) == kept
    assert parse_kept(b"") is None
    for wrong in (image[:-1], image + b"\0", b"X" + image[1:]):
        with pytest.raises(DataError, match="learning in a checkpoint"):
            parse_kept(wrong)
