"""What the keys of a terminal ask of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wagekit.monitor.controls import Command, Controls
from wagekit.monitor.events import Action
from wagekit.monitor.story import Story

BY = "terminal"
_KEYS: dict[str, Action] = {"e": "evaluate", "c": "checkpoint", "q": "stop"}
HELP = (
    ("p", "pause, and resume"),
    ("e", "classify the test samples now"),
    ("c", "checkpoint: on the device, or the model file"),
    ("+  -", "double and halve the learning rate"),
    ("q", "quit: stop in order, save, and end"),
    ("?", "this list"),
)
FLEET_HELP = (
    ("up  down", "choose a device (k, j)"),
    ("enter  esc", "look at it, and back to all"),
)


@dataclass(slots=True)
class Steering:
    """Turns keys into commands for the run of one source."""

    controls: Mapping[str, Controls]
    notice: str = ""
    """What was asked for last, until it has taken effect."""
    _paused: dict[str, bool] = field(default_factory=dict)
    _offsets: dict[str, int] = field(default_factory=dict)
    """What was asked for and is not told yet."""

    def press(self, key: str, source: str, story: Story) -> bool:
        """A key was pressed while `source` is chosen; whether it means something."""
        command = self._command(key, source, story)
        if command is None:
            return False
        controls = self.controls.get(source)
        if controls is None:
            self.notice = "this run takes no commands"
        elif not controls.ask(command):
            self.notice = "the run does not follow: too many commands wait"
        else:
            value = "" if command.value is None else f" {command.value:+d}"
            self.notice = f"asked: {command.action}{value}"
        return True

    def told(self, source: str) -> None:
        """The run has said what came of it."""
        self.notice = ""
        self._paused.pop(source, None)
        self._offsets.pop(source, None)

    def _command(self, key: str, source: str, story: Story) -> Command | None:
        if key == "p":
            paused = not self._paused.get(source, story.paused)
            self._paused[source] = paused
            return Command("pause" if paused else "resume", by=BY)
        if key in ("+", "=", "-"):
            offset = self._offsets.get(source, story.rate_offset) + (-1 if key == "-" else 1)
            self._offsets[source] = offset
            return Command("rate", offset, BY)
        action = _KEYS.get(key)
        return None if action is None else Command(action, by=BY)
