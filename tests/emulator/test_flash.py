"""Loading a firmware into an empty machine, as a programmer does."""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.emulator.conftest import Line
from wagekit import boards
from wagekit.errors import ToolError
from wagekit.toolchain import flash


@pytest.mark.parametrize("name", ["mps2-an386", "netduinoplus2", "microbit"])
def test_flashed_firmware_runs(name: str, selftest: Callable[..., Path]) -> None:
    if not any(shutil.which(tool) for tool in flash.DEBUGGERS):
        pytest.skip("gdb-multiarch is not installed")
    board = boards.load(name)
    with (
        flash.flash_qemu(selftest(name), board) as process,
        socket.create_connection(("127.0.0.1", process.port), timeout=20) as connection,
    ):
        line = Line(board, process, connection)
        wait_until_listening(connection)
        line.send("x")
        connection.sendall(bytes([9]))
        assert process.wait(20) == 9


def wait_until_listening(connection: socket.socket) -> None:
    """Ask until it answers "?": an STM32 drops what comes before its serial port is enabled."""
    connection.settimeout(0.2)
    for _ in range(100):
        connection.sendall(b".")
        # Nobody waited for us: what it said first may be gone, or may come now.
        with contextlib.suppress(TimeoutError):
            if connection.recv(64).endswith(b"?"):
                connection.settimeout(20)
                return
    raise AssertionError("the firmware answered nothing")


def test_no_firmware(tmp_path: Path) -> None:
    file = shutil.which("true")
    assert file
    with pytest.raises(ToolError, match="has no vector table"):
        flash.vector_address(Path(file))
