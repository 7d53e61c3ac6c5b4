"""Live views in the terminal, steered by keys; plain lines where there is no terminal."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from wagekit.monitor.by_itself import by_itself_line
from wagekit.monitor.controls import Controls
from wagekit.monitor.events import Control, Evaluation, Event, Fault, Learned, Log, Run, Step
from wagekit.monitor.keys import Keys
from wagekit.monitor.screen import (
    LEVEL_STYLE,
    Room,
    fleet_panel,
    framed,
    keys_line,
    left_of,
    run_panel,
)
from wagekit.monitor.steering import FLEET_HELP, HELP, Steering
from wagekit.monitor.story import Stories, Story

REDRAWS = 4
"""A second."""
_PLAIN_SECONDS = 5.0
_ASKS = (("e", "evaluate"), ("c", "checkpoint"), ("+/-", "rate"), ("q", "quit"), ("?", "help"))
_HINTS = (("p", "pause"), *_ASKS)
_FLEET_HINTS = (("↑↓", "choose"), ("enter", "look"), ("p", "pause"), ("+/-", "rate"), *_ASKS[3:])


class LiveView(ABC):
    """What live views have in common. A sink and a context manager.

    On a terminal one picture is redrawn a few times a second and left standing at the end;
    elsewhere, and on a terminal that cannot move its cursor, there are lines. Keys are read while
    the picture is live, if there are `controls` to ask for something.
    """

    def __init__(
        self, console: Console | None = None, controls: Mapping[str, Controls] | None = None
    ) -> None:
        self.console = console or Console()
        self.steering = Steering({} if controls is None else controls)  # it may still grow
        self.live = self.console.is_terminal and not self.console.is_dumb_terminal
        self._steered = controls is not None
        self._help = False
        self._live: Live | None = None
        self._keys: Keys | None = None
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def handle(self, event: Event) -> None:
        """Show one event."""

    @abstractmethod
    def picture(self) -> RenderableType:
        """What there is to see now."""

    @abstractmethod
    def press(self, key: str) -> None:
        """A key was pressed."""

    def render(self) -> RenderableType:
        """The picture, while no event comes in between."""
        with self._lock:
            return self.picture()

    def close(self) -> None:
        """Leave the last picture standing, and give the terminal back."""
        self._help = False
        keys, self._keys = self._keys, None
        if keys is not None:
            keys.close()
        if self._live is not None:
            self._live.stop()
            self._live = None

    @property
    def room(self) -> Room:
        """Columns and lines to draw on; one line stays free for the cursor."""
        size = self.console.size
        return Room(size.width, max(size.height - 1, 12))

    def start(self) -> None:
        """Begin to draw, and to read keys."""
        if self._live is None:
            self._live = Live(get_renderable=self.render, console=self.console, refresh_per_second=REDRAWS)
            self._live.start()
        if self._steered and self._keys is None:
            self._keys = Keys(self._pressed)

    def _pressed(self, key: str) -> None:
        with self._lock:
            if key == "?":
                self._help = not self._help
            elif self._help and key == "esc":
                self._help = False
            else:
                self.press(key)

    def footer(self, hints: tuple[tuple[str, str], ...]) -> list[Text]:
        """The line about keys, where keys are read."""
        if self._keys is None or not self._keys.works:
            return []
        return [keys_line(hints, self.steering.notice, self.room.inner)]

    def log_line(self, event: Event) -> bool:
        """Print what is to stay readable when the picture has gone; whether the event is such a one."""
        name = f"{event.source}: " if event.source else ""
        if isinstance(event, Log):
            self.console.print(Text(f"{name}{event.message}", style=LEVEL_STYLE[event.level]))
        elif isinstance(event, Fault):
            text = f"{name}fault: {event.cause} {event.message}".rstrip()
            self.console.print(Text(text, style="bold red"))
        else:
            return False
        return True

    def _take_control(self, event: Event) -> None:
        if isinstance(event, (Control, Log)):
            self.steering.told(event.source)


class TerminalView(LiveView):
    """Shows one run as it happens."""

    def __init__(
        self, console: Console | None = None, controls: Mapping[str, Controls] | None = None
    ) -> None:
        super().__init__(console, controls)
        self.story = Story()
        self._printed = 0.0
        self._source = ""

    def handle(self, event: Event) -> None:
        """Show one event."""
        with self._lock:
            self._source = event.source
            self.story.handle(event)
            self._take_control(event)
        # Printed without the lock: who draws holds that of the console, and waits for ours.
        if self.log_line(event):
            return
        if self.live:
            self._handle_live(event)
        else:
            self._handle_plain(event)

    def press(self, key: str) -> None:
        """A key was pressed."""
        self.steering.press(key, self._source, self.story)

    def picture(self) -> RenderableType:
        """The panel for the present state."""
        footer = self.footer(_HINTS)
        if self._help:
            return help_panel(HELP, self.room, footer)
        return run_panel(self.story, self.room, footer)

    def _handle_live(self, event: Event) -> None:
        if isinstance(event, Run) and event.status == "started":
            self.close()  # the end of the run before this one may never have been told
            self.start()
        elif isinstance(event, Run):
            self.close()

    def _handle_plain(self, event: Event) -> None:
        now = time.monotonic()
        if isinstance(event, Run) and event.status == "started":
            self.console.print(Text(headline(event)), soft_wrap=True)
            self._printed = now
        elif isinstance(event, Run) and event.message:
            self.console.print(Text(f"{event.status}: {event.message}"))
        elif isinstance(event, Evaluation) or (
            isinstance(event, (Step, Learned)) and now - self._printed >= _PLAIN_SECONDS
        ):
            self.console.print(Text(plain_line(self.story)), soft_wrap=True)
            self._printed = now


class FleetView(LiveView):
    """Shows several devices, a line each, or the one that was chosen."""

    def __init__(
        self, console: Console | None = None, controls: Mapping[str, Controls] | None = None
    ) -> None:
        super().__init__(console, controls)
        self.stories = Stories()
        self._chosen = 0
        self._close_up = False
        self._printed: dict[str, float] = {}

    def expect(self, sources: Sequence[str]) -> None:
        """These will come: they have their lines in this order from the beginning."""
        for source in sources:
            self.stories.by_source.setdefault(source, self.stories[source])

    def handle(self, event: Event) -> None:
        """Show one event."""
        with self._lock:
            if event.source:
                self.stories.handle(event)
            self._take_control(event)
        if self.log_line(event):
            return
        if not self.live:
            self._handle_plain(event)
        elif self._live is None:
            self.start()

    def press(self, key: str) -> None:
        """A key was pressed."""
        count = len(self.stories)
        if not count:
            return
        source, story = self._devices[min(self._chosen, count - 1)]
        if key in ("up", "k"):
            self._chosen = max(self._chosen - 1, 0)
        elif key in ("down", "j"):
            self._chosen = min(self._chosen + 1, count - 1)
        elif key in ("enter", "esc"):
            self._close_up = key == "enter"
        elif key == "q" and not self._close_up:
            for each, its_story in self._devices:
                self.steering.press(key, each, its_story)
        else:
            self.steering.press(key, source, story)

    def picture(self) -> RenderableType:
        """The table, or the panel of one device."""
        footer = self.footer(_HINTS if self._close_up else _FLEET_HINTS)
        if self._help:
            return help_panel((*HELP, *FLEET_HELP), self.room, footer)
        devices = self._devices
        if not devices:
            return Text("opening the devices", style="dim")
        if self._close_up:
            source, story = devices[min(self._chosen, len(devices) - 1)]
            return run_panel(story, self.room, footer, source)
        return fleet_panel(devices, self._chosen, self.room, footer)

    @property
    def _devices(self) -> list[tuple[str, Story]]:
        return list(self.stories)

    def _handle_plain(self, event: Event) -> None:
        now = time.monotonic()
        source = event.source
        if isinstance(event, Run):
            words = f": {event.message}" if event.message else ""
            self.console.print(Text(f"{source}: {event.status}{words}"))
        elif isinstance(event, Evaluation) or (
            isinstance(event, (Step, Learned)) and now - self._printed.get(source, 0.0) >= _PLAIN_SECONDS
        ):
            self.console.print(Text(f"{source}: {plain_line(self.stories[source])}"), soft_wrap=True)
            self._printed[source] = now


def help_panel(entries: tuple[tuple[str, str], ...], room: Room, footer: list[Text]) -> RenderableType:
    """What the keys do."""
    table = Table(box=None, padding=(0, 3, 0, 0), show_header=False)
    for key, what in entries:
        table.add_row(Text(key, style="bold"), what)
    return framed([table, Text(), *footer], "keys", "? or esc: back", room)


def headline(run: Run) -> str:
    """What is about to happen, in one line."""
    steps = f", steps {run.first_step:,} to {run.steps:,}" if run.steps else f", from step {run.first_step:,}"
    samples = f"{run.train_samples:,} samples of" if run.train_samples else "samples from"
    return (
        f"{run.network} ({run.weights:,} weights) learns on {run.place}: {samples} "
        f"{run.dataset}, batch {run.batch}{steps}, seed {run.seed}"
    )


def plain_line(story: Story) -> str:
    """Where a run stands, in one line."""
    if story.learned:
        return by_itself_line(story)
    run, tests = story.run, story.tests
    recent = story.recent(run.steps_per_epoch or 100) if run else story.recent(100)
    step = story.step
    words = [f"{story.seconds:6.1f} s"]
    if step is not None and recent is not None:
        words += [
            f"epoch {step.epoch:5.2f}",
            f"step {step.step + 1:>6,}" + (f" of {run.steps:,}" if run and run.steps else ""),
            f"loss {recent.loss:.4f}",
            f"train {recent.accuracy:6.1%}",
        ]
    if tests:
        words.append(f"test {tests[-1].accuracy:6.1%}")
    if step is not None and story.seconds > 0:
        words.append(f"{story.samples_learned / story.seconds:,.0f} samples/s")
        words.append(left_of(story, story.seconds))
    return "  ".join(words).rstrip()
