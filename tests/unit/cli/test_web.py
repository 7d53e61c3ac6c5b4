"""The web view from the command line: where it listens, and how it ends."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

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


def test_replay_shows_several_devices_until_ctrl_c(two: Path) -> None:
    command = (
        sys.executable,
        "-m",
        "wagekit",
        "replay",
        str(two),
        "--speed",
        "max",
        "--web",
        "--web-port",
        "0",
    )
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", process.stderr.readline())
        assert found
        assert "all 8 events are told" in process.stderr.readline()
        line = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=60)
        line.request("GET", "/events")
        answer = line.getresponse()
        lines = [answer.readline().decode() for _ in range(9)]
        bodies = [json.loads(text.removeprefix("data: ")) for text in lines if text.startswith("data: ")]
        assert [(body["source"], body["steps"], body["controlled"]) for body in bodies[1:]] == [
            ("left", 3, False),
            ("right", 3, False),
        ]
        process.send_signal(signal.SIGINT)
        assert "event: bye" in answer.read().decode()
        assert process.wait(60) == 0


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
