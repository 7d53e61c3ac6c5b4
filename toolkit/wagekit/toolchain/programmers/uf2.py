"""UF2: an image as blocks of 512 bytes, copied to the drive that a boot loader shows."""

from __future__ import annotations

import os
import string
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from wagekit.boards import Flashing
from wagekit.errors import DataError, ToolError
from wagekit.toolchain.image import ERASED, Segment
from wagekit.toolchain.programmers.base import Job, Probe, Programmer

INFO = "INFO_UF2.TXT"
PAYLOAD = 256
"""Bytes of the image in a block: a page of flash, at a multiple of it."""
_ROOTS = (Path("/media"), Path("/run/media"), Path("/mnt"), Path("/Volumes"))
_MAGIC = (0x0A324655, 0x9E5D5157)
_MAGIC_END = 0x0AB16F30
_FAMILY_PRESENT = 0x2000
_BLOCK = struct.Struct("<8I476sI")


def encode(segments: Iterable[Segment], family: int) -> bytes:
    """The blocks of some pieces of memory, by address; what a page has beside them is erased flash."""
    pages: dict[int, bytearray] = {}
    for piece in segments:
        for offset, byte in enumerate(piece.data):
            at = piece.address + offset
            page = pages.setdefault(at // PAYLOAD, bytearray([ERASED]) * PAYLOAD)
            page[at % PAYLOAD] = byte
    blocks = []
    for number, (place, data) in enumerate(sorted(pages.items())):
        head = (*_MAGIC, _FAMILY_PRESENT, place * PAYLOAD, PAYLOAD, number, len(pages), family)
        blocks.append(_BLOCK.pack(*head, bytes(data), _MAGIC_END))
    return b"".join(blocks)


def decode(data: bytes) -> bytes:
    """The payloads of a UF2 file, one after another; nothing where it is none."""
    if len(data) < _BLOCK.size or _BLOCK.unpack_from(data)[:2] != _MAGIC:
        return b""
    blocks = (data[at : at + _BLOCK.size] for at in range(0, len(data) - _BLOCK.size + 1, _BLOCK.size))
    fields = (_BLOCK.unpack(block) for block in blocks)
    return b"".join(block[8][: block[4]] for block in fields if block[:2] == _MAGIC)


def drives(roots: Iterable[Path] | None = None) -> list[Path]:
    """Mounted drives of UF2 boot loaders: in the roots where systems mount, or in folders of users there."""
    found: list[Path] = []
    for root in _ROOTS if roots is None else roots:
        for place in _folders(root):
            found += [drive for drive in (place, *_folders(place)) if is_drive(drive)]
    if roots is None and os.name == "nt":
        letters = (Path(f"{letter}:/") for letter in string.ascii_uppercase)
        found += [letter for letter in letters if is_drive(letter)]
    return found


def is_drive(folder: Path) -> bool:
    """Whether a boot loader shows this folder."""
    try:
        return (folder / INFO).is_file()
    except OSError:  # somebody else's, or just pulled out
        return False


def _folders(place: Path) -> list[Path]:
    try:
        return sorted(folder for folder in place.iterdir() if folder.is_dir())
    except OSError:
        return []


class Uf2(Programmer):
    """Copies a .uf2 to a mounted drive; the boot loader erases the sectors that it writes."""

    name = "uf2"
    program = "uf2"
    install = "no program is needed: bring the board into its boot loader, so that its drive is mounted"
    key = "uf2_family"
    problems = ()

    def chip(self, flashing: Flashing) -> str | None:
        """See `Programmer.chip`: the family."""
        return None if flashing.uf2_family is None else f"{flashing.uf2_family:#010x}"

    def find(self) -> list[str] | None:
        """It needs no program."""
        return []

    def commands(self, tool: Sequence[str], job: Job) -> list[list[str]]:
        """None: files are copied."""
        return []

    def probes(self) -> list[Probe] | None:
        """The drives, by their paths."""
        return [Probe(str(drive), board_of(drive)) for drive in drives()]

    def accepts(self, probe: str) -> bool:
        """A drive that is mounted elsewhere is named by its path."""
        return is_drive(Path(probe))

    def write(self, tool: Sequence[str], job: Job) -> None:
        """See `Programmer.write`; `job.probe` is the drive."""
        assert job.board.flash is not None
        assert job.board.flash.uf2_family is not None
        if job.probe is None or not is_drive(Path(job.probe)):
            raise ToolError(
                f"no drive of a UF2 boot loader is mounted{'' if job.probe is None else f' at {job.probe}'}",
                hint="hold the board's boot button while you plug it in (BOOTSEL), or press reset twice",
            )
        pieces = [*job.image.segments, *([job.blank] if job.blank else [])]
        data = encode(pieces, job.board.flash.uf2_family)
        try:
            copy(data, Path(job.probe) / "firmware.uf2")
        except DataError as error:
            raise ToolError(error.message, hint="the drive is full, protected, or was pulled out") from None


def copy(data: bytes, path: Path) -> None:
    """Write the whole file, and wait until the drive has it.

    Not under another name first: a boot loader takes blocks as they come, and is gone after the last.
    """
    try:
        with path.open("wb", buffering=0) as file:
            left = memoryview(data)
            while left:
                left = left[file.write(left) :]
            with suppress(OSError):  # after the last block a boot loader starts it, and its drive is gone
                os.fsync(file.fileno())
    except OSError as error:
        raise DataError(f"{path}: cannot be written whole: {error.strerror or error}") from None


def board_of(drive: Path) -> str:
    """What the boot loader calls its board."""
    try:
        text = (drive / INFO).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("Board-ID:")]
    return lines[0] if lines else "UF2 boot loader"
