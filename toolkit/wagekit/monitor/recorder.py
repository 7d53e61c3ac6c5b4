"""Keeps all events of a run in a file, so that neither a crash nor a full disk takes what was there."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import tempfile
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

from wagekit.errors import DataError, UsageError
from wagekit.monitor.events import Dropped, Event, to_json

try:
    import fcntl
except ImportError:  # a system without locks on files: who follows cannot tell when the writer ends
    fcntl = None  # type: ignore[assignment]

SYNC_SECONDS = 0.5
"""At least so often what was written is put onto the disk itself."""
RECORDING = "recording"
"""`where` of the event that says how many a recording lacks, because its disk was full."""
PACKED = ".gz"
_BLOCK = 1 << 16


class Recorder:
    """Appends events to a file, one JSON object a line. A sink.

    Every event is handed to the operating system at once, so that a process that is killed loses
    none; a thread has the disk keep them twice a second, for the case that the machine dies. A name
    that ends in `.gz` is made when the recorder is closed, whole or not at all; until then the
    plain file stands beside (`plain_name`). The file is locked while it is open, so that no second
    recorder writes to it and who follows it knows when it ends.

    A disk that is full ends no training: events that cannot be written are counted, told through
    `warn` (called once each time that it begins), and followed by `Dropped` as soon as there is
    room again. `problem` says at the end what is missing. `UsageError` where the file is there
    already and neither `replace` nor `append` is given, `DataError` where it cannot be made.

    With `append` a recording that is there is gone on with: what is in it stays, but for the end of a
    line that a crash cut. A compressed one is unpacked first, and compressed again at the end.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        replace: bool = False,
        append: bool = False,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self.path = Path(path)
        self.plain = plain_name(self.path)
        self.lost = 0
        """Events that were never written."""
        self.problem: str | None = None
        """What could not be kept, in one line."""
        self._warn = warn
        self._waiting = 0
        """Lost events that the file does not tell of yet."""
        if append:
            _unpack(self.path, self.plain)
        elif not replace:
            check_absent(self.path)
        self._file = _open(self.plain, there=replace or append)
        self._size = _end_of_lines(self.plain) if append else 0
        with contextlib.suppress(OSError):  # a pipe has no length
            os.ftruncate(self._file, self._size)
        if replace and self.plain != self.path:
            self.path.unlink(missing_ok=True)  # of an earlier recording; ours comes at the end
        self._closed = threading.Event()
        self._unsynced = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="recorder", daemon=True)
        self._keeper.start()

    def handle(self, event: Event) -> None:
        """Append the event."""
        if self._closed.is_set():
            return
        lines = [to_json(event)]
        if self._waiting:
            lines.insert(
                0,
                to_json(Dropped(time=event.time, source=event.source, count=self._waiting, where=RECORDING)),
            )
        try:
            self._append(("\n".join(lines) + "\n").encode())
        except OSError as error:
            self._lose(error)
        else:
            self._waiting = 0
            self._unsynced.set()

    def close(self) -> None:
        """Put all onto the disk, compress it if the name says so, and let the file go."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._keeper.join()
        try:
            os.fsync(self._file)
            if self.plain != self.path:
                _pack(self.plain, self.path)
        except OSError as error:
            self._tell(f"{self.path}: cannot be finished: {_reason(error)}; the events are in {self.plain}")
        finally:
            os.close(self._file)

    def _append(self, data: bytes) -> None:
        """Write whole lines or none."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise
        self._size += len(data)

    def _lose(self, error: OSError) -> None:
        first = self._waiting == 0
        self.lost += 1
        self._waiting += 1
        self.problem = f"{self.plain}: {self.lost:,} events could not be recorded: {_reason(error)}"
        if first and self._warn is not None:
            self._warn(f"{self.plain}: events cannot be recorded: {_reason(error)}; the run goes on")

    def _tell(self, problem: str) -> None:
        self.problem = problem
        if self._warn is not None:
            self._warn(problem)

    def _keep(self) -> None:
        """Have the disk keep what is new, twice a second, until all is over."""
        while not self._closed.wait(SYNC_SECONDS):
            if self._unsynced.is_set():
                self._unsynced.clear()
                with contextlib.suppress(OSError):  # some file systems cannot; writing tells of the rest
                    os.fsync(self._file)


def plain_name(path: Path) -> Path:
    """Where the lines of a recording are while it grows: its own name, without `.gz`."""
    return path.with_suffix("") if path.suffix == PACKED else path


def check_absent(path: Path) -> None:
    """`UsageError` where a recording of that name is there, or what a crash left of one."""
    for found in (path, plain_name(path)):
        if found.exists():
            raise UsageError(f"{found} exists", hint="--force replaces it")


def is_written(file: int) -> bool:
    """Whether a recorder has this open file; False where that cannot be known."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return False


def _open(path: Path, *, there: bool) -> int:
    """The file, for us alone; it may be `there` already."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if there else os.O_EXCL)
    try:
        file = os.open(path, flags, 0o644)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {_reason(error)}") from error
    try:
        if fcntl is not None:
            with contextlib.suppress(NotImplementedError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(file)
        raise UsageError(f"{path} is being recorded by another process") from error
    except OSError:
        pass  # no locks here, or a pipe: it is written all the same
    return file


def _pack(plain: Path, path: Path) -> None:
    """Compress a file under another name, and let the plain one go when that is complete."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.absolute().parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as target:
            with plain.open("rb") as source, gzip.GzipFile("", "wb", 6, target, 0) as packed:
                shutil.copyfileobj(source, packed, 1 << 20)
            target.flush()
            os.fsync(target.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    plain.unlink()


def _unpack(path: Path, plain: Path) -> None:
    """Where only the compressed recording is there, put the plain one in its place."""
    if plain == path or not path.exists():
        return
    try:
        if not plain.exists():
            handle, name = tempfile.mkstemp(prefix=f".{plain.name}.", dir=plain.absolute().parent)
            try:
                with os.fdopen(handle, "wb") as target, gzip.open(path) as source:
                    shutil.copyfileobj(source, target, 1 << 20)
                    target.flush()
                    os.fsync(target.fileno())
                Path(name).chmod(0o644)
                Path(name).replace(plain)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        path.unlink()
    except (EOFError, zlib.error, OSError) as error:
        reason = _reason(error) if isinstance(error, OSError) else "it is cut or damaged"
        raise DataError(f"{path}: cannot be gone on with: {reason}") from error


def _end_of_lines(path: Path) -> int:
    """Bytes of a file without the part of a line behind the last whole one."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            begin = max(end - _BLOCK, 0)
            file.seek(begin)
            at = file.read(end - begin).rfind(b"\n")
            if at >= 0:
                return begin + at + 1
            end = begin
    return 0


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
