"""Parts of the terminal view, made of a story: they take the room that there is, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from wagekit.monitor.by_itself import by_itself
from wagekit.monitor.chart import bar, braille, clock, with_axis
from wagekit.monitor.events import LayerHealth, Learned, Run, Step
from wagekit.monitor.shares import LIMITS, Level, shares_of
from wagekit.monitor.story import Story

NARROW = 32
"""Columns that a panel has at least, inside."""
CHART_LINES = (4, 20)
"""A chart has at least and at most so many lines."""
SILENT = 10.0
"""Seconds without any event after which a run is said to be silent."""
LEVEL_STYLE: dict[str, str] = {"info": "dim", "warning": "yellow", "error": "bold red"}
_STYLE: dict[Level, str] = {"fine": "green", "watch": "yellow", "trouble": "bold red"}
_SIGN: dict[Level, str] = {"fine": "", "watch": "~", "trouble": "!"}
"""Behind a number, so that it is judged without colour too."""


@dataclass(frozen=True, slots=True)
class Room:
    """Columns and lines that a view may take."""

    width: int
    height: int

    @property
    def inner(self) -> int:
        """Columns inside the panel. Three stay free: a "^C" that a terminal echoes must not wrap."""
        return max(self.width - 3 - 4, NARROW)


def run_panel(story: Story, room: Room, footer: Sequence[Text] = (), source: str = "") -> RenderableType:
    """All of one run; `footer` are lines at its end, `source` which of several devices it is."""
    run = story.run
    if run is None:
        return Group(Text("waiting for the first step", style="dim"), *footer)
    itself = bool(story.learned) or run.steps == 0
    head = _head_by_itself(story, room) if itself else [_progress(story, run, room.inner)]
    head.append(_state(story, room.inner))
    layers = _layers(story, run, room)
    logs = _logs(story, room)
    used = 2 + len(head) + (0 if itself else 1) + _lines(layers) + len(logs) + len(footer)
    lines = max(min(room.height - used - 4, CHART_LINES[1]), CHART_LINES[0])
    parts: list[RenderableType] = [*head]
    if itself and story.learned:
        parts += [Text(), *by_itself(story, room.inner, lines)[3:]]
    elif story.step_count > 1:
        parts += [Text(), _charts(story, run, room.inner, lines)]
    if layers is not None:
        parts += [Text(), layers]
    parts += [*logs, *footer]
    what = "learns by itself" if itself else "learns"
    return framed(parts, run.network, f"{what} on {source or run.place}", room)


def framed(parts: Sequence[RenderableType], title: str, more: str, room: Room) -> Panel:
    """A panel of the room's width."""
    return Panel(
        Group(*parts),
        title=Text.assemble((f" {title} ", "bold"), (f"{more} ", "cyan")),
        title_align="left",
        border_style="cyan",
        width=room.inner + 4,
        padding=(0, 1),
    )


def status_of(story: Story) -> tuple[str, str]:
    """How a run stands, in a word, and the style of the word."""
    if story.run is None:
        return "waits", "dim"
    if story.end is not None:
        style = {"finished": "green", "stopped": "yellow", "failed": "bold red"}
        return story.end.status, style[story.end.status]
    if story.paused:
        return "paused", "bold yellow"
    if silence_of(story) > SILENT:
        return "silent", "yellow"
    return "learns", "green"


def silence_of(story: Story) -> float:
    """Seconds since the latest event."""
    return max(story.clock() - story.latest, 0.0) if story.latest is not None else 0.0


def link_text(story: Story) -> Text:
    """State of the link, and what it counted."""
    link = story.link
    if link is None:
        return Text("", style="dim")
    words = f"{link.frames_sent:,} sent, {link.resent:,} again, {link.bad_frames:,} bad"
    latency = f", {1000 * link.latency:.1f} ms" if link.latency is not None else ""
    waits = f", waits {link.waiting:.0%}" if link.waiting is not None else ""
    hurt = link.resent + link.bad_frames + link.overruns
    return Text(words + latency + waits, style="green" if hurt * 1000 <= link.frames_sent else "yellow")


def seconds_of(story: Story) -> float:
    """Since the run began, or how long it was."""
    now = story.clock()
    return story.seconds if story.end else max(now - (story.started or now) - story.away, 0.0)


def share_of(story: Story) -> float | None:
    """How far it is, 0..1; None where there is no end to be seen."""
    run = story.run
    if story.learned:
        last = story.learned[-1]
        return last.seen / last.limit if last.limit else None
    if run is None or not run.steps:
        return None
    done = (story.step.step + 1 if story.step else run.first_step) - run.first_step
    return done / max(run.steps - run.first_step, 1)


