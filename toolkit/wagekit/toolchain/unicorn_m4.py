"""Runs a firmware of the board `unicorn-m4` in the emulator of the package unicorn, which needs no root.

unicorn has a core and memory. What is missing for a chip is played here: the registers of the board's
port (`boards/unicorn-m4/port.c`), the reset, and the end by a semihosting call. The core of a `Machine`
runs in a thread of its own and stands still while the firmware sleeps.
"""

from __future__ import annotations

import ctypes
import importlib.util
import mmap
import sys
import threading
import time
from abc import ABC, abstractmethod
from importlib.metadata import version as version_of
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from wagekit import boards
from wagekit.boards import Board
from wagekit.errors import ToolError
from wagekit.toolchain import zig
from wagekit.toolchain.image import read_image

BOARD = "unicorn-m4"
PACKAGE = "unicorn"
_RECEIVE, _SEND, _TICKS = 0x0, 0x4, 0x8
_PAGE = 0x1000
_SHARED = 0x1000
"""Offset of memory that the firmware reads without a call of ours."""
_CAME, _TICKS_HIGH = 0, 1
"""Words in there."""
_SYSTEM = 0xE000E000
"""The core's own registers. None of them does anything here but the one that resets."""
_AIRCR, _RESET_REQUEST = 0xD0C, 0x05FA0004
_BREAKPOINT = 7
"""What unicorn calls the exception of `bkpt`."""
_SYS_EXIT_EXTENDED = 0x20
_NOWHERE = 0xFFFFFFF0
_WFI = b"\x30\xbf"
_PATIENCE = 10.0
"""Seconds that a core may take to stand still."""


def is_installed() -> bool:
    """Whether the package is there; it is imported where it is used."""
    return importlib.util.find_spec(PACKAGE) is not None


def version() -> str:
    """Of the package; ToolError with the command that installs it."""
    if not is_installed():
        raise ToolError(f"the emulator {PACKAGE} is not installed in {sys.prefix}", hint=zig.INSTALL)
    return f"{PACKAGE} {version_of(PACKAGE)}"


def load_board() -> Board:
    """The board that it emulates."""
    return boards.load(BOARD)


class Port(ABC):
    """What the registers of the board's port reach: the other end of its line, and its clock."""

    @abstractmethod
    def receive(self) -> int:
        """The next byte that came for the firmware; `Core.came` told it of each."""

    @abstractmethod
    def send(self, byte: int) -> None:
        """A byte of the firmware."""

    @abstractmethod
    def microseconds(self) -> int:
        """Since some moment."""

    @abstractmethod
    def reset(self) -> None:
        """The firmware begins anew: forget what it has not taken, as a real device does, and call
        `Core.clear_line`.
        """


class Core:
    """A Cortex-M4 with the memory of a board, which computes only within `run`."""

    def __init__(self, elf: Path, board: Board, port: Port) -> None:
        """Stand at the firmware's start. UsageError or ToolError: no image, or no unicorn."""
        version()
        self._image = read_image(elf)
        self._port = port
        self._page = (ctypes.c_uint32 * (_PAGE // 4)).from_buffer(mmap.mmap(-1, _PAGE))
        self._core = self._make(board)
        self._resetting = False
        self.end = ""
        """How the firmware ended, for a message; empty while it may run."""
        self._address = self._reset()

    def came(self, count: int) -> None:
        """So many bytes more wait for the firmware."""
        self._page[_CAME] = (self._page[_CAME] + count) & 0xFFFFFFFF

    def clear_line(self) -> None:
        """No bytes wait for the firmware, which begins to count them anew."""
        self._page[_CAME] = 0

    def run(self, instructions: int = 0) -> bool:
        """Compute until the firmware sleeps, resets or ends, or `stop` is called; with `instructions` for so
        many at most. True if it sleeps.
        """
        from unicorn import UcError, arm_const

        try:
            self._core.emu_start(self._address | 1, _NOWHERE, count=instructions)
            if self._resetting:
                self._port.reset()
                self._address = self._reset()
                return False
            self._address = self._core.reg_read(arm_const.UC_ARM_REG_PC)
            return bytes(self._core.mem_read(self._address - 2, 2)) == _WFI
        except UcError as error:
            self._ended(f"the firmware went wrong at {self._at():#x}: {error}")
            return False

    def stop(self) -> None:
        """Let `run` come back, from another thread. A core that is just about to start forgets it."""
        self._core.emu_stop()

    def _make(self, board: Board) -> Any:
        import unicorn
        from unicorn import arm_const

        core = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        core.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M4)
        for region in board.memory:
            access = unicorn.UC_PROT_READ
            access |= unicorn.UC_PROT_EXEC if region.kind == "flash" else unicorn.UC_PROT_WRITE
            core.mem_map(region.origin, region.size, access)
        for piece in self._image.segments:
            core.mem_write(piece.address, piece.data)
        core.mmio_map(board.uart.base, _PAGE, self._read_port, None, self._write_port, None)
        shared = ctypes.addressof(self._page)
        core.mem_map_ptr(board.uart.base + _SHARED, _PAGE, unicorn.UC_PROT_READ, shared)
        core.mmio_map(_SYSTEM, _PAGE, self._read_system, None, self._write_system, None)
        core.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)
        return core

    def _reset(self) -> int:
        """As the core does it: stack pointer and start from the vectors. Memory stays."""
        from unicorn import arm_const

        self._resetting = False
        table = self._core.mem_read(self._image.vectors, 8)
        stack, start = (int.from_bytes(table[at : at + 4], "little") for at in (0, 4))
        self._core.reg_write(arm_const.UC_ARM_REG_PRIMASK, 0)
        self._core.reg_write(arm_const.UC_ARM_REG_SP, stack)
        return start

    def _ended(self, how: str) -> None:
        self.end = self.end or how

    def _at(self) -> int:
        from unicorn import arm_const

        return int(self._core.reg_read(arm_const.UC_ARM_REG_PC))

    # What the core's instructions reach.

    def _read_port(self, core: Any, offset: int, size: int, data: Any) -> int:
        if offset == _RECEIVE:
            return self._port.receive()
        if offset == _TICKS:
            now = self._port.microseconds()
            self._page[_TICKS_HIGH] = now >> 32
            return now & 0xFFFFFFFF
        return 0

    def _write_port(self, core: Any, offset: int, size: int, value: int, data: Any) -> None:
        if offset == _SEND:
            self._port.send(value & 0xFF)

    def _read_system(self, core: Any, offset: int, size: int, data: Any) -> int:
        return 0

    def _write_system(self, core: Any, offset: int, size: int, value: int, data: Any) -> None:
        if offset == _AIRCR and value == _RESET_REQUEST:
            self._resetting = True
            core.emu_stop()

    def _on_exception(self, core: Any, number: int, data: Any) -> None:
        """A semihosting call ends the firmware with its code; nothing else is an exception here."""
        from unicorn import arm_const

        operation, block = (core.reg_read(arm_const.UC_ARM_REG_R0 + i) for i in (0, 1))
        if number == _BREAKPOINT and operation == _SYS_EXIT_EXTENDED:
            code = int.from_bytes(core.mem_read(block + 4, 4), "little")
            self._ended(f"the firmware ended with code {code}")
        else:
            self._ended(f"the firmware went wrong at {self._at():#x}: exception {number}")
        core.emu_stop()


