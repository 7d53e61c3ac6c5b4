"""Rates, running accuracy, stop rule and reservoir in C against their Python twins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import cffi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wagekit.numerics.learn import ENDS, ONE, Learning, LearnPlan, Replay, draw
from wagekit.toolchain.host import build_library
from wagekit.writer import firmware_files

DECLARATIONS = """
typedef struct { uint32_t first; int32_t log2_lr; } wk_learn_rate_t;
typedef struct {
    wk_learn_rate_t rates[8];
    uint32_t rate_count, window_log2, samples, accuracy, patience;
} wk_learn_plan_t;
typedef struct {
    wk_learn_plan_t plan;
    uint32_t seen, wrong, running, best, best_at;
    int end;
} wk_learn_t;
int wk_learn_begin(wk_learn_t *, const wk_learn_plan_t *);
int32_t wk_learn_rate(const wk_learn_t *);
_Bool wk_learn_observe(wk_learn_t *, uint32_t, uint32_t);
void wk_learn_stop(wk_learn_t *);
uint32_t wk_learn_draw(uint32_t, uint32_t, uint32_t);
typedef struct { uint32_t capacity, offered, drawn, offer_key, draw_key; } wk_replay_t;
void wk_replay_init(wk_replay_t *, uint32_t, uint32_t);
uint32_t wk_replay_filled(const wk_replay_t *);
_Bool wk_replay_offer(wk_replay_t *, uint32_t *);
_Bool wk_replay_draw(wk_replay_t *, uint32_t *);
"""
UINT32 = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def library() -> Iterator[tuple[cffi.FFI, Any]]:
    ffi = cffi.FFI()
    ffi.cdef(DECLARATIONS)
    yield ffi, ffi.dlopen(str(build_library(firmware_files(("include/wagekit", "src/learn")))))


@st.composite
def plans(values: st.DrawFn) -> LearnPlan:
    later = sorted(values(st.sets(st.integers(1, 400), max_size=7)))
    return LearnPlan(
        rates=tuple((first, values(st.integers(-16, 15))) for first in [0, *later]),
        window_log2=values(st.integers(1, 10)),
        samples=values(st.sampled_from([0, 1, 100, 350])),
        accuracy=values(st.sampled_from([0, 1, ONE // 2, ONE * 9 // 10, ONE])),
        patience=values(st.sampled_from([0, 1, 20, 90])),
    )


def c_plan(ffi: cffi.FFI, plan: LearnPlan) -> Any:
    made = ffi.new("wk_learn_plan_t *")
    made.rate_count = len(plan.rates)
    for place, (first, log2_lr) in enumerate(plan.rates):
        made.rates[place].first, made.rates[place].log2_lr = first, log2_lr
    for name in ("window_log2", "samples", "accuracy", "patience"):
        setattr(made, name, getattr(plan, name))
    return made


@given(plans(), st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), max_size=150))
def test_learning_equals_its_twin(
    library: tuple[cffi.FFI, Any], plan: LearnPlan, steps: list[tuple[int, int]]
) -> None:
    ffi, lib = library
    state = ffi.new("wk_learn_t *")
    assert lib.wk_learn_begin(state, c_plan(ffi, plan)) == 0
    twin = Learning(plan)
    for samples, wrong in steps:
        assert lib.wk_learn_rate(state) == twin.rate()
        errors = min(samples, wrong)
        assert lib.wk_learn_observe(state, samples, errors) == twin.observe(samples, errors)
        for name in ("seen", "wrong", "running", "best", "best_at"):
            assert getattr(state, name) == getattr(twin, name)
        assert ENDS[state.end] == twin.end
    lib.wk_learn_stop(state)
    twin.stop()
    assert ENDS[state.end] == twin.end != "goes_on"


def test_a_plan_outside_its_limits_is_refused(library: tuple[cffi.FFI, Any]) -> None:
    ffi, lib = library
    state = ffi.new("wk_learn_t *")
    good = LearnPlan(rates=((0, 1), (5, 2)))
    for name, value in (("rate_count", 0), ("rate_count", 9), ("window_log2", 0), ("window_log2", 11),
                        ("accuracy", ONE + 1)):  # fmt: skip
        plan = c_plan(ffi, good)
        setattr(plan, name, value)
        assert lib.wk_learn_begin(state, plan) != 0
    for place, first, log2_lr in ((0, 1, 0), (1, 0, 0), (1, 5, 16), (1, 5, -17)):
        plan = c_plan(ffi, good)
        plan.rates[place].first, plan.rates[place].log2_lr = first, log2_lr
        assert lib.wk_learn_begin(state, plan) != 0
    for wrong in (
        {"rates": ()},
        {"rates": ((1, 0),)},
        {"rates": ((0, 0), (0, 1))},
        {"rates": ((0, 16),)},
        {"window_log2": 11},
        {"accuracy": ONE + 1},
        {"samples": -1},
    ):
        with pytest.raises(ValueError, match=r"rate|window|accuracy|samples"):
            LearnPlan(**wrong)


@given(UINT32, st.sampled_from([0, 1, 7, 1000, 65535]), st.lists(st.booleans(), max_size=200))
def test_a_reservoir_equals_its_twin(
    library: tuple[cffi.FFI, Any], seed: int, capacity: int, offers: list[bool]
) -> None:
    ffi, lib = library
    replay, place = ffi.new("wk_replay_t *"), ffi.new("uint32_t *")
    lib.wk_replay_init(replay, capacity, seed)
    twin = Replay(capacity, seed)
    for offer in offers:
        kept = (lib.wk_replay_offer if offer else lib.wk_replay_draw)(replay, place)
        assert (place[0] if kept else None) == (twin.offer() if offer else twin.draw())
        assert lib.wk_replay_filled(replay) == twin.filled


@given(UINT32, UINT32, UINT32)
@settings(max_examples=300)
def test_late_offers_and_draws_equal_their_twins(
    library: tuple[cffi.FFI, Any], seed: int, number: int, capacity: int
) -> None:
    """Long multiplications made of halves: all of 32 bits."""
    ffi, lib = library
    replay, place = ffi.new("wk_replay_t *"), ffi.new("uint32_t *")
    lib.wk_replay_init(replay, capacity, seed)
    replay.offered = replay.drawn = number
    twin = Replay(capacity, seed, offered=number, drawn=number)
    assert (place[0] if lib.wk_replay_offer(replay, place) else None) == twin.offer()
    assert (place[0] if lib.wk_replay_draw(replay, place) else None) == twin.draw()
    assert lib.wk_learn_draw(seed, number, capacity) == draw(seed, number, capacity)


def test_a_reservoir_is_fair() -> None:
    """Of 60 samples each lies in one of 10 places in a sixth of 3,000 reservoirs, give or take 5 sigma."""
    found: Counter[int] = Counter()
    for seed in range(3000):
        replay, places = Replay(10, seed), [0] * 10
        for sample in range(60):
            place = replay.offer()
            if place is not None:
                places[place] = sample
        found.update(places)
    assert set(found) == set(range(60))
    assert all(abs(count - 500) < 5 * 20.5 for count in found.values())


def test_running_accuracy_follows_a_change() -> None:
    learning = Learning(LearnPlan(window_log2=4))
    for _ in range(100):
        learning.observe(1, 0)
    assert learning.running == ONE
    for _ in range(100):
        learning.observe(1, 1)
    assert learning.running < ONE // 100
    assert learning.wrong == 100
