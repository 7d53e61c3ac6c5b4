"""Several devices in the terminal: a table with a line for each of them."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from wagekit.monitor.controls import Controls
from wagekit.monitor.events import Event, Log, Run
from wagekit.monitor.story import Stories


class FleetView:
    """Shows `stories`, which get every event before it does. A sink."""

    def __init__(
        self, stories: Stories, controls: Mapping[str, Controls], console: Console | None = None
    ) -> None:
        self.stories = stories
        self.controls = controls
        self.console = console or Console()
        self._lock = threading.Lock()
        self._live: Live | None = None

    def handle(self, event: Event) -> None:
        """Show one event."""
        with self._lock:
            if isinstance(event, Log):
                self.console.print(
                    Text(f"{event.source}: {event.message}" if event.source else event.message)
                )
            elif isinstance(event, Run) and not self.console.is_terminal:
                self.console.print(Text(f"{event.source}: {event.status}"))
            elif self._live is None and self.console.is_terminal:
                self._live = Live(get_renderable=self.render, console=self.console, refresh_per_second=4)
                self._live.start()

    def close(self) -> None:
        """Leave the last picture standing."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def render(self) -> RenderableType:
        """The table."""
        table = Table(box=None)
        for name in ("place", "step", "test"):
            table.add_column(name)
        for source, story in self.stories:
            step = story.learned[-1].step if story.learned else story.step.step + 1 if story.step else 0
            test = f"{story.tests[-1].accuracy:.1%}" if story.tests else "-"
            table.add_row(Text(source or "-"), f"{step:,}", test)
        return table
