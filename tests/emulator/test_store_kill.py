"""Power goes at random moments of real firmware: the newest acknowledged checkpoint comes back."""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import struct
import time
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.emulator.monitor import Control
from tests.emulator.store_kill.build import area, build
from wagekit import boards, numerics
from wagekit.boards import Board
from wagekit.link import checkpoint
from wagekit.link.checkpoint import Geometry
from wagekit.toolchain import qemu as emulator

WEIGHTS = 2000
TELL = struct.Struct("<cIII")
DONE, NONE = 0, 2
LONGEST = {"mps2-an386": 0.08, "microbit": 0.4, "emcraft-sf2": 0.2}
"""Seconds until the power goes: several saves."""


@cache
def digest(step: int) -> int:
    """CRC-32 of the masters that the firmware has after a step."""
    if step == 0:
        return zlib.crc32(bytes(WEIGHTS))
    counters = (np.arange(WEIGHTS, dtype=np.uint64) + step * 0x10001) & 0xFFFFFFFF
    mixed = np.asarray(numerics.mix(counters.astype(np.uint32)), np.uint32)
    return zlib.crc32((mixed & 0x7F).astype(np.uint8).tobytes())


class Machine:
    """An emulated board, what it said, and what it may come back with."""

    def __init__(self, board: Board, image: Path, extra: Sequence[str]) -> None:
        self.board, self.image, self.extra = board, image, extra
        self.acked = self.loaded = 0
        self.saves = 0

    def start(self) -> None:
        self.process = emulator.boot(self.image, self.board, extra=self.extra)
        self.line = socket.create_connection(("127.0.0.1", self.process.port), timeout=20)
        self.heard = b""
        self.expect_loaded()

    def stop(self) -> None:
        self.line.close()
        self.process.stop()

    def _listen(self, seconds: float) -> bool:
        """Hear what comes within this time; False when the line has ended."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.line], [], [], left)[0]:
                try:
                    data = self.line.recv(1 << 16)
                except ConnectionError:
                    return False
                if not data:
                    return False
                self.heard += data
        return True

    def _next(self) -> tuple[str, int, int] | None:
        """The next message that was heard whole; what a cut has left of one is stepped over."""
        while len(self.heard) >= TELL.size:
            letter, value, step, crc = TELL.unpack_from(self.heard)
            if (
                letter in (b"A", b"E", b"L")
                and step <= max(self.acked, self.loaded) + 2
                and crc == digest(step)
            ):
                self.heard = self.heard[TELL.size :]
                return letter.decode(), value, step
            self.heard = self.heard[1:]
        return None

    def _take_acknowledged(self) -> bool:
        """Count acknowledged saves; True if the machine has started again."""
        while message := self._next():
            letter, value, step = message
            assert letter != "E", f"the save failed with status {value}"
            if letter == "L":
                self._check_loaded(value, step)
                return True
            assert step in (self.acked + 1, self.loaded + 1)
            self.acked = self.loaded = step
            self.saves += 1
        return False

    def expect_loaded(self) -> None:
        end = time.monotonic() + 20
        while not self._take_acknowledged():
            assert time.monotonic() < end, f"no start: {self.process.stderr}"
            assert self._listen(0.02), f"the line has ended: {self.process.stderr}"

    def _check_loaded(self, status: int, step: int) -> None:
        """Its digest was checked already; the step is the acknowledged one or the one being written."""
        if status == NONE:
            assert (step, self.acked) == (0, 0)
        else:
            assert status == DONE
            assert step in (self.acked, self.acked + 1, self.loaded, self.loaded + 1)
            assert step >= self.acked
        self.loaded = step

    def live(self, seconds: float) -> None:
        self.line.sendall(b"g")
        self._listen(seconds)

    def live_and_save(self) -> None:
        """Until a save is acknowledged, however slow this machine is."""
        saves, end = self.saves, time.monotonic() + 60
        self.line.sendall(b"g")
        while self.saves == saves:
            assert time.monotonic() < end, f"no save: {self.process.stderr}"
            assert self._listen(0.02), f"the line has ended: {self.process.stderr}"
            started = self._take_acknowledged()
            assert not started

    def kill(self) -> None:
        """SIGKILL; what it had said before still comes."""
        os.kill(self.process.pid, signal.SIGKILL)
        while self._listen(0.05):
            pass
        started = self._take_acknowledged()
        assert not started
        self.stop()


@pytest.fixture
def machine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, qemu: str
) -> Callable[..., Machine]:
    machines: list[Machine] = []

    def make(name: str, extra: Sequence[str]) -> Machine:
        board = boards.load(name)
        image = build(board, tmp_path_factory.mktemp(name))
        machines.append(Machine(board, image, extra))
        return machines[-1]

    def stop() -> None:
        for item in machines:
            item.stop()

    request.addfinalizer(stop)
    return make


def nv_memory(path: Path) -> list[str]:
    """The board's PSRAM with a file behind it."""
    path.write_bytes(b"")
    backend = f"memory-backend-file,id=nv,size=16M,mem-path={path},share=on"
    return ["-machine", "memory-backend=nv", "-object", backend]


