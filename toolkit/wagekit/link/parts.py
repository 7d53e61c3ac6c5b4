"""Fixed layouts of little-endian fields: one table for the bytes, the C header and the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from wagekit.errors import DataError

Kind = Literal["u8", "i8", "u16", "u32", "bytes"]
_SIZES: dict[str, int] = {"u8": 1, "i8": 1, "u16": 2, "u32": 4}


@dataclass(frozen=True, slots=True)
class Part:
    """A little-endian field."""

    name: str
    kind: Kind
    doc: str
    size: int = 0

    @property
    def width(self) -> int:
        """Bytes that it takes."""
        return self.size or _SIZES[self.kind]


Parts = tuple[Part, ...]


def width(parts: Parts) -> int:
    """Bytes of all parts."""
    return sum(part.width for part in parts)


def offsets(parts: Parts) -> Iterator[tuple[Part, int]]:
    """Each part and where it begins."""
    at = 0
    for part in parts:
        yield part, at
        at += part.width


def pack(parts: Parts, values: Mapping[str, int | bytes], what: str) -> bytes:
    """The bytes. DataError, which `what` begins: a value is out of its range."""
    data = b""
    for part in parts:
        value = values[part.name]
        if isinstance(value, bytes):
            if len(value) != part.width:
                raise DataError(f"{what}: {part.name} has {len(value)} bytes: {part.width} are needed")
            data += value
            continue
        try:
            data += value.to_bytes(part.width, "little", signed=part.kind == "i8")
        except OverflowError:
            raise DataError(f"{what}: {part.name} = {value}: outside {part.kind}") from None
    return data


def numbers(parts: Parts, data: bytes) -> dict[str, int]:
    """All parts that are numbers."""
    return {
        part.name: int.from_bytes(data[at : at + part.width], "little", signed=part.kind == "i8")
        for part, at in offsets(parts)
        if part.kind != "bytes"
    }


def raw(parts: Parts, data: bytes, name: str) -> bytes:
    """The bytes of one part."""
    return next(data[at : at + part.width] for part, at in offsets(parts) if part.name == name)


def table(title: str, parts: Parts) -> list[str]:
    """Lines of a Markdown table."""
    lines = [f"| at | {title} | type | meaning |", "|---|---|---|---|"]
    for part, at in offsets(parts):
        kind = f"bytes[{part.size}]" if part.size else part.kind
        lines.append(f"| {at} | `{part.name}` | {kind} | {part.doc} |")
    return lines
