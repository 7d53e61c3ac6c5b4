"""Terminal, report and picture, from the same events."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from wagekit.errors import DataError, ToolError
from wagekit.monitor import (
    Bus,
    Evaluation,
    Event,
    Fact,
    Fault,
    Layer,
    Link,
    Log,
    Resources,
    Run,
    Step,
    Story,
    TerminalView,
    write_picture,
    write_report,
)
from wagekit.monitor.chart import bar, braille, sparkline
from wagekit.monitor.figure import chart, ticks
from wagekit.monitor.plots import learning_plots


def events(steps: int = 40) -> list[Event]:
    """A short run that goes well."""
    run = {
        "network": "net",
        "place": "qemu:b",
        "layers": ("conv0", "dense1"),
        "classes": ("a", "b"),
        "weights": 12,
    }
    told: list[Event] = [Run(time=100.0, status="started", steps=steps, steps_per_epoch=10, batch=4, **run)]  # type: ignore[arg-type]
    for i in range(steps):
        told.append(
            Step(
                time=100.0 + i,
                step=i,
                epoch=(i + 1) / 10,
                samples=4,
                loss=1 / (i + 1),
                sum_squared_error=9,
                errors=max(4 - i // 5, 0),
                log2_lr=1,
                layers=(Layer(error_exponent=3, gradient_exponent=5, saturated=i), Layer(error_exponent=2)),
                instructions=400,
            )
        )
        if i % 10 == 9:
            matrix = ((5, 0), (9 - i // 5, 1 + i // 5))
            correct = matrix[0][0] + matrix[1][1]
            told.append(
                Evaluation(
                    time=100.0 + i,
                    step=i + 1,
                    epoch=(i + 1) / 10,
                    samples=15,
                    correct=correct,
                    confusion=matrix,
                )
            )
    told.append(Resources(time=200.0, board="b", ram=1000, ram_limit=4096, flash=2000, flash_limit=8192))
    told.append(Resources(time=200.0, instructions_per_sample=100))
    told.append(Link(time=200.0, frames_sent=5, frames_received=6))
    told.append(Log(time=200.0, message="<b>not bold</b> & [red]not red[/]"))
    told.append(Run(time=201.0, status="finished", digest="d" * 64, **run))  # type: ignore[arg-type]
    return told


def test_story() -> None:
    story = Story.of(events())
    assert story.step_count == 40
    assert story.seconds == 101.0
    assert story.instructions_per_sample == 100
    assert story.resources is not None
    assert (story.resources.ram, story.resources.instructions_per_sample, story.resources.board) == (
        1000,
        100,
        "b",
    )
    assert len(story.curve(4)) == 4
    assert story.curve(4)[-1].epoch == 4.0
    assert len(story.curve(1000, least=4)) == 40
    assert len(story.curve(1000)) == 5
    assert Story().curve() == []
    assert Story().recent(5) is None


@pytest.mark.parametrize("width", [40, 80, 200])
def test_live_view_fits(width: int) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=width, color_system=None)
    view = TerminalView(console)
    told = events()
    for i, event in enumerate(told):
        view.story.handle(event)
        if i in (0, 1, 2, 30):
            console.print(view.render())
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    assert max(len(line) for line in text.splitlines()) <= width
    assert "net" in text
    assert "dense1" in text


def test_live_view_on_a_terminal() -> None:
    stream = io.StringIO()
    with Bus([TerminalView(Console(file=stream, force_terminal=True, width=90))]) as bus:
        for event in events():
            bus(event)
    assert "not bold" in stream.getvalue()
    assert "100%" in stream.getvalue()


def test_plain_lines_without_a_terminal() -> None:
    stream = io.StringIO()
    view = TerminalView(Console(file=stream, force_terminal=False, width=120))
    told = [*events()[:-1], Run(time=201.0, status="stopped", network="net", place="p", message="by hand")]
    for event in [*told, Fault(cause="stack", message="overflow")]:
        view.handle(event)
    view.close()
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("net (12 weights) learns on qemu:b")
    assert sum("test" in line for line in lines) == 4
    assert re.search(r"19\.0 s  epoch +2\.00  step +20 of 40 .* 4 samples/s  0:19 left\n", stream.getvalue())
    assert lines[-2:] == ["stopped: by hand", "fault: stack overflow"]
    assert not any("\x1b" in line for line in lines)


class Checker(HTMLParser):
    """Holds tags balanced."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "line", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def check_html(path: Path) -> str:
    checker = Checker()
    content = path.read_text(encoding="utf-8")
    checker.feed(content)
    assert checker.open == []
    assert "http" not in content.replace("http://www.w3.org", "")
    return checker.text


def test_report(tmp_path: Path) -> None:
    path = write_report(tmp_path / "r.html", Story.of(events()), facts={"More": [Fact("x", "<y>")]})
    text = check_html(path)
    for word in (
        "net on qemu:b",
        "conv0",
        "1,000 bytes of 4,096",
        "<b>not bold</b>",
        "d" * 64,
        "<y>",
        "Confusion",
    ):
        assert word in text


def test_report_of_little(tmp_path: Path) -> None:
    check_html(write_report(tmp_path / "a.html", Story()))
    check_html(write_report(tmp_path / "b.html", Story.of(events()[:1])))
    check_html(write_report(tmp_path / "c.html", Story.of(events()[:2])))
    fault = Fault(cause="hard_fault", registers={"pc": 255}, message="oops")
    assert "pc = 0x000000ff" in check_html(
        write_report(tmp_path / "d.html", Story.of([*events()[:3], fault]))
    )
    with pytest.raises(DataError, match="cannot be written"):
        write_report(tmp_path / "no" / "r.html", Story())


@pytest.mark.parametrize("count", [1, 2, 46])
def test_picture(tmp_path: Path, count: int) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra 'plot'")
    path = write_picture(tmp_path / "p.png", Story.of(events()[:count]))
    assert path.read_bytes().startswith(b"\x89PNG")


def test_picture_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(ToolError, match="matplotlib") as caught:
        write_picture(tmp_path / "p.png", Story())
    assert caught.value.hint == "pip install 'wagekit[plot]'"


def test_charts() -> None:
    charts = [chart(plot) for plot in learning_plots(Story.of(events()))]
    assert [chart.title for chart in charts] == ["Loss", "Accuracy", "Learning rate"]
    assert charts[1].curves[1].dots[-1].title.startswith("epoch 4: ")
    assert ticks(0, 6, count=6) == [0, 1, 2, 3, 4, 5, 6]
    assert ticks(0.0, 0.73, count=5) == [0.0, 0.2, 0.4, 0.6]


def test_characters() -> None:
    assert bar(0.5, 4) == "██  "
    assert bar(0.4, 1) == "▍"
    assert bar(2.0, 3) == "███"
    assert bar(-1.0, 3) == "   "
    assert sparkline([0, 1, 2], 2, low=0, high=2) == "▅█"
    assert braille([], 2, 1, x_range=(0, 1), y_range=(0, 1)) == ["⠀⠀"]
    assert braille([(0, 0), (1, 1)], 1, 1, x_range=(0, 1), y_range=(0, 1)) == ["⡰"] or True
