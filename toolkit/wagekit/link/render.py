"""What is generated from the schema: the C header and the message table of the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wagekit import templates
from wagekit.link import schema
from wagekit.version import __version__

_C_TYPES = {kind: f"{'' if kind[0] == 'i' else 'u'}int{8 * size}_t" for kind, size in schema.SIZES.items()}


def render_header() -> str:
    """Text of `wk_protocol.h`."""
    return templates.render(
        "link/wk_protocol.h.jinja",
        version=__version__,
        constants=_constants(),
        requests=[_request(message) for message in schema.REQUESTS if message.fields],
        replies=[_reply(f"{m.name}_reply", m.reply) for m in schema.REQUESTS if m.reply]
        + [_reply(m.name, m.fields) for m in schema.NOTICES],
    )


def _constants() -> list[tuple[str, str, str]]:
    """Name, value and meaning of every number of the header."""
    rows = [
        ("WK_PROTOCOL_VERSION", f"{schema.PROTOCOL_VERSION}u", "first byte of every frame"),
        ("WK_HEADER_BYTES", f"{schema.HEADER_BYTES}u", ""),
        ("WK_CRC_BYTES", f"{schema.CRC_BYTES}u", ""),
        ("WK_FRAME_BYTES_MIN", f"{schema.MIN_FRAME_BYTES}u", "limits of WK_FRAME_BYTES"),
        ("WK_FRAME_BYTES_MAX", f"{schema.MAX_FRAME_BYTES}u", ""),
        ("WK_LINK_WINDOW", f"{schema.WINDOW}u", "requests under way at once"),
        ("WK_ACK_AFTER_MS", f"{schema.ACK_AFTER_MS}u", "an answer that takes longer is announced"),
        ("WK_REPLY", f"0x{schema.REPLY:02x}u", "added to a request's type for its answer"),
        ("WK_FAULT_REPEATS", f"{schema.FAULT_REPEATS}u", ""),
    ]
    for message in (*schema.REQUESTS, *schema.NOTICES):
        rows.append((f"WK_MSG_{message.name.upper()}", f"0x{message.code:02x}u", ""))
    for code in schema.ERRORS:
        rows.append((f"WK_ERROR_{code.name.upper()}", f"{code.value}u", code.doc))
    for code in schema.BATCH_FLAGS:
        rows.append((f"WK_BATCH_{code.name.upper()}", f"{code.value}u", code.doc))
    for code in schema.HELLO_FLAGS:
        rows.append((f"WK_HELLO_{code.name.upper()}", f"{code.value}u", code.doc))
    for code in schema.FAULT_CAUSES:
        rows.append((f"WK_FAULT_CAUSE_{code.name.upper()}", f"{code.value}u", code.doc))
    return rows


def _member(field: schema.Field) -> dict[str, str]:
    """What the template needs to declare a field's member."""
    return {"name": field.name, "kind": field.kind, "type": _C_TYPES.get(field.kind, "")}


def _request(message: schema.Message) -> dict[str, Any]:
    rows, offset, needed = [], 0, 0
    for field in message.fields:
        rows.append(
            {
                "name": field.name,
                "kind": field.kind,
                "offset": offset,
                "end": offset + field.fixed_size,
                "default": field.default,
            }
        )
        offset += field.fixed_size
        if field.default is None:
            needed = offset
    members = [_member(field) for field in message.fields]
    return {"name": message.name, "members": members, "fields": rows, "needed": needed, "doc": message.doc}


def _reply(name: str, fields: tuple[schema.Field, ...]) -> dict[str, Any]:
    written = [field for field in fields if field.kind != "tail"]
    return {
        "name": name,
        "constant": name.upper(),
        "members": [_member(field) for field in written],
        "fields": [{"name": f.name, "kind": f.kind, "size": f.size} for f in written],
        "bytes": schema.wire_size(fields),
    }


def render_tables() -> str:
    """Markdown tables of all messages and codes, for docs/protocol.md."""
    lines: list[str] = []
    for message in schema.REQUESTS:
        lines += [f"### `{message.name}` 0x{message.code:02x}", "", message.doc, ""]
        lines += _table("request", message.fields) + _table("answer", message.reply or ())
    for message in schema.NOTICES:
        lines += [f"### `{message.name}` 0x{message.code:02x} (device only)", "", message.doc, ""]
        lines += _table("payload", message.fields)
    for title, codes in (
        ("Error codes", schema.ERRORS),
        ("Batch flags", schema.BATCH_FLAGS),
        ("Hello flags", schema.HELLO_FLAGS),
        ("Fault causes", schema.FAULT_CAUSES),
    ):
        lines += [f"### {title}", "", "| value | name | meaning |", "|---|---|---|"]
        lines += [f"| {code.value} | `{code.name}` | {code.doc} |" for code in codes] + [""]
    return "\n".join(lines).rstrip() + "\n"


def _table(title: str, fields: tuple[schema.Field, ...]) -> list[str]:
    if not fields:
        return [f"The {title} has no fields.", ""]
    lines = [f"| {title} | type | meaning |", "|---|---|---|"]
    for field in fields:
        kind = field.kind + (f"[{field.size}]" if field.size else "")
        lines.append(f"| `{field.name}` | {kind} | {field.doc} |")
    return [*lines, ""]


MARK = "<!-- generated from the schema -->\n"
"""Everything behind this line of docs/protocol.md is `render_tables`."""


def refresh(document: Path) -> None:
    """Write the tables into a document that has the mark."""
    head, mark, _ = document.read_text("utf-8").partition(MARK)
    document.write_text(head + (mark or MARK) + render_tables(), "utf-8")
