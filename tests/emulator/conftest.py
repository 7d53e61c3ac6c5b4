"""The self-test firmware of every board, and a line to it."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.emulator.selftest.build import build_selftest
from wagekit import boards
from wagekit.boards import Board
from wagekit.toolchain import qemu

FAULT_FIELDS = (
    *("cause", "r0", "r1", "r2", "r3", "r12", "lr", "pc", "psr", "sp"),
    *("cfsr", "hfsr", "mmfar", "bfar", "exception", "file", "line"),
)


@dataclass
class Line:
    """A running self-test firmware and the serial line to it."""

    board: Board
    process: qemu.QemuProcess
    connection: socket.socket

    def send(self, command: str, *words: int) -> None:
        self.connection.sendall(command.encode() + b"".join(struct.pack("<I", word) for word in words))

    def receive(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = self.connection.recv(size - len(data))
            assert piece, f"QEMU closed the line after {data!r}: {self.process.stderr}"
            data += piece
        return bytes(data)

    def words(self, count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}I", self.receive(4 * count))

    def long(self) -> int:
        return int(struct.unpack("<Q", self.receive(8))[0])

    def exchange(self, data: bytes) -> bytes:
        """Send while receiving: neither side may have to wait for the other."""
        writer = threading.Thread(target=self.connection.sendall, args=(data,))
        self.send("e", len(data))
        writer.start()
        answer = self.receive(len(data))
        writer.join(10)
        return answer

    def expect_up(self) -> None:
        assert self.receive(2) == b"up"
        assert self.words(1) == (0,), "initialised data, zeroed data or a memory function is wrong"

    def fault(self) -> dict[str, int]:
        assert self.receive(5) == b"FAULT"
        return dict(zip(FAULT_FIELDS, self.words(17), strict=True))


@pytest.fixture(scope="session")
def selftest(tmp_path_factory: pytest.TempPathFactory, qemu: str) -> Callable[..., Path]:
    built: dict[tuple[str, int], Path] = {}

    def build(name: str, watchdog_ms: int = 0) -> Path:
        key = (name, watchdog_ms)
        if key not in built:
            board = boards.load(name)
            folder = tmp_path_factory.mktemp(f"selftest-{board.name}")
            built[key] = build_selftest(board, folder, watchdog_ms)
        return built[key]

    return build


@pytest.fixture
def start(selftest: Callable[..., Path]) -> Iterator[Callable[..., Line]]:
    lines: list[Line] = []

    def start_one(name: str, *, icount: bool = False, watchdog_ms: int = 0, room: int | None = None) -> Line:
        """`room`: about how many bytes the operating system keeps for a reader that rests."""
        board = boards.load(name)
        process = qemu.boot(selftest(name, watchdog_ms), board, icount=icount)
        connection = socket.socket()
        if room is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        connection.settimeout(20)
        connection.connect(("127.0.0.1", process.port))
        line = Line(board, process, connection)
        lines.append(line)
        line.expect_up()
        return line

    yield start_one
    for line in lines:
        line.connection.close()
        line.process.stop()
