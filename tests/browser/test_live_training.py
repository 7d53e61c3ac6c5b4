"""A real browser drives the web view while a chip in QEMU learns."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.browser.chromium import resize
from tests.browser.conftest import OpenBrowser
from tests.browser.pages import Keys, Page
from wagekit.monitor import Control, Event, Run, Step, read_events


class Training:
    """`wagekit run ... --web`, as a user starts it."""

    def __init__(self, folder: Path) -> None:
        self.recording = folder / "run.jsonl"
        command = [sys.executable, "-m", "wagekit", "run", "digits-tiny", "--on", "qemu:mps2-an386"]
        options = ["--epochs", "2000", "--schedule", "0", "--web", "--web-port", "0", "--health", "8"]
        options += ["--test-limit", "80"]
        files = ["--events", str(self.recording), "--out", str(folder / "tiny.safetensors")]
        self.process = subprocess.Popen(
            [*command, *options, *files],
            cwd=folder,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stderr is not None
        self.errors: IO[str] = self.process.stderr
        found = re.search(r"http://127\.0\.0\.1:\d+/", self.errors.readline())
        assert found, self.errors.read()
        self.url = found[0]

    def events(self) -> list[Event]:
        return read_events(self.recording)


@pytest.fixture
def training(qemu: str, tmp_path: Path, open_browser: OpenBrowser) -> Iterator[Training]:
    """Asks for a browser first, because without one there is nothing to start."""
    started = Training(tmp_path)
    yield started
    if started.process.poll() is None:
        started.process.kill()
    started.process.communicate(timeout=60)


def kill_browser(page: Page) -> None:
    """Kill the browser and all its processes, as a crash would."""
    driver = page.browser.service.process
    assert driver is not None
    for child in Path(f"/proc/{driver.pid}/task/{driver.pid}/children").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGKILL)


@pytest.mark.timeout(900)
def test_a_chip_learns_in_the_browser(training: Training, open_browser: OpenBrowser, tmp_path: Path) -> None:
    page = Page(open_browser(), training.url)

    # Curves grow.
    first = page.wait_steps(20)
    page.wait("document.querySelectorAll('#p-loss canvas, #p-accuracy canvas').length === 2")
    assert page.wait_steps(first) > first
    assert page.text("#run-name") == "digits-tiny" and page.text("#run-state") == "learns"
    assert "qemu:mps2-an386" in page.text("#run-facts")
    assert page.drawn("#p-loss canvas") > 500 and page.drawn("#p-accuracy canvas") > 500
    page.wait("document.querySelectorAll('table.confusion td.right').length === 10")
    page.wait("document.querySelectorAll('#layers tbody tr').length >= 2")
    page.wait("document.getElementById('sample').width === 8")
    assert page.drawn("#sample") == 64

    # Pause: the steps stop.
    page.press("p")
    page.wait_text("#run-state", "paused")
    held = page.steps()
    time.sleep(1.5)
    assert page.steps() == held
    page.wait("document.querySelector('[data-do=pause]').innerText.includes('Go on')")

    # The rate, twice up and once down.
    page.press("+", "+", "-")
    page.wait_text("#rate", "(+1)")
    page.wait_text("#log", "rate changed to 2¹ times the schedule's (by web)")

    # Who comes late sees the whole history.
    late = Page(open_browser(390, 800, dark=True), training.url)
    assert late.wait_steps(held - 1) == held
    late.wait_text("#run-state", "paused")
    curve = "{0}.curve"
    assert late.js(curve.format(late.source())) == page.js(curve.format(page.source()))
    assert late.js(f"{late.source()}.curve[0][0]") == 1
    assert late.js("document.documentElement.scrollWidth") == 390, "nothing sticks out on a phone"
    assert late.problems() == []

    # A browser that is killed harms nothing.
    kill_browser(late)
    page.press("p")
    page.wait_text("#run-state", "learns")
    page.wait_steps(held + 20)

    # Evaluate, look, and stop.
    tests = page.js(f"{page.source()}.tests.length")
    page.press("e")
    page.wait(f"{page.source()}.tests.length > {tests}")
    for name, width in (("wide", 1440), ("narrow", 600)):
        resize(page.browser, width, 900)
        assert page.browser.save_screenshot(str(tmp_path / f"{name}.png"))
        assert (tmp_path / f"{name}.png").stat().st_size > 20_000
    page.press("q")
    page.wait("document.getElementById('ask-stop').open")
    page.press(Keys.ESCAPE)
    page.wait("!document.getElementById('ask-stop').open")
    assert training.process.poll() is None, "escape does not stop it"
    page.press("q")
    page.wait("document.getElementById('ask-stop').open")
    page.press(Keys.TAB, Keys.ENTER)
    page.wait_text("#run-state", "stopped")
    page.wait_text("#connection", "the monitor has ended")
    assert page.problems() == [] or all("net::ERR_CONNECTION_REFUSED" in line for line in page.problems())

    # What was done is recorded, and took effect.
    assert training.process.wait(60) == 130
    events = training.events()
    assert isinstance(events[-1], Run) and events[-1].status == "stopped"
    controls = [event for event in events if isinstance(event, Control)]
    assert [(c.action, c.value, c.by) for c in controls] == [
        ("pause", None, "web"),
        ("rate", 1, "web"),
        ("rate", 2, "web"),
        ("rate", 1, "web"),
        ("resume", None, "web"),
        ("evaluate", None, "web"),
        ("stop", None, "web"),
    ]
    steps = [event for event in events if isinstance(event, Step)]
    assert {step.log2_lr for step in steps if step.step < held} == {0}
    assert {step.log2_lr for step in steps if step.step >= held} == {1}
