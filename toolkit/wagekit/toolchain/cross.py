"""The cross compiler: where it is, which flags a firmware is built with, and building a project.

gcc with make is the first choice; clang and lld of the package ziglang take their place where they
are missing, or where `WAGEKIT_CROSS=zig` asks for them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from wagekit.errors import LimitError, ToolError
from wagekit.toolchain import zig
from wagekit.toolchain.host import cache_folder
from wagekit.writer import MANIFEST

PREFIX = "arm-none-eabi-"
OLDEST_GCC = 12
"""The first with `-fno-move-loop-stores`."""
TIMEOUT = 600.0
APT_PACKAGES = ("gcc-arm-none-eabi", "libnewlib-arm-none-eabi")
INSTALL = "sudo apt-get install " + " ".join(APT_PACKAGES)
ZIG = "zig"
"""What `WAGEKIT_CROSS` says to ask for the compiler of the package ziglang."""
INCLUDE_FOLDERS = ("include", "generated", "board", "board/common")

C_FLAGS = (
    "-std=c11",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-common",
    "-fno-move-loop-stores",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-masm-syntax-unified",
    "-fstack-usage",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wshadow",
    "-Werror",
)
LINK_FLAGS = (
    "-nostdlib",
    "-static",
    "-Wl,--gc-sections",
    "-Wl,--build-id=none",
    "-Wl,--fatal-warnings",
)


@dataclass(frozen=True, slots=True)
class Compiler:
    """A cross compiler that was found and asked for its version."""

    prefix: str
    """Path up to and with `arm-none-eabi-`; the whole path of ziglang's program."""
    version: str
    """First line of `gcc --version`, or the like."""
    is_zig: bool = False
    """It is the clang of the package ziglang."""

    @property
    def objdump(self) -> str | None:
        """The disassembler beside it; ziglang has none."""
        return None if self.is_zig else f"{self.prefix}objdump"

    def command(self, core: Sequence[str]) -> list[str]:
        """The program that compiles C for a core, with the flags that choose that."""
        return zig.compiler(Path(self.prefix), core) if self.is_zig else [f"{self.prefix}gcc", *core]


class RegionError(LimitError):
    """A firmware that is larger than one of the board's memories."""

    def __init__(self, region: str, excess: int, log: Path) -> None:
        super().__init__(
            f"the firmware does not fit the board: {excess} bytes too many for its {region}",
            hint=f"a smaller network or batch, or a larger board; the linker's output is in {log}",
        )
        self.region = region
        """Name in the linker script."""
        self.excess = excess
        """Bytes too many."""


def find_compiler() -> Compiler:
    """The `arm-none-eabi-gcc` of `$WAGEKIT_CROSS` (a prefix) or of the path, or ziglang's clang.

    The latter where `WAGEKIT_CROSS=zig`, or where that is not set and gcc or make are missing.
    """
    named = os.environ.get("WAGEKIT_CROSS")
    program = zig.find()
    if named == ZIG and program is None:
        raise ToolError("WAGEKIT_CROSS=zig: the package ziglang is not installed", hint=zig.INSTALL)
    prefix = named or PREFIX
    path = shutil.which(f"{prefix}gcc") if named != ZIG else None
    complete = path is not None and zig.has_make()
    if program is not None and named in (None, ZIG) and not complete:
        return Compiler(str(program), zig.version(program), is_zig=True)
    if path is None:
        raise ToolError(f"the cross compiler {prefix}gcc is not installed", hint=zig.without_root(INSTALL))
    return _ask_version(path.removesuffix(".exe").removesuffix(".EXE").removesuffix("gcc"))


def try_flags(flags: Sequence[str]) -> str:
    """What the compiler makes of flags that choose a core: its version; ToolError with its first line."""
    compiler = find_compiler()
    command = [*compiler.command(flags), "-x", "c", "-c", "-o", os.devnull, "-"]
    try:
        result = subprocess.run(
            command, input="int wk;", capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{command[0]} does not run: {error}") from None
    if result.returncode != 0:
        lines = [line for line in result.stderr.splitlines() if "error" in line]
        raise ToolError((lines or ["it compiles nothing with these flags"])[0].strip())
    return " ".join(flags)


@lru_cache(maxsize=8)
def _ask_version(prefix: str) -> Compiler:
    try:
        result = subprocess.run(
            [f"{prefix}gcc", "--version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolError(f"{prefix}gcc does not run: {error}", hint=f"install it with: {INSTALL}") from None
    first = result.stdout.splitlines()[0]
    found = re.search(r"\b(\d+)\.\d+\.\d+", first)
    if found and int(found[1]) < OLDEST_GCC:
        raise ToolError(
            f"{prefix}gcc is version {found[0]}; {OLDEST_GCC} or newer is needed",
            hint="Debian 12 and Ubuntu 24.04 have one; or set WAGEKIT_CROSS to the prefix of another",
        )
    return Compiler(prefix, first)


def build(folder: Path, compiler: Compiler, *, optimise: str | None = None, jobs: int = 2) -> Path:
    """Compile and link a generated project; the ELF's path. The whole output is kept in build.log.

    RegionError: the code is larger than the flash or RAM. ToolError: `make` is missing, or the
    compiler found an error; the message has its first line.
    """
    if compiler.is_zig:
        recipe = read_recipe(folder, optimise)
        good, output = zig.build(folder, Path(compiler.prefix), recipe, cache_folder(), jobs)
    else:
        good, output = _run_make(folder, compiler, optimise, jobs)
    log = folder / "build.log"
    log.write_text(output, encoding="utf-8")
    if not good:
        raise _build_error(output, log)
    return folder / "build" / "firmware.elf"


def read_recipe(folder: Path, optimise: str | None = None) -> zig.Recipe:
    """What a project is compiled from and with: what its manifest says, and the C files of `app`."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    listed = {entry["path"] for entry in manifest["files"] if entry["path"].endswith((".c", ".S"))}
    own = {f"app/{path.name}" for path in (folder / "app").glob("*.c")}
    flags = manifest["flags"]
    return zig.Recipe(
        sources=sorted(name for name in listed if not name.startswith("app/")) + sorted(own),
        include=INCLUDE_FOLDERS,
        core=flags["core"],
        optimise=optimise or flags["optimise"],
        c_flags=flags["c"],
        link_flags=flags["link"],
    )


def _run_make(folder: Path, compiler: Compiler, optimise: str | None, jobs: int) -> tuple[bool, str]:
    make = shutil.which("make")
    if make is None:
        raise ToolError("make is not installed", hint=zig.without_root("sudo apt-get install make"))
    command = [make, f"-j{jobs}", f"CROSS={compiler.prefix}"]
    if optimise is not None:
        command.append(f"OPTIMISE={optimise}")
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    environment["LC_ALL"] = "C"
    try:
        result = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ToolError(f"the build in {folder} did not end within {TIMEOUT:.0f} s") from None
    return result.returncode == 0, result.stdout


def _build_error(output: str, log: Path) -> LimitError | ToolError:
    overflow = re.search(r"region [`'](\w+)'(?:: | )overflowed by (\d+) bytes", output)
    if overflow:
        return RegionError(overflow[1], int(overflow[2]), log)
    lines = [line for line in output.splitlines() if re.search(r"\berror: |\*\*\*|undefined reference", line)]
    first = lines[0].strip() if lines else "no message"
    return ToolError(
        f"the firmware did not compile: {first}", hint=f"the compiler's whole output is in {log}"
    )
