"""Writes what was generated: whole files at once or not at all, with a manifest of their contents."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from wagekit import resources
from wagekit.errors import UsageError
from wagekit.version import __version__

MANIFEST = "manifest.json"
MANIFEST_FORMAT = 1
RUNTIME = ("include/wagekit", "src/kernels", "src/train", "src/learn")
"""Folders of `firmware/` that a generated network needs to be compiled."""


def firmware_files(folders: Sequence[str] = RUNTIME) -> dict[str, str]:
    """Text of the static C files in these folders of `firmware/`, by path there.

    The default is what a generated `wk_model.c` needs: its include path is `include`,
    the sources stand in `src`.
    """
    found: dict[str, str] = {}
    for folder in folders:
        place = resources.firmware()
        for part in folder.split("/"):
            place = place.joinpath(part)
        _collect(place, folder, found)
    return dict(sorted(found.items()))


def _collect(place: Traversable, path: str, found: dict[str, str]) -> None:
    for entry in place.iterdir():
        if entry.is_dir():
            _collect(entry, f"{path}/{entry.name}", found)
        elif entry.name.endswith((".c", ".h", ".inc")):
            found[f"{path}/{entry.name}"] = entry.read_text("utf-8")


def write_atomic(path: Path, data: str | bytes) -> None:
    """Write a file under another name and rename it: a reader sees the old or the new, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = data.encode("utf-8") if isinstance(data, str) else data
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_files(
    folder: Path, files: Mapping[str, str | bytes], *, facts: Mapping[str, Any] | None = None
) -> Path:
    """Write files by their paths under `folder`, and last a `manifest.json`; returns its path.

    The manifest has `format`, the version of wagekit, `facts` (what the caller wants to be
    known, JSON values), and size and SHA-256 of every file. `UsageError` where the folder
    cannot be written or a path leads out of it.
    """
    folder = Path(folder)
    entries = []
    try:
        for name, data in sorted(files.items()):
            target = folder / name
            if not target.resolve().is_relative_to(folder.resolve()):
                raise UsageError(f"{name}: leads out of {folder}")
            raw = data.encode("utf-8") if isinstance(data, str) else data
            write_atomic(target, raw)
            entries.append({"path": name, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()})
        manifest = {
            "format": MANIFEST_FORMAT,
            "wagekit": __version__,
            **(facts or {}),
            "files": entries,
        }
        path = folder / MANIFEST
        write_atomic(path, json.dumps(manifest, indent=2) + "\n")
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror or error}") from None
    return path
