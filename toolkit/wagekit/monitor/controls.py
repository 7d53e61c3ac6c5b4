"""What people ask of a run while it goes on: from any thread to the one that trains."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from wagekit.monitor.events import Action

WAITING = 64
"""Commands that may wait; who asks for more is told that the run does not follow."""


@dataclass(frozen=True, slots=True)
class Command:
    """One thing that is asked for. `value` is that of `Control.value`."""

    action: Action
    value: int | None = None
    by: str = ""


class Controls:
    """Commands on their way to one run; it takes them between two steps."""

    def __init__(self) -> None:
        self._waiting: deque[Command] = deque()
        self._changed = threading.Condition()

    def ask(self, command: Command) -> bool:
        """Put a command behind the others; False where too many wait already."""
        with self._changed:
            if len(self._waiting) >= WAITING:
                return False
            self._waiting.append(command)
            self._changed.notify_all()
            return True

    @property
    def waiting(self) -> bool:
        """Whether a command waits; it is not taken."""
        return bool(self._waiting)

    def take(self) -> list[Command]:
        """The commands that wait, in the order in which they were asked for."""
        with self._changed:
            taken = list(self._waiting)
            self._waiting.clear()
            return taken

    def wait(self, seconds: float) -> bool:
        """Wait until there is a command, at most so long; whether there is one."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self._waiting), seconds)
