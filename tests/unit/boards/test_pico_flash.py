"""The Raspberry Pi Pico's flash driver, as it is linked, on an emulated core: code in RAM, and interrupts.

The ROM is the model that the driver is tested on by itself (`tests/host_c`); what the core cannot read while
the flash is taken away is not there for it either.
"""

from __future__ import annotations

import struct
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile

from tests.host_c.flash_models import Rp2040
from tests.unit.toolchain.networks import tiny
from wagekit import boards
from wagekit.toolchain.firmware import build_firmware
from wagekit.toolchain.image import Image, read_image

PICO = boards.load("raspberry-pi-pico")
(AREA,) = PICO.checkpoint
FLASH, RAM = PICO.region("flash"), PICO.region("ram")
SSI, SSIENR, BAUDR = 0x18000000, 0x08, 0x14
TABLE, LOOKUP = 0x100, 0x200
STOP = RAM.origin + 0x30000
BUFFER = STOP + 0x1000
OUR_DIVIDER, DIVIDER_OF_THE_ROM = 4, 6
READ_AND_RUN, NOTHING = 5, 0
"""Rights that unicorn gives."""


class Chip:
    """A core with RAM, serial flash and ROM, and the linked firmware."""

    def __init__(self, image: Image) -> None:
        from unicorn import UC_ARCH_ARM, UC_HOOK_CODE, UC_MODE_MCLASS, UC_MODE_THUMB, Uc, arm_const

        self.names = arm_const
        with image.elf.open("rb") as stream:
            file: Any = ELFFile(stream)
            table = file.get_section_by_name(".symtab")
            self.symbols = {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()}
        self.flash = Rp2040(AREA.origin, AREA.size * AREA.count)
        binary = image.binary()
        self.flash.memory[: len(binary)] = self.flash.seen[: len(binary)] = binary
        self.enabled, self.divider = 1, OUR_DIVIDER
        core = self.core = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        core.mem_map(0, 0x4000)
        core.mem_write(0, bytes.fromhex("7047") * 0x2000)  # bx lr
        core.mem_write(0x14, struct.pack("<3H", TABLE, 0xFFFF, LOOKUP | 1))
        core.mem_map(FLASH.origin, FLASH.size, READ_AND_RUN)
        core.mem_map(RAM.origin, RAM.size)
        core.mmio_map(SSI, 0x1000, self._ssi_read, None, self._ssi_write, None)
        core.hook_add(UC_HOOK_CODE, self._rom, begin=LOOKUP, end=0x3FFF)
        self._look()

    def _look(self) -> None:
        """What the core sees of the flash by now."""
        readable = self.flash.readable and self.enabled
        if readable:
            self.core.mem_write(FLASH.origin, bytes(self.flash.seen))
        self.core.mem_protect(FLASH.origin, FLASH.size, READ_AND_RUN if readable else NOTHING)

    def _ssi_read(self, _: Any, offset: int, size: int, data: Any) -> int:
        return {SSIENR: self.enabled, BAUDR: self.divider}[offset]

    def _ssi_write(self, _: Any, offset: int, size: int, value: int, data: Any) -> None:
        if offset == SSIENR:
            self.enabled = value
            self._look()
        else:
            assert offset == BAUDR
            assert not self.enabled, "it can only be set up while it is off"
            self.divider = value

    def register(self, number: int) -> int:
        return int(self.core.reg_read(self.names.UC_ARM_REG_R0 + number))

    def _rom(self, core: Any, address: int, size: int, data: Any) -> None:
        arguments = [self.register(number) for number in range(4)]
        found = 0
        if address == LOOKUP:
            assert arguments[0] == TABLE
            found = self.flash.lookup(arguments[1])
        else:
            assert core.reg_read(self.names.UC_ARM_REG_PRIMASK) == 1, "a handler would run from the flash"
            assert core.reg_read(self.names.UC_ARM_REG_SP) % 8 == 0
            self.flash.rom(address, arguments, core.mem_read)
            self.divider = DIVIDER_OF_THE_ROM
            self._look()
        for number, value in enumerate((found, 0xBAD1, 0xBAD2, 0xBAD3)):  # a call keeps none of them
            core.reg_write(self.names.UC_ARM_REG_R0 + number, value)
        core.reg_write(self.names.UC_ARM_REG_R12, 0xBAD4)

    def call(self, name: str, *arguments: int, masked: int = 0) -> int:
        """A function of the firmware, from start to return; what it returned."""
        core, top = self.core, self.symbols["wk_stack_top"]
        for number, value in enumerate(arguments):
            core.reg_write(self.names.UC_ARM_REG_R0 + number, value)
        core.reg_write(self.names.UC_ARM_REG_SP, top)
        core.reg_write(self.names.UC_ARM_REG_LR, STOP | 1)
        core.reg_write(self.names.UC_ARM_REG_PRIMASK, masked)
        core.emu_start(self.symbols[name] | 1, STOP, count=100_000)
        assert core.reg_read(self.names.UC_ARM_REG_PC) == STOP
        assert core.reg_read(self.names.UC_ARM_REG_SP) == top
        assert core.reg_read(self.names.UC_ARM_REG_PRIMASK) == masked
        assert (self.enabled, self.divider) == (1, OUR_DIVIDER), "the flash is as fast as before"
        return self.register(0)


@pytest.fixture(scope="module")
def image(arm_gcc: str) -> Image:
    return read_image(build_firmware(tiny(), PICO).elf)


@pytest.fixture
def chip(image: Image, unicorn: None) -> Chip:
    return Chip(image)


@pytest.mark.parametrize("masked", [0, 1])
def test_the_flash_is_written_from_ram_with_interrupts_off(chip: Chip, masked: int) -> None:
    before = bytes(chip.flash.memory)
    data = bytes(range(64))
    chip.core.mem_write(BUFFER, data)
    assert chip.call("wk_flash_start") == 0
    assert chip.call("wk_flash_erase", 5, masked=masked) == 0
    assert chip.call("wk_flash_program", 5 * AREA.size + 320, BUFFER, 64, masked=masked) == 0
    assert chip.flash.names == ["IF", "EX", "RE", "FC", "CX", "IF", "EX", "RP", "FC", "CX"]
    at = AREA.origin - FLASH.origin + 5 * AREA.size
    sector = b"\xff" * 320 + data + b"\xff" * (AREA.size - 384)
    assert chip.flash.memory == before[:at] + sector + before[at + AREA.size :]
    assert chip.call("wk_flash_read", 5 * AREA.size + 256, BUFFER, 256) == 0
    assert chip.core.mem_read(BUFFER, 256) == sector[256:512]


def test_a_refusal_leaves_the_flash_where_it_is(chip: Chip) -> None:
    chip.flash.missing = "CX"
    assert chip.call("wk_flash_erase", 0) == 2
    assert chip.call("wk_flash_program", AREA.size * AREA.count, BUFFER, 64) == 2
    assert chip.flash.calls == []


def test_code_in_the_flash_would_be_found(chip: Chip) -> None:
    """Were the loop between the calls not in RAM, the core would read what cannot be read."""
    from unicorn import UcError

    first, idle = chip.flash.lookup(int.from_bytes(b"IF", "little")), chip.symbols["wk_flash_poll"]
    chip.core.mem_write(BUFFER, struct.pack("<10I", 0, 0, 0, 0, first, 0, 0, 0, 0, idle | 1))
    with pytest.raises(UcError):
        chip.call("wk_rom_run", BUFFER, 2)
    assert chip.flash.names == ["IF"]