def left_of(story: Story, seconds: float) -> str:
    """How long still, if it goes on as in the `seconds` until now; empty where that is not known."""
    share = share_of(story) or 0.0
    return f"{clock(seconds / share - seconds)} left" if 0 < share < 1 else ""


def speed_of(story: Story) -> str:
    """Samples a second, over the whole run."""
    seconds = seconds_of(story)
    return f"{story.samples_learned / seconds:,.0f}" if seconds > 0 else "-"


def _head_by_itself(story: Story, room: Room) -> list[RenderableType]:
    if not story.learned:
        return [Text("classifying the test samples", style="dim")]
    return by_itself(story, room.inner, CHART_LINES[0])[:2]


def _progress(story: Story, run: Run, width: int) -> RenderableType:
    step = story.step
    done = (step.step + 1 if step else run.first_step) - run.first_step
    share = share_of(story) or 0.0
    seconds = seconds_of(story)
    grid = Table.grid(expand=False)
    grid.add_row(
        Text.assemble(
            (bar(share, width - 34), "cyan on grey23"),
            (f" {share:4.0%}", "bold"),
            f"  {clock(seconds)}",
            (f" · {left}" if (left := left_of(story, seconds)) else "", "dim"),
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
            speed_of(story),
        )
    )
    return grid


def _state(story: Story, width: int) -> Text:
    word, style = status_of(story)
    offset = story.rate_offset
    text = Text.assemble(
        (word, style),
        (f"   rate by hand {offset:+d}" if offset else "", "yellow"),
        ("   link " if story.link else "", "dim"),
        link_text(story),
    )
    text.truncate(width, overflow="ellipsis")
    return text


def _charts(story: Story, run: Run, width: int, lines: int) -> RenderableType:
    half = (width - 2) // 2
    points = story.curve(max(2 * (half - 6), 8))
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
    loss = braille([(p.epoch, p.loss) for p in points], half - 6, lines, x_range=x_range, y_range=(0.0, top))
    accuracy = braille(
        [(p.epoch, p.accuracy) for p in points], half - 6, lines, x_range=x_range, y_range=(0.0, 1.0)
    )
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row(loss_title, accuracy_title)
    for left, right in zip(
        with_axis(loss, (f"{top:.2f}", "0"), "yellow"),
        with_axis(accuracy, ("100%", "0"), "green"),
        strict=True,
    ):
        grid.add_row(left, right)
    return grid


def _layers(story: Story, run: Run, room: Room) -> Table | None:
    """A line for each layer: its health where that was counted, else what the steps tell."""
    latest = story.health[-1].layers if story.health else ()
    step = story.step
    if not latest and (step is None or not step.layers):
        return None
    wide = room.inner >= 70
    table = Table(box=None, padding=(0, 2 if room.inner >= 90 else 1, 0, 0), header_style="dim")
    table.add_column("layer", no_wrap=True)
    columns = _health_columns(wide) if latest else _step_columns()
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    count = len(latest) or len(step.layers if step else ())
    shown = min(count, max(room.height - 18, 3))
    for index in range(shown):
        name = run.layers[index] if index < len(run.layers) else str(index)
        cells = _health_cells(latest[index], wide) if latest else _step_cells(step, index)
        table.add_row(Text(name[:16]), *cells)
    if shown < count:
        table.add_row(Text(f"{count - shown} more", style="dim"))
    return table


def _health_columns(wide: bool) -> list[str]:
    names = ["satur.", "err 0", "up", "down", "same", "clipped"]
    return [*names, "density", "flips", "grad"] if wide else names


def _health_cells(layer: LayerHealth, wide: bool) -> list[Text]:
    shares = shares_of(layer)
    names = ["saturated", "zero_errors", "plus", "minus", "unchanged", "clipped"]
    if wide:
        names += ["density", "flipped"]
    cells = [_judged(name, shares.get(name)) for name in names]
    return [*cells, Text(_power(layer.gradient_exponent))] if wide else cells


def _judged(name: str, share: float | None) -> Text:
    """A share in per cent, with the colour and the sign of what to think of it."""
    if share is None:
        return Text("-", style="dim")
    shown = f"{100 * share:.1f}" if share < 0.9995 else "100"
    if name not in LIMITS:
        return Text(f"{shown} ")
    level = LIMITS[name].level(share)
    return Text(f"{shown}{_SIGN[level] or ' '}", style=_STYLE[level])


