"""The two consoles, and how errors, sizes and tables look."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wagekit.errors import WagekitError

_PIPE_WIDTH = 160
out = Console(highlight=False, emoji=False)
err = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)
if not out.is_terminal and "COLUMNS" not in os.environ:
    out.width = _PIPE_WIDTH  # a file or a pipe has no width: do not break lines at 80


def prepare_streams() -> None:
    """Print a replacement where a terminal's encoding lacks a character, rather than end."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def fail(error: WagekitError) -> int:
    """Print an error, one line for each problem, and its hint; returns the exit code."""
    for line in error.message.splitlines():
        err.print(Text.assemble(("error: ", "bold red"), line))
    first, *rest = (error.hint or "").splitlines() or [""]
    if first:
        err.print(Text.assemble(("hint:  ", "cyan"), first))
    for line in rest:
        err.print(Text(f"       {line}"))
    return error.exit_code


def note(text: str) -> None:
    """A remark for people, on stderr, so that stdout stays what was asked for."""
    err.print(Text(text, style="dim"))


def working(text: str) -> contextlib.AbstractContextManager[object]:
    """Shows on stderr what is being done, while it is; nothing where a view shows several devices."""
    if threading.current_thread() is not threading.main_thread():
        return contextlib.nullcontext()
    return err.status(Text(text))


def say(text: str, command: str = "") -> None:
    """A line on stdout as it is, and a command to type in bold; nothing in them is markup."""
    out.print(Text.assemble(text, (command, "bold")), soft_wrap=True)


def done(text: str) -> None:
    """A line on stdout with a tick before it."""
    out.print(Text.assemble(("✓ ", "green"), text), soft_wrap=True)


def print_json(value: Any) -> None:
    """A result for a script, on stdout."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A plain table; the columns named in `right` hold numbers."""
    grid = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for column in columns:
        grid.add_column(Text(column), justify="right" if column in right else "left", no_wrap=column in right)
    return grid


def size(count: int | None) -> str:
    """Bytes for people: `61,440`, or `4 MB` for whole large units."""
    if count is None:
        return "-"
    for unit, power in (("MB", 20), ("KB", 10)):
        if count and count % (1 << power) == 0:
            return f"{count >> power:,} {unit}"
    return f"{count:,}"
