"""The web view from the command line: where it listens, and how it ends."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from wagekit.monitor import Recorder, Run, Step


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A recording of two devices."""
    recorder = Recorder(tmp_path / "two.jsonl")
    for source in ("left", "right"):
        recorder.handle(Run(status="started", network="net", place="host", steps=3, source=source))
        for number in range(3):
            recorder.handle(
                Step(
                    source=source,
                    step=number,
                    epoch=0.1,
                    samples=1,
                    loss=1.0,
                    sum_squared_error=1,
                    errors=0,
                    log2_lr=0,
                )
            )
    recorder.close()
    return tmp_path / "two.jsonl"


@contextmanager
def opened(*arguments: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A command with a web view, and its port."""
    command = [sys.executable, "-m", "wagekit", *arguments, "--web", "--web-port", "0"]
    streams: dict[str, Any] = {"stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL, "text": True}
    # Whoever runs the tests in the background may have Ctrl-C ignored, and children inherit that.
    streams["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, cwd=folder, **streams) as process:
        assert process.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", process.stderr.readline())
        assert found
        try:
            yield process, int(found[1])
        finally:
            process.kill()


def changes(port: int) -> Iterator[dict[str, Any]]:
    """What a page is told, to its end."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    line.request("GET", "/events")
    name = ""
    for text in line.getresponse():
        if text.startswith(b"event: "):
            name = text.decode().removeprefix("event: ").strip()
        elif text.startswith(b"data: ") and name == "change":
            yield json.loads(text.decode().removeprefix("data: "))


def ask(port: int, source: str, action: str) -> int:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    body = json.dumps({"source": source, "action": action})
    line.request("POST", "/control", body, {"content-type": "application/json"})
    return line.getresponse().status


def test_replay_shows_several_devices_until_ctrl_c(two: Path) -> None:
    with opened("replay", str(two), "--speed", "max", folder=two.parent) as (process, port):
        assert process.stderr is not None
        assert "all 8 events are told" in process.stderr.readline()
        told = changes(port)
        first = [next(told) for _ in range(2)]
        assert [(body["source"], body["steps"], body["controlled"]) for body in first] == [
            ("left", 3, False),
            ("right", 3, False),
        ]
        assert ask(port, "left", "pause") == 409
        process.send_signal(signal.SIGINT)
        assert list(told) == [], "nothing more came, and the stream ended"
        assert process.wait(120) == 0


def test_several_places_are_steered_one_by_one(tmp_path: Path) -> None:
    arguments = ("monitor", "digits-tiny", "--on", "reference", "--on", "host", "--epochs", "3000")
    with opened(*arguments, folder=tmp_path) as (process, port):
        told = changes(port)
        paused, steps = False, 0
        for body in told:
            assert body["source"] in ("reference", "host")
            if body["source"] == "reference" and body["steps"] and not paused:
                assert ask(port, "reference", "pause") == 202
                paused = True
            if body["source"] == "reference" and body["paused"]:
                assert body["controls"]["rows"][-1][1:] == ["pause", None, "web"]
                break
        for body in told:
            assert body["source"] == "host" or body["paused"]
            if body["source"] == "host" and body["steps"] > steps + 5 and not body["paused"]:
                if steps:
                    break  # the other one goes on
                steps = body["steps"]
        assert ask(port, "nobody", "pause") == 404
        process.send_signal(signal.SIGINT)
        ends = {body["source"]: body["end"]["status"] for body in told if body.get("end")}
        assert ends == {"reference": "stopped", "host": "stopped"}
        assert process.wait(120) == 130


def test_a_port_in_use_is_said_before_anything_is_run(cli: Callable, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = cli("train", "digits-tiny", "--steps", "1", "--web", "--web-port", port, "--out", "m")
    result.refused(2, f"--web-port {port}: cannot listen at 127.0.0.1")
    assert "--web-port 0" in result.err


@pytest.mark.parametrize("option", [("--host", "0.0.0.0"), ("--web-port", "0"), ("--token", "x" * 20)])
def test_options_of_the_web_view_need_it(cli: Callable, two: Path, option: tuple[str, str]) -> None:
    result = cli("replay", two, *option)
    result.refused(2, f"{option[0]} is of the web view")
    assert "add --web" in result.err
