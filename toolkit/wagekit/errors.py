"""The one error tree of wagekit.

Every error that a user can cause or meet is a `WagekitError`. Its message is one
line that says what is wrong, where (file and key, layer, board, port) with the
limit and the value, and its optional `hint` says what to do about it. The command
line prints both without a traceback and ends with the class's `exit_code`.
"""

from __future__ import annotations


class WagekitError(Exception):
    """Root of all errors that wagekit raises on purpose."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(WagekitError):
    """A command, option or argument that makes no sense."""

    exit_code = 2


class NetworkError(WagekitError):
    """A network description with an unknown layer, bad field or impossible shape."""

    exit_code = 3


class DataError(WagekitError):
    """A data set, sample, label, model or recording file that cannot be used."""

    exit_code = 4


class LimitError(WagekitError):
    """A network that is valid but exceeds a numeric range or what a board holds."""

    exit_code = 5


class ToolError(WagekitError):
    """A compiler, emulator, probe or package that is missing or failed."""

    exit_code = 6


class LinkError(WagekitError):
    """A port that is absent or busy, a time-out, or a firmware that does not match."""

    exit_code = 7


class DeviceFaultError(WagekitError):
    """The firmware reported a fault: HardFault, stack overflow or failed assertion."""

    exit_code = 8


class MismatchError(WagekitError):
    """Two executions that must be equal to the bit are not."""

    exit_code = 9


class BoardError(WagekitError):
    """A board that is unknown or whose board.toml is wrong."""

    exit_code = 10
