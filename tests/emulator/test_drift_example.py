"""The example of a changing world: accuracy falls, and comes back, with the same bits on chip and host."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = "examples/drift/drift.py"


def drift(root: Path, folder: Path, *options: str) -> tuple[list[dict[str, Any]], str]:
    command = [sys.executable, str(root / EXAMPLE), "--out", str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=3000)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "drift.json").read_text("utf-8")), done.stdout


def comes_back(run: dict[str, Any]) -> None:
    assert run["accuracy"][0] < 70
    assert run["accuracy"][-1] >= run["before"] - 5
    assert run["steps"][-1] == run["running"][-1][0] == 2000
    assert run["running"][0][1] < 90 < run["running"][-1][1], "without held-out samples it shows too"


def test_a_turned_world_is_learned_again(root: Path, tmp_path: Path, host_cc: str) -> None:
    runs, _ = drift(root, tmp_path, "--world", "rotated")
    assert {run["frozen"] for run in runs} == {0, 1}
    for run in runs:
        comes_back(run)


@pytest.mark.long
def test_every_world_is_learned_again(root: Path, tmp_path: Path, host_cc: str) -> None:
    runs, _ = drift(root, tmp_path)
    assert {run["world"] for run in runs} == {"rotated", "inverted", "sensor", "classes"}
    assert {run["frozen"] for run in runs} == {0, 1}
    for run in runs:
        comes_back(run)
    assert (tmp_path / "drift.png").stat().st_size > 20_000


def test_the_chip_holds_the_same_bits(root: Path, tmp_path: Path, qemu: str) -> None:
    runs, said = drift(root, tmp_path, "--quick", "--on", "qemu:mps2-an386")
    assert said.count("digest equal to host's") == len(runs) == 1


@pytest.mark.long
def test_every_world_is_learned_again_on_the_chip(root: Path, tmp_path: Path, qemu: str) -> None:
    runs, said = drift(root, tmp_path, "--on", "qemu:mps2-an386")
    assert said.count("digest equal to host's") == len(runs) == 8
    for run in runs:
        comes_back(run)


def test_the_chip_replays_the_same_bits(root: Path, tmp_path: Path, qemu: str) -> None:
    command = [sys.executable, str(root / "examples/drift/continual.py"), "--out", str(tmp_path)]
    done = subprocess.run(
        [*command, "--quick", "--on", "qemu:mps2-an386"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "digest equal to host's" in done.stdout


@pytest.mark.long
def test_replay_keeps_what_was_learned(root: Path, tmp_path: Path, host_cc: str) -> None:
    command = [sys.executable, str(root / "examples/drift/continual.py"), "--out", str(tmp_path)]
    subprocess.run(command, capture_output=True, check=True)
    runs = json.loads((tmp_path / "continual.json").read_text("utf-8"))
    old = {(run["capacity"], run["steps"]): sum(run["accuracy"][-1][:-1]) / 4 for run in runs}
    assert old[0, 0] < 10 < 40 < old[20, 1]
    assert old[200, 1] > 80
    assert all(run["accuracy"][-1][-1] > 80 for run in runs), "what is new is learned with and without"
    assert (tmp_path / "continual.png").stat().st_size > 20_000
