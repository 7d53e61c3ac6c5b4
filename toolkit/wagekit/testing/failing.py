"""How a check fails: a text that says all, without a traceback through wagekit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from wagekit.errors import WagekitError
from wagekit.monitor import Story
from wagekit.monitor.chart import bar

ROWS = 12
"""Of the learning curve in a failure."""
LOG_LINES = 8
_HERE = Path(__file__).parent


def fail(what: str, sections: Sequence[str] = ()) -> NoReturn:
    """End the test with what was wrong, where it was asked, and sections that show why."""
    lines = [what, *_asked_at(), *(section for section in sections if section)]
    raise pytest.fail.Exception("\n".join(lines), pytrace=False) from None


@contextmanager
def readable(tell: Callable[[], Sequence[str]] = tuple) -> Iterator[None]:
    """An error of wagekit within ends the test with its message and hint; `tell` gives more sections."""
    try:
        yield
    except WagekitError as error:
        hint = f"hint: {error.hint}" if error.hint else ""
        fail(f"{type(error).__name__}: {error.message}", [hint, *tell()])


def curve_text(story: Story) -> str:
    """The learning curve and the tests, a line each."""
    points = story.curve(ROWS, least=1)
    if not points:
        return ""
    lines = ["", "learning curve: training samples before their step", "    step     loss  accuracy"]
    for point in points:
        shown = f"{point.step:8,} {point.loss:8.4f}  {point.accuracy:8.1%}  {bar(point.accuracy, 30)}"
        lines.append(shown.rstrip())
    if story.tests:
        tests = story.tests[-ROWS:]
        lines += ["", "test samples", "    step           accuracy"]
        lines += [
            f"{test.step:8,}           {test.accuracy:8.1%}  {bar(test.accuracy, 30).rstrip()}"
            for test in tests
        ]
    return "\n".join(line.rstrip() for line in lines)


def log_text(lines: Sequence[str]) -> str:
    """The last lines that the firmware logged."""
    if not lines:
        return ""
    return "\n".join(["", "last lines of the device's log", *(f"    {line}" for line in lines[-LOG_LINES:])])


def _asked_at() -> list[str]:
    """File and line of the test that asked: there is no traceback that would say it."""
    frame = sys._getframe(1)
    while frame.f_back is not None and (
        Path(frame.f_code.co_filename).parent == _HERE or "contextlib" in frame.f_code.co_filename
    ):
        frame = frame.f_back
    return [f"asked at {frame.f_code.co_filename}:{frame.f_lineno}"]
