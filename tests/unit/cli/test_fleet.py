"""`wagekit monitor`: several places by one plan, mistakes, bad lines, and floods of events."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from wagekit.cli.fleet import sources_of
from wagekit.errors import UsageError
from wagekit.link import session
from wagekit.link.framing import Frame
from wagekit.monitor import Bus, Event, FleetView, Recorder, Run, Step, Stories, read_events
from wagekit.monitor.curve import KEPT
from wagekit.monitor.story import LATEST_STEPS

FEW = ("--steps", "12", "--test-limit", "20")


def test_every_place_has_a_name_of_its_own() -> None:
    assert sources_of(["host", "qemu:b", "host", "qemu:b", "serial:/dev/x"]) == [
        "host",
        "qemu:b",
        "host#2",
        "qemu:b#2",
        "serial:/dev/x",
    ]


@pytest.mark.parametrize("place", ["qemu", "here", "host:x", "serial:", ""])
def test_what_is_no_place(place: str) -> None:
    with pytest.raises(UsageError, match="cannot learn on"):
        sources_of([place])


def test_a_port_has_one_device() -> None:
    with pytest.raises(UsageError, match="named twice"):
        sources_of(["serial:/dev/x", "serial:/dev/x"])


def test_all_learn_the_same(cli: Callable, tmp_path: Path) -> None:
    places = ("--on", "reference", "--on", "reference")
    outcome = cli("monitor", "digits-tiny", *places, *FEW, "--events", "e.jsonl", "--out", "models", "--json")
    assert outcome.code == 0, outcome.err
    first, second = json.loads(outcome.out)
    assert (first["source"], second["source"]) == ("reference", "reference#2")
    assert first["digest"] == second["digest"] != ""
    assert first["step"] == second["step"] == 12
    assert first["error"] is None
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [
        "reference-2.safetensors",
        "reference.safetensors",
    ]
    counted = Counter(event.source for event in read_events(tmp_path / "e.jsonl"))
    assert counted == {entry["source"]: entry["events"] for entry in (first, second)}


def test_it_learns_what_run_learns(cli: Callable) -> None:
    alone = cli("train", "digits-tiny", "--on", "reference", *FEW, "--json")
    fleet = cli("monitor", "digits-tiny", "--on", "reference", *FEW, "--json")
    assert json.loads(fleet.out)[0]["digest"] == json.loads(alone.out)["digest"]


def test_by_itself_it_learns_what_learn_learns(cli: Callable) -> None:
    few = ("--samples", "30", "--train-limit", "20", "--test-limit", "10")
    alone = cli("learn", "digits-tiny", "--on", "reference", *few, "--json")
    fleet = cli("monitor", "digits-tiny", "--on", "reference", "--by-itself", *few, "--json")
    assert json.loads(fleet.out)[0]["digest"] == json.loads(alone.out)["digest"]


def test_mistakes(cli: Callable, tmp_path: Path) -> None:
    cli("monitor", "digits-tiny").refused(2, "nothing to watch")
    cli("monitor", "digits-tiny", "--on", "moon").refused(2, "cannot learn on 'moon'")
    cli("monitor", "digits-tiny", "--on", "host", "--data", "-").refused(2, "one stdin")
    (tmp_path / "e.jsonl").write_text("")
    cli("monitor", "digits-tiny", "--on", "host", "--events", "e.jsonl").refused(2, "e.jsonl")


def answering(reply: Callable[[], bytes]) -> Iterator[str]:
    """A line on which `reply` comes again and again, whatever is sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    try:
                        while not done.is_set():
                            connection.sendall(reply())
                            time.sleep(0.01)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"serial:socket://127.0.0.1:{server.getsockname()[1]}"
        done.set()


@pytest.fixture
def garbage() -> Iterator[str]:
    yield from answering(lambda: os.urandom(200))


@pytest.fixture
def newer() -> Iterator[str]:
    yield from answering(lambda: b"\0" + Frame(0x41, 1, 1, b"", version=9).encode())


def test_garbage_on_a_port_is_told_and_disturbs_nobody(
    cli: Callable, garbage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "Timing", partial(session.Timing, hello=2.0))
    places = ("--on", garbage, "--on", "reference")
    outcome = cli("monitor", "digits-tiny", *places, *FEW, "--retry", "0", "--json")
    assert outcome.code == 7
    line, reference = json.loads(outcome.out)
    assert "no device answered" in line["error"]
    assert reference["finished"]
    assert "damaged frames arrived" in outcome.err


def test_a_firmware_of_another_version_is_named(cli: Callable, newer: str) -> None:
    outcome = cli("monitor", "digits-tiny", "--on", newer, *FEW, "--retry", "0")
    assert outcome.code == 7
    assert "speaks version 9 of the link protocol" in outcome.err
    assert "build and flash the firmware again" in outcome.err


def flood(emit: Callable[[Event], None], count: int) -> None:
    emit(Run(status="started", network="n", place="p", steps=count, steps_per_epoch=100))
    for number in range(count):
        step = Step(
            step=number, epoch=number / 100, samples=1, loss=0.5, sum_squared_error=1, errors=0, log2_lr=0
        )
        emit(step)


def test_floods_are_recorded_whole_and_shown_bounded(tmp_path: Path) -> None:
    """Ten thousand events of each of three sources, as fast as they can be told."""
    view = FleetView(Console(file=io.StringIO(), force_terminal=True, width=80, height=24))
    stories = Stories()
    count = 10_000
    with Bus([view, stories, Recorder(tmp_path / "e.jsonl")]) as bus:
        threads = [threading.Thread(target=flood, args=(bus.of(name), count)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    told = read_events(tmp_path / "e.jsonl")
    assert Counter(event.source for event in told) == dict.fromkeys("abc", count + 1)
    for name in "abc":
        steps = [event.step for event in told if isinstance(event, Step) and event.source == name]
        assert steps == list(range(count)), "in their order"
        story = view.stories[name]
        assert story.step_count == count
        assert len(story.latest_steps) == LATEST_STEPS
        assert len(story.curve_of_steps.entries) <= KEPT


def test_a_slow_sink_makes_who_tells_wait(tmp_path: Path) -> None:
    class Slow:
        waiting = most = taken = 0

        def handle(self, event: Event) -> None:
            Slow.waiting += 1
            Slow.most = max(Slow.most, Slow.waiting)
            time.sleep(0.001)
            Slow.taken += 1
            Slow.waiting -= 1

        def close(self) -> None:
            pass

    with Bus([Recorder(tmp_path / "e.jsonl"), Slow()]) as bus:
        threads = [threading.Thread(target=flood, args=(bus.of(name), 150)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert Slow.taken == len(read_events(tmp_path / "e.jsonl")) == 453
    assert Slow.most == 1, "nothing piles up"


def test_a_killed_monitor_leaves_all_that_it_told(tmp_path: Path) -> None:
    program = "import sys; from wagekit.cli import main; sys.exit(main())"
    arguments = ("monitor", "digits-tiny", "--on", "reference", "--on", "reference", "--epochs", "500")
    command = [sys.executable, "-c", program, *arguments, "--events", "e.jsonl"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    recording = tmp_path / "e.jsonl"
    try:
        end = time.monotonic() + 120
        while not recording.exists() or len(read_events(recording)) < 200:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
        before = len(read_events(recording))
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    told = read_events(recording)
    assert len(told) >= before
    stories = Stories.of(told)
    for name in ("reference", "reference#2"):
        steps = [event.step for event in told if isinstance(event, Step) and event.source == name]
        assert steps == list(range(len(steps))), "none is missing"
        assert stories[name].step_count == len(steps) > 0
