"""The terminal view in a real terminal (tmux): what it draws, what its keys do, and how it leaves."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wagekit.monitor import Control, Event, Run, Step, read_events

WAGEKIT = (sys.executable, "-c", "import sys; from wagekit.cli import main; sys.exit(main())")
SECONDS = 120.0
"""Longest wait for anything; a machine that is busy is slow."""


class Pane:
    """A terminal of so many columns and lines, with a shell in it."""

    def __init__(self, server: str, width: int, height: int, folder: Path) -> None:
        self._server = server
        self.recording = folder / "run.jsonl"
        self.tmux(
            "new-session", "-d", "-s", "t", "-x", str(width), "-y", str(height), "-c", str(folder), "sh"
        )

    def tmux(self, *arguments: str) -> str:
        command = ["tmux", "-L", self._server, "-f", "/dev/null", *arguments]
        # Whoever runs the tests has a size of its own, which rich would believe.
        theirs = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=theirs)
        return done.stdout

    def run(self, *arguments: str, then: str = "stty -a > tty.txt") -> None:
        words = (*WAGEKIT, *arguments, "--events", "run.jsonl")
        self.tmux("send-keys", "-t", "t", "-l", f"clear; {shlex.join(words)}; {then}")
        self.press("Enter")

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", "-t", "t", *keys)

    def text(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", "t")

    def events(self) -> list[Event]:
        return read_events(self.recording) if self.recording.exists() else []

    def wait(self, found: Callable[[], bool]) -> None:
        end = time.monotonic() + SECONDS
        while not found():
            assert time.monotonic() < end, self.text()
            time.sleep(0.1)

    def sees(self, *words: str) -> str:
        self.wait(lambda: all(word in self.text() for word in words))
        return self.text()

    def controls(self) -> list[tuple[str, int | None, str]]:
        return [(e.action, e.value, e.source) for e in self.events() if isinstance(e, Control)]

    def steps(self) -> int:
        return sum(isinstance(event, Step) for event in self.events())


@pytest.fixture
def pane(tmp_path: Path) -> Iterator[Callable[[int, int], Pane]]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed (scripts/setup.sh dev installs it)")
    server = f"wagekit-{tmp_path.name}"

    def open_pane(width: int, height: int) -> Pane:
        return Pane(server, width, height, tmp_path)

    yield open_pane
    subprocess.run(["tmux", "-L", server, "kill-server"], capture_output=True, check=False, timeout=60)


def fits(text: str, width: int, height: int) -> bool:
    lines = text.rstrip("\n").splitlines()
    return len(lines) <= height and max(map(len, lines)) <= width


def told(terminal: Path) -> bool:
    """Whether what `stty` says of the terminal is written, and not only its file made."""
    return terminal.is_file() and terminal.read_text().endswith("\n")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50)])
def test_keys_steer_a_run(pane: Callable[[int, int], Pane], width: int, height: int, tmp_path: Path) -> None:
    here = pane(width, height)
    here.run("train", "digits-tiny", "--on", "reference", "--epochs", "500")
    shown = here.sees("loss", "accuracy", "dense3", "p pause", "left")
    assert fits(shown, width, height)
    assert any("⠀" <= letter <= "⣿" for letter in shown), "the charts are drawn"
    chart = sum(("│" in line and "┤" in line) or "⠀" in line for line in shown.splitlines())
    assert chart >= (6 if height == 24 else 12), "a larger terminal has larger charts"

    here.press("p")
    here.wait(lambda: ("pause", None, "") in here.controls())
    here.sees("paused")
    held = here.steps()
    time.sleep(1)
    assert here.steps() == held, "no step is learned while it is held"
    here.press("+")
    here.wait(lambda: ("rate", 1, "") in here.controls())
    here.sees("rate by hand +1")
    here.press("p")
    here.wait(lambda: here.steps() > held)
    rates = [event.log2_lr for event in here.events() if isinstance(event, Step)]
    assert rates[held] == rates[held - 1] + 1
    here.press("e")
    here.wait(lambda: ("evaluate", None, "") in here.controls())
    here.press("?")
    assert "double and halve the learning rate" in here.sees("classify the test samples now")
    here.press("q")
    here.wait(lambda: told(tmp_path / "tty.txt"))
    end = here.events()[-1]
    assert isinstance(end, Run)
    assert end.status == "stopped"
    after = (tmp_path / "tty.txt").read_text()
    assert " icanon" in after and " echo " in after, "the terminal is given back"


def test_keys_choose_among_devices(pane: Callable[[int, int], Pane], tmp_path: Path) -> None:
    here = pane(80, 24)
    here.run("monitor", "digits-tiny", "--on", "reference", "--on", "reference", "--epochs", "500")
    assert fits(here.sees("reference#2", "choose", "2^"), 80, 24)
    here.press("Down")
    here.press("p")
    here.wait(lambda: ("pause", None, "reference#2") in here.controls())
    here.press("Enter")
    assert fits(here.sees("learns on reference#2", "paused", "dense3"), 80, 24)
    here.press("Escape")
    here.sees("fleet", "2 devices")
    here.press("q")
    here.wait(lambda: told(tmp_path / "tty.txt"))
    ends = {event.source: event.status for event in here.events() if isinstance(event, Run)}
    assert ends == {"reference": "stopped", "reference#2": "stopped"}


@pytest.mark.parametrize("signal", ["TERM", "INT", "KILL"])
def test_the_terminal_is_usable_after_any_end(
    pane: Callable[[int, int], Pane], tmp_path: Path, signal: str
) -> None:
    here = pane(80, 24)
    here.run("train", "digits-tiny", "--on", "reference", "--epochs", "500")
    here.sees("loss", "p pause")
    (run,) = [e for e in here.events() if isinstance(e, Run)]
    found = subprocess.run(
        ["pgrep", "-f", "train digits-tiny --on reference --epochs 500 --events run.jsonl"],
        capture_output=True,
        text=True,
        check=True,
    )
    ours = [pid for pid in found.stdout.split() if Path(f"/proc/{pid}/cwd").resolve() == tmp_path]
    before = len(here.events())
    subprocess.run(["kill", f"-{signal}", *ours], check=True)
    here.wait(lambda: told(tmp_path / "tty.txt"))
    assert len(here.events()) >= before, "what was recorded stays"
    assert run.status == "started"
    if signal != "KILL":  # nobody can tidy up after that
        after = (tmp_path / "tty.txt").read_text()
        assert " icanon" in after and " echo " in after