def _step_columns() -> list[str]:
    return ["error", "gradient", "saturated"]


def _step_cells(step: Step | None, index: int) -> list[Text]:
    assert step is not None
    layer = step.layers[index]
    return [
        Text(_power(layer.error_exponent)),
        Text(_power(layer.gradient_exponent)),
        Text(f"{layer.saturated:,}"),
    ]


def _power(exponent: int | None) -> str:
    return "-" if exponent is None else f"2^{exponent}"


def _logs(story: Story, room: Room) -> list[Text]:
    """The latest log lines: one where there is little room."""
    count = 1 if room.height < 32 else 4
    lines = []
    for log in list(story.logs)[-count:]:
        text = Text(" ".join(log.message.split()), style=LEVEL_STYLE[log.level])
        text.truncate(room.inner, overflow="ellipsis")
        lines.append(text)
    return lines


def _lines(table: Table | None) -> int:
    return 0 if table is None else table.row_count + 2


def keys_line(hints: Sequence[tuple[str, str]], notice: str, width: int) -> Text:
    """What the keys do, or what was asked for last."""
    text = Text()
    for key, what in hints:
        text.append(f"{key} ", style="bold")
        text.append(f"{what}  ", style="dim")
    if notice:
        text.append(f" {notice}", style="cyan")
    text.truncate(width, overflow="ellipsis")
    return text


def fleet_panel(
    stories: Sequence[tuple[str, Story]], chosen: int, room: Room, footer: Sequence[Text] = ()
) -> RenderableType:
    """A line for each device; `chosen` is the number of the one that is marked."""
    wide = room.inner >= 110
    table = Table(box=None, padding=(0, 2 if wide else 1, 0, 0), header_style="dim")
    for name in ("", "device", "", "far", "step", "accuracy", "test", "rate", "samples/s"):
        table.add_column(name, justify="left" if name in ("", "device") else "right", no_wrap=True)
    table.add_column("link", no_wrap=True, overflow="ellipsis")
    count = min(len(stories), max(room.height - 7 - len(footer), 1))
    first = min(max(chosen - count + 1, 0), len(stories) - count)
    for number in range(first, first + count):
        source, story = stories[number]
        table.add_row(*_fleet_row(source, story, number == chosen, wide))
    logs = _fleet_logs(stories, room, room.height - 5 - count - len(footer))
    return framed([table, *logs, *footer], "fleet", f"{len(stories)} devices", room)


def _fleet_row(source: str, story: Story, marked: bool, wide: bool) -> list[Text]:
    word, style = status_of(story)
    share = share_of(story)
    last: Learned | Step | None = story.learned[-1] if story.learned else story.step
    if isinstance(last, Learned):
        steps, accuracy, rate = last.step, last.accuracy, last.log2_lr
    else:
        recent = story.recent(64)
        steps = last.step + 1 if last else 0
        accuracy, rate = recent.accuracy if recent else 0.0, last.log2_lr if last else 0
    tests = story.tests
    offset = f" ({story.rate_offset:+d})" if story.rate_offset else ""
    link = link_text(story)
    if not wide and story.link is not None:
        link = Text(f"{story.link.resent:,}/{story.link.bad_frames:,}", style=link.style)
    return [
        Text("▸" if marked else " ", style="bold cyan"),
        Text(source if wide else _short(source), style="bold" if marked else ""),
        Text(word, style=style),
        Text("-" if share is None else f"{share:.0%}"),
        Text(f"{steps:,}"),
        Text(f"{accuracy:.1%}" if last else "-", style="green"),
        Text(f"{tests[-1].accuracy:.1%}" if tests else "-", style="magenta"),
        Text(f"2^{rate}{offset}" if last else "-"),
        Text(speed_of(story)),
        link,
    ]


def _short(source: str) -> str:
    return source if len(source) <= 18 else f"{source[:8]}…{source[-9:]}"


def _fleet_logs(stories: Sequence[tuple[str, Story]], room: Room, lines: int) -> list[Text]:
    """The latest log lines of all devices, as far as there is room."""
    all_of_them = sorted(
        ((log.time, source, log) for source, story in stories for log in list(story.logs)[-4:]),
        key=lambda entry: entry[0],
    )
    found = []
    for _, source, log in all_of_them[-max(min(lines, 8), 1) :]:
        text = Text(f"{source}: " if source else "", style="dim")
        text.append(" ".join(log.message.split()), style=LEVEL_STYLE[log.level])
        text.truncate(room.inner, overflow="ellipsis")
        found.append(text)
    return found
