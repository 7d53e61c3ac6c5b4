"""Loops that wait for hardware or have no end: docs/bounds.md lists all of them, and only them."""

from __future__ import annotations

import re
from pathlib import Path

LOOP = re.compile(r"\b(?:for|while)\s*\(")
LOOK = ("wk_reg_read", "wk_board_read", "wk_uart_", "pump")


def loops(text: str) -> list[tuple[str, str]]:
    """Head and body (up to its first closing brace) of every loop."""
    found = []
    for match in LOOP.finditer(text):
        depth, at = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
        found.append((text[match.end() : at - 1], text[at:].split("}", maxsplit=1)[0]))
    return found


def waits(head: str, body: str) -> bool:
    """Whether its end depends on a device, or it has none."""
    endless = head.replace(" ", "") in (";;", "1", "true")
    return endless or any(word in head + body for word in LOOK)


def waiting_files(root: Path) -> set[str]:
    files = [path for part in ("firmware", "boards") for path in (root / part).rglob("*.[ch]")]
    assert len(files) > 50
    return {
        path.relative_to(root).as_posix()
        for path in files
        if any(waits(head, body) for head, body in loops(path.read_text("utf-8")))
    }


def test_the_table_lists_all(root: Path) -> None:
    text = (root / "docs/bounds.md").read_text("utf-8").split("## Loops that wait")[1]
    assert waiting_files(root) == set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE))


def test_it_finds_them() -> None:
    assert waits(*loops("while (wk_reg_read(SR) & BUSY) { }")[0])
    assert waits(*loops("for (uint32_t i = 0; i < 9; i++) { if (wk_reg_read(A)) { return; } }")[0])
    assert waits(*loops("for (;;) { }")[0])
    assert not waits(*loops("for (uint32_t i = 0; i < (n); i++) { x[i] = 0; } wk_reg_read(A);")[0])


def test_the_watchdog_is_fed_where_the_document_says(root: Path) -> None:
    fed = {
        path.name
        for path in (root / "firmware/src").rglob("*.c")
        if "feed_watchdog" in path.read_text("utf-8")
    }
    text = (root / "docs/bounds.md").read_text("utf-8").split("## Watchdog")[1].split("## Loops")[0]
    assert fed == set(re.findall(r"^\| `(\w+\.c)`", text, re.MULTILINE))
