"""Payloads: from named values to bytes and back, following the schema."""

from __future__ import annotations

from collections.abc import Mapping

from wagekit.link import schema

Value = int | bytes | str


class PayloadError(ValueError):
    """A payload that is shorter than the fields that its message has always had."""


class Record:
    """Decoded fields of one message, read by name and type."""

    def __init__(self, values: dict[str, Value]) -> None:
        self.values = values

    def int(self, name: str) -> int:
        """An integer field."""
        value = self.values[name]
        assert isinstance(value, int)
        return value

    def bytes(self, name: str) -> bytes:
        """A `bytes` or `tail` field."""
        value = self.values[name]
        assert isinstance(value, bytes)
        return value

    def text(self, name: str) -> str:
        """A `text` field."""
        value = self.values[name]
        assert isinstance(value, str)
        return value

    def __repr__(self) -> str:
        return f"Record({self.values})"


def encode(fields: tuple[schema.Field, ...], values: Mapping[str, Value]) -> bytes:
    """Bytes of a payload.

    Raises ValueError for a name that the message does not have, a name left out, or a
    value that does not fit its field.
    """
    if unknown := set(values) - {field.name for field in fields}:
        raise ValueError(f"no such field: {', '.join(sorted(unknown))}")
    out = bytearray()
    for field in fields:
        if field.name not in values:
            if field.default is None:
                raise ValueError(f"field {field.name} is missing")
            out += _encode_one(field, field.default)
        else:
            out += _encode_one(field, values[field.name])
    return bytes(out)


def _encode_one(field: schema.Field, value: Value) -> bytes:
    if isinstance(value, int):
        try:
            return value.to_bytes(schema.SIZES[field.kind], "little", signed=field.kind[0] == "i")
        except (OverflowError, KeyError) as error:
            raise ValueError(f"field {field.name} ({field.kind}) cannot hold {value}") from error
    raw = value.encode() if isinstance(value, str) else value
    if field.kind == "tail":
        return raw
    if field.kind == "text" and len(raw) <= field.size:
        return bytes([len(raw)]) + raw
    if field.kind == "bytes" and len(raw) == field.size:
        return raw
    raise ValueError(f"field {field.name} ({field.kind} of {field.size}) cannot hold {len(raw)} bytes")


def decode(fields: tuple[schema.Field, ...], payload: bytes) -> Record:
    """Named values of a payload; bytes behind the last known field are ignored.

    Raises PayloadError if a field that has no default is cut.
    """
    values: dict[str, Value] = {}
    at = 0
    for field in fields:
        if field.kind == "tail":
            values[field.name] = payload[at:]
            return Record(values)
        size = field.fixed_size
        if field.kind == "text" and at < len(payload):
            size += payload[at]
        part = payload[at : at + size]
        if len(part) < size:
            if field.default is None:
                raise PayloadError(f"payload of {len(payload)} bytes ends in field {field.name}")
            values[field.name] = field.default
        elif field.kind == "text":
            values[field.name] = part[1:].decode("utf-8", "replace")
        elif field.kind == "bytes":
            values[field.name] = part
        else:
            values[field.name] = int.from_bytes(part, "little", signed=field.kind[0] == "i")
        at += size
    return Record(values)
