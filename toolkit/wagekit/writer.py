"""Writes what was generated: whole files at once or not at all, with a manifest of their contents."""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
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
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)


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


def with_headers(files: Mapping[str, str], sources: Iterable[str], include: Sequence[str]) -> set[str]:
    """Names in `files` of sources and of all that they include; `include` are folders among the names."""
    found = set(sources)
    todo = list(found)
    while todo:
        name = todo.pop()
        folders = [posixpath.dirname(name), *include]
        for wanted in _INCLUDE.findall(files[name]):
            paths = (posixpath.normpath(posixpath.join(folder, wanted)) for folder in folders)
            path = next((path for path in paths if path in files), None)
            if path is not None and path not in found:
                found.add(path)
                todo.append(path)
    return found


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


def write_folder(
    folder: Path, files: Mapping[str, str | bytes], *, facts: Mapping[str, Any], key: str, force: bool = False
) -> Path:
    """Write a folder as `write_files` does, but beside its place, and then put it there whole.

    Returns the manifest's path. A folder that was written so before gives way; its manifest has `key`,
    which `facts` must have too.
    `UsageError` where other or changed files lie there, unless `force`: then those stay whose
    names the new files do not have.
    """
    place = Path(folder).absolute().resolve()
    if place == Path.cwd() or place in Path.cwd().parents:
        raise UsageError(f"{folder}: is where you are", hint="name a folder of its own")
    strangers = _strangers(place, key)
    if strangers and not force:
        more = f" and {len(strangers) - 1:,} more" if len(strangers) > 1 else ""
        raise UsageError(
            f"{folder}: has files that were not written here, or were changed: {strangers[0]}{more}",
            hint="name another folder; --force replaces files of the same names, and leaves the others",
        )
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as temporary:
            fresh = Path(temporary) / "new"
            write_files(fresh, files, facts=facts)
            for name in strangers:
                if not (fresh / name).exists():
                    (fresh / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(place / name, fresh / name, follow_symlinks=False)
            _swap(fresh, place, Path(temporary) / "old")
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror or error}") from None
    return Path(folder) / MANIFEST


def _swap(fresh: Path, place: Path, old: Path) -> None:
    """Put a folder into its place; what was there comes back if that fails."""
    if place.exists():
        place.rename(old)
    try:
        fresh.rename(place)
    except OSError:
        if old.exists():
            old.rename(place)
        raise


def _strangers(place: Path, key: str) -> list[str]:
    """Files in a folder that are not as its manifest says; all of them where that has no `key`."""
    if place.exists() and not place.is_dir():
        raise UsageError(f"{place}: is a file, not a folder")
    known = _known(place, key)
    found = []
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        if known and name == MANIFEST:
            continue
        changed = path.is_file() and known.get(name) != hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_symlink() or changed:
            found.append(name)
    return found


def _known(place: Path, key: str) -> dict[str, str]:
    """SHA-256 of the files that a folder's manifest names, if it has `key`."""
    try:
        manifest = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        return {str(entry["path"]): str(entry["sha256"]) for entry in manifest["files"] if key in manifest}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
