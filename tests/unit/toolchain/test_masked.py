"""How long interrupts are masked: known for every board, refused where it has no bound."""

from __future__ import annotations

import pytest

from wagekit.toolchain.masked import UnknownTimeError, scan

LISTING = """
00000100 <reader>:
     100:\tmrs\tr3, PRIMASK
     104:\tcpsid\ti
     106:\tcbz\tr0, 10c <reader+0xc>
     108:\tadds\tr0, #1
     10a:\tadds\tr0, #2
     10c:\tbl\t200 <leaf>
     110:\tmsr\tPRIMASK, r3
     114:\tbx\tlr

00000200 <leaf>:
     200:\tmovs\tr0, #1
     202:\tbx\tlr

00000300 <wk_fault>:
     300:\tcpsid\ti
     302:\tb.n\t302 <wk_fault+0x2>
"""


def test_the_longest_way_is_counted() -> None:
    assert scan(LISTING.splitlines()) == {"reader": 3 + 1 + 2 + 1}


def test_the_time_of_a_flash_is_no_number_of_instructions() -> None:
    text = LISTING.replace("bl\t200 <leaf>", "blx\tr3").replace("<reader>", "<wk_rom_run>")
    assert scan(text.splitlines()) == {}


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("adds\tr0, #2", "b.n\t108 <reader+0x8>", "loops at 108"),
        ("bl\t200 <leaf>", "blx\tr3", "reader calls through a pointer"),
    ],
)
def test_what_has_no_bound_is_refused(before: str, after: str, why: str) -> None:
    with pytest.raises(UnknownTimeError, match=why):
        scan(LISTING.replace(before, after).splitlines())
