"""When a checkpoint is due: by steps, by improvement, on command, and never too often."""

from __future__ import annotations

from functools import cache
from typing import Any

import cffi
from hypothesis import given
from hypothesis import strategies as st

from tests.host_c.store_sim import FLAGS, SANITIZE, store_files
from wagekit.executors.host import declarations
from wagekit.link import checkpoint
from wagekit.toolchain.host import build_library


@cache
def library() -> tuple[Any, Any]:
    files = store_files()
    ffi = cffi.FFI()
    ffi.cdef(declarations(files["include/wagekit/wk_policy.h"]))
    headers = {name: text for name, text in files.items() if name.endswith(("wk_policy.h", "policy.c"))}
    return ffi, ffi.dlopen(str(build_library(headers, flags=FLAGS, extra=SANITIZE)))


class Policy:
    def __init__(self, step: int = 0, **values: int) -> None:
        ffi, self.lib = library()
        self.policy = ffi.new("wk_policy_t *", values)
        self.state = ffi.new("wk_policy_state_t *")
        self.lib.wk_policy_start(self.state, step)

    def due(self, step: int, ticks: int) -> bool:
        return bool(self.lib.wk_policy_due(self.policy, self.state, step, ticks))

    def begun(self, step: int, ticks: int) -> None:
        self.lib.wk_policy_begun(self.state, step, ticks)

    def evaluated(self, errors: int, samples: int) -> None:
        self.lib.wk_policy_evaluated(self.policy, self.state, errors, samples)


def test_every_so_many_steps() -> None:
    policy = Policy(step=1000, every=50)
    assert [step for step in range(1000, 1060) if policy.due(step, 0)] == list(range(1050, 1060))
    policy.begun(1053, 10)
    assert not policy.due(1102, 11)
    assert policy.due(1103, 11)


def test_steps_that_start_again() -> None:
    policy = Policy(step=2**32 - 10, every=20)
    assert not policy.due(9, 0)
    assert policy.due(10, 0)


def test_nothing_is_due_without_a_rule() -> None:
    policy = Policy()
    assert not policy.due(10**9, 2**40)
    policy.evaluated(50, 100)
    policy.evaluated(1, 100)
    assert not policy.due(10**9, 2**40)


def test_on_command_at_once() -> None:
    policy = Policy(spacing=10**12)
    policy.begun(1, 0)
    policy.lib.wk_policy_command(policy.state)
    assert policy.due(1, 1)
    policy.begun(1, 1)
    assert not policy.due(1, 2)


def test_on_improvement() -> None:
    """At least 2 % of the samples fewer errors than the best so far; the first evaluation is the measure."""
    policy = Policy(improvement=65536 * 2 // 100)
    for errors, samples, due in ((300, 1000, False), (285, 1000, False), (279, 1000, True)):
        policy.evaluated(errors, samples)
        assert policy.due(5, 0) == due
    policy.begun(5, 0)
    policy.evaluated(265, 1000)
    assert not policy.due(6, 1)
    policy.evaluated(125, 500)
    assert policy.due(6, 1)


@given(
    best=st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 2**32 - 1)).filter(lambda p: p[0] <= p[1]),
    now=st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 2**32 - 1)).filter(lambda p: p[0] <= p[1]),
    margin=st.integers(1, 65536),
)
def test_improvement_is_the_comparison_of_shares(
    best: tuple[int, int], now: tuple[int, int], margin: int
) -> None:
    policy = Policy(improvement=margin)
    policy.evaluated(*best)
    policy.evaluated(*now)
    gain = best[0] / best[1] - now[0] / now[1] - margin / 65536
    if abs(gain) > 2**-14:  # counts above 16 bits are rounded
        assert policy.due(1, 0) == (gain > 0)


@given(
    spacing=st.integers(1, 5000),
    every=st.integers(1, 10),
    waits=st.lists(st.integers(0, 400), max_size=300),
)
def test_spacing_bounds_what_a_day_sees(spacing: int, every: int, waits: list[int]) -> None:
    """Whatever training does, no more saves than `wear` states for that time."""
    policy = Policy(every=every, spacing=spacing, improvement=1)
    ticks = saves = 0
    for step, wait in enumerate(waits):
        ticks += wait
        policy.evaluated(max(0, 1000 - step), 1000)
        if policy.due(step, ticks):
            policy.begun(step, ticks)
            saves += 1
    assert saves <= ticks // spacing + 1
    day = checkpoint.wear(checkpoint.Cost(320, 2, 80), spacing_seconds=spacing)
    assert day.checkpoints == 86400 // spacing + 1
