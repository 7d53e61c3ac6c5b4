"""A replay ends in the picture of the live run, and keeps its pace."""

from __future__ import annotations

import dataclasses
import io
import threading
from pathlib import Path

import pytest
from rich.console import Console

from tests.unit.monitor.test_views import events
from wagekit.cli.learning import Settings, learn, plan_lesson
from wagekit.cli.sources import open_subject
from wagekit.executors import open_executor
from wagekit.monitor import (
    Bus,
    Event,
    FleetView,
    Log,
    Player,
    Recorder,
    Run,
    Stories,
    Story,
    TerminalView,
    read_events,
)
from wagekit.monitor import player as player_module


def frame(view: TerminalView) -> str:
    stream = io.StringIO()
    Console(file=stream, force_terminal=True, width=100).print(view.render())
    return stream.getvalue()


def quiet_view() -> TerminalView:
    return TerminalView(Console(file=io.StringIO(), force_terminal=True, width=100))


@pytest.mark.parametrize("cut", [False, True])
def test_a_replay_ends_in_the_picture_of_the_live_run(tmp_path: Path, cut: bool) -> None:
    lesson = plan_lesson(open_subject("digits-tiny"), Settings(steps=30, test_limit=40))
    live, story, stories = quiet_view(), Story(), Stories()
    recorder = Recorder(tmp_path / "r.jsonl.gz")
    with (
        open_executor(lesson.network, "reference", seed=1, batch=8) as executor,
        Bus([live, story, stories, recorder]) as bus,
    ):
        learn(lesson, executor, bus)
    told = read_events(tmp_path / "r.jsonl.gz")
    if cut:  # as if the run had been killed
        told = told[:-1]
        live, story = quiet_view(), Story.of(told)
        live.story, live.story.clock = Story.of(told), lambda: told[-1].time
    again = quiet_view()
    player = Player(told, speed=None)
    again.story.clock = player.now
    with Bus([again]) as bus:
        assert player.play(bus) == len(told)
    assert again.story == story
    assert frame(again) == frame(live)
    assert "digits-tiny" in frame(again)
    if not cut:
        assert stories[""] == story


def test_a_replay_of_several_devices_ends_in_their_table() -> None:
    told = [
        dataclasses.replace(event, source=source, time=event.time + number / 8)
        for event in events()
        for number, source in enumerate(("a", "qemu:b"))
    ]

    def table(view: FleetView) -> str:
        stream = io.StringIO()
        Console(file=stream, force_terminal=True, width=100).print(view.render())
        return stream.getvalue()

    live, again = (FleetView(Console(file=io.StringIO(), force_terminal=True, width=100)) for _ in "12")
    player = Player(told, speed=None)
    again.stories.clock = player.now
    with Bus([live]) as bus:
        for event in told:
            bus(event)
    with Bus([again]) as bus:
        player.play(bus)
    assert again.stories == live.stories
    assert table(again) == table(live)
    assert "qemu:b" in table(again)


@pytest.mark.parametrize("speed", [1.0, 8.0, 0.25])
def test_pace(monkeypatch: pytest.MonkeyPatch, speed: float) -> None:
    now = 1000.0

    class Waiting:
        """A clock that goes on only where somebody waits."""

        def wait(self, seconds: float) -> bool:
            nonlocal now
            now += seconds
            return False

        def is_set(self) -> bool:
            return False

    monkeypatch.setattr(player_module.time, "monotonic", lambda: now)
    times = [50.0, 50.0, 58.0, 57.0, 90.0]
    player = Player([Log(time=time, message="") for time in times], speed)
    player._stopped = Waiting()  # type: ignore[assignment]
    told: list[tuple[float, float]] = []

    def emit(event: Event) -> None:
        nonlocal now
        told.append((now - 1000, player.now()))
        now += 0.5  # a display takes its time, and delays nothing that follows

    player.play(emit)
    due = [0.0, 0.0, 8.0, 8.0, 40.0]
    assert told[0] == (0.0, 50.0)
    assert [passed for passed, _ in told] == [
        0.0,
        0.5,
        max(due[2] / speed, 1.0),
        max(due[2] / speed, 1.0) + 0.5,
        max(due[4] / speed, 2.0),
    ]
    assert [at for _, at in told] == [50.0, 50.0, 58.0, 58.0, 90.0]


def test_the_time_between_two_runs_of_a_recording_is_not_waited_for() -> None:
    begin = Run(time=0.0, status="started", network="n", place="host")
    again = dataclasses.replace(begin, time=1e9)
    told = [begin, Log(time=0.0, message="a"), again, Log(time=1e9, message="b")]
    player = Player(told)
    heard: list[Event] = []
    assert player.play(heard.append) == 4
    assert heard == told
    assert player.now() == pytest.approx(1e9)


def test_it_can_be_stopped_while_it_waits() -> None:
    player = Player([Log(time=0.0, message="a"), Log(time=1e9, message="b")])
    told: list[Event] = []
    thread = threading.Thread(target=lambda: player.play(told.append))
    thread.start()
    player.stop()
    thread.join(60)
    assert not thread.is_alive()
    assert len(told) <= 1
