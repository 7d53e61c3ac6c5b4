"""Every command line that a document shows is one that wagekit understands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from wagekit.cli.app import app

DOCUMENTS = (
    "README.md",
    "docs/cli.md",
    "docs/training.md",
    "docs/data.md",
    "docs/events.md",
    "docs/embedding.md",
    "docs/boards.md",
    "docs/flashing.md",
    "docs/analyze.md",
    "docs/porting.md",
    "docs/simulate.md",
)
LINE = re.compile(r"^\s*(?:\$ )?(?:producer \| )?(?:\.venv/bin/)?wagekit (.+?)(?:\s+#.*)?$", re.MULTILINE)


def commands(text: str) -> list[list[str]]:
    """Arguments of the `wagekit` lines in fenced blocks of shell."""
    blocks = re.findall(r"```(?:sh|bash|console)\n(.*?)```", text, re.DOTALL)
    return [shlex.split(line) for block in blocks for line in LINE.findall(block.replace("\\\n", " "))]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_are_understood(root: Path, name: str) -> None:
    path = root / name
    if not path.exists():
        pytest.skip(f"{name} is not written")
    group = typer.main.get_command(app)
    for verb, *arguments in commands(path.read_text(encoding="utf-8")):
        command = group.commands[verb]  # type: ignore[attr-defined]
        if "--help" not in arguments:
            command.make_context(verb, list(arguments))


def test_python_of_training_runs(cli: Callable, root: Path, host_cc: str) -> None:
    assert cli("train", "digits", "--steps", "1").code == 0
    assert cli("new", ".", "--example", "digits-tiny").code == 0
    text = (root / "docs/training.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block.replace("epochs=6", "epochs=1"), "docs/training.md", "exec"), {})


def test_python_of_data_runs(
    cli: Callable, root: Path, host_cc: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("new", ".", "--example", "digits").code == 0
    blocks = re.findall(
        r"```python\n(.*?)```", (root / "docs/data.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert len(blocks) == 1
    exec(compile(blocks[0], "docs/data.md", "exec"), {})
    steps = capsys.readouterr().out.splitlines()
    assert [int(line.split()[0]) for line in steps] == list(range(50))
    errors = [int(line.split()[1]) for line in steps]
    assert sum(errors[-10:]) < sum(errors[:10]), "it learns"


def test_there_are_commands(root: Path) -> None:
    assert len(commands((root / "docs/cli.md").read_text(encoding="utf-8"))) > 20
