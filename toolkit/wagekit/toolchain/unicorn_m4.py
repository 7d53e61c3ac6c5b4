"""Runs a firmware of the board `unicorn-m4` in the emulator of the package unicorn, which needs no root.

unicorn has a core and memory. What is missing for a chip is played here: the registers of the board's
port (`boards/unicorn-m4/port.c`), the reset, and the end by a semihosting call. The core runs in a
thread of its own and stands still while the firmware sleeps.
"""

from __future__ import annotations

import ctypes
import importlib.util
import mmap
import sys
import threading
import time
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


class Machine:
    """A chip that runs a firmware, with the host's end of its line. Call `stop`, or use it as a context."""

    def __init__(self, elf: Path, board: Board) -> None:
        version()
        self._image = read_image(elf)
        lock = threading.Lock()
        self._for_host, self._for_core = threading.Condition(lock), threading.Condition(lock)
        self._incoming, self._outgoing = bytearray(), bytearray()
        self._stopping = self._resetting = False
        self._end = ""
        self._page = (ctypes.c_uint32 * (_PAGE // 4)).from_buffer(mmap.mmap(-1, _PAGE))
        self._core = self._make_core(board)
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
            self._page[_CAME] = (self._page[_CAME] + len(data)) & 0xFFFFFFFF
            self._for_core.notify()

    def stop(self) -> None:
        """End it, if it runs; harmless when called twice."""
        with self._for_core:
            self._stopping = True
            self._for_core.notify()
        end = time.monotonic() + _PATIENCE
        while self._thread.is_alive() and time.monotonic() < end:
            self._core.emu_stop()  # forgotten by a core that is just about to start: asked again
            self._thread.join(0.02)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # The core.

    def _make_core(self, board: Board) -> Any:
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

    def _run(self) -> None:
        from unicorn import UcError, arm_const

        try:
            address = self._reset()
            while not self._stopping and not self._end:
                self._core.emu_start(address | 1, _NOWHERE)
                if self._resetting:
                    with self._for_core:  # what the firmware had not taken is lost, as in a real device
                        self._incoming.clear()
                        self._page[_CAME] = 0
                    address = self._reset()
                else:  # it sleeps, or stands still to end
                    address = self._core.reg_read(arm_const.UC_ARM_REG_PC)
                    self._sleep()
        except UcError as error:
            at = self._core.reg_read(arm_const.UC_ARM_REG_PC)
            self._ended(f"the firmware went wrong at {at:#x}: {error}")
        except Exception as error:  # a thread has nobody else to tell
            self._ended(f"the emulator went wrong: {error!r}")

    def _reset(self) -> int:
        """As the core does it: stack pointer and start from the vectors. Memory stays."""
        from unicorn import arm_const

        self._resetting = False
        table = self._core.mem_read(self._image.vectors, 8)
        stack, start = (int.from_bytes(table[at : at + 4], "little") for at in (0, 4))
        self._core.reg_write(arm_const.UC_ARM_REG_PRIMASK, 0)
        self._core.reg_write(arm_const.UC_ARM_REG_SP, stack)
        return start

    def _sleep(self) -> None:
        """Until there is something to wake for."""
        with self._for_core:
            self._for_core.wait_for(lambda: self._incoming or self._stopping or self._end)

    def _ended(self, how: str) -> None:
        with self._for_host:
            self._end = self._end or how
            self._for_host.notify()

    # What the core's instructions reach.

    def _read_port(self, core: Any, offset: int, size: int, data: Any) -> int:
        if offset == _RECEIVE:
            with self._for_core:
                return self._incoming.pop(0) if self._incoming else 0
        if offset == _TICKS:
            now = time.monotonic_ns() // 1000
            self._page[_TICKS_HIGH] = now >> 32
            return now & 0xFFFFFFFF
        return 0

    def _write_port(self, core: Any, offset: int, size: int, value: int, data: Any) -> None:
        if offset == _SEND:
            with self._for_host:
                self._outgoing.append(value & 0xFF)
                self._for_host.notify()

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
            at = core.reg_read(arm_const.UC_ARM_REG_PC)
            self._ended(f"the firmware went wrong at {at:#x}: exception {number}")
        core.emu_stop()
