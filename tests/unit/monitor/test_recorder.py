"""Recordings: nothing that was recorded is lost, and what cannot be read is said in one line."""

from __future__ import annotations

import gzip
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wagekit.errors import DataError, UsageError
from wagekit.monitor import Dropped, Event, Log, Recorder, Run, Unknown, follow, read_events
from wagekit.monitor.recorder import is_written


def lines(count: int) -> list[Event]:
    return [Log(time=float(number), message=f"line {number} {'x' * 50}") for number in range(count)]


def record(path: Path, events: list[Event], **options: bool) -> Recorder:
    recorder = Recorder(path, **options)
    for event in events:
        recorder.handle(event)
    return recorder


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """Files cannot grow beyond `room` bytes: the system refuses to write, as on a full disk."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_every_event_can_be_read_at_once(tmp_path: Path) -> None:
    path, told = tmp_path / "r.jsonl", lines(5)
    recorder = Recorder(path)
    for number, event in enumerate(told, 1):
        recorder.handle(event)
        assert read_events(path) == told[:number]
    recorder.close()
    recorder.close()
    recorder.handle(told[0])
    assert read_events(path) == told
    assert recorder.problem is None


def test_the_disk_is_told_though_no_further_event_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = threading.Event()
    monkeypatch.setattr("wagekit.monitor.recorder.os.fsync", lambda file: synced.set())
    recorder = record(tmp_path / "r.jsonl", lines(1))
    assert synced.wait(60)
    recorder.close()


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl.gz"
    program = (
        "import sys\nfrom wagekit.monitor import Log, Recorder\n"
        f"recorder = Recorder({str(path)!r})\n"
        "for number in range(10**9):\n"
        "    recorder.handle(Log(time=0.0, message=str(number)))\n"
        "    print(number, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 200:
                break
        process.send_signal(signal.SIGKILL)
        last = int(line) if not (rest := process.stdout.read().split("\n")[:-1]) else int(rest[-1])
    assert not path.exists()
    found = read_events(path)  # the plain file stands beside
    assert [int(event.message) for event in found if isinstance(event, Log)][: last + 1] == list(
        range(last + 1)
    )
    with pytest.raises(UsageError, match=r"r\.jsonl exists"):
        Recorder(path)


def test_compressed_in_the_end(tmp_path: Path) -> None:
    path, told = tmp_path / "r.jsonl.gz", lines(300)
    recorder = record(path, told)
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.jsonl"]
    assert read_events(path) == told
    recorder.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.jsonl.gz"]
    assert read_events(path) == told
    assert gzip.decompress(path.read_bytes()).count(b"\n") == 300
    path.rename(tmp_path / "moved.jsonl")
    assert read_events(tmp_path / "moved.jsonl") == told


def test_compressed_whole_or_not_at_all(tmp_path: Path) -> None:
    told: list[Event] = [Log(time=0.0, message=os.urandom(2000).hex()) for _ in range(10)]
    said: list[str] = []
    path = tmp_path / "r.jsonl.gz"
    recorder = Recorder(path, warn=said.append)
    for event in told:
        recorder.handle(event)
    with full_disk(5000):
        recorder.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.jsonl"]
    assert read_events(path) == told
    assert said == [recorder.problem]
    assert "the events are in" in said[0]


def test_a_full_disk_ends_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    path, told = tmp_path / "r.jsonl", lines(60)
    recorder = Recorder(path, warn=said.append)
    with full_disk(2000):
        for event in told[:50]:
            recorder.handle(event)
    kept = len(read_events(path))
    assert 5 < kept < 50
    for event in told[50:]:
        recorder.handle(event)
    recorder.close()
    gap = Dropped(time=50.0, count=50 - kept, where="recording")
    assert read_events(path) == [*told[:kept], gap, *told[50:]]
    assert recorder.lost == 50 - kept
    assert len(said) == 1
    assert f"{50 - kept} events could not be recorded" in (recorder.problem or "")


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    for there in ("r.jsonl", "r.jsonl.gz"):
        (tmp_path / there).write_text("mine")
        with pytest.raises(UsageError, match="exists") as caught:
            Recorder(tmp_path / "r.jsonl.gz")
        assert "--force" in (caught.value.hint or "")
        assert (tmp_path / there).read_text() == "mine"
        record(tmp_path / "r.jsonl.gz", lines(2), replace=True).close()
        assert read_events(tmp_path / "r.jsonl.gz") == lines(2)
        (tmp_path / "r.jsonl.gz").unlink()
    with pytest.raises(DataError, match="cannot be written"):
        Recorder(tmp_path / "absent" / "r.jsonl")


def test_one_recorder_a_file(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    recorder = record(path, lines(3))
    with pytest.raises(UsageError, match="by another process"):
        Recorder(path, replace=True)
    assert read_events(path) == lines(3)
    with path.open("rb") as file:
        assert is_written(file.fileno())
        recorder.close()
        assert not is_written(file.fileno())


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz"])
def test_a_late_reader_sees_all_and_the_end(tmp_path: Path, name: str) -> None:
    path, told = tmp_path / name, lines(400)
    recorder = record(path, told[:200])
    seen: list[Event] = []
    begun = threading.Event()

    def read() -> None:
        for event in follow(path):
            seen.append(event)
            begun.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert begun.wait(60)
    for event in told[200:]:
        recorder.handle(event)
    recorder.close()
    reader.join(60)
    assert seen == told
    assert list(follow(path)) == told


def test_who_follows_can_stop(tmp_path: Path) -> None:
    recorder = record(tmp_path / "r.jsonl", lines(3))
    assert list(follow(tmp_path / "r.jsonl", stop=lambda: True)) == lines(3)
    recorder.close()


def test_a_cut_last_line_is_left_out(tmp_path: Path) -> None:
    path, told = tmp_path / "r.jsonl", lines(3)
    record(path, told).close()
    whole = path.read_bytes()
    for cut in range(1, len(whole.split(b"\n")[0])):
        path.write_bytes(whole[:-cut])
        assert read_events(path) == told[: 3 if cut == 1 else 2]
    path.write_bytes(whole + b"\0" * 100)
    assert read_events(path) == told
    path.write_bytes(whole.split(b"\n")[0][:9])
    assert read_events(path) == []


def test_newer_types_and_several_sources_are_kept(tmp_path: Path) -> None:
    told: list[Event] = [
        Run(status="started", network="n", place="p", source="a"),
        Unknown(time=1.0, source="b", kind="weather", fields={"rain": [1]}),
        Log(message="hello"),
    ]
    path = tmp_path / "r.jsonl"
    record(path, told).close()
    assert read_events(path) == told


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x89PNG\r\n\x1a\n\xff\xff", "not a recording: not text"),
        (b"step,loss\n1,2\n", "not a recording: line 1: not JSON"),
        (b'{"name": "x"}\n', "not a recording: line 1: not an event"),
        (b"no newline at all", "not a recording"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03cut", "cut or damaged"),
        (b'{"v":1,"type":"log","time":0,"message":"m"}\n{broken\n\n', "line 2: not JSON"),
        (b'{"v":1,"type":"log","time":"noon","message":"m"}\n', "event 'log': time: "),
        (b'{"v":1,"type":"step","time":0,"step":"one"}\n', "event 'step': step: "),
        (b'{"v":1,"type":"new","time":[]}\n', "event 'new': time: "),
    ],
)
def test_other_files(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(content)
    for reader in (read_events, lambda path: list(follow(path))):
        with pytest.raises(DataError) as caught:
            reader(path)
        assert str(path) in caught.value.message
        assert words in caught.value.message
    with pytest.raises(DataError, match="cannot be read"):
        read_events(tmp_path / "absent")
    with pytest.raises(DataError, match="cannot be read"):
        read_events(tmp_path)


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz"])
def test_a_recording_is_gone_on_with(tmp_path: Path, name: str) -> None:
    path, told = tmp_path / name, lines(9)
    record(path, told[:3], append=True).close()
    record(path, told[3:6], append=True).close()
    third = record(path, told[6:], append=True)
    assert read_events(path) == told, "also before it is compressed"
    with pytest.raises(UsageError, match="another process"):
        Recorder(path, append=True)
    assert read_events(path) == told
    third.close()
    assert read_events(path) == told
    assert [file.name for file in tmp_path.iterdir()] == [name]
    with pytest.raises(UsageError, match="exists"):
        Recorder(path)
    assert read_events(path) == told


def test_what_a_crash_cut_is_taken_away_before_it_goes_on(tmp_path: Path) -> None:
    path, told = tmp_path / "r.jsonl", lines(2000)
    record(path, told[:1000]).close()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"v":1,"type":"log","ti' + b"x" * 100_000)
    recorder = record(path, told[1000:], append=True)
    assert path.read_bytes().startswith(whole)
    assert read_events(path) == told
    with full_disk(path.stat().st_size):  # a line that does not fit takes none of the earlier ones with it
        recorder.handle(told[0])
    recorder.close()
    assert recorder.problem is not None
    assert read_events(path) == told


def test_a_damaged_compressed_recording_is_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl.gz"
    record(path, lines(500)).close()
    damaged = path.read_bytes()[:-20]
    path.write_bytes(damaged)
    with pytest.raises(DataError, match="cut or damaged"):
        Recorder(path, append=True)
    assert path.read_bytes() == damaged
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
