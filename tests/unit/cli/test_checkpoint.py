"""What a chip has learned goes into a model file and back, and what does not belong there is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from wagekit.training import load_model

BOARD = "qemu:mps2-an386"
CHIP = ("--on", BOARD, "--flash", "psram")


def test_a_model_goes_onto_a_chip_and_comes_back(
    cli: Callable, arm_gcc: str, qemu: str, tmp_path: Path
) -> None:
    assert cli("train", "digits-tiny", "--steps", "3", "--out", "one.safetensors").code == 0
    one = load_model(tmp_path / "one.safetensors")
    pushed = cli("checkpoint", "push", "one.safetensors", *CHIP, "--json")
    assert pushed.code == 0, pushed
    assert json.loads(pushed.out) == {"step": 3, "digest": one.digest()}
    found = json.loads(cli("checkpoint", "info", "digits-tiny", *CHIP, "--json").out)
    assert (found["restored"], found["step"], found["network_step"]) == (True, 3, 3)
    assert found["cost"]["erases"] == 2
    assert "checkpoint 1 of step 3 in slot 0" in cli("checkpoint", "info", "digits-tiny", *CHIP).out
    assert json.loads(cli("checkpoint", "save", "digits-tiny", *CHIP, "--json").out) == {
        "step": 3,
        "sequence": 2,
    }
    pulled = cli("checkpoint", "pull", "one.safetensors", *CHIP, "--out", "two.safetensors")
    assert pulled.code == 0, pulled
    two = load_model(tmp_path / "two.safetensors")
    assert (two.digest(), two.step, two.seed, two.training) == (one.digest(), 3, one.seed, one.training)
    cli("checkpoint", "pull", "one.safetensors", *CHIP, "--out", "two.safetensors").refused(2, "exists")

    content = bytearray((tmp_path / "two.safetensors").read_bytes())
    content[-9] ^= 1
    (tmp_path / "bad.safetensors").write_bytes(content)
    cli("checkpoint", "push", "bad.safetensors", *CHIP).refused(4, "bad.safetensors")
    kept = json.loads(cli("checkpoint", "info", "digits-tiny", *CHIP, "--json").out)
    assert (kept["sequence"], kept["step"]) == (2, 3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--on", "host"), "only chips have checkpoints"),
        (("--on", "serial:/dev/null", "--flash", "f"), "--flash goes with qemu:BOARD"),
        (("--on", BOARD, "--baud", "9600"), "--baud goes with serial:PORT"),
    ],
)
def test_options_that_make_no_sense(cli: Callable, options: tuple[str, ...], words: str) -> None:
    cli("checkpoint", "info", "digits-tiny", *options).refused(2, words)
