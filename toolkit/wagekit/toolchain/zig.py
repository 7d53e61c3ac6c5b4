"""The compiler that comes with pip: clang and lld of the package ziglang. It needs no root and no make.

Only what the compiler is called with is known here; `cross` chooses between it and gcc.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from wagekit.errors import ToolError
from wagekit.writer import write_atomic

INSTALL = "pip install 'wagekit[toolchain]'"
TARGET = "--target=arm-none-eabi"
GCC_ONLY = frozenset(("-fno-move-loop-stores", "-masm-syntax-unified"))
"""Flags that clang does not have: it moves no volatile store out of a loop, and always reads that syntax."""
_LEAVES = "-ffreestanding"
_SMALL_CORES = ("cortex-m0", "cortex-m23", "cortex-m1")
TIMEOUT = 600.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a firmware is compiled from and with; paths are relative to its project."""

    sources: Sequence[str]
    include: Sequence[str]
    core: Sequence[str]
    """Flags that choose the core, gcc's."""
    optimise: str
    c_flags: Sequence[str]
    """gcc's; see `flags`."""
    link_flags: Sequence[str]

    def flags(self) -> list[str]:
        """Those of `c_flags` that clang knows, and what it needs beside them."""
        return [flag for flag in self.c_flags if flag not in GCC_ONLY] + [_LEAVES]


def find() -> Path | None:
    """The program of the package ziglang; None where that is not installed."""
    try:
        spec = importlib.util.find_spec("ziglang")
    except (ImportError, ValueError):
        return None
    for folder in (spec.submodule_search_locations if spec else None) or ():
        program = Path(folder) / ("zig.exe" if os.name == "nt" else "zig")
        if program.is_file():
            return program
    return None


@lru_cache(maxsize=4)
def version(program: Path) -> str:
    """Of its clang and its own, on one line."""
    lines = [_ask(program, *words).splitlines()[0] for words in (("clang", "--version"), ("version",))]
    return f"{lines[0]} (ziglang {lines[1]})"


def _ask(program: Path, *words: str) -> str:
    try:
        result = subprocess.run(
            [str(program), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolError(f"{program} does not run: {error}", hint=f"install it again: {INSTALL}") from None
    return result.stdout or "?\n"


def compiler(program: Path, core: Sequence[str]) -> list[str]:
    """The command that compiles for a core."""
    # Its own headers, and none of the machine.
    headers = ["-nostdlibinc", "-isystem", str(program.parent / "lib" / "include")]
    return [str(program), "clang", TARGET, *core, *headers]


def build(folder: Path, program: Path, recipe: Recipe, cache: Path, jobs: int) -> tuple[bool, str]:
    """Make `build/firmware.elf` and `.map` of a project; whether that went well, and all output.

    ToolError: the compiler does not run.
    """
    log: list[str] = []
    objects = [f"build/{source}.o" for source in recipe.sources]
    for name in objects:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    commands = list(_compilations(folder, program, recipe))
    with ThreadPoolExecutor(max_workers=max(jobs, 1)) as pool:
        done = list(pool.map(lambda command: _run(command, folder, log), commands))
    if not all(done):
        return False, "".join(log)
    runtime = _runtime(program, recipe.core, cache)
    # Made under another name: a build that fails leaves no firmware of an earlier one, and none by half.
    elf = folder / "build" / "firmware.elf"
    elf.unlink(missing_ok=True)
    link = [flag.removeprefix("-Wl,") for flag in recipe.link_flags]
    command = [str(program), "ld.lld", *link, "-T", "board.ld", "-Map", "build/firmware.map"]
    made = _run([*command, "-o", "build/firmware.part", *objects, str(runtime)], folder, log)
    if made:
        (folder / "build" / "firmware.part").replace(elf)
    return made, "".join(log)


def _compilations(folder: Path, program: Path, recipe: Recipe) -> Iterator[list[str]]:
    common = [*compiler(program, recipe.core), *(f"-I{path}" for path in recipe.include)]
    place = f"-ffile-prefix-map={folder}=."
    for source in recipe.sources:
        own = [f'-DWK_OPTIMISE="{recipe.optimise}"'] if source == "src/record/build.c" else []
        flags = ["-g", place, recipe.optimise, *recipe.flags(), *own] if source.endswith(".c") else []
        yield [*common, *flags, "-c", "-o", f"build/{source}.o", source]


def _run(command: list[str], folder: Path, log: list[str]) -> bool:
    """Run a command in the project; its words and its output go into the log together."""
    try:
        result = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ToolError(f"{command[0]} did not end within {TIMEOUT:.0f} s in {folder}") from None
    except OSError as error:
        raise ToolError(f"{command[0]} does not run: {error}", hint=f"install it again: {INSTALL}") from None
    log.append(f"{' '.join(command)}\n{result.stdout}")
    return result.returncode == 0


def _runtime(program: Path, core: Sequence[str], cache: Path) -> Path:
    """What the compiler calls where the core has no instruction (64-bit division, for example).

    Compiled once from the sources in the package. The one for the M3 has neither float unit nor
    vectors and serves all larger cores.
    """
    small = any(flag.startswith(f"-mcpu={name}") for flag in core for name in _SMALL_CORES)
    model = "cortex_m0" if small else "cortex_m3"
    number = "".join(c if c.isalnum() else "-" for c in version(program))
    library = cache / "zig" / f"runtime-{number}-{model}.a"
    if library.is_file():
        return library
    source = program.parent / "lib" / "compiler_rt.zig"
    with tempfile.TemporaryDirectory(prefix="wagekit-") as temporary:
        made = Path(temporary) / "runtime.a"
        command = [str(program), "build-lib", str(source), "-target", "thumb-freestanding-eabi"]
        command += [f"-mcpu={model}", "-O", "ReleaseSmall", "-fstrip", "-ffunction-sections"]
        command += ["-fdata-sections", "--name", "runtime", f"-femit-bin={made}"]
        command += ["--cache-dir", f"{temporary}/cache", "--global-cache-dir", f"{temporary}/cache"]
        log: list[str] = []
        if not _run(command, Path(temporary), log):
            raise ToolError(
                f"{program} does not compile its own runtime: {''.join(log)[-300:].strip()}",
                hint=f"install it again: {INSTALL}",
            )
        write_atomic(library, made.read_bytes())
    return library


def without_root(install: str) -> str:
    """A hint: the command that installs a tool with root, and the one that needs none."""
    return f"install it with: {install}; or, without root: {INSTALL}"


def has_make() -> bool:
    """Whether gcc's way can be gone: its projects are built by make."""
    return shutil.which("make") is not None
