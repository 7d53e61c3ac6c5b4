"""Depth of the stack: what listings and firmware of known depth give, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.toolchain.networks import tiny
from wagekit import boards
from wagekit.errors import LimitError
from wagekit.toolchain import stack
from wagekit.toolchain.firmware import build_firmware

LISTING = """
firmware.elf:     file format elf32-littlearm

00000100 <top>:
     100:\tpush\t{r4, r5, r7, lr}
     102:\tsub\tsp, #24
     104:\tbl\t200 <leaf>
     108:\tcbz\tr0, 110 <top+0x10>
     10a:\tadd\tsp, #24
     10c:\tldmia.w\tsp!, {r4, r5, r7, lr}
     110:\tb.w\t300 <last>
     114:\t.word\t0x00000200

00000200 <leaf>:
     200:\tstmdb\tsp!, {r4, r5, r6, r7, r8, lr}
     204:\tvpush\t{d8-d9}
     208:\tstr.w\tlr, [sp, #-8]!
     20c:\tbx\tlr

00000300 <last>:
     300:\tsub.w\tsp, sp, #512\t@ 0x200
     304:\tbx\tlr

00000400 <runs_on>:
     400:\tpush\t{r4}
     402:\tmovs\tr0, #1

00000404 <end>:
     404:\tpush\t{r5, r6}
     406:\tb.n\t404 <end>
"""


def depth(text: str, name: str) -> int:
    functions = stack.read_listing(text.splitlines())
    start = next(address for address, function in functions.items() if function.name == name)
    return stack._Graph(functions).depth(start)[0]


def test_pushes_calls_and_tail_calls_add_up() -> None:
    functions = stack.read_listing(LISTING.splitlines())
    assert {function.name: function.frame for function in functions.values()} == {
        "top": 40,
        "leaf": 24 + 16 + 8,
        "last": 512,
        "runs_on": 4,
        "end": 8,
    }
    assert functions[0x100].calls == {0x200}
    assert functions[0x100].jumps == {0x300}
    assert functions[0x400].jumps == {0x404}
    assert depth(LISTING, "top") == 512, "the frame is gone when a tail call runs"
    assert depth(LISTING.replace("b.w\t300", "bl\t300"), "top") == 552


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("b.w\t300 <last>", "bl\t100 <top>", "top > top is recursive"),
        ("bl\t200 <leaf>", "blx\tr3", "top calls through a pointer"),
        ("bl\t200 <leaf>", "bx\tr3", "top calls through a pointer"),
        ("bl\t200 <leaf>", "ldr.w\tpc, [r3, #4]", "top calls through a pointer"),
        ("sub\tsp, #24", "sub\tsp, sp, r3", "top has a frame whose size is known at run time only"),
        ("sub\tsp, #24", "mov\tsp, r3", "top has a frame whose size is known at run time only"),
        ("sub.w\tsp, sp, #512\t@ 0x200", "bl\t100 <top>", "top > last > top is recursive"),
    ],
)
def test_what_has_no_bound_is_refused(before: str, after: str, why: str) -> None:
    assert before in LISTING
    text = LISTING.replace(before, after)
    with pytest.raises(stack.UnknownDepthError, match=why) as caught:
        depth(text, "top")
    assert caught.value.exit_code == LimitError.exit_code


def test_a_rom_is_granted_what_it_may_take() -> None:
    text = LISTING.replace("bl\t200 <leaf>", "blx\tr3")
    assert depth(text.replace("<top>", "<wk_rom_run>"), "wk_rom_run") == 512, "the tail call is deeper"
    alone = text.replace("<top>", "<wk_rom_run>").replace("b.w\t300 <last>", "bx\tlr")
    assert depth(alone, "wk_rom_run") == 40 + stack.ROM_BYTES


def test_what_gcc_says_counts(tmp_path: Path) -> None:
    (tmp_path / "a.su").write_text("a.c:1:2:top\t64\tstatic\na.c:9:1:last\t8\tdynamic,bounded\n")
    (tmp_path / "b.su").write_text("b.c:1:2:top\t32\tstatic\nb.c:3:1:leaf\t8\tdynamic\n")
    functions = stack.read_listing(LISTING.splitlines())
    stack.apply_usage(functions, stack.read_usage(tmp_path))
    assert functions[0x100].frame == 64
    assert not functions[0x300].doubt
    assert "run time" in functions[0x200].doubt


def test_too_small_a_stack_is_refused(arm_gcc: str) -> None:
    board = boards.load("microbit")
    depth = build_firmware(tiny(), board).stack
    assert depth is not None
    small = board.model_copy(update={"stack": depth.total - 8})
    with pytest.raises(LimitError, match=rf"grow to {depth.total} bytes .* reserves stack = "):
        stack.check(depth, small, "tiny")
    half = board.model_copy(update={"stack": 2 * depth.fault - 8})
    if half.stack >= depth.total:
        with pytest.raises(LimitError, match=f"the report of a fault needs {depth.fault} bytes"):
            stack.check(depth, half, "tiny")


OWN = """
#include "wagekit/wagekit.h"
typedef void (*action_t)(int);
static volatile action_t action;
int main(void) {
    %s
    return 0;
}
"""


def test_c_of_ones_own_may_leave_it_unknown(arm_gcc: str) -> None:
    board = boards.load("mps2-an386")
    plain = build_firmware(tiny(), board, app="none", sources={"main.c": OWN % "(void)action;"})
    assert plain.stack is not None
    pointer = build_firmware(tiny(), board, app="none", sources={"main.c": OWN % "action(3);"})
    assert pointer.stack is None
    assert pointer.manifest["built"]["stack"]["unknown"].endswith("main calls through a pointer")
    large = OWN % "volatile char all[5000]; all[0] = 1; all[4999] = all[0];"
    with pytest.raises(LimitError, match="reserves stack = 4096"):
        build_firmware(tiny(), board, app="none", sources={"main.c": large})
