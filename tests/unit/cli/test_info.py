"""`info`: a firmware from its files, and from a chip that runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from wagekit import boards
from wagekit.cli.sources import open_subject
from wagekit.toolchain import cross, qemu
from wagekit.toolchain.firmware import FirmwareImage, build_firmware
from wagekit.toolchain.image import read_image
from wagekit.toolchain.programmers import uf2

BOARD = boards.load("mps2-an386")


@pytest.fixture(scope="module")
def image(qemu: str) -> FirmwareImage:
    """A build that other tests make too."""
    return build_firmware(open_subject("digits-tiny").network, BOARD, batch=8)


def test_a_firmware_tells_what_it_was_made_of(cli: Callable, image: FirmwareImage, tmp_path: Path) -> None:
    told = json.loads(cli("info", image.elf, "--json").out)
    network = image.manifest["network"]
    assert told["manifest"] == image.manifest["hash"]
    assert (told["network"], told["fingerprint"]) == ("digits-tiny", network["fingerprint"])
    assert (told["wagekit"], told["board"]) == (image.manifest["wagekit"], BOARD.name)
    assert told["flags"] == " ".join(BOARD.flags)
    assert told["optimise"] == BOARD.optimise
    version = told["compiler"].removeprefix("gcc ").split()[0]
    assert version in cross.find_compiler().version
    binary, drive_file = image.elf.with_suffix(".bin"), tmp_path / "firmware.uf2"
    drive_file.write_bytes(uf2.encode(read_image(image.elf).segments, 0xE48BFF56))
    for other in (binary, drive_file):
        assert json.loads(cli("info", other, "--json").out) == told | {"file": str(other)}
    plain = cli("info", image.elf)
    assert "made by wagekit" in plain.out
    assert told["fingerprint"] in plain.out


def test_the_chip_tells_the_same(cli: Callable, image: FirmwareImage) -> None:
    file = json.loads(cli("info", image.elf, "--json").out)
    with qemu.boot(image.elf, BOARD) as process:
        outcome = cli("info", f"serial:{process.url}", "--json")
        assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    assert {key: told[key] for key in file if key != "file"} == {k: v for k, v in file.items() if k != "file"}
    assert (told["weights"], told["checkpoints"], told["restored"]) == (5960, True, False)


def test_a_record_costs_what_the_documentation_says(image: FirmwareImage, root: Path) -> None:
    symbol = image.sizes.symbol("wk_build")
    assert symbol
    assert 250 < symbol.bytes < 320
    assert "about 300 bytes of flash" in (root / "docs/flashing.md").read_text("utf-8")


def test_what_is_no_firmware(cli: Callable, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    cli("info", "notes.txt").refused(6, "notes.txt: no firmware that tells how it was built")
    cli("info", "absent.elf").refused(2, "absent.elf: no such file or port")
    cli("info", "qemu:microbit").refused(2, "qemu:microbit", "no firmware runs there")
    cli("info", "notes.txt", "--baud", "9600").refused(2, "--baud")
    cli("info", "serial:/dev/absent").refused(7, "/dev/absent: there is no such port")