class Machine(Port):
    """A chip that runs a firmware, with the host's end of its line. Call `stop`, or use it as a context."""

    def __init__(self, elf: Path, board: Board) -> None:
        lock = threading.Lock()
        self._for_host, self._for_core = threading.Condition(lock), threading.Condition(lock)
        self._incoming, self._outgoing = bytearray(), bytearray()
        self._stopping = False
        self._end = ""
        self._core = Core(elf, board, self)
        self._thread = threading.Thread(target=self._run, name=BOARD, daemon=True)
        self._thread.start()

    @property
    def end(self) -> str:
        """How the firmware ended, for a message; empty while it runs."""
        return self._end

    @property
    def is_running(self) -> bool:
        """Whether its thread is there."""
        return self._thread.is_alive()

    def read(self, timeout: float) -> bytes:
        """What the firmware sent, or sends within `timeout` seconds."""
        with self._for_host:
            self._for_host.wait_for(lambda: self._outgoing or self._end, max(timeout, 0.0))
            data = bytes(self._outgoing)
            self._outgoing.clear()
        return data

    def write(self, data: bytes) -> None:
        """Bytes for the firmware: they wait until it takes them."""
        with self._for_core:
            self._incoming += data
            self._core.came(len(data))
            self._for_core.notify()

    def stop(self) -> None:
        """End it, if it runs; harmless when called twice."""
        with self._for_core:
            self._stopping = True
            self._for_core.notify()
        end = time.monotonic() + _PATIENCE
        while self._thread.is_alive() and time.monotonic() < end:
            self._core.stop()
            self._thread.join(0.02)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            while not self._stopping and not self._core.end:
                if self._core.run():
                    self._sleep()
            self._ended(self._core.end)
        except Exception as error:  # a thread has nobody else to tell
            self._ended(f"the emulator went wrong: {error!r}")

    def _sleep(self) -> None:
        """Until there is something to wake for."""
        with self._for_core:
            self._for_core.wait_for(lambda: self._incoming or self._stopping or self._end)

    def _ended(self, how: str) -> None:
        with self._for_host:
            self._end = self._end or how
            self._for_host.notify()

    # For the core, in its thread.

    def receive(self) -> int:
        """See `Port.receive`."""
        with self._for_core:
            return self._incoming.pop(0) if self._incoming else 0

    def send(self, byte: int) -> None:
        """See `Port.send`."""
        with self._for_host:
            self._outgoing.append(byte)
            self._for_host.notify()

    def microseconds(self) -> int:
        """See `Port.microseconds`."""
        return time.monotonic_ns() // 1000

    def reset(self) -> None:
        """See `Port.reset`."""
        with self._for_core:
            self._incoming.clear()
            self._core.clear_line()
