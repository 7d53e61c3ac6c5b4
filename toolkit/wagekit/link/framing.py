"""Frames on the wire: COBS(header + payload + CRC-32) and a zero byte."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from cobs import cobs

from wagekit.link import schema

_HEADER = struct.Struct("<BHHBB")
_LONGEST = 4096
"""Encoded bytes after which a frame without end is given up; far above any frame's size."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame with its header."""

    type: int
    session: int = 0
    sequence: int = 0
    payload: bytes = b""
    flags: int = 0
    version: int = schema.PROTOCOL_VERSION

    def encode(self) -> bytes:
        """Bytes for the wire, the closing zero included."""
        body = _HEADER.pack(self.version, self.session, self.sequence, self.type, self.flags) + self.payload
        return bytes(cobs.encode(body + zlib.crc32(body).to_bytes(4, "little"))) + b"\0"


class Decoder:
    """Takes bytes as they come and gives whole, undamaged frames."""

    def __init__(self) -> None:
        self.damaged = 0
        """Frames that were cut, damaged or endless."""
        self._open = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Frames that these bytes complete."""
        frames: list[Frame] = []
        *ended, rest = data.split(b"\0")
        for part in ended:
            self._open += part
            if self._open and (frame := self._close()):
                frames.append(frame)
            self._open.clear()
        self._open += rest
        if len(self._open) > _LONGEST:
            self.damaged += 1
            self._open.clear()
        return frames

    def _close(self) -> Frame | None:
        try:
            raw = bytes(cobs.decode(bytes(self._open)))
        except cobs.DecodeError:
            raw = b""
        body, crc = raw[: -schema.CRC_BYTES], raw[-schema.CRC_BYTES :]
        if len(body) < schema.HEADER_BYTES or zlib.crc32(body) != int.from_bytes(crc, "little"):
            self.damaged += 1
            return None
        version, session, sequence, kind, flags = _HEADER.unpack_from(body)
        return Frame(kind, session, sequence, body[schema.HEADER_BYTES :], flags, version)
