"""The buffer planner: what lives together never overlaps, and little is wasted."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wagekit.passes.buffers import Buffer, peak_bytes, place_buffers


@st.composite
def buffer_lists(draw: st.DrawFn) -> list[Buffer]:
    found = []
    for number in range(draw(st.integers(0, 14))):
        align = draw(st.sampled_from([1, 2, 4, 8]))
        first = draw(st.integers(0, 12))
        last = first + draw(st.integers(0, 6))
        found.append(Buffer(f"b{number}", align * draw(st.integers(1, 300)), align, first, last))
    return found


@given(buffer_lists())
def test_what_lives_together_does_not_overlap(buffers: list[Buffer]) -> None:
    arena = place_buffers(buffers)
    assert set(arena.offsets) == {buffer.name for buffer in buffers}
    for buffer in buffers:
        assert arena.offsets[buffer.name] % buffer.align == 0
        assert arena.offsets[buffer.name] + buffer.bytes <= arena.bytes
    for one, other in combinations(buffers, 2):
        if one.meets(other):
            low, high = sorted((one, other), key=lambda b: arena.offsets[b.name])
            assert arena.offsets[low.name] + low.bytes <= arena.offsets[high.name], (one, other)


@given(buffer_lists())
def test_the_arena_is_between_the_fullest_moment_and_the_sum(buffers: list[Buffer]) -> None:
    arena = place_buffers(buffers)
    padding = sum(buffer.align - 1 for buffer in buffers)
    assert peak_bytes(buffers) <= arena.bytes <= sum(buffer.bytes for buffer in buffers) + padding


def test_buffers_that_never_meet_share_their_bytes() -> None:
    arena = place_buffers([Buffer("a", 100, 1, 0, 1), Buffer("b", 60, 4, 2, 3), Buffer("c", 40, 1, 2, 2)])
    assert arena.bytes == 100


def test_the_same_input_gives_the_same_plan() -> None:
    buffers = [Buffer(f"b{i}", 10 + i % 3, 1, i % 5, i % 5 + 2) for i in range(20)]
    assert place_buffers(buffers) == place_buffers(list(buffers))


def test_names_are_unique() -> None:
    with pytest.raises(ValueError, match="same name"):
        place_buffers([Buffer("a", 1, 1, 0, 0), Buffer("a", 1, 1, 1, 1)])
