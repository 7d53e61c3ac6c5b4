"""docs/porting.md, followed by its own words: commands are typed, files changed, outputs compared."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from wagekit.toolchain.flash import DEBUGGERS

BLOCK = re.compile(r"^```(console|toml changed|toml|diff)\n(.*?)^```", re.DOTALL | re.MULTILINE)
BOARD, PORT = Path("netduino2/board.toml"), Path("netduino2/port.c")


def pattern(shown: str) -> str:
    """A regular expression: a line of three dots is any lines, an ellipsis within a line any text."""
    lines = []
    for line in shown.splitlines():
        if line == "...":
            lines.append(r"(?:.*\n)*?")
        else:
            lines.append(".*".join(re.escape(part) for part in line.rstrip().split("…")) + r" *\n")
    return "".join(lines)


def type_commands(cli: Callable, block: str) -> None:
    command, _, shown = block.partition("\n")
    assert command.startswith("$ wagekit ")
    outcome = cli(*shlex.split(command.removeprefix("$ wagekit ")))
    printed = outcome.out + (outcome.err if outcome.code else "")
    text = "".join(line.rstrip() + "\n" for line in printed.strip("\n").splitlines())
    assert re.fullmatch(pattern(shown), text), f"{command}\nprinted\n{text}"


def apply(text: str, changes: str) -> str:
    """Every run of lines taken out, and those put in their place behind it; each is there once."""
    for found in re.finditer(r"((?:^-.*\n)+)((?:^\+.*\n)+)", changes, re.MULTILINE):
        old, new = (re.sub(r"^[-+]", "", part, flags=re.MULTILINE) for part in found.groups())
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def test_the_page_leads_to_a_board_that_learns(
    cli: Callable, root: Path, tmp_path: Path, arm_gcc: str, qemu: str
) -> None:
    if not any(map(shutil.which, DEBUGGERS)):
        pytest.skip(f"none of {', '.join(DEBUGGERS)} is installed")
    page = (root / "docs" / "porting.md").read_text("utf-8").split("## 7.")[0]
    done = []
    for kind, block in BLOCK.findall(page):
        if kind == "console":
            type_commands(cli, block)
        elif kind == "toml changed":
            key = block.split(" = ")[0]
            BOARD.write_text(re.sub(rf"(?m)^{key} = .*\n", block, BOARD.read_text()))
        elif kind == "toml":
            BOARD.write_text(block)
        else:
            PORT.write_text(apply(PORT.read_text(), block))
        done.append(kind)
    assert done == [
        *("console", "toml changed", "console", "toml", "console"),
        *("diff", "console", "console", "console"),
    ]
