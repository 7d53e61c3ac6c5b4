"""`wagekit export` of a network: a library for other tools, from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from wagekit.cli.export import EXAMPLE, LIBRARIES, TABLES
from wagekit.datasets import open_dataset
from wagekit.toolchain.exports import FORMATS


def test_help_has_an_example_of_each_format(cli: Callable) -> None:
    assert tuple(FORMATS) == LIBRARIES
    shown = " ".join(cli("export", "--help").out.split())
    for form in (*TABLES, *LIBRARIES):
        assert f"--as {form}" in EXAMPLE
        assert f"--as {form}" in shown


@pytest.fixture
def model(cli: Callable, tmp_path: Path) -> Path:
    assert (
        cli("train", "digits-tiny", "--on", "reference", "--steps", "3", "--out", "m.safetensors").code == 0
    )
    return tmp_path / "m.safetensors"


def test_a_model_becomes_a_library(cli: Callable, model: Path, tmp_path: Path) -> None:
    shown = cli(
        "export", model, "--as", "cmake", "--infer-only", "--sample", "2", "--library-version", "2.1.0"
    )
    assert shown.code == 0, shown.err
    folder = tmp_path / "digits-tiny-cmake"
    assert "digits-tiny-cmake/README.md" in shown.out
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["example"]["sample"].startswith("test sample 2 of ")
    assert manifest["library"] == {"name": "wagekit-digits-tiny", "version": "2.1.0"}
    # Again is fine; over something changed only by force.
    listed = json.loads(cli("export", model, "--as", "cmake", "--batch", "4", "--json").out)
    assert listed["folder"] == "digits-tiny-cmake"
    assert listed["network"]["batch"] == 4
    number = int(listed["example"]["sample"].split()[2])
    assert listed["example"]["class"] == str(open_dataset("digits").split()[1].labels[number])
    assert all((folder / entry["path"]).stat().st_size == entry["bytes"] for entry in listed["files"])
    (folder / "notes.txt").write_text("mine")
    cli("export", model, "--as", "cmake").refused(2, "notes.txt")
    assert cli("export", model, "--as", "cmake", "--force").code == 0
    assert (folder / "notes.txt").read_text() == "mine"


def test_what_does_not_go_together(cli: Callable, model: Path) -> None:
    cli("export", "digits", "--as", "make").refused(2, "cmsis-pack are allowed")
    cli("export", "digits", "--as", "zephyr", "--infer-only").refused(2, "learned nothing")
    cli("export", model, "--as", "zephyr", "--csv", "t").refused(2, "--csv does not go with --as zephyr")
    cli("export", model, "--as", "zephyr", "--sample", "999999").refused(2, "samples 0..")
    cli("export", model, "--as", "zephyr", "--data", "absent.csv").refused(4, "absent.csv")
    cli("export", model, "--as", "zephyr", "--ram", "100").refused(5, "100 are allowed")
    cli("export", model, "--as", "zephyr", "--url", "here").refused(2, "https://")
    cli("export", model).refused(2, "nothing to write")
    cli("export", model, "--as", "csv").refused(4, "m.safetensors")
