"""What docs/analyze.md shows is what `wagekit analyze` prints: every line of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from wagekit.cli import console

BLOCK = re.compile(r"```console\n\$ wagekit (.+?)\n(.*?)```", re.DOTALL)


def test_printed_as_shown(cli: Callable, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.out, "width", 80)
    blocks = BLOCK.findall((root / "docs/analyze.md").read_text("utf-8"))
    assert len(blocks) == 2
    for command, shown in blocks:
        assert "--estimate" in command, "numbers that no compiler changes"
        outcome = cli(*shlex.split(command))
        assert outcome.code == 0
        printed = "\n".join(line.rstrip() for line in outcome.out.strip("\n").splitlines())
        assert printed == shown.strip("\n"), (
            f"replace the block by what `COLUMNS=80 wagekit {command}` prints"
        )


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("network", ["digits", "digits-tiny"])
def test_nothing_is_cut(cli: Callable, monkeypatch: pytest.MonkeyPatch, width: int, network: str) -> None:
    monkeypatch.setattr(console.out, "width", width)
    for options in (("--all", "--batch", "1,32"), ("--board", "microbit"), ("--board", "mps2-an386")):
        outcome = cli("analyze", network, "--estimate", *options)
        tables = [
            line for line in outcome.out.splitlines() if ": network" not in line and "fits with" not in line
        ]
        assert "…" not in outcome.out
        assert max(len(line.rstrip()) for line in tables) <= width
        assert ("not shown for lack of width" in outcome.err) == (options[0] == "--all" and width == 80)
