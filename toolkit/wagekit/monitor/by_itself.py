"""Learning by itself in the terminal: how many samples, how many of them right, how long still."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from wagekit.monitor.chart import CHART_HEIGHT, bar, braille, clock, with_axis
from wagekit.monitor.story import Story


def by_itself(story: Story, width: int, lines: int = CHART_HEIGHT) -> list[RenderableType]:
    """The parts of the panel, one below the other, with a curve of so many lines; there is a `learned`."""
    last = story.learned[-1]
    spent = _spent(story)
    share = last.seen / last.limit if last.limit else 0.0
    left = f" · {clock(spent / share - spent)} left" if 0 < share < 1 else ""
    known = [(bar(share, width - 34), "cyan on grey23"), (f" {share:4.0%}", "bold")]
    kept = [("   kept ", "dim"), (f"{last.stored:,}", "")] if last.stored else []
    limit = f" of {last.limit:,}" if last.limit else ""
    tests = story.tests
    return [
        Text.assemble(*(known if last.limit else []), f"  {clock(spent)}", (left, "dim")),
        Text.assemble(
            ("sample ", "dim"),
            f"{last.seen:,}{limit}",
            ("   rate ", "dim"),
            f"2^{last.log2_lr}",
            ("   samples/s ", "dim"),
            f"{last.seen / spent:,.0f}" if spent > 0 else "-",
            *kept,
        ),
        Text(),
        Text.assemble(
            ("accuracy ", "bold"),
            (f"running {last.accuracy:.1%}", "green"),
            (f"   best {last.best:.1%}" if last.best else "", "dim"),
            (f"   test {tests[-1].accuracy:.1%}" if tests else "", "bold magenta"),
        ),
        *_curve(story, width, lines),
    ]


def _curve(story: Story, width: int, height: int) -> list[Text]:
    last = story.learned[-1]
    x_range = (0.0, float(max(last.limit, last.seen, 1)))
    lines = braille(story.running, width - 6, height, x_range=x_range, y_range=(0.0, 1.0))
    return with_axis(lines, ("100%", "0"), "green")


def _spent(story: Story) -> float:
    """Seconds from the begin of learning to now, or to its end."""
    end = story.latest if story.end or story.learned[-1].end != "goes_on" else story.clock()
    return max((end or 0.0) - story.learned[0].time, 0.0)


def by_itself_line(story: Story) -> str:
    """Where it stands, in one line."""
    last = story.learned[-1]
    words = [
        f"{story.seconds:6.1f} s",
        f"sample {last.seen:>6,}" + (f" of {last.limit:,}" if last.limit else ""),
        f"running {last.accuracy:6.1%}",
        f"rate 2^{last.log2_lr}",
    ]
    spent = story.learned[-1].time - story.learned[0].time
    if last.limit and 0 < last.seen < last.limit and spent > 0:
        words.append(f"{clock(spent * (last.limit - last.seen) / last.seen)} left")
    if story.tests:
        words.append(f"test {story.tests[-1].accuracy:6.1%}")
    return "  ".join(words)
