"""Reads back what an image tells of its build: the record of `firmware/include/wagekit/wk_build.h`."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from wagekit.errors import DataError, ToolError
from wagekit.toolchain.programmers.uf2 import decode

_MAGIC = b"WKBUILD"
_VERSION = b"1"
_RECORD = struct.Struct("<8s32sI")
MOST = 4096
"""Characters of a text that can be meant; more are something else."""


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """What a firmware was made of."""

    manifest: str
    """`hash` in the manifest.json of its project, hexadecimal."""
    facts: dict[str, str]
    """wagekit, network, fingerprint, board, app, batch, learns, baud, flags, compiler, optimise."""


def parse_text(text: str) -> dict[str, str]:
    """Lines `key=value`."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {key: value for key, equals, value in pairs if equals}


def find_build(image: bytes, name: str) -> BuildInfo:
    """The record in an ELF, a plain image or a UF2 file; `ToolError` with `name` where there is none."""
    data = decode(image) or image
    other = ""
    at = data.find(_MAGIC)
    while at >= 0:
        version = data[at + len(_MAGIC) : at + len(_MAGIC) + 1]
        if version == _VERSION:
            found = _record(data, at)
            if found is not None:
                return found
        elif version.isalnum():
            other = version.decode("ascii")
        at = data.find(_MAGIC, at + 1)
    if other:
        raise ToolError(
            f"{name}: its record of the build has version {other}; this wagekit reads {_VERSION.decode()}",
            hint="a newer wagekit made it: update with pip install -U wagekit",
        )
    raise ToolError(
        f"{name}: no firmware that tells how it was built",
        hint="`wagekit build` makes one: build/firmware.elf or .bin; older versions put no record in",
    )


def _record(data: bytes, at: int) -> BuildInfo | None:
    """The record at an offset; None for bytes that only begin like one."""
    if at + _RECORD.size > len(data):
        return None
    _, digest, size = _RECORD.unpack_from(data, at)
    text = data[at + _RECORD.size : at + _RECORD.size + size]
    if not 0 < size <= MOST or len(text) != size:
        return None
    try:
        facts = parse_text(text.decode("utf-8"))
    except UnicodeDecodeError:
        return None
    return BuildInfo(digest.hex(), facts) if "wagekit" in facts else None


def read_build(path: Path) -> BuildInfo:
    """The record in a file. DataError: it cannot be read; ToolError: it has none."""
    try:
        return find_build(path.read_bytes(), str(path))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
