"""Loading over gdb, and what an image may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from wagekit import boards
from wagekit.errors import LimitError, ToolError, UsageError
from wagekit.toolchain import flash
from wagekit.toolchain.image import Image, Segment, blank_area, check_image, read_image

BOARD = boards.load("mps2-an386")
MICROBIT = boards.load("microbit")
FILE = Path("firmware.elf")


def image_of(*segments: Segment) -> Image:
    return Image(FILE, segments, segments[0].address)


def test_the_bytes_of_an_image_have_erased_flash_in_their_gaps() -> None:
    image = image_of(Segment(0x100, b"abc"), Segment(0x106, b"d"))
    assert image.origin == 0x100
    assert image.binary() == b"abc\xff\xff\xffd"


def test_an_image_stays_in_the_flash_and_off_the_checkpoints() -> None:
    (area,) = MICROBIT.checkpoint
    check_image(image_of(Segment(0, b"x" * 64), Segment(area.origin - 4, b"last")), MICROBIT)
    for address in (area.origin - 3, area.origin, area.origin + area.size * area.count - 4):
        with pytest.raises(LimitError, match=r"over the checkpoint sectors of microbit, 0x3c000\.\.0x3ffff"):
            check_image(image_of(Segment(0, b"x"), Segment(address, b"last")), MICROBIT)
    for address in (0x40000 - 3, 0x40000, 0x20000000):
        with pytest.raises(LimitError, match=r"outside the flash of (microbit|netduinoplus2)"):
            board = boards.load("netduinoplus2")
            check_image(image_of(Segment(address, b"last")), board)


def test_only_sectors_that_a_programmer_reaches_can_be_erased() -> None:
    blank = blank_area(MICROBIT)
    assert blank is not None
    assert (blank.address, blank.end, set(blank.data)) == (0x3C000, 0x40000, {0xFF})
    assert blank_area(boards.load("emcraft-sf2")) is None  # a serial flash has addresses of its own
    assert blank_area(boards.load("lm3s6965evb")) is None  # and this has no checkpoints


def test_not_a_firmware(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no\.elf does not exist"):
        read_image(tmp_path / "no.elf")
    file = tmp_path / "x.elf"
    file.write_text("no")
    with pytest.raises(ToolError, match=r"x\.elf is not a firmware"):
        read_image(file)
    with pytest.raises(ToolError, match="has no vector table"):
        read_image(Path("/usr/bin/true"))


def test_missing_debugger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolError, match="gdb-multiarch or arm-none-eabi-gdb is not installed"):
        flash.flash_qemu(tmp_path / "x.elf", BOARD)


@pytest.mark.parametrize(
    ("said", "code", "message"),
    [
        ("Section .text, range 0x0 -- 0x8: MIS-MATCHED!", 0, r"section \.text was read back different"),
        ("Connection timed out.", 1, r"gdb did not load the firmware: Connection timed out\."),
        ("", 0, "gdb did not load the firmware: no message"),
    ],
)
def test_what_gdb_says_becomes_one_line(
    said: str, code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "gdb-multiarch"
    fake.write_text(f"#!/bin/sh\necho '{said}'\nexit {code}\n")
    fake.chmod(0o755)
    image = Image(tmp_path / "x.elf", (Segment(0, b"12345678"),), 0)
    monkeypatch.setattr(flash, "read_image", lambda elf: image)
    monkeypatch.setattr(flash, "find_debugger", lambda: str(fake))
    stopped = []

    class Standing:
        gdb_port = 1
        stderr = ""

        def stop(self) -> None:
            stopped.append(True)

    monkeypatch.setattr(flash.qemu, "boot", lambda *arguments, **options: Standing())
    with pytest.raises(ToolError, match=message):
        flash.flash_qemu(tmp_path / "x.elf", BOARD)
    assert stopped == [True]
