"""Facts about this machine: which tools are there, and the command that installs what is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wagekit.boards import Board
from wagekit.errors import BoardError, ToolError
from wagekit.toolchain import cross, flash, host, programmers, qemu, unicorn_m4, zig
from wagekit.version import __version__


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is there or missing."""

    name: str
    """What it is, as people call it."""
    needed_for: str
    found: str | None
    """Version or path; None where it is missing or unusable."""
    problem: str | None
    """Why it cannot be used."""
    install: str | None
    """The command that installs it."""
    required: bool
    """Whether the main way (build, run in QEMU) needs it."""


def examine() -> list[Fact]:
    """Look for everything that wagekit can use. Starts each tool once, with a time-out.

    What the extra `toolchain` brings is as good as the tools that need root: make is required for gcc
    only.
    """
    bundled = zig.find()
    return [
        Fact("wagekit", "everything", f"{__version__}, Python {platform.python_version()}", None, None, True),
        _fact("host compiler", "executor `host`", _host, host.INSTALL, required=True),
        _fact(
            "make",
            "building firmware with gcc",
            lambda: _version("make"),
            "sudo apt-get install make",
            required=bundled is None,
        ),
        _fact(
            "cross compiler",
            "building firmware",
            lambda: cross.find_compiler().version,
            cross.INSTALL,
            required=True,
        ),
        _fact(
            "QEMU",
            "emulated boards",
            qemu.version,
            qemu.INSTALL,
            required=not unicorn_m4.is_installed(),
        ),
        _ziglang(bundled),
        _fact("unicorn", "an emulated board without root", unicorn_m4.version, zig.INSTALL),
        _fact("gdb", "`flash` into QEMU", lambda: _version(flash.find_debugger()), flash.INSTALL_GDB),
        _fact(
            "CMake", "building projects with CMake", lambda: _version("cmake"), "sudo apt-get install cmake"
        ),
        _package("matplotlib", "learning curves as pictures", "pip install 'wagekit[plot]'"),
        _package("tensorboardX", "`export --tensorboard`", "pip install 'wagekit[tensorboard]'"),
        _programmer(),
    ]


def examine_board(board: Board) -> list[Fact]:
    """Whether this machine has what a board needs: its files, its core, its machine in QEMU, a programmer."""
    facts = [
        _fact("board", f"building for {board.name}", lambda: _files(board), None, required=True),
        _fact(
            board.core,
            f"building for {board.name}",
            lambda: cross.try_flags(board.flags),
            cross.INSTALL,
            required=True,
        ),
    ]
    if board.qemu is not None:
        machine = board.qemu.machine
        facts.append(
            _fact(
                f"QEMU {machine}",
                f"emulating {board.name}",
                lambda: qemu.describe_machine(machine),
                "a newer QEMU; `qemu-system-arm -machine help` lists what this one has",
            )
        )
    if board.flash is not None:
        facts.append(_programmer(board))
    return facts


def _files(board: Board) -> str:
    try:
        return f"{len(board.source_files())} files"
    except BoardError as error:
        raise ToolError(error.message) from None


def _fact(
    name: str, needed_for: str, ask: Callable[[], str], install: str | None, *, required: bool = False
) -> Fact:
    try:
        return Fact(name, needed_for, ask(), None, install, required)
    except ToolError as error:
        return Fact(name, needed_for, None, error.message, install, required)


def _package(name: str, needed_for: str, install: str) -> Fact:
    if importlib.util.find_spec(name) is None:
        problem = f"{name} is not installed in {sys.prefix}"
        return Fact(name, needed_for, None, problem, install, required=False)
    return Fact(name, needed_for, importlib.metadata.version(name), None, install, required=False)


def _ziglang(program: Path | None) -> Fact:
    name, needed_for = "ziglang", "compiling without root and make"
    if program is None:
        problem = f"ziglang is not installed in {sys.prefix}"
        return Fact(name, needed_for, None, problem, zig.INSTALL, required=False)
    return _fact(name, needed_for, lambda: zig.version(program), zig.INSTALL)


def _programmer(board: Board | None = None) -> Fact:
    """Which programs could write a real board: any, or this one."""
    flashing = board.flash if board is not None else None
    able = [item for item in programmers.PROGRAMMERS if item.program != "uf2"]
    if flashing is not None:
        able = [item for item in programmers.PROGRAMMERS if item.chip(flashing) is not None]
    found = [item.name for item in able if item.find() is not None]
    problem = None if found else f"none of {', '.join(item.name for item in able)} is installed"
    return Fact(
        "programmer" if board is None else f"programmer for {board.name}",
        "`flash` onto real boards; a UF2 drive needs none" if board is None else "`flash` and `run --board`",
        ", ".join(found) or None,
        problem,
        able[0].install if able else None,
        required=False,
    )


def _host() -> str:
    return _version(*host.find_compiler())


def _version(*command: str) -> str:
    if shutil.which(command[0]) is None:
        raise ToolError(f"{command[0]} is not installed")
    try:
        result = subprocess.run(
            [*command, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{command[0]} does not run: {error}") from None
    lines = (result.stdout or result.stderr).splitlines()
    return lines[0] if lines else "version unknown"
