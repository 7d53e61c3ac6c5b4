"""The record of a build in an image: found where it is, and nothing else is taken for it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from wagekit.errors import DataError, ToolError
from wagekit.toolchain.build_info import MOST, find_build, read_build
from wagekit.toolchain.image import Segment
from wagekit.toolchain.programmers import uf2

TEXT = b"wagekit=0.1.0\nnetwork=caf\xc3\xa9\nflags=-mcpu=cortex-m4 -mthumb\n"
HASH = bytes(range(32))


def record(text: bytes = TEXT, version: bytes = b"1", size: int | None = None) -> bytes:
    return struct.pack("<8s32sI", b"WKBUILD" + version, HASH, len(text) if size is None else size) + text


@pytest.mark.parametrize(
    "before", [b"", b"x" * 1000, b"WKBUILD", b"WKBUILD1", record(size=MOST + 1), record(b"\xff")]
)
def test_it_is_found_behind_anything(before: bytes) -> None:
    found = find_build(before + record() + b"after", "x.bin")
    assert found.manifest == HASH.hex()
    assert found.facts == {"wagekit": "0.1.0", "network": "café", "flags": "-mcpu=cortex-m4 -mthumb"}


def test_it_is_found_in_a_uf2_file_across_blocks() -> None:
    file = uf2.encode([Segment(0x10000000, b"\0" * 194 + record())], 0xE48BFF56)
    assert b"network=caf\xc3\xa9\nflags=-mcpu=cortex-m4 -mthumb" not in file
    assert find_build(file, "x.uf2").facts["network"] == "café"


@pytest.mark.parametrize(
    "data", [b"", b"\x7fELF nothing", record()[:-1], record(size=0), record(b"other=1\n")]
)
def test_no_firmware_of_ours(data: bytes) -> None:
    with pytest.raises(ToolError, match=r"x\.elf: no firmware that tells how it was built"):
        find_build(data, "x.elf")


def test_a_later_version() -> None:
    with pytest.raises(
        ToolError, match="its record of the build has version 2; this wagekit reads 1"
    ) as caught:
        find_build(record(version=b"2"), "x.elf")
    assert "update" in (caught.value.hint or "")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_build(tmp_path)
