"""The Raspberry Pi Pico's image: what the RP2040's ROM wants of it, and its second stage emulated."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from tests.unit.toolchain.networks import tiny
from wagekit import boards
from wagekit.toolchain.firmware import build_firmware
from wagekit.toolchain.image import Image, read_image
from wagekit.toolchain.programmers import uf2

PICO = boards.load("raspberry-pi-pico")
STAGE, VECTORS = 0x10000000, 0x10000100


@pytest.fixture(scope="module")
def image(arm_gcc: str) -> Image:
    return read_image(build_firmware(tiny(), PICO).elf)


def rom_crc(data: bytes) -> int:
    """CRC-32 as the ROM computes it: most significant bit first, nothing reflected, nothing inverted."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value >> 31 else 0)) & 0xFFFFFFFF
    return value


def test_the_crc() -> None:
    assert rom_crc(b"123456789") == 0x0376E6E7, "the check value of CRC-32/MPEG-2"


def test_the_rom_takes_the_second_stage(image: Image) -> None:
    stage = image.binary()[:256]
    assert image.origin == STAGE
    needed = rom_crc(stage[:252])
    assert struct.unpack_from("<I", stage, 252)[0] == needed, f"boot2.S: CRC is {needed:#010x}"


def test_the_vectors_lie_behind_it(image: Image) -> None:
    stack, reset = struct.unpack_from("<II", image.binary(), 256)
    ram = PICO.region("ram")
    assert image.vectors == VECTORS
    assert stack == ram.origin + PICO.stack
    assert reset % 2 == 1
    assert VECTORS < reset < STAGE + len(image.binary())


def test_the_boot_loader_gets_whole_pages_of_its_family(image: Image) -> None:
    assert PICO.flash is not None
    assert PICO.flash.uf2_family is not None
    data = uf2.encode(image.segments, PICO.flash.uf2_family)
    pages = -(-len(image.binary()) // 256)
    assert len(data) == 512 * pages
    for number in range(pages):
        head = struct.unpack_from("<8I", data, 512 * number)
        assert head[2:] == (0x2000, STAGE + 256 * number, 256, number, pages, 0xE48BFF56)
    assert uf2.decode(data)[: len(image.binary())] == image.binary()


def test_the_second_stage_sets_up_the_flash_and_starts_the_firmware(image: Image, unicorn: None) -> None:
    """Where the ROM puts it, in RAM, so that it may not depend on its place."""
    from unicorn import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB, Uc, arm_const

    copy = 0x20041F00
    machine = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
    written: list[tuple[int, int]] = []

    def store(_: Any, offset: int, size: int, value: int, base: int) -> None:
        assert size == 4
        written.append((base + offset, value))

    for base in (0x18000000, 0xE000E000):
        machine.mmio_map(base, 0x1000, None, None, store, base)
    machine.mem_map(STAGE, 0x200000)
    machine.mem_write(VECTORS, image.binary()[256:])
    machine.mem_map(0x20000000, 0x42000)
    machine.mem_write(copy, image.binary()[:256])
    stack, reset = struct.unpack_from("<II", image.binary(), 256)
    machine.emu_start(copy | 1, reset & ~1, count=100)
    assert machine.reg_read(arm_const.UC_ARM_REG_PC) == reset & ~1
    assert machine.reg_read(arm_const.UC_ARM_REG_MSP) == stack
    ssi, (vtor, table) = written[:-1], written[-1]
    assert (vtor, table) == (0xE000ED08, VECTORS)
    assert ssi[0] == (0x18000008, 0), "off"
    assert ssi[-1] == (0x18000008, 1), "and on"
    state = {address - 0x18000000: value for address, value in ssi}
    assert state[0x14] % 2 == 0
    assert PICO.clock is not None
    assert PICO.clock / state[0x14] < 50e6, "what the command 03h allows"
    assert state[0x00] == 31 << 16 | 3 << 8, "EEPROM read, frames of 32 bits"
    assert state[0x04] == 0
    assert state[0xF4] == 0x03 << 24 | 2 << 8 | 6 << 2, "command 03h, 8 bits, and 24 of address"
