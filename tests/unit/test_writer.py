"""Writing generated files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from wagekit.errors import UsageError
from wagekit.templates import render
from wagekit.version import __version__
from wagekit.writer import firmware_files, write_atomic, write_files, write_folder


def test_the_manifest_tells_what_was_written(tmp_path: Path) -> None:
    path = write_files(tmp_path / "new", {"a/b.c": "int x;\n", "c.bin": b"\x00\xff"}, facts={"network": "n"})
    manifest = json.loads(path.read_text())
    assert (manifest["format"], manifest["wagekit"], manifest["network"]) == (1, __version__, "n")
    assert [entry["path"] for entry in manifest["files"]] == ["a/b.c", "c.bin"]
    for entry in manifest["files"]:
        data = (tmp_path / "new" / entry["path"]).read_bytes()
        assert (entry["bytes"], entry["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


def test_writing_again_replaces_and_leaves_nothing_behind(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.c": "old"})
    write_files(tmp_path, {"a.c": "new"})
    assert (tmp_path / "a.c").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.c", "manifest.json"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.c"
    write_atomic(path, "old")

    def refuse(self: Path, target: Path) -> Path:
        raise OSError("full")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="full"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.c"]


def test_paths_that_lead_out_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="leads out"):
        write_files(tmp_path / "in", {"../out.c": ""})


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_files(tmp_path / "file", {"a.c": ""})


def test_the_static_sources_are_found() -> None:
    files = firmware_files()
    assert "include/wagekit/wagekit.h" in files
    assert "src/kernels/wk_loops.c" in files
    assert "src/train/wk_update.inc" in files
    for name, text in files.items():
        assert "SPDX-License-Identifier: Apache-2.0" in text, name


def test_templates_fail_on_what_is_undefined() -> None:
    with pytest.raises(Exception, match="undefined"):
        render("mcu/wk_model.h.jinja", title="only this")


def test_a_folder_gives_way_to_its_next_version(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    write_folder(folder, {"a.c": "old", "sub/b.c": "gone"}, facts={"mark": 1}, key="mark")
    path = write_folder(folder, {"a.c": "new"}, facts={"mark": 1}, key="mark")
    assert path == folder / "manifest.json"
    assert sorted(item.name for item in folder.rglob("*")) == ["a.c", "manifest.json"]
    assert [item.name for item in tmp_path.iterdir()] == ["library"]


@pytest.mark.parametrize("stranger", ["a.c", "mine.txt", "build/x.o"])
def test_a_folder_keeps_what_is_not_ours(tmp_path: Path, stranger: str) -> None:
    folder = tmp_path / "library"
    write_folder(folder, {"a.c": "old"}, facts={"mark": 1}, key="mark")
    (folder / stranger).parent.mkdir(exist_ok=True)
    (folder / stranger).write_text("mine")
    with pytest.raises(UsageError, match=stranger) as caught:
        write_folder(folder, {"a.c": "new"}, facts={"mark": 1}, key="mark")
    assert "--force" in (caught.value.hint or "")
    assert (folder / stranger).read_text() == "mine"
    write_folder(folder, {"a.c": "new"}, facts={"mark": 1}, key="mark", force=True)
    assert (folder / "a.c").read_text() == "new"
    assert stranger == "a.c" or (folder / stranger).read_text() == "mine"


def test_a_folder_of_something_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path / "project", {"a.c": "x"}, facts={"other": 1})
    with pytest.raises(UsageError, match="not written here"):
        write_folder(tmp_path / "project", {"a.c": "y"}, facts={"mark": 1}, key="mark")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file"):
        write_folder(tmp_path / "file", {"a.c": "y"}, facts={"mark": 1}, key="mark")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="where you are"):
        write_folder(Path(), {"a.c": "y"}, facts={"mark": 1}, key="mark", force=True)


def test_a_folder_that_fails_half_way_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "library"
    write_folder(folder, {"a.c": "old"}, facts={"mark": 1}, key="mark")
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError("full")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(UsageError, match="full"):
        write_folder(folder, {"a.c": "new"}, facts={"mark": 1}, key="mark")
    assert (folder / "a.c").read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["library"]
