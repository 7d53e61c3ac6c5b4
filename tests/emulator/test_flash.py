"""Loading a firmware into an empty machine, as a programmer does; what it has learned stays."""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.emulator.conftest import Line
from tests.link import harness
from wagekit import boards
from wagekit.errors import LimitError, UsageError
from wagekit.executors.attach import QEMU_TIMING
from wagekit.executors.device import DeviceExecutor
from wagekit.link import Device, open_transport
from wagekit.passes import compile_graph
from wagekit.reference import initial_masters
from wagekit.toolchain import flash
from wagekit.toolchain.firmware import FirmwareImage, build_firmware

NET = harness.small_network()


@pytest.fixture
def gdb() -> str:
    for tool in flash.DEBUGGERS:
        if shutil.which(tool):
            return tool
    pytest.skip("gdb-multiarch is not installed")


@pytest.mark.parametrize("name", ["mps2-an386", "netduinoplus2", "microbit"])
def test_flashed_firmware_runs(name: str, gdb: str, selftest: Callable[..., Path]) -> None:
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


def opened(image: FirmwareImage, url: str) -> DeviceExecutor:
    """The chip as it is; another build than this one is refused."""
    device = Device.open(open_transport(url), timing=QEMU_TIMING)
    executor = DeviceExecutor(NET, device, name=url, batch=4, keep=True)
    executor.device.check_manifest(image.manifest["hash"])
    return executor


def learn_something(chip: DeviceExecutor) -> str:
    """One step, kept as a checkpoint; the digest of its weights."""
    rng = np.random.default_rng(8)
    chip.load_masters(initial_masters(compile_graph(NET), 3), 0, 3)
    chip.step(rng.integers(-127, 128, (4, 6, 5, 1)).astype(np.int8), rng.integers(0, 3, 4))
    assert chip.save_checkpoint() == 1
    return chip.digest()


@pytest.mark.parametrize("name", ["mps2-an386", "microbit"])
def test_a_chip_that_is_written_again_keeps_its_checkpoint(name: str, gdb: str, qemu: str) -> None:
    """In one machine: the flash of QEMU's microbit is gone with it."""
    board = boards.load(name)
    image = build_firmware(NET, board, batch=4)
    with flash.flash_qemu(image.elf, board) as process:
        with opened(image, process.url) as chip:
            digest = learn_something(chip)
        flash.flash_again(image.elf, board, process)
        with opened(image, process.url) as chip:
            assert (chip.hello.restored, chip.step_count, chip.digest()) == (True, 1, digest)
        flash.flash_again(image.elf, board, process, erase=True)
        with opened(image, process.url) as chip:
            assert (chip.hello.restored, chip.step_count) == (False, 0)


@pytest.mark.parametrize("name", ["mps2-an386", "emcraft-sf2"])
def test_a_file_keeps_the_checkpoint_from_one_machine_to_the_next(
    name: str, gdb: str, qemu: str, tmp_path: Path
) -> None:
    board = boards.load(name)
    image = build_firmware(NET, board, batch=4)
    with (
        flash.flash_qemu(image.elf, board, keep=tmp_path / "kept") as process,
        opened(image, process.url) as chip,
    ):
        digest = learn_something(chip)
    with (
        flash.flash_qemu(image.elf, board, keep=tmp_path / "kept") as process,
        opened(image, process.url) as chip,
    ):
        assert (chip.hello.restored, chip.step_count, chip.digest()) == (True, 1, digest)


def test_sectors_that_gdb_cannot_reach_are_not_erased(gdb: str, qemu: str) -> None:
    board = boards.load("emcraft-sf2")
    image = build_firmware(NET, board, batch=4)
    with pytest.raises(UsageError, match="no checkpoint sectors that gdb can reach") as caught:
        flash.flash_qemu(image.elf, board, erase=True)
    assert "delete" in (caught.value.hint or "")


def test_an_image_over_the_checkpoints_is_refused(gdb: str, qemu: str) -> None:
    """Built for one board file, written onto a board whose file sets other sectors aside."""
    board = boards.load("microbit")
    image = build_firmware(NET, board, batch=4)
    area = board.checkpoint[0].model_copy(update={"origin": 0x2000})
    with pytest.raises(LimitError, match=r"over the checkpoint sectors of microbit, 0x2000\.\.0x5fff"):
        flash.flash_qemu(image.elf, board.model_copy(update={"checkpoint": [area]}))
