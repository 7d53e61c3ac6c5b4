"""Standard input line by line, so that a Ctrl-C ends the waiting in order."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterator

from wagekit.errors import DataError

STDIN = "-"
"""How the command line calls it."""
MAX_LINE_BYTES = 1 << 22
_WAIT_SECONDS = 0.1
_CHUNK = 1 << 16


def stdin_lines(stop: Callable[[], bool]) -> Iterator[str]:
    """Lines as they come, until the input ends or `stop` says so; it is asked ten times a second.

    Memory stays bounded: a line of more than `MAX_LINE_BYTES` is a `DataError`.
    """
    try:
        source = sys.stdin.fileno()
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(f"stdin: cannot be read: {error}") from None
    begun = b""
    while not stop():
        if not select.select([source], [], [], _WAIT_SECONDS)[0]:
            continue
        data = os.read(source, _CHUNK)
        *whole, begun = (begun + data).split(b"\n")
        for line in whole if data else [begun]:
            if stop():
                return
            yield line.decode("utf-8", "replace")
        if not data:
            return
        if len(begun) > MAX_LINE_BYTES:
            raise DataError(
                f"stdin: a line of more than {MAX_LINE_BYTES:,} bytes",
                hint="a line is one sample: its values and its label, separated by commas",
            )
