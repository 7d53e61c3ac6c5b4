"""Files that users keep: written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from wagekit.errors import DataError


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that at any moment either the old or the new content is there, whole.

    `DataError` where it cannot be written.
    """
    raw = content.encode("utf-8") if isinstance(content, str) else content
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
