"""Eight chips learn by themselves under one monitor; one emulator is killed, and comes back."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from wagekit import Dense, Input, Network
from wagekit.monitor import Event, Learned, Log, Run, read_events

BOARD, DEVICES = "mps2-an386", 8
CORE, MEMORY_MB = 0.25, 300
"""What the monitor itself may use: a share of a core, and memory at its largest."""
NET = Network(
    name="one-layer",
    input=Input(shape=(8, 8, 1), encoding="affine", offset=8, multiplier=16, shift=0),
    classes=list("0123456789"),
    layers=[Dense(units=10)],
    seed=3,
)
COMMAND = "import sys; from wagekit.cli import main; sys.exit(main())"


@dataclass
class Monitor:
    """A monitor in a process of its own, and what it records."""

    process: subprocess.Popen[str]
    recording: Path

    def events(self) -> list[Event]:
        return read_events(self.recording) if self.recording.exists() else []

    def wait(self, what: str, found: Callable[[list[Event]], bool], seconds: float) -> list[Event]:
        end = time.monotonic() + seconds
        while not found(told := self.events()):
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end, f"no sign of: {what}; {told[-20:]}"
            time.sleep(0.5)
        return told

    def cpu_seconds(self) -> float:
        """Of the process itself: what its children use is not in it."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found
        return int(found.group(1)) / 1024

    def emulators(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = []
        for thread in children.parent.parent.iterdir():
            found += [int(pid) for pid in (thread / "children").read_text().split()]
        return [pid for pid in found if "qemu-system" in Path(f"/proc/{pid}/cmdline").read_text()]


@pytest.fixture
def monitor(tmp_path: Path, qemu: str) -> Iterator[Callable[..., Monitor]]:
    started: list[Monitor] = []

    def start(*arguments: str) -> Monitor:
        recording = tmp_path / "fleet.jsonl"
        command = [sys.executable, "-c", COMMAND, "monitor", *arguments, "--events", str(recording)]
        # The emulators take all the time there is: they must not starve the tests beside them.
        process = subprocess.Popen(
            ["nice", "-n", "10", *command],
            cwd=tmp_path,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(Monitor(process, recording))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
        each.process.communicate()


def learned(told: list[Event]) -> Counter[str]:
    """The most samples that each source has told of."""
    seen: Counter[str] = Counter()
    for event in told:
        if isinstance(event, Learned):
            seen[event.source] = max(seen[event.source], event.seen)
    return seen


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc (Linux)")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seconds", [60, pytest.param(600, marks=pytest.mark.long)])
def test_eight_chips_under_one_monitor(monitor: Callable[..., Monitor], tmp_path: Path, seconds: int) -> None:
    places = ("--on", f"qemu:{BOARD}") * DEVICES
    (tmp_path / "network.toml").write_text(NET.to_toml())
    # Little goes over the lines: where eight emulators share few cores, an emulated UART is slow.
    lesson = ("--by-itself", "--samples", "0", "--train-limit", "12", "--test-limit", "4")
    under_test = monitor("network.toml", *places, *lesson, "--json")
    names = {f"qemu:{BOARD}", *(f"qemu:{BOARD}#{n}" for n in range(2, DEVICES + 1))}
    under_test.wait("eight that learn", lambda told: set(+learned(told)) == names, 600)

    begun, used = time.monotonic(), under_test.cpu_seconds()
    time.sleep(seconds / 4)
    victim = under_test.emulators()[3]
    before = under_test.events()
    os.kill(victim, signal.SIGKILL)
    told = under_test.wait(
        "one that is lost", lambda told: any(isinstance(e, Run) and e.status == "failed" for e in told), 60
    )
    (lost,) = {event.source for event in told if isinstance(event, Run) and event.status == "failed"}
    under_test.wait(
        "its return",
        lambda told: (
            any(isinstance(e, Learned) and e.source == lost and e.seen for e in told[len(before) :])
            and sum(isinstance(e, Run) and e.source == lost and e.status == "started" for e in told) == 2
        ),
        300,
    )
    time.sleep(max(seconds - (time.monotonic() - begun), 5))
    share = (under_test.cpu_seconds() - used) / (time.monotonic() - begun)
    peak = under_test.peak_mb()
    under_test.process.send_signal(signal.SIGINT)
    out, err = under_test.process.communicate(timeout=300)
    assert under_test.process.returncode == 130, err

    found: list[dict[str, Any]] = json.loads(out)
    told = under_test.events()
    recorded = Counter(event.source for event in told)
    assert {entry["source"]: entry["events"] for entry in found} == {name: recorded[name] for name in names}
    assert [entry["error"] for entry in found] == [None] * DEVICES
    ends = Counter((e.source, e.status) for e in told if isinstance(e, Run))
    assert all(ends[name, "stopped"] == 1 for name in names), "each ended in order"
    assert all(ends[name, "started"] == 1 + (name == lost) for name in names)
    assert all(ends[name, "failed"] == (name == lost) for name in names), "the others were not disturbed"
    since = learned(before)
    assert all(learned(told)[name] > since[name] for name in names - {lost})
    logs = [e.message for e in told if isinstance(e, Log) and e.source == lost]
    assert any("the emulator ended with code -9" in text and "until it is back" in text for text in logs)
    assert any("is back" in text for text in logs)
    assert share <= CORE, f"the monitor used {share:.0%} of a core"
    assert peak <= MEMORY_MB, f"the monitor needed {peak:.0f} MB"
    print(f"{share:.1%} of a core, {peak:.0f} MB, {len(told):,} events")
