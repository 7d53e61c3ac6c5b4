"""`wagekit learn`: a chip learns by itself, and holds what the reference holds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wagekit import boards
from wagekit.cli.sources import shipped_network
from wagekit.datasets import load_digits
from wagekit.executors.host import HostExecutor
from wagekit.monitor import Evaluation, Health, Learned, Run, read_events
from wagekit.spec import Network
from wagekit.toolchain.firmware import build_firmware
from wagekit.toolchain.qemu import boot
from wagekit.training import load_model

BOARD = "mps2-an385"
TINY = Network.from_toml(shipped_network("digits-tiny"))
HERE = ("learn", "digits-tiny", "--on", "reference", "--data", "few.npz")


@pytest.fixture(autouse=True)
def few(tmp_path: Path) -> None:
    """A file with few digits, so that little has to go over the link."""
    digits = load_digits()
    np.savez(tmp_path / "few.npz", x=digits.x[:120], labels=digits.labels[:120])


def found(outcome: Any) -> dict[str, Any]:
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def test_it_leaves_what_it_says(cli: Callable, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra 'plot'")
    options = ("--samples", "90", "--keep", "8", "--replay", "2", "--test-every", "30", "--report", "r")
    told = found(cli(*HERE, *options, "--json"))
    assert (told["finished"], told["end"], told["samples"], told["stored"]) == (True, "samples", 90, 8)
    assert told["step"] == 90 + 2 * 89, (
        "each new step but the first, which finds nothing kept, is followed by two"
    )
    assert [seen for seen, _ in told["tests"]] == [0, 30, 60, 90]
    model = load_model(tmp_path / "digits-tiny.safetensors")
    assert (model.step, model.digest()) == (told["step"], told["digest"])
    assert model.training["by_itself"]["keep"] == 8
    events = read_events(tmp_path / "r" / "events.jsonl")
    learned = [event for event in events if isinstance(event, Learned)]
    assert (learned[0].seen, learned[-1].seen, learned[-1].end) == (0, 90, "samples")
    assert learned[-1].wrong == told["wrong"] > 0
    assert [event.accuracy for event in events if isinstance(event, Evaluation)][-1] == told["test_accuracy"]
    assert isinstance(events[-1], Run)
    assert events[-1].digest == told["digest"]
    assert (tmp_path / "r" / "learning.png").stat().st_size > 10_000
    page = (tmp_path / "r" / "report.html").read_text()
    assert "by new sample" in page
    assert "8 of 8 samples, 2 replayed" in page
    assert cli("evaluate", "digits-tiny.safetensors", "--on", "reference").code == 0
    cli("train", "digits-tiny.safetensors", "--resume").refused(2, "no training to go on with")


def test_chip_host_and_reference_hold_the_same(cli: Callable, qemu: str, host_cc: str) -> None:
    options = ("--samples", "70", "--batch", "3", "--keep", "10", "--replay", "1", "--rates", "0:2,50%:1")
    tests = ("--test-every", "20", "--json")
    places = ("reference", "host", f"qemu:{BOARD}")
    told, healths = [], []
    for place in places:
        files = ("--out", place[:3], "--events", f"{place[:3]}.jsonl", "--health", "16")
        told.append(
            found(cli("learn", "digits-tiny", "--data", "few.npz", *options, *tests, "--on", place, *files))
        )
        events = read_events(f"{place[:3]}.jsonl")
        healths.append([event for event in events if isinstance(event, Health)][-1])
    assert healths[0].step > 0
    assert {health.step for health in healths} == {healths[0].step - healths[0].step % 16}
    assert healths[0].layers == healths[1].layers == healths[2].layers
    for other in told[1:]:
        assert {name: other[name] for name in other if name not in ("seconds", "model")} == {
            name: told[0][name] for name in told[0] if name not in ("seconds", "model")
        }


def test_verify_and_count_on_a_chip(cli: Callable, qemu: str, host_cc: str) -> None:
    options = ("--samples", "24", "--keep", "6", "--verify", "--icount")
    told = found(
        cli("learn", "digits-tiny", "--on", f"qemu:{BOARD}", "--data", "few.npz", *options, "--json")
    )
    assert told["verified"] == "host"
    assert told["instructions_per_sample"] > 100_000
    shown = cli(*HERE, *options[:-1], "--force")
    assert "the same on host" in shown.out


def test_verify_tells_what_differs(cli: Callable, host_cc: str, monkeypatch: pytest.MonkeyPatch) -> None:
    masters = HostExecutor.masters.fget  # type: ignore[attr-defined]

    def wrong(self: HostExecutor) -> list[Any]:
        found = masters(self)
        found[1].flat[7] ^= 1
        return found

    monkeypatch.setattr(HostExecutor, "masters", property(wrong))
    outcome = cli(*HERE, "--samples", "5", "--verify")
    assert outcome.code == 9
    assert "layer 1, masters[" in outcome.err


@pytest.mark.parametrize(
    ("options", "end", "samples"),
    [
        (("--samples", "33"), "samples", 33),
        (("--accuracy", "1", "--window", "16"), "accuracy", None),
        (("--samples", "0", "--patience", "40", "--window", "16"), "patience", None),
        (("--train-limit", "40"), "samples", 40),
    ],
)
def test_it_stops(cli: Callable, options: tuple[str, ...], end: str, samples: int | None) -> None:
    told = found(cli(*HERE, *options, "--json"))
    assert told["end"] == end
    assert samples in (None, told["samples"])


def test_a_store_that_is_too_small(cli: Callable, qemu: str) -> None:
    outcome = cli("learn", "digits-tiny", "--on", "qemu:microbit", "--data", "few.npz", "--keep", "4")
    outcome.refused(5, "95 training samples and a replay store of 4 do not fit the", "slots")
    words = outcome.err.split("--train-limit ")[1].split()
    options = ("--on", "qemu:microbit", "--data", "few.npz", "--keep", "4", "--train-limit", words[0])
    told = found(cli("learn", "digits-tiny", *options, "--samples", "12", "--verify", "--json"))
    assert told["test_samples"] == 25, "they are sent, since there is no room for them"


def test_attached_to_a_chip_that_runs(cli: Callable, qemu: str) -> None:
    board = boards.load(BOARD)
    with boot(build_firmware(TINY, board, batch=8).elf, board) as chip:
        options = ("--data", "few.npz", "--samples", "20", "--json")
        told = found(cli("learn", "digits-tiny", "--on", f"serial:{chip.url}", *options))
    assert told["digest"] == found(cli(*HERE, "--samples", "20", "--json", "--force"))["digest"]


@pytest.mark.parametrize("place", ["host", f"qemu:{BOARD}"])
def test_ctrl_c_keeps_what_was_learned(qemu: str, host_cc: str, tmp_path: Path, place: str) -> None:
    command = [sys.executable, "-c", "import sys; from wagekit.cli import main; sys.exit(main())", *HERE[:2]]
    command += ["--on", place, "--data", "few.npz", "--samples", "0", "--events", "e.jsonl", "--verify"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    begun = tmp_path / "e.jsonl"
    end = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < end:
        if begun.exists() and begun.read_text().count('"learned"') > 3:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "it was stopped" in out
    assert load_model(tmp_path / "digits-tiny.safetensors").step > 0
    assert f"the same on {'reference' if place == 'host' else 'host'}" in out
