"""The example with a sensor, and `wagekit record`, on an emulated board."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from wagekit.cli.app import main
from wagekit.datasets import open_dataset
from wagekit.training import load_model


def test_the_example_senses_records_learns_and_knows(
    root: Path, qemu: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bars.npz"
    monkeypatch.setattr("sys.argv", ["run.py", "mps2-an386", str(path)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(root / "examples/sensor/run.py"), run_name="__main__")
    said = capsys.readouterr()
    assert ended.value.code == 0, said
    data = open_dataset(path)
    assert len(data) == 480
    assert data.classes == ("level", "upright", "falling", "rising")


def test_record_labels_appends_and_learns(
    root: Path, qemu: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example = root / "examples/sensor"
    path, model = tmp_path / "seen.csv", tmp_path / "m.safetensors"
    command = ["record", str(example), str(path), "--sensor", str(example / "sensor.c"), "--json"]

    def run(*more: str) -> dict[str, Any]:
        assert main([*command, *more]) == 0
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        return told

    told = run("--label", "upright", "--count", "3")
    assert told["classes"] == {"level": 0, "upright": 3, "falling": 0, "rising": 0}
    told = run("--label", "3", "--count", "2", "--append", "--learn", str(model))
    assert (told["recorded"], told["samples"], told["classes"]["rising"]) == (2, 5, 2)
    assert load_model(model).step == 2
    data = open_dataset(path, classes=["level", "upright", "falling", "rising"])
    assert data.labels.tolist() == [1, 1, 1, 3, 3]
    assert data.x[:2].tolist() == data.x[3:].tolist(), "the sensor begins anew with the board"
    assert data.x[0].tolist() != data.x[1].tolist()
