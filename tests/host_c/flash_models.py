"""Flash controllers as their reference manuals describe them, and the firmware's drivers on top of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import cffi

from wagekit import boards, resources
from wagekit.executors.host import declarations
from wagekit.toolchain.host import build_library
from wagekit.writer import firmware_files

FLAGS = ("-std=c11", "-O1", "-fPIC", "-Wall", "-Wextra", "-Wconversion", "-Werror")
TICK_HZ = 1000
REGISTERS = """
#ifndef WK_REG_H
#define WK_REG_H
#include <stdint.h>
extern uint32_t (*sim_read)(uint32_t address);
extern void (*sim_write)(uint32_t address, uint32_t value);
static inline void wk_reg_write(uint32_t address, uint32_t value) {
    sim_write(address, value);
}
static inline uint32_t wk_reg_read(uint32_t address) {
    return sim_read(address);
}
#endif
"""
CORTEX = """
#include "wagekit/wk_reg.h"
uint32_t sim_careful(uint32_t address);
static inline void wk_data_barrier(void) {
}
static inline uint32_t wk_read_without_fault(uint32_t address) {
    return sim_careful(address);
}
"""
SIM = """
#include "wagekit/wk_port.h"
#include "wk_board.h"
#include "wagekit/wk_reg.h"
#include "wk_rom_rp2040.h"
uint32_t (*sim_read)(uint32_t);
void (*sim_write)(uint32_t, uint32_t);
uint32_t (*sim_lookup)(uint32_t);
void (*sim_rom)(uint32_t, const uintptr_t *);
uint64_t sim_ticks;
bool sim_emulated, sim_careless = true;
/* Whether a read that the bus refuses would be a fault. */
uint32_t sim_careful(uint32_t address);
uint32_t sim_careful(uint32_t address) {
    sim_careless = false;
    const uint32_t value = sim_read(address);
    sim_careless = true;
    return value;
}
uint64_t wk_port_ticks(void) { return sim_ticks; }
bool wk_board_is_emulated(void) { return sim_emulated; }
uint32_t wk_rom_lookup(uint32_t code) { return sim_lookup(code); }
void wk_rom_run(const wk_rom_call_t *calls, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        sim_rom(calls[i].function, calls[i].arguments);
    }
}
"""
DECLARED = """
extern uint32_t (*sim_read)(uint32_t);
extern void (*sim_write)(uint32_t, uint32_t);
extern uint32_t (*sim_lookup)(uint32_t);
extern void (*sim_rom)(uint32_t, const uintptr_t *);
extern uint64_t sim_ticks;
extern bool sim_emulated, sim_careless;
"""


@cache
def library(board: str, driver: str) -> tuple[Any, Any]:
    """A driver of `boards/common`, configured for a board; its registers are Python's."""
    (area,) = boards.load(board).checkpoint
    headers = firmware_files(("include/wagekit",))
    common = resources.board_files() / "common"
    config = {
        "WK_FLASH_ORIGIN": f"0x{area.origin:08x}u",
        "WK_FLASH_SECTORS": f"{area.count}u",
        "WK_FLASH_SECTOR_BYTES": f"{area.size}u",
        "WK_PORT_TICK_HZ": f"{TICK_HZ}u",
    }
    files = {
        **headers,
        "include/wagekit/wk_reg.h": REGISTERS,
        "include/wk_config.h": "".join(f"#define {name} {value}\n" for name, value in config.items()),
        "wk_cortex.h": CORTEX,
        "sim.c": SIM,
    }
    for name in (f"{driver}.c", "wk_flash_mapped.h", "wk_board.h", "wk_rom_rp2040.h"):
        files[name] = (common / name).read_text("utf-8")
    ffi = cffi.FFI()
    ffi.cdef(DECLARED + declarations(headers["include/wagekit/wk_flash.h"]))
    return ffi, ffi.dlopen(str(build_library(files, flags=FLAGS)))


