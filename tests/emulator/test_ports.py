"""Every board's port: memory, serial line, counter, faults, exit, reset.

$WAGEKIT_TEST_BOARDS names folders of boards of one's own, which are tested too.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.emulator.conftest import Line
from tests.emulator.selftest.build import build_selftest
from wagekit import boards, resources
from wagekit.toolchain import qemu as emulator
from wagekit.toolchain.size import read_sizes

Start = Callable[..., Line]
EMULATED = [name for name in boards.available() if boards.load(name).qemu]
BOARDS = [*EMULATED, *os.environ.get("WAGEKIT_TEST_BOARDS", "").split()]
SAME_CHIP = ("feather-stm32f405", "olimex-stm32-h405")
"""As netduinoplus2, with another crystal and other pins, which QEMU does not have: test_stm32f405.py."""
GUARDED_BY_MPU = {"mps2-an385", "mps2-an386", "mps2-an500", "lm3s6965evb"}
WITH_STACK_LIMIT = {name for name in BOARDS if boards.load(name).core in ("cortex-m33", "cortex-m55")}
ON_V6M = {name for name in BOARDS if boards.load(name).core == "cortex-m0"}


@pytest.fixture(
    params=[pytest.param(name, marks=pytest.mark.long) if name in SAME_CHIP else name for name in BOARDS]
)
def board(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_bytes_both_ways_at_once_are_not_lost(start: Start, board: str) -> None:
    line = start(board)
    data = random.Random(1).randbytes(16_000)
    assert line.exchange(data) == bytes(byte ^ 0x5A for byte in data)
    line.send("s")
    assert 300 < line.words(1)[0] < line.board.stack


def test_receives_while_it_computes(start: Start, board: str) -> None:
    """More than the ring holds arrives while nobody reads: QEMU holds the rest back, and all of it comes."""
    line = start(board)
    data = random.Random(2).randbytes(3 * line.board.link.ring + 77)
    line.send("c", 3_000_000, len(data))
    assert line.receive(2) == b"go"
    line.connection.sendall(data)
    expected = 0
    for byte in data:
        expected = (expected * 31 + byte) & 0xFFFFFFFF
    assert line.words(2) == (expected, 0)


@pytest.mark.parametrize(
    "name", ["mps2-an386", *(pytest.param(name, marks=pytest.mark.long) for name in BOARDS)]
)
def test_a_reader_that_rests_loses_nothing(start: Start, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operating system keeps some of it, device and ring a little, and the chip waits with the rest."""
    listen = emulator._listen

    def listen_with_little_room() -> socket.socket:
        listener = listen()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)
        return listener

    monkeypatch.setattr(emulator, "_listen", listen_with_little_room)
    line = start(name, room=1 << 14)
    size, value, expected = 400_000, 1, bytearray()
    for _ in range(size):
        value = (value * 1664525 + 1013904223) & 0xFFFFFFFF
        expected.append(value >> 24)
    line.send("p", size)
    time.sleep(0.5)
    assert line.receive(size) == expected
    line.send("s")
    assert line.words(1)[0] > 0, "it goes on"


def test_counter_is_exact_under_icount(start: Start, board: str) -> None:
    """A loop of two instructions a round: the counts of any two lengths differ by exactly that."""
    line = start(board, icount=True)
    assert line.board.qemu
    counts = {}
    for rounds in (1, 2, 3, 10, 1000, 1001, 20_000, 100_000):
        line.send("t", rounds)
        counts[rounds] = line.board.qemu.to_instructions(line.long())
    overhead = counts[1] - 2
    assert 0 < overhead < 60
    # SysTick's interrupt, five instructions and its entry, comes every 2**24 of its ticks.
    for rounds, count in counts.items():
        assert count - 2 * rounds - overhead in range(0, 12), (rounds, count)
    assert sum(count == 2 * rounds + overhead for rounds, count in counts.items()) >= len(counts) - 2


def test_counter_never_goes_back(start: Start, board: str) -> None:
    line = start(board, icount=True)
    assert line.board.qemu
    line.send("w", 400_000)  # several rounds of SysTick
    assert line.words(1) == (0,)
    assert line.board.qemu.to_instructions(line.long()) < 100


def test_two_runs_under_icount_count_alike(start: Start) -> None:
    def run() -> list[int]:
        line = start("mps2-an386", icount=True)
        counts = []
        for rounds in (5, 50_000):
            line.send("t", rounds)
            counts.append(line.long())
        return counts

    first, second = run(), run()
    assert all(abs(a - b) <= 1 for a, b in zip(first, second, strict=True))


