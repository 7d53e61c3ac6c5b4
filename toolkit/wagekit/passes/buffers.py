"""Where temporary buffers lie: one arena, in which buffers that never live together share bytes."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Buffer:
    """A run of bytes that is needed from operation `first` to operation `last`, both included."""

    name: str
    bytes: int
    align: int
    """A power of two; the offset is a multiple of it."""
    first: int
    last: int

    def meets(self, other: Buffer) -> bool:
        """Whether both are needed in some operation."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class Arena:
    """Offsets of all buffers, and the bytes that hold them."""

    offsets: dict[str, int]
    bytes: int


def place_buffers(buffers: Sequence[Buffer]) -> Arena:
    """Give every buffer an offset such that buffers that meet do not overlap.

    Several greedy orders are tried and the smallest result is taken; the result depends
    on nothing but the input. Raises `ValueError` for names that stand there twice.
    """
    if len({buffer.name for buffer in buffers}) != len(buffers):
        raise ValueError("two buffers have the same name")
    return _best(tuple(buffers))


@lru_cache(maxsize=2048)
def _best(buffers: tuple[Buffer, ...]) -> Arena:
    """Kept, since plans for several boards, and those that are tried for one, often have the same buffers."""
    arenas = [_place(sorted(buffers, key=order)) for order in _ORDERS]
    return min(arenas, key=lambda arena: arena.bytes)


def peak_bytes(buffers: Sequence[Buffer]) -> int:
    """Bytes of the fullest moment, alignment not counted: no plan can be smaller."""
    moments = {buffer.first for buffer in buffers}
    return max((sum(b.bytes for b in buffers if b.first <= m <= b.last) for m in moments), default=0)


_ORDERS: tuple[Callable[[Buffer], tuple[int, ...]], ...] = (
    lambda buffer: (-buffer.bytes, buffer.first),
    lambda buffer: (buffer.first, -buffer.bytes),
    lambda buffer: (buffer.first - buffer.last, -buffer.bytes, buffer.first),
    lambda buffer: (-buffer.bytes * (buffer.last - buffer.first + 1), buffer.first),
)


def _place(buffers: Sequence[Buffer]) -> Arena:
    offsets: dict[str, int] = {}
    placed: list[tuple[int, int, int, Buffer]] = []
    """Begin, end and number of each, from the lowest on."""
    total = 0
    for number, buffer in enumerate(buffers):
        size, offset = buffer.bytes, 0
        for begin, end, _, other in placed:
            if not other.meets(buffer):
                continue
            if offset + size <= begin:
                break
            offset = max(offset, _aligned(end, buffer.align))
        offsets[buffer.name] = offset
        insort(placed, (offset, offset + size, number, buffer))
        total = max(total, offset + size)
    return Arena(offsets, total)


def _aligned(offset: int, align: int) -> int:
    return (offset + align - 1) // align * align