class Driver:
    """A driver on a model, by the contract of `wk_flash.h`."""

    DONE, BUSY, FAILED = range(3)

    def __init__(self, board: str, driver: str, model: Model, *, emulated: bool = False) -> None:
        self.ffi, self.lib = library(board, driver)
        self.model = model
        model.now = self.now
        model.careless = lambda: bool(self.lib.sim_careless)
        self.wrong: list[BaseException] = []
        self._read = self.ffi.callback("uint32_t(uint32_t)", model.read, onerror=self._keep)
        self._write = self.ffi.callback("void(uint32_t, uint32_t)", model.write, onerror=self._keep)
        self.lib.sim_read, self.lib.sim_write = self._read, self._write
        self._lookup = self.ffi.callback("uint32_t(uint32_t)", model.lookup, onerror=self._keep)
        self._rom = self.ffi.callback("void(uint32_t, const uintptr_t *)", self._call, onerror=self._keep)
        self.lib.sim_lookup, self.lib.sim_rom = self._lookup, self._rom
        self.lib.sim_ticks, self.lib.sim_emulated = 0, emulated

    def _keep(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        """What a model did not like: C code cannot raise it."""
        self.wrong.append(error)

    def _call(self, function: int, arguments: Any) -> None:
        self.model.rom(function, [int(arguments[i]) for i in range(4)], self._memory)

    def _memory(self, address: int, size: int) -> bytes:
        return bytes(self.ffi.buffer(self.ffi.cast("uint8_t *", address), size))

    def _check(self) -> None:
        if self.wrong:
            raise self.wrong[0]

    def now(self) -> int:
        return int(self.lib.sim_ticks)

    @property
    def geometry(self) -> tuple[int, int, int]:
        found = self.lib.wk_flash_geometry()
        return found.sectors, found.sector_bytes, found.word_bytes

    def begin(self, call: Callable[..., int], *arguments: Any) -> int:
        """One call; it may look at the flash a few times, and never waits for it."""
        self.model.looks = 0
        status = int(call(*arguments))
        self._check()
        assert self.model.looks <= 3, "it waits"
        return status

    def finish(self, status: int) -> int:
        """Poll to the end; time goes on between polls."""
        while status == self.BUSY:
            self.lib.sim_ticks += 1
            status = self.begin(self.lib.wk_flash_poll)
        return status

    def start(self) -> int:
        return self.finish(self.begin(self.lib.wk_flash_start))

    def erase(self, sector: int) -> int:
        return self.finish(self.begin(self.lib.wk_flash_erase, sector))

    def program(self, address: int, data: bytes) -> int:
        kept = self.ffi.new("uint32_t[]", (len(data) + 3) // 4)
        self.ffi.memmove(kept, data, len(data))
        at = self.ffi.cast("uint8_t *", kept)
        return self.finish(self.begin(self.lib.wk_flash_program, address, at, len(data)))

    def read(self, address: int, size: int) -> tuple[int, bytes]:
        data = self.ffi.new("uint8_t[]", size)
        status = int(self.lib.wk_flash_read(address, data, size))
        self._check()
        return status, bytes(data)


class Model:
    """What the controllers have in common: the memory, and being busy for some ticks."""

    def __init__(self, origin: int, size: int) -> None:
        self.origin = origin
        self.memory = bytearray(b"\x00" * size)
        self.now: Callable[[], int] = int
        self.careless: Callable[[], bool] = bool
        """Whether a read that the bus refuses would be a fault."""
        self.looks = 0
        """Of the driver at the state of the flash."""
        self.busy_until = 0
        self.erase_ticks, self.program_ticks = 7, 1
        self.broken = False
        """The next operation ends with an error."""

    @property
    def busy(self) -> bool:
        return self.now() < self.busy_until

    def inside(self, address: int) -> bool:
        return self.origin <= address < self.origin + len(self.memory)

    def word(self, address: int) -> int:
        at = address - self.origin
        return int.from_bytes(self.memory[at : at + 4], "little")

    def clear_bits(self, address: int, value: int) -> None:
        """Programming makes ones to noughts, and nothing else."""
        at = address - self.origin
        self.memory[at : at + 4] = (self.word(address) & value).to_bytes(4, "little")

    def read(self, address: int) -> int:
        raise NotImplementedError

    def write(self, address: int, value: int) -> None:
        raise NotImplementedError

    def lookup(self, code: int) -> int:
        """The address of a function of the chip's ROM, or 0."""
        raise NotImplementedError

    def rom(self, function: int, arguments: list[int], memory: Callable[[int, int], bytes]) -> None:
        """A function of the ROM; `memory` reads the chip's."""
        raise NotImplementedError


class Stm32F4(Model):
    """RM0090 chapter 3: key register, SNB, PSIZE, errors that stay until they are cleared, data cache."""

    KEYS = (0x45670123, 0xCDEF89AB)
    BASE = 0x40023C00
    ACR, KEYR, SR, CR = BASE, BASE + 4, BASE + 0xC, BASE + 0x10
    PGSERR, PGPERR, WRPERR, BSY = 0x80, 0x40, 0x10, 1 << 16
    # Sectors of a chip with 1 MB.
    SECTORS = [0x4000] * 4 + [0x10000] + [0x20000] * 7

    def __init__(self, origin: int, size: int) -> None:
        super().__init__(origin, size)
        self.acr, self.sr, self.cr = 0x705, 0, 1 << 31
        self.keys: list[int] = []
        self.cached: dict[int, int] = {}

    def read(self, address: int) -> int:
        if self.inside(address):
            assert not self.busy, "the core would stand still"
            if self.acr & 1 << 10:
                return self.cached.setdefault(address, self.word(address))
            return self.word(address)
        if address == self.SR:
            self.looks += 1
            return self.sr | (self.BSY if self.busy else 0)
        return {self.ACR: self.acr, self.CR: self.cr}[address]

    def write(self, address: int, value: int) -> None:
        if self.inside(address):
            self._program(address, value)
        elif address == self.KEYR:
            self.keys.append(value)
            assert tuple(self.keys) == self.KEYS[: len(self.keys)], "the chip locks itself until its reset"
            if len(self.keys) == 2:
                self.keys, self.cr = [], self.cr & ~(1 << 31)
        elif address == self.SR:
            self.sr &= ~value
        elif address == self.ACR:
            if value & 1 << 12:
                assert not (self.acr | value) & 1 << 10, "the cache is emptied while it is off"
                self.cached.clear()
            self.acr = value
        else:
            assert address == self.CR
            self._control(value)

    def _control(self, value: int) -> None:
        assert not self.busy, "the core would stand still"
        if self.cr >> 31:
            assert value >> 31, "locked"
        self.cr = value
        if value & 1 << 16:
            assert value & 0x7 == 2, "SER alone"
            number = value >> 3 & 15
            start = 0x08000000 + sum(self.SECTORS[:number])
            assert self.inside(start), f"sector {number} is not ours"
            assert self.SECTORS[number] == 0x20000
            at = start - self.origin
            self.busy_until = self.now() + self.erase_ticks
            if self.broken:
                self.sr |= self.WRPERR
                return
            self.memory[at : at + 0x20000] = b"\xff" * 0x20000

    def _program(self, address: int, value: int) -> None:
        assert not self.busy, "the core would stand still"
        if self.cr & 1 == 0 or self.sr & 0xF2:
            self.sr |= self.PGSERR
        elif self.cr >> 8 & 3 != 2:
            self.sr |= self.PGPERR
        elif self.broken:
            self.sr |= self.WRPERR
        else:
            self.busy_until = self.now() + self.program_ticks
            self.clear_bits(address, value)


class Stm32H7(Model):
    """RM0433 chapter 4, the second bank: words of 256 bits with error correction, programmed once each."""

    BASE = 0x52002100
    KEYR, CR, SR, CCR = BASE + 4, BASE + 0xC, BASE + 0x10, BASE + 0x14
    BUSY, WRPERR, PGSERR, DBECCERR = 7, 1 << 17, 1 << 18, 1 << 26
    ERRORS = 0x07EE0000

    def __init__(self, origin: int, size: int) -> None:
        super().__init__(origin, size)
        self.cr, self.sr = 1, 0
        self.keys: list[int] = []
        self.buffer: list[tuple[int, int]] = []
        self.torn: set[int] = set()
        """Words of 256 bits that cannot be corrected."""

    def read(self, address: int) -> int:
        if self.inside(address):
            if address // 32 in self.torn:
                assert not self.careless(), "a bus fault"
                self.sr |= self.DBECCERR
                return 0
            return self.word(address)
        if address == self.SR:
            self.looks += 1
            return self.sr | (self.BUSY if self.busy else 0)
        assert address == self.CR
        return self.cr

    def write(self, address: int, value: int) -> None:
        if self.inside(address):
            self._program(address, value)
        elif address == self.KEYR:
            self.keys.append(value)
            assert tuple(self.keys) == Stm32F4.KEYS[: len(self.keys)], "the chip locks itself until its reset"
            if len(self.keys) == 2:
                self.keys, self.cr = [], self.cr & ~1
        elif address == self.CCR:
            self.sr &= ~value
        else:
            assert address == self.CR
            self._control(value)

    def _control(self, value: int) -> None:
        assert not self.busy
        assert not self.cr & 1 or value & 1, "locked"
        self.cr = value
        if value & 1 << 7:
            assert value & 0xE == 4, "SER alone"
            start = 0x08100000 + 0x20000 * (value >> 8 & 7)
            assert self.inside(start)
            self.busy_until = self.now() + self.erase_ticks
            if self.broken:
                self.sr |= self.WRPERR
                return
            at = start - self.origin
            self.memory[at : at + 0x20000] = b"\xff" * 0x20000
            self.torn = {word for word in self.torn if not start <= 32 * word < start + 0x20000}

    def _program(self, address: int, value: int) -> None:
        assert not self.busy, "the bus would wait"
        if self.cr & 2 == 0 or self.sr & self.ERRORS:
            self.sr |= self.PGSERR
            return
        self.buffer.append((address, value))
        first = self.buffer[0][0]
        assert first % 32 == 0
        assert address == first + 4 * (len(self.buffer) - 1), "a word's parts come in order"
        if len(self.buffer) < 8:
            return
        at = first - self.origin
        assert self.memory[at : at + 32] == b"\xff" * 32, "a word is programmed once"
        words, self.buffer = self.buffer, []
        if self.broken:
            self.sr |= self.WRPERR
            return
        self.busy_until = self.now() + self.program_ticks
        for place, part in words:
            self.clear_bits(place, part)


class Rp2040(Model):
    """RP2040 data sheet, 2.8.3: functions of the ROM for the flash, and what the processor sees of it."""

    START = 0x10000000
    CODES = ("IF", "EX", "RE", "RP", "FC", "CX")
    FUNCTIONS, STRIDE = 0x210, 0x10
    """Where their addresses begin, and how far one is from the next."""

    def __init__(self, origin: int, size: int) -> None:
        super().__init__(self.START, origin + size - self.START)
        self.area = origin - self.START
        self.seen = bytearray(self.memory)
        """By the processor: nothing new before the cache was emptied."""
        self.missing = ""
        """What this ROM lacks."""
        self.calls: list[tuple[str, list[int]]] = []
        self.readable = True
        self.connected = False
        self.serial = False
        """The controller sends commands of the ROM's, and reads nothing by itself."""

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def read(self, address: int) -> int:
        assert self.readable
        assert address >= self.START + self.area
        at = address - self.START
        return int.from_bytes(self.seen[at : at + 4], "little")

    def lookup(self, code: int) -> int:
        name = code.to_bytes(2, "little").decode()
        return 0 if name == self.missing else self.FUNCTIONS + self.STRIDE * self.CODES.index(name) | 1

    def rom(self, function: int, arguments: list[int], memory: Callable[[int, int], bytes]) -> None:
        name = self.CODES[(function - self.FUNCTIONS) // self.STRIDE]
        self.calls.append((name, arguments))
        if name == "IF":
            self.connected, self.readable = True, False
        elif name == "EX":
            assert self.connected
            self.serial = True
        elif name == "RE":
            self._erase(*arguments)
        elif name == "RP":
            self._program(arguments[0], memory(arguments[1], arguments[2]))
        elif name == "FC":
            self.seen[:] = self.memory
            self.connected = False  # and its select line is the controller's again
        else:
            assert not self.connected
            self.serial, self.readable = False, True

    def _erase(self, start: int, count: int, block: int, _: int) -> None:
        assert self.serial
        assert self.connected
        assert start % 4096 == count % 4096 == 0
        assert self.area <= start < start + count <= len(self.memory), "the firmware would be lost"
        assert block & (block - 1) == 0
        assert count < block, "the block command would erase more than a sector"
        self.memory[start : start + count] = b"\xff" * count

    def _program(self, start: int, data: bytes) -> None:
        assert self.serial
        assert self.connected
        assert start % 256 == len(data) % 256 == 0
        assert self.area <= start < start + len(data) <= len(self.memory), "the firmware would be lost"
        for number, byte in enumerate(data):
            self.memory[start + number] &= byte