def test_undefined_instruction(start: Start, board: str) -> None:
    line = start(board)
    line.send("fu")
    fault = line.fault()
    assert fault["cause"] == (1 if board in ON_V6M else 5)
    assert (fault["r0"], fault["r1"]) == (17, 34)
    flash = line.board.region("flash")
    assert flash.origin < fault["pc"] < flash.origin + 0x10000
    ram = line.board.region("ram")
    assert ram.origin < fault["sp"] <= ram.origin + line.board.stack
    assert line.process.wait(10) == 100 + fault["cause"]


def test_access_to_no_memory(start: Start, board: str) -> None:
    line = start(board)
    line.send("fb")
    fault = line.fault()
    if board in ON_V6M:
        assert fault["cause"] == 1
    else:
        by_mpu = fault["cause"] == 3
        assert by_mpu == (board in GUARDED_BY_MPU) or board not in boards.available()
        assert by_mpu or fault["cause"] == 4
        assert fault["mmfar" if by_mpu else "bfar"] == 0x1FF00000
    assert line.process.wait(10) == 100 + fault["cause"]


def test_stack_overflow(start: Start, board: str) -> None:
    line = start(board)
    line.send("fs")
    fault = line.fault()
    assert fault["cause"] == 6
    stack_limit = fault["exception"] == 6 and fault["cfsr"] == 1 << 20
    assert stack_limit == (board in WITH_STACK_LIMIT)
    assert line.process.wait(10) == 106


def test_failed_assertion(start: Start, board: str) -> None:
    line = start(board)
    line.send("fa")
    fault = line.fault()
    assert fault["cause"] == 7
    assert fault["file"].to_bytes(4, "big") == b"self"
    assert fault["line"] > 0
    assert line.process.wait(10) == 107


def test_interrupt_that_nothing_handles(start: Start, board: str) -> None:
    line = start(board)
    line.send("fi")
    fault = line.fault()
    assert (fault["cause"], fault["exception"]) == (8, 16 + 20)
    assert line.process.wait(10) == 108


@pytest.mark.parametrize("code", [0, 1, 77])
def test_exit_code(start: Start, code: int, board: str) -> None:
    line = start(board)
    line.connection.sendall(b"x" + bytes([code]))
    assert line.process.wait(10) == code


def test_reset_starts_again_on_the_same_line(start: Start, board: str) -> None:
    line = start(board)
    line.send("d", 5)
    line.words(1)
    line.send("r")
    line.expect_up()
    line.send("t", 10)
    assert line.long() > 0
    assert line.process.exit_code is None


def test_stack_measure_sees_use(start: Start, board: str) -> None:
    line = start(board)
    line.send("s")
    (before,) = line.words(1)
    line.send("d", 6)
    (after,) = line.words(1)
    assert before - 6 * 100 < after < before - 6 * 32


def test_board_of_ones_own(tmp_path: Path, qemu: str) -> None:
    """A folder outside the package, with other memory, another stack and another serial rate."""
    folder = tmp_path / "mine"
    shutil.copytree(Path(str(resources.board_files() / "netduinoplus2")), folder)
    text = (folder / "board.toml").read_text()
    for old, new in (
        ('name = "netduinoplus2"', 'name = "mine"'),
        ("size = 0x20000\n\n[[memory]]", "size = 0x8000\n\n[[memory]]"),
        ("stack = 4096", "stack = 1024"),
        ("ring = 4096", "ring = 2048"),
        ("frame = 1024", "frame = 512"),
        ("baud = 115200", "baud = 921600"),
    ):
        assert old in text
        text = text.replace(old, new)
    (folder / "board.toml").write_text(text)
    board = boards.load(folder)
    elf = build_selftest(board, tmp_path / "project")
    assert read_sizes(elf, board).stack == 1024
    with (
        emulator.boot(elf, board) as process,
        socket.create_connection(("127.0.0.1", process.port), timeout=20) as connection,
    ):
        line = Line(board, process, connection)
        line.expect_up()
        data = bytes(range(256)) * 20
        assert line.exchange(data) == bytes(byte ^ 0x5A for byte in data)
        line.send("fs")
        assert line.fault()["cause"] == 6
        assert process.wait(10) == 106


@pytest.mark.parametrize("board", [name for name in BOARDS if boards.load(name).watchdog])
def test_watchdog(start: Start, board: str) -> None:
    """Its first time-out is an NMI; of the LM3S6965 an interrupt, which nothing handles."""
    cause = 8 if board == "lm3s6965evb" else 2
    line = start(board, watchdog_ms=300)
    line.send("t", 10)
    line.long()
    line.send("h")
    fault = line.fault()
    assert fault["cause"] == cause
    assert line.process.wait(10) == 100 + cause
