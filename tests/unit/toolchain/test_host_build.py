"""The host compiler and its cache."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from wagekit.errors import ToolError
from wagekit.toolchain import host, zig

FILES = {
    "src/a.c": '#include "a.h"\nint value_a(void) { return VALUE; }\n',
    "src/b.c": '#include "deep/b.h"\nint value_b(void) { return OTHER; }\n',
    "include/a.h": "#define VALUE 3\nint value_a(void);\n",
    "include/deep/b.h": '#include "c.h"\nint value_b(void);\n',
    "include/deep/c.h": "#define OTHER 5\n",
}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WAGEKIT_CACHE", str(tmp_path))
    try:
        host.find_compiler()
    except ToolError as error:
        pytest.skip(error.message)
    return tmp_path / "host"


def objects(cache: Path) -> set[str]:
    return {path.name for path in cache.glob("*.o")}


def test_builds_once_and_finds_it_again(cache: Path) -> None:
    library = host.build_library(FILES)
    assert ctypes.CDLL(str(library)).value_a() == 3
    stamp = library.stat().st_ino
    assert host.build_library(FILES) == library
    assert library.stat().st_ino == stamp
    assert not [path for path in cache.iterdir() if path.name.startswith(".")], "no halves are left"


def test_a_header_that_changes_rebuilds_only_what_includes_it(cache: Path) -> None:
    host.build_library(FILES)
    before = objects(cache)
    library = host.build_library(FILES | {"include/deep/c.h": "#define OTHER 6\n"})
    new = objects(cache) - before
    assert len(new) == 1
    assert next(iter(new)).startswith("b-")
    assert ctypes.CDLL(str(library)).value_b() == 6


def test_other_flags_give_other_files(cache: Path) -> None:
    assert host.build_library(FILES) != host.build_library(FILES, extra=("-O1",))


def test_a_source_that_does_not_compile_is_one_line(cache: Path) -> None:
    with pytest.raises(ToolError, match=r"src/bad\.c: .*error") as caught:
        host.build_library({"src/bad.c": "int f(void) { return nothing; }\n"})
    assert "\n" not in caught.value.message


def test_a_missing_compiler_says_how_to_install_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(ToolError, match="no-such-compiler") as caught:
        host.find_compiler()
    assert "apt-get install" in (caught.value.hint or "")
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(zig, "find", lambda: None)
    with pytest.raises(ToolError, match="cc, gcc, clang"):
        host.find_compiler()


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("WAGEKIT_CACHE", str(tmp_path / "file"))
    with pytest.raises(ToolError, match="build cache") as caught:
        host.build_library(FILES)
    assert "WAGEKIT_CACHE" in (caught.value.hint or "")


def test_where_the_cache_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAGEKIT_CACHE", "some/where")
    assert host.cache_folder() == Path.cwd() / "some/where"
    monkeypatch.delenv("WAGEKIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert host.cache_folder() == Path("/x/wagekit")
