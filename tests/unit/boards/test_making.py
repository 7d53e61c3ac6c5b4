"""`boards new`: a board outside the package from one that is there, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from wagekit import boards
from wagekit.errors import BoardError, UsageError

OWN = {"name", "verified", "sources"}


@pytest.mark.parametrize("name", boards.available())
def test_it_is_the_same_under_another_name(name: str, tmp_path: Path) -> None:
    source = boards.load(name)
    made = boards.make_board("mine", source, tmp_path / "a" / "mine")
    assert made.name == "mine"
    assert made.verified == [], "nothing was tried with it"
    assert made.model_dump(exclude=OWN) == source.model_dump(exclude=OWN)
    files = made.source_files()
    assert "void wk_board_init(void)" in files["port.c"]
    assert [path for path, text in files.items() if "\nvoid wk_board_init(void) {" in text] == ["port.c"]
    common = {path for path in files if path.startswith("common/")}
    assert common <= set(source.source_files())
    readme = (tmp_path / "a" / "mine" / "README.md").read_text()
    assert f"from {name}" in readme
    assert ("[qemu]" in readme) == (source.qemu is not None)
    assert ("[[checkpoint]]" in readme) == bool(source.checkpoint)
    assert f"wagekit boards show {tmp_path}/a/mine" in readme


def test_one_of_ones_own_can_be_the_origin(tmp_path: Path) -> None:
    first = boards.make_board("first", boards.load("mps2-an386"), tmp_path / "first")
    (tmp_path / "first" / "mine.h").write_text("#define MINE 1\n")
    second = boards.make_board("second", boards.load(tmp_path / "first"), tmp_path / "second")
    assert second.source_files().keys() == first.source_files().keys()
    assert "mine.h" in second.source_files()


def test_what_is_there_stays(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "board.toml").write_text("precious")
    with pytest.raises(UsageError, match="mine exists"):
        boards.make_board("mine", boards.load("microbit"), folder)
    assert [path.read_text() for path in folder.iterdir()] == ["precious"]


@pytest.mark.parametrize("name", ["Mine", "a b", "", "-x", "x" * 25, 'x"'])
def test_wrong_names_leave_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(BoardError) as caught:
        boards.make_board(name, boards.load("microbit"), tmp_path / "mine")
    assert str(tmp_path / "mine" / boards.FILE) in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    def write(self: Path, text: str, **_: object) -> None:
        written.append(self.name)
        if len(written) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", write)
    with pytest.raises(UsageError, match="mine: cannot be written: No space left on device"):
        boards.make_board("mine", boards.load("microbit"), tmp_path / "mine")
    assert len(written) == 3
    assert list(tmp_path.iterdir()) == []
