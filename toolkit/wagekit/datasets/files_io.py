"""Reading a file that may be gzipped or large, with one-line errors."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from wagekit.datasets.large import LARGE, map_bytes
from wagekit.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"


def map_or_read(path: Path) -> bytes | memoryview:
    """As `read_bytes`, but a large file that is not gzip is mapped: its pages are read when they are used."""
    try:
        with path.open("rb") as file:
            if path.stat().st_size >= LARGE and file.read(len(GZIP_MAGIC)) != GZIP_MAGIC:
                return map_bytes(file)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    return read_bytes(path)


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked if it is gzip (told by its first bytes, not its name)."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not content.startswith(GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"{path}: the gzip stream is cut or damaged after {len(content)} bytes",
            hint="fetch the file again",
        ) from error
