"""The event that a run begins or ends: what runs, where, of which build and which commit."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from wagekit.executors import Executor
from wagekit.executors.device import DeviceExecutor
from wagekit.ir import Graph
from wagekit.monitor.events import Run, RunStatus
from wagekit.spec import Network
from wagekit.version import __version__

_GIT_SECONDS = 5.0


def run_event(status: RunStatus, net: Network, graph: Graph, executor: Executor, **more: Any) -> Run:
    """What all runs tell; `more` are the other fields of `Run`."""
    hello = executor.hello if isinstance(executor, DeviceExecutor) else None
    return Run(
        status=status,
        network=net.name,
        place=executor.name,
        fingerprint=net.fingerprint(),
        seed=executor.seed,
        weights=graph.weight_count,
        layers=tuple(layer.name for layer in graph.layers),
        classes=graph.classes,
        version=__version__,
        board=hello.board if hello else "",
        manifest=hello.manifest if hello else "",
        commit=commit_of(Path.cwd()),
        shifts=tuple(layer.shift for layer in graph.layers if layer.shift is not None),
        **more,
    )


@cache
def commit_of(folder: Path) -> str:
    """The Git commit that a folder is at, `+` behind it where files were changed; empty if there is none."""
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return ""
    return commit + ("+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")


def _git(folder: Path, *arguments: str) -> str:
    """What Git prints; nothing where there is no Git, no repository, or no answer in time."""
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
