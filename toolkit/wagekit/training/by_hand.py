"""What people ask of a run while it goes on: done between two steps, and told when it took effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from wagekit.errors import LimitError, UsageError
from wagekit.link import RefusedError
from wagekit.monitor.controls import Command, Controls
from wagekit.monitor.events import Action, Control, Event, Log

PAUSE_LOOK = 0.25
"""Seconds after which a run that is held looks whether it is to stop."""
Do = Callable[[Command], str | int | None]
"""Does what was asked for: None, the value that is in effect, or (a string) why it cannot be."""


@dataclass(slots=True)
class ByHand:
    """Does the commands of `controls`; each ends in a `Control` event, or a `Log` that says why not."""

    controls: Controls
    emit: Callable[[Event], None]
    actions: Mapping[Action, Do]
    """What this run can do, beside `pause`, `resume` and `stop`."""
    stop: Callable[[], bool] = lambda: False
    """Whether somebody else ends the run."""
    idle: Callable[[], None] = lambda: None
    """Called now and then while the run is held."""
    paused: bool = False
    """Whether the run is held from the begin on."""
    stopped: bool = field(default=False, init=False)

    @property
    def waits(self) -> bool:
        """Whether something is asked for, or the run is to end: then no further step is begun."""
        return self.stopped or self.controls.waiting or self.stop()

    def ended(self) -> bool:
        """Whether the run is to end."""
        return self.stopped or self.stop()

    def obey(self) -> None:
        """Do what is asked for; returns when learning goes on or is to end."""
        while True:
            for command in self.controls.take():
                self._do(command)
            if not self.paused or self.ended():
                return
            self.idle()
            self.controls.wait(PAUSE_LOOK)

    def _do(self, command: Command) -> None:
        try:
            done = self._act(command)
        except (RefusedError, LimitError, UsageError) as error:
            done = error.message
        if isinstance(done, str):
            self.emit(Log(level="warning", message=f"{command.action}: {done}"))
        else:
            value = command.value if done is None else done
            self.emit(Control(action=command.action, value=value, by=command.by))

    def _act(self, command: Command) -> str | int | None:
        match command.action:
            case "pause":
                self.paused = True
            case "resume":
                self.paused = False
            case "stop":
                self.stopped = True
            case action:
                do = self.actions.get(action)
                return "this run cannot do that" if do is None else do(command)
        return None
