"""The compiler from pip: when it is chosen, what it is given, and (where it is installed) what it makes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.toolchain.networks import tiny
from wagekit import boards
from wagekit.errors import LimitError, ToolError
from wagekit.toolchain import cross, host, size, zig
from wagekit.toolchain.build_info import read_build
from wagekit.toolchain.firmware import build_firmware, generate_project

BOARD = boards.load("mps2-an386")
FAKE = Path("/nowhere/ziglang/zig")

LLD_MAP = """     VMA      LMA     Size Align Out     In      Symbol
       0        0        0     1 wk_ram_end = ORIGIN(RAM) + LENGTH(RAM)
       0        0    2e1bc     8 .text
       0        0       c0     1         b/wk_startup.S.o:(.vectors)
     118      118       20     4         b/x.c.o:(.text.f)
20000000 20000000     1000     1 .stack
       0        0    1810a     1 .debug_loclists
"""


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Makes a path that has only the named programs, and ziglang or not."""

    def arrange(*names: str, ziglang: bool) -> None:
        for name in names:
            program = tmp_path / name
            program.write_text("#!/bin/sh\necho 'gcc (GNU) 12.2.1 20221205'\n")
            program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.delenv("WAGEKIT_CROSS", raising=False)
        monkeypatch.delenv("CC", raising=False)
        monkeypatch.setattr(zig, "find", lambda: FAKE if ziglang else None)
        monkeypatch.setattr(zig, "version", lambda program: "clang version 22 (ziglang 1)")

    return arrange


def test_gcc_is_the_first_choice(tools: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    tools("arm-none-eabi-gcc", "make", ziglang=True)
    assert not cross.find_compiler().is_zig
    monkeypatch.setenv("WAGEKIT_CROSS", "zig")
    assert cross.find_compiler() == cross.Compiler(str(FAKE), "clang version 22 (ziglang 1)", is_zig=True)


def test_ziglang_compiles_where_gcc_or_make_is_missing(tools: Callable[..., None]) -> None:
    tools("make", ziglang=True)
    assert cross.find_compiler().is_zig
    tools("arm-none-eabi-gcc", ziglang=True)
    (Path(os.environ["PATH"]) / "make").unlink()
    assert cross.find_compiler().is_zig


def test_a_compiler_that_was_asked_for_is_not_replaced(
    tools: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    tools(ziglang=True)
    monkeypatch.setenv("WAGEKIT_CROSS", "my-")
    with pytest.raises(ToolError, match="my-gcc is not installed"):
        cross.find_compiler()


def test_both_ways_to_a_compiler_are_named(
    tools: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    tools(ziglang=False)
    for find in (cross.find_compiler, host.find_compiler):
        with pytest.raises(ToolError) as caught:
            find()
        assert "sudo apt-get install" in str(caught.value.hint)
        assert "pip install 'wagekit[toolchain]'" in str(caught.value.hint)
    monkeypatch.setenv("WAGEKIT_CROSS", "zig")
    with pytest.raises(ToolError, match="ziglang is not installed"):
        cross.find_compiler()


def test_the_host_is_compiled_for_by_ziglang_as_a_last_resort(tools: Callable[..., None]) -> None:
    tools(ziglang=True)
    assert host.find_compiler() == [str(FAKE), "cc"]
    tools("clang", ziglang=True)
    assert host.find_compiler() == ["clang"]


def test_the_recipe_is_that_of_the_makefile(tmp_path: Path) -> None:
    generate_project(tiny(), BOARD, tmp_path, app="none", sources={"main.c": "int main(void) {}\n"})
    (tmp_path / "app" / "more.c").write_text("int more;\n")
    recipe = cross.read_recipe(tmp_path)
    makefile = (tmp_path / "Makefile").read_text()
    listed = re.search(r"^SOURCES := \\\n((?:\t\S+(?: \\)?\n)+)", makefile, re.MULTILINE)
    assert listed
    named = [line.strip(" \\\t") for line in listed[1].splitlines()]
    assert recipe.sources == [*named, "app/main.c", "app/more.c"]
    assert recipe.core == BOARD.flags
    assert recipe.optimise == "-O3"
    assert {"-Werror", "-fstack-usage", "-ffreestanding"} <= set(recipe.flags())
    assert not zig.GCC_ONLY & set(recipe.flags())


def test_the_map_of_lld_is_read() -> None:
    assert size.map_sections(LLD_MAP) == {".text": 0x2E1BC, ".stack": 0x1000, ".debug_loclists": 0x1810A}


def test_a_firmware_of_clang(tmp_path: Path, ziglang: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sections agree with the map, the network's symbol with the plan; it tells who compiled it."""
    monkeypatch.setenv("WAGEKIT_CROSS", "zig")
    image = build_firmware(tiny(), BOARD, folder=tmp_path / "p")
    built = json.loads((tmp_path / "p" / "manifest.json").read_text())["built"]
    assert "ziglang" in built["compiler"]
    assert "-fno-move-loop-stores" not in built["c_flags"]
    assert image.stack is None
    assert "no disassembler" in built["stack"]["unknown"]
    assert "Clang" in read_build(image.elf.with_suffix(".bin")).facts["compiler"]
    assert "warning:" not in (tmp_path / "p" / "build.log").read_text()
    text = image.map.read_text().replace(f"{image.sizes.sections[0].bytes:x}     ", "1     ", 1)
    with pytest.raises(ToolError, match="in the linker map"):
        size.check_sizes(image.sizes, text, {})


def test_what_clang_and_lld_refuse_is_one_line(
    tmp_path: Path, ziglang: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAGEKIT_CROSS", "zig")
    broken = {"main.c": "int main(void) {\n    return nothing;\n}\n"}
    with pytest.raises(ToolError, match=r"app/main\.c:2:12: error: use of undeclared"):
        build_firmware(tiny(), BOARD, folder=tmp_path / "broken", app="none", sources=broken)
    huge = {"main.c": "char block[200000];\nint main(void) {\n    return block[0];\n}\n"}
    small = boards.load("netduinoplus2")
    with pytest.raises(LimitError, match=r"does not fit the board: \d+ bytes too many for its RAM"):
        build_firmware(tiny(), small, folder=tmp_path / "huge", app="none", sources=huge)
