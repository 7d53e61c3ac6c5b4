"""What a chip has learned goes into a model file and back, and what does not belong there is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from wagekit import boards
from wagekit.cli.checkpoint import _lifetime
from wagekit.cli.sources import open_subject
from wagekit.link.checkpoint import Geometry, cost
from wagekit.passes import compile_graph
from wagekit.reference import initial_masters
from wagekit.toolchain.firmware import build_firmware
from wagekit.toolchain.qemu import boot
from wagekit.training import load_model
from wagekit.training.model import Model, save_model

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


def model_of(name: str, step: int) -> Model:
    """A network that ships, as it begins, but with a step."""
    net = open_subject(name).network
    return Model(net, initial_masters(compile_graph(net), net.seed), step, net.seed)


def altered(content: bytes, **changes: object) -> bytes:
    """A model file whose metadata says something else."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    about = json.loads(header["__metadata__"]["wagekit"])
    header["__metadata__"]["wagekit"] = json.dumps(about | changes)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


def flipped(content: bytes) -> bytes:
    """The last weight is another one, on its grid as the one that was."""
    return content[:-1] + (b"\1" if content[-1] == 0 else b"\0")


def test_what_does_not_belong_on_a_chip_is_refused_and_changes_nothing(
    cli: Callable, arm_gcc: str, qemu: str, tmp_path: Path
) -> None:
    good = tmp_path / "good.safetensors"
    save_model(good, model_of("digits-tiny", 3))
    save_model(tmp_path / "larger.safetensors", model_of("digits", 3))
    content = good.read_bytes()
    files = {
        "format": (altered(content, format=2), 4, "model format 2"),
        "crc": (flipped(content), 4, "damaged: the weights have digest"),
        "digest": (altered(content, digest="0" * 64), 4, "damaged: the weights have digest"),
        "fingerprint": (altered(content, fingerprint="0" * 64), 4, "damaged: its network has fingerprint"),
        "short": (content[:-40], 4, "not a wagekit model, or damaged"),
        "shorter": (content[:5], 4, "not a wagekit model, or damaged"),
        "larger": ((tmp_path / "larger.safetensors").read_bytes(), 7, "built from another network"),
    }
    board = boards.load("mps2-an386")
    image = build_firmware(open_subject("digits-tiny").network, board, batch=8)
    with boot(image.elf, board) as process:
        on = ("--on", f"serial:{process.url}", "--json")
        assert cli("checkpoint", "push", good, *on).code == 0

        def kept() -> tuple[str, int, int, int]:
            pulled = cli("checkpoint", "pull", "digits-tiny", *on, "--out", "now", "--force")
            info = json.loads(cli("checkpoint", "info", "digits-tiny", *on).out)
            return json.loads(pulled.out)["digest"], info["sequence"], info["step"], info["words"]

        before = kept()
        assert before[:3] == (load_model(good).digest(), 1, 3)
        for name, (data, code, words) in files.items():
            (tmp_path / f"{name}.safetensors").write_bytes(data)
            cli("checkpoint", "push", f"{name}.safetensors", *on).refused(code, words)
            assert kept() == before, name


def test_how_long_a_flash_lasts() -> None:
    one = cost(Geometry(16, 1024, 4), 5960)
    assert _lifetime(one, 20_000, 0) == "the flash allows 40,000 saves: 20,000 erasures of a sector"
    assert _lifetime(one, 20_000, 3600).endswith("; 1,600 days of this policy at least")


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
