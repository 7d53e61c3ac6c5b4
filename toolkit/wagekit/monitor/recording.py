"""Reads recordings: plain or compressed, whole or cut by a crash, finished or still growing."""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from wagekit.errors import DataError
from wagekit.monitor.events import Event, Run, from_json
from wagekit.monitor.recorder import is_written, plain_name

LONGEST_LINE = 64 << 20
"""Bytes; no event is longer."""
POLL_SECONDS = 0.1
"""So often who follows looks whether there is more."""
_GZIP = b"\x1f\x8b"
_HINT = "a recording is what --events FILE or --report FOLDER leaves (events.jsonl)"


def read_events(path: str | Path) -> list[Event]:
    """All events of a recording. A last line that was cut by a crash is left out."""
    return list(iter_events(path))


def iter_events(path: str | Path) -> Iterator[Event]:
    """The same, one by one, so that a long recording need not lie in memory.

    For `NAME.gz` that was never completed the plain file beside it is read. `DataError` names file
    and line where something is wrong.
    """
    path = _existing(Path(path))
    try:
        with path.open("rb") as file:
            if _is_packed(file):
                with gzip.GzipFile(fileobj=file) as packed:
                    yield from _parse(packed, path)  # type: ignore[arg-type]
            else:
                yield from _parse(file, path)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: the compressed file is cut or damaged") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def check_goes_on(path: str | Path, fingerprint: str) -> None:
    """`DataError` where a recording is there that is not of this network, or of several devices."""
    path = _existing(Path(path))
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        return
    if not path.is_file():
        raise DataError(f"{path}: cannot be gone on with: it is no file")
    run = next((event for event in iter_events(path) if isinstance(event, Run)), None)
    if run is not None and run.fingerprint == fingerprint and not run.source:
        return
    what = (
        "of no run" if run is None else "of several devices" if run.source else f"of network '{run.network}'"
    )
    if run is not None and not run.source and run.fingerprint:
        what += f", fingerprint {run.fingerprint[:12]}"
    raise DataError(
        f"{path}: cannot be gone on with: it is {what}",
        hint="name another file, or replace it with --force",
    )


def follow(path: str | Path, stop: Callable[[], bool] = lambda: False) -> Iterator[Event]:
    """Events of a recording from its begin, and those that are added while its recorder has it open.

    It ends when the recorder has closed the file or was killed, and when `stop()` says so, which is
    asked whenever there is nothing new.
    """
    path = _existing(Path(path))
    rest, number = b"", 0
    try:
        with path.open("rb") as file:
            if _is_packed(file):
                yield from iter_events(path)
                return
            while True:
                written = is_written(file.fileno())  # before reading: what comes between is read still
                block = file.read(1 << 20)
                *lines, rest = (rest + block).split(b"\n")
                for line in lines:
                    number += 1
                    if event := _event(line, number, path):
                        yield event
                if block:
                    continue
                if not written or stop():
                    if number == 0 and not _may_be_cut(rest, 1):
                        _event(rest, 1, path)
                    return
                time.sleep(POLL_SECONDS)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def _existing(path: Path) -> Path:
    return path if path.exists() else plain_name(path) if plain_name(path).exists() else path


def _is_packed(file: BinaryIO) -> bool:
    packed = file.read(2) == _GZIP
    file.seek(0)
    return packed


def _may_be_cut(line: bytes, number: int) -> bool:
    """Whether a crash may have left this; what does not even begin like an event is another file."""
    return len(line) < LONGEST_LINE and (number > 1 or line[:1] in (b"", b"{"))


def _parse(file: BinaryIO, path: Path) -> Iterator[Event]:
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        try:
            event = _event(line, number, path)
        except DataError:
            if not line.endswith(b"\n") and _may_be_cut(line, number):
                return
            raise
        if event:
            yield event


def _event(line: bytes, number: int, path: Path) -> Event | None:
    """The event of a line; None of a blank one."""
    where = f"{path}: line {number}"
    if not line.strip():
        return None
    try:
        return from_json(line.decode(), where)
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: not a recording: not text in UTF-8", hint=_HINT) from error
    except DataError as error:
        if number == 1:
            reason = error.message.removeprefix(f"{where}: ")
            raise DataError(f"{path}: not a recording: line 1: {reason}", hint=_HINT) from error
        raise
