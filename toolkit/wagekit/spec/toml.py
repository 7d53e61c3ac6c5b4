"""Writes a description as TOML, short lists on one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WIDTH = 100


def dumps(data: Mapping[str, Any]) -> str:
    """TOML text of plain values, tables of plain values, and lists of such tables."""
    blocks = [_plain(data)]
    for key, value in data.items():
        if isinstance(value, Mapping):
            blocks.append(f"[{key}]\n{_plain(value)}")
        elif _is_tables(value):
            blocks += [f"[[{key}]]\n{_plain(table)}" for table in value]
    return "\n".join(blocks)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _plain(table: Mapping[str, Any]) -> str:
    lines = []
    for key, value in table.items():
        if not isinstance(value, Mapping) and not _is_tables(value):
            lines.append(f"{key} = {_value(value)}\n")
    return "".join(lines)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + "".join(_escaped(c) for c in value) + '"'
    assert isinstance(value, Sequence), f"{value!r} is no value of a description"
    items = [_value(v) for v in value]
    line = "[" + ", ".join(items) + "]"
    if len(line) <= WIDTH:
        return line
    return "[\n" + "".join(f"    {item},\n" for item in items) + "]"


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    return char if char.isprintable() else f"\\U{ord(char):08X}"
