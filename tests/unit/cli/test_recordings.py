"""What users do with recordings: replay, and what they are told where that cannot be."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from wagekit.monitor import Event, Recorder, Run, Step, Story, read_events

QUICK = ("train", "digits-tiny", "--on", "reference", "--steps", "12", "--test-limit", "30")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """Events of a short run."""
    from wagekit.cli.app import main

    folder = tmp_path_factory.mktemp("run")
    path = folder / "r.jsonl.gz"
    assert main([*QUICK, "--events", str(path), "--out", str(folder / "m")]) == 0
    return read_events(path)


@pytest.fixture
def recorded(told: list[Event], tmp_path: Path) -> Path:
    return record(tmp_path / "r.jsonl", told)


@pytest.fixture
def two(told: list[Event], tmp_path: Path) -> Path:
    """Two devices in one file."""
    both = [dataclasses.replace(event, source=name) for event in told for name in ("a", "b")]
    return record(tmp_path / "two.jsonl", both)


def record(path: Path, events: list[Event]) -> Path:
    recorder = Recorder(path)
    for event in events:
        recorder.handle(event)
    recorder.close()
    return path


def timeless(out: str) -> list[str]:
    """Lines without their times and rates, which no two runs share."""
    return [re.sub(r"^ *[\d.]+ s  |  [\d,]+ samples/s.*$", "", line) for line in out.splitlines()]


def test_replay_says_what_the_run_said(cli: Callable, recorded: Path) -> None:
    live = cli(*QUICK, "--out", "m")
    again = cli("replay", recorded, "--speed", "max")
    assert (again.code, again.err) == (0, "")
    shown = timeless(again.out)
    assert shown == timeless(live.out)[: len(shown)]
    assert len(shown) == 3
    assert cli("replay", recorded, "--follow").out == again.out


def test_replay_of_a_run_that_was_killed(cli: Callable, told: list[Event], tmp_path: Path) -> None:
    outcome = cli("replay", record(tmp_path / "cut.jsonl", told[:9]), "--speed", "max")
    assert outcome.code == 0
    assert "ends after 9 events, without the end of the run" in outcome.err


def test_one_of_several(cli: Callable, two: Path, recorded: Path) -> None:
    both = cli("replay", two, "--speed", "max")
    assert (both.code, both.err) == (0, "")
    assert [line.split(": ")[0] for line in both.out.splitlines()].count("b") == 4
    assert cli("replay", two, "--follow").out == both.out
    shown = cli("replay", two, "--source", "b", "--speed", "max")
    assert shown.code == 0
    assert shown.out == cli("replay", recorded, "--speed", "max").out
    cli("replay", two, "--source", "c").refused(2, "--source c", "has a, b")
    cli("replay", recorded, "--source", "c").refused(2, "one device only")


def test_what_cannot_be_replayed(cli: Callable, recorded: Path, tmp_path: Path) -> None:
    for speed in ("0", "-1", "nan", "inf", "fast"):
        cli("replay", recorded, f"--speed={speed}").refused(2, f"--speed {speed}")
    cli("replay", recorded, "--speed", "2", "--follow").refused(2, "--follow")
    cli("replay", "absent.jsonl").refused(4, "absent.jsonl", "No such file")
    (tmp_path / "empty.jsonl").touch()
    cli("replay", "empty.jsonl").refused(4, "no event was recorded yet")
    (tmp_path / "t.csv").write_text("a,b\n")
    cli("replay", "t.csv").refused(4, "not a recording")


def test_recordings_are_not_overwritten_unasked(cli: Callable, tmp_path: Path) -> None:
    once = ("--events", "r.jsonl.gz", "--out", "m", "--report", "kept")
    assert cli(*QUICK, *once).code == 0
    before = (tmp_path / "r.jsonl.gz").read_bytes()
    cli(*QUICK, *once).refused(2, "m exists")
    cli(*QUICK, *once[:2], "--out", "n").refused(2, "r.jsonl.gz exists")
    assert (tmp_path / "r.jsonl.gz").read_bytes() == before
    assert cli(*QUICK, "--report", "kept", "--out", "n").code == 0
    cli(*QUICK, "--report", "kept", "--out", "o").refused(2, "events.jsonl exists")
    assert cli(*QUICK, *once, "--force").code == 0


def test_resumed_training_goes_on_in_its_recording(cli: Callable, tmp_path: Path, two: Path) -> None:
    short, options = [word if word != "12" else "6" for word in QUICK], ("--events", "r.jsonl.gz", "--json")
    assert cli(*short, *options, "--out", "m.safetensors").code == 0
    first = read_events(tmp_path / "r.jsonl.gz")
    more = ("train", "m.safetensors", "--steps", "12", "--test-limit", "30")
    cli(*more, *options, "--out", "n.safetensors").refused(2, "r.jsonl.gz exists")
    cli(*more, "--resume", "--events", two).refused(4, "two.jsonl", "of several devices")
    assert cli("train", "digits", *QUICK[2:], "--events", "d.jsonl", "--out", "d").code == 0
    cli(*more, "--resume", "--events", "d.jsonl").refused(4, "d.jsonl", "of network 'digits'")
    assert read_events(tmp_path / "r.jsonl.gz") == first

    assert cli(*more, *options, "--resume").code == 0
    whole = read_events(tmp_path / "r.jsonl.gz")
    assert whole[: len(first)] == first
    assert [event.step for event in whole if isinstance(event, Step)] == list(range(12))
    assert [event.status for event in whole if isinstance(event, Run)] == ["started", "finished"] * 2
    story = Story.of(whole)
    assert story.step_count == 12
    assert story.away == whole[len(first)].time - first[-1].time
    assert story.seconds == pytest.approx(whole[-1].time - whole[0].time - story.away)
    assert cli(*more, *options, "--resume", "--force").code == 0
    assert len([event for event in read_events(tmp_path / "r.jsonl.gz") if isinstance(event, Run)]) == 2


def test_the_report_of_resumed_training_is_of_the_whole(cli: Callable, tmp_path: Path) -> None:
    short = [word if word != "12" else "6" for word in QUICK]
    assert cli(*short, "--report", "kept", "--out", "m.safetensors").code == 0
    more = ("train", "m.safetensors", "--resume", "--steps", "12", "--test-limit", "30", "--report", "kept")
    assert cli(*more).code == 0
    assert "the run begins again at step 6" in (tmp_path / "kept" / "report.html").read_text()
    assert Story.of(read_events(tmp_path / "kept" / "events.jsonl")).step_count == 12


def test_a_full_disk_ends_no_training(cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(recorder: Recorder, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Recorder, "_append", refuse)
    outcome = cli(*QUICK, "--events", "r.jsonl", "--out", "m")
    assert outcome.code == 4
    assert "events cannot be recorded: No space left on device; the run goes on" in outcome.out
    assert "events could not be recorded: No space left" in outcome.err
    assert (tmp_path / "m").exists()
    assert "digest" in outcome.out


def test_export(cli: Callable, two: Path, tmp_path: Path) -> None:
    found = json.loads(cli("export", two, "--csv", "t", "--json").out)["written"]
    assert "t/steps.csv" in found
    assert (tmp_path / "t" / "steps.csv").read_text().count("\n") == 1 + 2 * 12
    cli("export", two, "--csv", "t").refused(2, "exists")
    assert cli("export", two, "--csv", "t", "--source", "b", "--force").code == 0
    assert (tmp_path / "t" / "steps.csv").read_text().count("\n") == 1 + 12
    cli("export", two).refused(2, "nothing to write")
    cli("export", two, "--csv", "u", "--source", "c").refused(2, "--source c")
    cli("export", "absent", "--csv", "u").refused(4, "absent")
    same = json.loads(cli("export", two, "--as", "csv", "--out", "v", "--json").out)["written"]
    assert [Path(path).name for path in same] == [Path(path).name for path in found]
    cli("export", two, "--as", "csv", "--batch", "2").refused(2, "--batch does not go with --as csv")
    cli("export", two, "--as", "csv", "--csv", "w").refused(2, "--out FOLDER")
    assert not (tmp_path / "u").exists()
    pytest.importorskip("tensorboardX", reason="event files need the extra 'tensorboard'")
    shown = cli("export", two, "--tensorboard", "tb")
    assert (shown.code, shown.out.count("wrote tb/")) == (0, 2)


def test_report(cli: Callable, recorded: Path, two: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra 'plot'")
    assert cli("report", recorded).code == 0
    folder = recorded.with_name("r")
    assert {path.name for path in folder.iterdir()} == {"report.html", "learning.png", "health.png"}
    assert "Health of the layers" in (folder / "report.html").read_text()
    cli("report", recorded).refused(2, "report.html exists")
    found = json.loads(cli("report", two, "--out", "p", "--json").out)
    assert found["devices"] == ["a", "b"]
    assert "p/2-learning.png" in found["written"]
    one = cli("report", two, "--out", "p", "--source", "a", "--force", "--json")
    assert json.loads(one.out)["devices"] == ["a"]
    assert "2 devices" not in (tmp_path / "p" / "report.html").read_text()
    cli("report", "absent").refused(4, "absent")
