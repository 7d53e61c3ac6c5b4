"""What measurements were made with: commit, compilers, emulator, processor."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

from bench.cases import ROOT


def commit() -> str:
    """The commit, and whether what is measured differs from it."""
    parts = ("firmware", "codegen", "toolkit", "boards", "bench/networks")
    dirty = line("git", "-C", str(ROOT), "status", "--porcelain", "--", *parts)
    return line("git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD") + (
        " with changes" if dirty else ""
    )


def line(*command: str) -> str:
    """First line that a command prints; it need not be installed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return "not there"
    return done.stdout.splitlines()[0] if done.stdout else ""


def processor() -> str:
    """Model of this machine's processor."""
    for entry in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if entry.startswith("model name"):
            return entry.partition(":")[2].strip()
    return platform.machine()
