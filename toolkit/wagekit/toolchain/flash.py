"""Puts a firmware onto a board as a programmer does: QEMU through its gdb stub, silicon through pyOCD."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from wagekit.boards import Board
from wagekit.errors import ToolError, UsageError
from wagekit.toolchain import qemu

DEBUGGERS = ("gdb-multiarch", "arm-none-eabi-gdb")
INSTALL_GDB = "sudo apt-get install gdb-multiarch"
INSTALL_PYOCD = "pip install 'wagekit[flash]'"
TIMEOUT = 60.0
PROBE_TIMEOUT = 300.0


def find_debugger() -> str:
    """Path of a gdb that knows Arm; ToolError with the command that installs one."""
    for name in DEBUGGERS:
        path = shutil.which(name)
        if path:
            return path
    raise ToolError(f"{' or '.join(DEBUGGERS)} is not installed", hint=f"install it with: {INSTALL_GDB}")


def flash_qemu(elf: Path, board: Board, *, icount: bool = False) -> qemu.QemuProcess:
    """Boot an empty machine, load the firmware over gdb, compare what was written, start it.

    The machine runs when this returns: connect to its `url`. ToolError: gdb is missing, loading
    failed, or a section read back differs.
    """
    debugger = find_debugger()
    vectors = vector_address(elf)
    running = qemu.boot(None, board, gdb=True, icount=icount)
    try:
        _load(debugger, elf, vectors, running)
    except BaseException:
        running.stop()
        raise
    return running


def vector_address(elf: Path) -> int:
    """Address of the vector table; ToolError if the file is no firmware of ours."""
    if not elf.is_file():
        raise UsageError(f"firmware {elf} does not exist")
    with elf.open("rb") as stream:
        table: Any = ELFFile(stream).get_section_by_name(".symtab")
        symbols = table.get_symbol_by_name("wk_vectors") if table else None
        if not symbols:
            raise ToolError(f"{elf} has no vector table wk_vectors")
        return int(symbols[0]["st_value"])


def _load(debugger: str, elf: Path, vectors: int, running: qemu.QemuProcess) -> None:
    steps = [
        "set confirm off",
        "set pagination off",
        f"set tcp connect-timeout {TIMEOUT / 4:.0f}",
        f"target remote 127.0.0.1:{running.gdb_port}",
        "load",
        "compare-sections",
        f"set $sp = *(unsigned int *){vectors:#x}",
        f"set $pc = *(unsigned int *){vectors + 4:#x} & ~1",
        "set $xpsr = 0x01000000",
        "detach",
    ]
    command = [debugger, "-nx", "-batch", str(elf)]
    for step in steps:
        command += ["-ex", step]
    code, output = _call(command, TIMEOUT, "gdb did not load the firmware")
    if "MIS-MATCHED" in output:
        name = re.search(r"Section (\S+),.*MIS-MATCHED", output)
        raise ToolError(f"section {name[1] if name else '?'} was read back different from what was written")
    if code != 0 or "matched." not in output or "Start address" not in output:
        last = output.strip().splitlines()[-1] if output.strip() else "no message"
        raise ToolError(f"gdb did not load the firmware: {last}", hint=running.stderr.strip()[-300:] or None)


def flash_probe(elf: Path, board: Board, *, probe: str | None = None) -> None:
    """Write a board through a debug probe with pyOCD, and start it.

    `probe` is the probe's unique id, where there are several. UsageError: the board is not known
    to pyOCD. ToolError: pyOCD is missing, finds no probe, or failed; one line says which.
    """
    if board.flash is None or board.flash.pyocd_target is None:
        raise UsageError(
            f"board {board.name} cannot be written through a probe: its board.toml has no flash.pyocd_target",
            hint="emulated boards are written through QEMU's gdb stub",
        )
    if not elf.is_file():
        raise UsageError(f"firmware {elf} does not exist")
    if importlib.util.find_spec("pyocd") is None:
        raise ToolError("pyOCD is not installed", hint=f"install it with: {INSTALL_PYOCD}")
    command = [sys.executable, "-m", "pyocd", "load", "-W", "-t", board.flash.pyocd_target, str(elf)]
    if probe is not None:
        command += ["-u", probe]
    code, output = _call(command, PROBE_TIMEOUT, "pyOCD did not write the board")
    if code != 0:
        raise _probe_error(output, board.flash.pyocd_target)


def _call(command: list[str], timeout: float, failure: str) -> tuple[int, str]:
    """Exit code and output of a programmer; ToolError with `failure` if it does not end."""
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ToolError(f"{failure} within {timeout:.0f} s") from None
    return result.returncode, result.stdout + result.stderr


def _probe_error(output: str, target: str) -> ToolError:
    if re.search(r"no available debug probes|no connected debug probes|No probe", output, re.IGNORECASE):
        return ToolError("no debug probe is connected", hint="connect one; `pyocd list` shows them")
    if re.search(rf"target type .*{target}.* not recognized|not recognized.*{target}", output, re.IGNORECASE):
        return ToolError(
            f"pyOCD does not know the target {target}",
            hint=f"install its pack with: {sys.executable} -m pyocd pack install {target}",
        )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return ToolError(f"pyOCD failed: {lines[-1] if lines else 'no message'}")
