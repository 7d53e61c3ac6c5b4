"""The example of a firmware of one's own: it learns between its own work, and ends with 0."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def example(root: Path, qemu: str) -> ModuleType:
    path = root / "examples" / "custom_firmware" / "run.py"
    spec = importlib.util.spec_from_file_location("custom_firmware", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_learns_between_its_own_work(example: ModuleType, tmp_path: Path) -> None:
    image = example.build("mps2-an386", str(tmp_path / "project"))
    text, code = example.run(image)
    assert code == 0, text
    before, after = (int(word) for word in re.findall(r"(?:before|after): (\d+) %", text))
    assert before < 60 < 90 <= after
    turns = re.search(r"control loop: (\d+) turns", text)
    assert turns
    assert int(turns[1]) > 10_000
    assert "wk_app" not in {symbol.name for symbol in image.sizes.symbols}
    assert image.manifest["app"] == "none"


def test_it_says_the_same_on_every_board(example: ModuleType) -> None:
    """Integers: another core learns the same bits, so its words are the same up to the counter's."""

    def words(board: str) -> list[str]:
        text, _ = example.run(example.build(board))
        return [line for line in text.splitlines() if not line.startswith(("control", "stack"))]

    assert words("microbit") == words("mps2-an500")
