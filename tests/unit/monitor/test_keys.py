"""Keys of a terminal: read one by one, turned into commands, and the terminal given back as it was."""

from __future__ import annotations

import io
import os
import pty
import termios
import threading
from collections.abc import Iterator

import pytest
from rich.console import Console

from tests.unit.monitor.test_screen import healthy
from tests.unit.monitor.test_views import events
from wagekit.monitor import Command, Control, Controls, FleetView, Log, Run, Story, TerminalView
from wagekit.monitor import keys as keys_module
from wagekit.monitor.keys import Keys, names_of
from wagekit.monitor.steering import Steering


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"p", ["p"]),
        (b"pq+", ["p", "q", "+"]),
        (b"\x1b[A", ["up"]),
        (b"\x1bOB", ["down"]),
        (b"\x1b", ["esc"]),
        (b"\r", ["enter"]),
        (b"\x1b[A\x1b[Bj", ["up", "down", "j"]),
        (b"\x1b[15~", []),
        (b"\x00\xff\x7f", []),
        (b"", []),
    ],
)
def test_names(data: bytes, names: list[str]) -> None:
    assert names_of(data) == names


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, io.TextIOBase]]:
    """A pseudo terminal whose foreground we are said to be: its keyboard, and the stream."""
    keyboard, line = pty.openpty()
    monkeypatch.setattr(keys_module.os, "tcgetpgrp", lambda _: os.getpgrp())
    with os.fdopen(line, "r") as stream:
        yield keyboard, stream
    os.close(keyboard)


def test_the_terminal_is_given_back(terminal: tuple[int, io.TextIOBase]) -> None:
    keyboard, stream = terminal
    before = termios.tcgetattr(stream.fileno())
    pressed: list[str] = []
    came = threading.Event()

    def press(name: str) -> None:
        pressed.append(name)
        if name == "q":
            came.set()

    keys = Keys(press, stream)  # type: ignore[arg-type]
    assert keys.works
    os.write(keyboard, b"p\x1b[A")
    os.write(keyboard, b"q")
    assert came.wait(20)
    assert not termios.tcgetattr(stream.fileno())[3] & (termios.ICANON | termios.ECHO)
    keys.close()
    keys.close()
    assert pressed == ["p", "up", "q"]
    assert termios.tcgetattr(stream.fileno()) == before


def test_no_keys_without_a_terminal() -> None:
    for stream in (io.StringIO(), open(os.devnull)):  # noqa: SIM115, PTH123
        keys = Keys(lambda _: None, stream)
        assert not keys.works
        assert keys.why == "the input is no terminal"
        keys.close()
        stream.close()


def test_no_keys_without_termios(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "termios", None)
    assert Keys(lambda _: None).why == "this system has no termios"


def test_what_is_asked() -> None:
    controls, story = Controls(), Story()
    steering = Steering({"a": controls})
    for key in "p+-+ecpq":
        assert steering.press(key, "a", story)
    assert not steering.press("z", "a", story)
    asked = [(command.action, command.value) for command in controls.take()]
    assert asked == [
        ("pause", None),
        ("rate", 1),
        ("rate", 0),
        ("rate", 1),
        ("evaluate", None),
        ("checkpoint", None),
        ("resume", None),
        ("stop", None),
    ]
    assert steering.notice == "asked: stop"
    story.handle(Control(action="rate", value=-3))
    steering.told("a")
    assert steering.notice == ""
    steering.press("-", "a", story)
    assert controls.take() == [Command("rate", -4, "terminal")]
    steering.press("p", "b", story)
    assert steering.notice == "this run takes no commands"
    for _ in range(70):
        steering.press("e", "a", story)
    assert "does not follow" in steering.notice


def frame(view: TerminalView | FleetView, width: int, height: int, **console: object) -> list[str]:
    stream = io.StringIO()
    shown = Console(file=stream, force_terminal=True, width=width, height=height, **console)  # type: ignore[arg-type]
    view.console = shown
    shown.print(view.render())
    return stream.getvalue().splitlines()


def silent() -> Console:
    return Console(file=io.StringIO(), force_terminal=False)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50), (40, 16)])
@pytest.mark.parametrize("layers", [2, 12])
def test_one_run_fits(width: int, height: int, layers: int) -> None:
    view = TerminalView(silent(), {"": Controls()})
    for event in healthy(layers):
        view.story.handle(event)
    lines = frame(view, width, height, no_color=True, color_system=None)
    assert max(map(len, lines)) <= width
    if height >= 24:
        assert len(lines) < height
    view.press("?")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50)])
@pytest.mark.parametrize("devices", [1, 3, 40])
def test_a_fleet_fits_and_is_steered(width: int, height: int, devices: int) -> None:
    names = [f"qemu:mps2-an386#{number}" for number in range(devices)]
    controls = {name: Controls() for name in names}
    view = FleetView(silent(), controls)
    view.expect(names)
    assert "waits" in "".join(frame(view, width, height, color_system=None))
    for name in reversed(names):
        for event in events(12):
            object.__setattr__(event, "source", name)
            view.stories.handle(event)
    lines = frame(view, width, height, color_system=None)
    assert max(map(len, lines)) <= width
    assert len(lines) < height
    for _ in range(devices + 3):
        view.press("down")
    view.press("p")
    assert [command.action for command in controls[names[-1]].take()] == ["pause"]
    last = names[-1] if width > 100 else names[-1][-9:]
    assert any("▸" in line and last in line for line in frame(view, width, height, color_system=None))
    view.press("enter")
    close = frame(view, width, height, color_system=None)
    assert names[-1] in close[0]
    assert any("loss" in line for line in close)
    view.press("q")
    assert [command.action for command in controls[names[-1]].take()] == ["stop"]
    assert not controls[names[0]].waiting or devices == 1
    view.press("esc")
    view.press("q")
    assert all(each.waiting for each in controls.values())


def test_plain_lines_of_a_fleet() -> None:
    stream = io.StringIO()
    view = FleetView(Console(file=stream, force_terminal=False, width=100), {})
    for name in ("a", "b"):
        failed = Run(status="failed", network="n", place="p", message="x")
        for event in [*events(12), Log(message="lost"), failed]:
            object.__setattr__(event, "source", name)
            view.handle(event)
    view.close()
    lines = stream.getvalue().splitlines()
    assert "a: started" in lines
    assert "b: lost" in lines
    assert "b: failed: x" in lines
    assert not any("\x1b" in line for line in lines)