def nor_flash(path: Path) -> list[str]:
    path.write_bytes(b"\xff" * (16 << 20))
    return ["-drive", f"file={path},if=mtd,format=raw"]


def kill_many(machine: Machine, kills: int, before: Callable[[], None] = lambda: None) -> None:
    generator = random.Random(kills)
    machine.start()
    for number in range(kills):
        if number % 4 == 0:
            machine.live_and_save()
        machine.live(generator.random() * LONGEST[machine.board.name])
        before()
        machine.kill()
        machine.start()
    assert machine.saves >= kills // 4


def check_file(machine: Machine, data: bytes) -> None:
    """The toolkit reads the same record out of the flash's file."""
    place = area(machine.board)
    start = place.origin % (16 << 20)
    geometry = Geometry(place.count, place.size, 1)
    found = checkpoint.newest(
        data[start : start + place.count * place.size], geometry, bytes([1, 2, 3]) + bytes(29)
    )
    assert found is not None
    assert (found.step, zlib.crc32(found.masters)) == (machine.loaded, digest(machine.loaded))
    assert (found.log2_lr, found.rule, len(found.settings)) == (-3, 1, 1)


KILLS = [pytest.param(12, id="12"), pytest.param(100, id="100", marks=pytest.mark.long)]


@pytest.mark.parametrize("kills", KILLS)
def test_killed_with_memory_in_a_file(machine: Callable[..., Machine], tmp_path: Path, kills: int) -> None:
    file = tmp_path / "psram"
    device = machine("mps2-an386", nv_memory(file))
    kill_many(device, kills)
    check_file(device, file.read_bytes())


@pytest.mark.parametrize("kills", KILLS)
def test_killed_with_serial_nor_flash(machine: Callable[..., Machine], tmp_path: Path, kills: int) -> None:
    """QEMU's flash writes its file some time after the firmware has read back what it programmed: the
    machine is stopped, which lets the file catch up, and then killed.
    """
    file, control = tmp_path / "nor", Control(tmp_path / "qmp")
    device = machine("emcraft-sf2", [*nor_flash(file), *control.options])
    kill_many(device, kills, lambda: control.send("stop"))
    check_file(device, file.read_bytes())


@pytest.mark.parametrize("kills", KILLS)
def test_reset_with_nvmc(machine: Callable[..., Machine], tmp_path: Path, kills: int) -> None:
    control = Control(tmp_path / "qmp")
    device = machine("microbit", control.options)
    generator = random.Random(kills)
    device.start()
    for number in range(kills):
        if number % 4 == 0:
            device.live_and_save()
        device.live(generator.random() * LONGEST["microbit"])
        control.send("system_reset")
        device.expect_loaded()
    assert device.saves >= kills // 4


@pytest.mark.parametrize("name", ["mps2-an385", "mps2-an500", "microbit", "emcraft-sf2"])
def test_saves_and_comes_back_after_a_reset(
    machine: Callable[..., Machine], tmp_path: Path, name: str
) -> None:
    extra = nor_flash(tmp_path / "nor") if name == "emcraft-sf2" else []
    device = machine(name, extra)
    device.start()
    for step in range(1, 6):
        device.line.sendall(b"s")
        while device.acked < step:
            assert device._listen(0.02)
            device._take_acknowledged()
        device.line.sendall(b"r")
        device.expect_loaded()
        assert device.loaded == step
