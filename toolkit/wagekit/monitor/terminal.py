"""Live progress in the terminal: bars, curves and layers; plain lines where there is no terminal."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from wagekit.monitor.by_itself import by_itself, by_itself_line
from wagekit.monitor.chart import CHART_HEIGHT, bar, braille, clock, with_axis
from wagekit.monitor.events import Evaluation, Event, Fault, Learned, Log, Run, Step
from wagekit.monitor.story import Story

_PLAIN_SECONDS = 5.0
_LEVEL_STYLE = {"info": "dim", "warning": "yellow", "error": "bold red"}


class TerminalView:
    """Shows a run as it happens. A sink and a context manager.

    On a terminal one panel is redrawn eight times a second and left standing at the end; elsewhere
    there is a line for every evaluation and at least every five seconds.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()
        self.story = Story()
        self._live: Live | None = None
        self._printed = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def handle(self, event: Event) -> None:
        """Show one event."""
        self.story.handle(event)
        if isinstance(event, Log):
            self.console.print(Text(event.message, style=_LEVEL_STYLE[event.level]))
        elif isinstance(event, Fault):
            self.console.print(Text(f"fault: {event.cause} {event.message}".rstrip(), style="bold red"))
        elif self.console.is_terminal:
            self._handle_live(event)
        else:
            self._handle_plain(event)

    def close(self) -> None:
        """Leave the last picture standing."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _handle_live(self, event: Event) -> None:
        if isinstance(event, Run) and event.status == "started":
            self.close()  # the end of the run before this one may never have been told
            self._live = Live(get_renderable=self.render, console=self.console, refresh_per_second=8)
            self._live.start()
        elif isinstance(event, Run):
            self.close()

    def _handle_plain(self, event: Event) -> None:
        now = time.monotonic()
        if isinstance(event, Run) and event.status == "started":
            self.console.print(Text(headline(event)))
            self._printed = now
        elif isinstance(event, Run) and event.message:
            self.console.print(Text(f"{event.status}: {event.message}"))
        elif isinstance(event, Evaluation) or (
            isinstance(event, (Step, Learned)) and now - self._printed >= _PLAIN_SECONDS
        ):
            self.console.print(Text(plain_line(self.story)))
            self._printed = now

    def render(self) -> RenderableType:
        """The panel for the present state."""
        story, run = self.story, self.story.run
        if run is None:
            return Text("waiting for the first step", style="dim")
        if story.learned:
            parts = by_itself(story, self._inner_width())
            return self._panel(run, "learns by itself", parts)
        if run.steps == 0:
            return self._panel(run, "learns by itself", [Text("classifying the test samples", style="dim")])
        parts = [_progress(story, run, self._inner_width())]
        if story.step_count > 1:
            parts += [Text(), _charts(story, run, self._inner_width())]
        if story.step is not None and story.step.layers:
            parts += [Text(), _layers(story.step, run)]
        return self._panel(run, "learns", parts)

    def _panel(self, run: Run, what: str, parts: list[RenderableType]) -> Panel:
        title = Text.assemble((f" {run.network} ", "bold"), (f"{what} on {run.place} ", "cyan"))
        return Panel(
            Group(*parts),
            title=title,
            title_align="left",
            border_style="cyan",
            width=self._inner_width() + 4,
            padding=(0, 1),
        )

    def _inner_width(self) -> int:
        # Three columns stay free: the "^C" that a terminal echoes must not wrap and shift the picture.
        return max(min(self.console.width - 3, 100) - 4, 32)


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
            f"step {step.step + 1:>6,}",
            f"loss {recent.loss:.4f}",
            f"train {recent.accuracy:6.1%}",
        ]
    if tests:
        words.append(f"test {tests[-1].accuracy:6.1%}")
    return "  ".join(words)


def _progress(story: Story, run: Run, width: int) -> RenderableType:
    step = story.step
    done = (step.step + 1 if step else run.first_step) - run.first_step
    total = max(run.steps - run.first_step, 1)
    share = done / total
    now = story.clock()
    seconds = story.seconds if story.end else max(now - (story.started or now), 0.0)
    left = seconds / share - seconds if share > 0 else None
    grid = Table.grid(expand=False)
    grid.add_row(
        Text.assemble(
            (bar(share, width - 34), "cyan on grey23"),
            (f" {share:4.0%}", "bold"),
            f"  {clock(seconds)}",
            (f" · {clock(left)} left" if left is not None and share < 1 else "", "dim"),
        )
    )
    grid.add_row(
        Text.assemble(
            ("epoch ", "dim"),
            f"{step.epoch if step else 0:.2f}",
            ("   step ", "dim"),
            f"{done + run.first_step:,} of {run.steps:,}",
            ("   batch ", "dim"),
            f"{run.batch}",
            ("   rate ", "dim"),
            f"2^{step.log2_lr}" if step and step.log2_lr > -17 else "-",
            ("   samples/s ", "dim"),
            f"{_rate(story, seconds)}",
        )
    )
    return grid


def _charts(story: Story, run: Run, width: int) -> RenderableType:
    points = story.curve(80)
    per_epoch = run.steps_per_epoch or 1
    x_range = (run.first_step / per_epoch, max(run.steps / per_epoch, points[-1].epoch))
    recent = story.recent(max(story.step_count // 20, 8))
    tests = story.tests
    loss_title = Text.assemble(("loss ", "bold"), (f"{recent.loss:.4f}" if recent else "", "yellow"))
    accuracy_title = Text.assemble(
        ("accuracy ", "bold"),
        (f"train {recent.accuracy:.1%}" if recent else "", "green"),
        (f"   test {tests[-1].accuracy:.1%}" if tests else "", "bold magenta"),
    )
    top = max(point.loss for point in points)
    half = (width - 2) // 2
    loss = _curve(
        [(p.epoch, p.loss) for p in points],
        width=half,
        x_range=x_range,
        top=top,
        labels=(f"{top:.2f}", "0"),
        style="yellow",
    )
    accuracy = _curve(
        [(p.epoch, p.accuracy) for p in points],
        width=half,
        x_range=x_range,
        top=1.0,
        labels=("100%", "0"),
        style="green",
    )
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row(loss_title, accuracy_title)
    for left, right in zip(loss, accuracy, strict=True):
        grid.add_row(left, right)
    return grid


def _curve(
    points: list[tuple[float, float]],
    *,
    width: int,
    x_range: tuple[float, float],
    top: float,
    labels: tuple[str, str],
    style: str,
) -> list[Text]:
    """Lines of a braille curve with its axis; `labels` are those of the top and of 0."""
    lines = braille(points, width - 6, CHART_HEIGHT, x_range=x_range, y_range=(0.0, top))
    return with_axis(lines, labels, style)


def _layers(step: Step, run: Run) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("layer")
    table.add_column("error", justify="right")
    table.add_column("gradient", justify="right")
    table.add_column("saturated", justify="left")
    most = max((layer.saturated for layer in step.layers), default=0) or 1
    for index, layer in enumerate(step.layers):
        name = run.layers[index] if index < len(run.layers) else str(index)
        table.add_row(
            name,
            _power(layer.error_exponent),
            _power(layer.gradient_exponent),
            Text.assemble((bar(layer.saturated / most, 16), "blue"), f" {layer.saturated:,}"),
        )
    return table


def _power(exponent: int | None) -> str:
    return "-" if exponent is None else f"2^{exponent}"


def _rate(story: Story, seconds: float) -> str:
    return f"{story.samples_learned / seconds:,.0f}" if seconds > 0 else "-"
