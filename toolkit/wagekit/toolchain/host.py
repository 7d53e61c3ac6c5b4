"""The host's C compiler: shared libraries for cffi, kept in a cache that knows what they depend on."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from wagekit.errors import ToolError
from wagekit.toolchain import zig
from wagekit.writer import with_headers, write_atomic

FLAGS = ("-std=c11", "-O3", "-march=native", "-fPIC", "-fvisibility=default", "-Wall", "-Wextra")
TIMEOUT = 300
"""Seconds after which a compiler that does not end is given up."""
KEPT_SECONDS = 14 * 24 * 3600
"""What was not used for so long leaves the cache when something new is built."""
INSTALL = "sudo apt-get install gcc"


def cache_folder() -> Path:
    """Folder of everything that is built once: `WAGEKIT_CACHE`, or `wagekit` in the user's cache."""
    named = os.environ.get("WAGEKIT_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / "wagekit"


def find_compiler() -> list[str]:
    """Command of the host compiler: `CC` if set, else cc, gcc, clang or ziglang's; else `ToolError`."""
    named = os.environ.get("CC")
    for candidate in [named] if named else ["cc", "gcc", "clang"]:
        command = shlex.split(candidate)
        if command and shutil.which(command[0]):
            return command
    bundled = zig.find() if not named else None
    if bundled is not None:
        return [str(bundled), "cc"]
    raise ToolError(
        f"C compiler for the host not found: {named or 'cc, gcc, clang'}", hint=zig.without_root(INSTALL)
    )


def build_library(
    files: Mapping[str, str],
    *,
    include: Sequence[str] = (".", "include"),
    flags: Sequence[str] = FLAGS,
    extra: Sequence[str] = (),
) -> Path:
    """Compile all `.c` files of `files` (paths and texts) into one shared library; returns its path.

    The other files are headers; `include` are folders among the paths; `extra` is added to
    the flags, for compiling and linking. Objects and libraries are cached under hashed names,
    so only what changed is compiled. `ToolError` with the compiler's first complaint.
    """
    compiler = find_compiler()
    options = [*flags, *extra]
    folder = cache_folder() / "host"
    common = _digest([*_machine(tuple(compiler)), *options, *include])
    objects = {
        name: folder / f"{Path(name).stem}-{_digest([common, *_texts(files, name, include)])}.o"
        for name in sorted(files)
        if name.endswith(".c")
    }
    library = folder / f"wk-{_digest([common, *map(str, objects.values())])}.so"
    if library.exists():
        with contextlib.suppress(OSError):
            os.utime(library)
        return library
    missing = {name: path for name, path in objects.items() if not path.exists()}
    try:
        for path in objects.values():
            if path.exists():
                os.utime(path)
        with tempfile.TemporaryDirectory(prefix="wagekit-") as temporary:
            tree = Path(temporary)
            for name, text in files.items():
                path = tree / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            where = [f"-I{tree / path}" for path in include]
            for name, path in missing.items():
                output = tree / "object.o"
                _run([*compiler, *options, *where, "-c", str(tree / name), "-o", str(output)], name)
                write_atomic(path, output.read_bytes())
            output = tree / "library.so"
            _run([*compiler, *options, "-shared", *map(str, objects.values()), "-o", str(output)], "linking")
            write_atomic(library, output.read_bytes())
        _prune(folder)
    except OSError as error:
        raise ToolError(
            f"{folder}: the build cache cannot be written: {error.strerror or error}",
            hint="set WAGEKIT_CACHE to a folder that can be",
        ) from None
    return library


def _prune(folder: Path) -> None:
    """Forget what nobody used for long. By age, because others may be building with the rest."""
    oldest = time.time() - KEPT_SECONDS
    for file in folder.iterdir():
        with contextlib.suppress(OSError):
            if file.stat().st_mtime < oldest:
                file.unlink()


def _run(command: list[str], what: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise ToolError(f"{command[0]} did not end within {TIMEOUT} s: {what}") from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "error" in line.lower()]
        first = (lines or done.stderr.splitlines() or [f"exit code {done.returncode}"])[0]
        raise ToolError(f"{command[0]} failed: {what}: {first}")


def _texts(files: Mapping[str, str], source: str, include: Sequence[str]) -> list[str]:
    """Names and texts of a source and of all that it includes, in a fixed order."""
    return [part for name in sorted(with_headers(files, [source], include)) for part in (name, files[name])]


def _digest(parts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8")
        digest.update(struct.pack("<Q", len(raw)) + raw)
    return digest.hexdigest()[:32]


@cache
def _machine(compiler: tuple[str, ...]) -> tuple[str, ...]:
    """What a binary depends on beside its sources: compiler, CPU and ABI."""
    try:
        version = subprocess.run(
            [*compiler, "--version"], capture_output=True, text=True, timeout=TIMEOUT, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{compiler[0]} --version: {error}", hint=f"install one: {INSTALL}") from None
    pointer = struct.calcsize("P") * 8
    return (" ".join(compiler), version, _cpu(), sys.platform, platform.machine(), f"{pointer} bits")


def _cpu() -> str:
    """Model and features of the CPU: `-march=native` makes code for these."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor()
    wanted = ("model name", "flags", "Features", "CPU part", "isa")
    lines = [line for line in text.split("\n\n")[0].splitlines() if line.startswith(wanted)]
    return "\n".join(lines)
