"""Generated C projects build by themselves, alike with make and CMake, and alike anywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.constants import P_FLAGS
from elftools.elf.elffile import ELFFile

from tests.unit.toolchain.networks import tiny
from wagekit import boards
from wagekit.errors import LimitError, ToolError, UsageError
from wagekit.toolchain import cross, firmware, size
from wagekit.toolchain.build_info import read_build
from wagekit.toolchain.firmware import build_firmware, generate_project
from wagekit.toolchain.memory import FitError

# Neither Python's tools nor ours may be needed to build.
BARE = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


def loadable(elf: Path) -> list[tuple[int, int, bytes]]:
    """Addresses, memory sizes and bytes of what a loader takes."""
    with elf.open("rb") as stream:
        return [
            (segment["p_paddr"], segment["p_memsz"], segment.data())
            for segment in ELFFile(stream).iter_segments()
            if segment["p_type"] == "PT_LOAD" and segment["p_flags"] & P_FLAGS.PF_R
        ]


def run(folder: Path, *command: str, umask: int = 0o022, **environment: str) -> None:
    result = subprocess.run(
        command,
        cwd=folder,
        env=BARE | environment,
        umask=umask,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory, arm_gcc: str) -> tuple[Path, Path]:
    """The same inputs, generated and built by two people: other folder, time, zone, umask, language."""
    root = tmp_path_factory.mktemp("twins")
    first, second = root / "first", root / "elsewhere" / "and longer"
    second.parent.mkdir()
    here = {"PYTHONHASHSEED": "1", "TZ": "Pacific/Kiritimati", "HOME": str(root), "USER": "alice"}
    there = {"PYTHONHASHSEED": "2", "TZ": "America/New_York", "LC_ALL": "C.UTF-8", "LANG": "tr_TR.UTF-8"}
    command = (sys.executable, "-m", "wagekit", "build", "digits-tiny", "--no-compile", "--out")
    run(root, *command, str(first), umask=0o022, **here)
    run(root, *command, str(second), umask=0o077, **there)
    for path in second.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    run(first, "make", "-j2", umask=0o022, **here)
    run(second, "make", umask=0o077, **there)
    return first, second


def test_the_same_inputs_give_the_same_bytes(twins: tuple[Path, Path]) -> None:
    """All that is generated, and the ELF with its debugging information."""
    first, second = (
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in twins
    )
    assert first.keys() == second.keys()
    for name in ("manifest.json", "generated/wk_manifest.h", "build/firmware.elf", "build/firmware.bin"):
        assert name in first
    different = [
        name
        for name, data in first.items()
        # A dependency file names the compiler's own headers, a map the folder: neither is in the firmware.
        if data != second[name] and not name.endswith((".d", ".map"))
    ]
    assert different == []


def test_the_record_tells_the_optimisation_that_was_used(twins: tuple[Path, Path]) -> None:
    """Not the one that was meant: whoever builds may choose another."""
    folder = twins[0]
    run(folder, "make", "OPTIMISE=-Os", "BUILD=small", "small/src/record/build.c.o")
    assert read_build(folder / "small/src/record/build.c.o").facts["optimise"] == "-Os"
    assert read_build(folder / "build/firmware.bin").facts["optimise"] == "-O3"


def test_make_and_cmake_give_the_same_bytes(twins: tuple[Path, Path]) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed")
    first, second = twins
    run(second, "cmake", "-B", "out")
    run(second, "cmake", "--build", "out", "-j2")
    made, cmade = first / "build" / "firmware.elf", second / "out" / "firmware.elf"
    assert loadable(made) == loadable(cmade)
    assert (first / "build" / "firmware.bin").read_bytes() == (second / "out" / "firmware.bin").read_bytes()
    board = boards.load("mps2-an386")
    a, b = size.read_sizes(made, board), size.read_sizes(cmade, board)
    assert a.to_dict() == b.to_dict()


def test_baked_masters_lie_in_flash(tmp_path: Path, arm_gcc: str) -> None:
    board = boards.load("mps2-an385")
    plan = generate_project(tiny(), board, tmp_path / "a").plan
    masters = [np.full(layer.weights, 32, dtype=np.int8) for layer in plan.layers]
    without = build_firmware(tiny(), board, folder=tmp_path / "a")
    baked = build_firmware(tiny(), board, folder=tmp_path / "b", masters=masters)
    masters_bytes = plan.flash_bytes(baked=True)
    assert masters_bytes <= baked.sizes.flash - without.sizes.flash < masters_bytes + 256
    assert baked.manifest["network"]["masters_built_in"]


EMBEDDED = """
#include "wagekit/wk_encode.h"
#include "wk_model.h"
static wk_model_t model;
int main(void) {
    const uint8_t raw[WK_MODEL_INPUTS] = {0};
    wk_model_init(&model, 7);
    wk_encode_unit(raw, WK_MODEL_INPUTS, 8, wk_model_input(&model, 0));
    const wk_status_t status = wk_infer(&model, 1);
    return status == WK_OK && wk_model_predicted(&model, 0) < WK_MODEL_CLASSES ? 0 : 1;
}
"""


@pytest.mark.parametrize("training", [True, False])
def test_the_library_builds_in_a_build_of_ones_own(tmp_path: Path, host_cc: str, training: bool) -> None:
    """As docs/embedding.md says: include, src and generated/wk_model, without board or configuration."""
    folder = tmp_path / "project"
    plan = generate_project(tiny(), boards.load("microbit"), folder, app="none", training=training).plan
    shutil.rmtree(folder / "board")
    (folder / "generated" / "wk_config.h").unlink()
    (folder / "mine.c").write_text(EMBEDDED)
    sources = [str(path) for place in ("src", "generated") for path in (folder / place).rglob("*.c")]
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-Iinclude", "-Igenerated"]
    run(folder, host_cc, *flags, "-o", "mine", "mine.c", *sources)
    run(folder, "./mine")
    assert plan.training == training


def test_builds_are_kept_and_told_apart(own_cache: Path, arm_gcc: str) -> None:
    board = boards.load("mps2-an385")
    first = build_firmware(tiny(), board, store_limit=1000)
    times = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*.o")}
    again = build_firmware(tiny(), board, store_limit=1000)
    assert again.elf == first.elf
    assert times == {path: path.stat().st_mtime_ns for path in first.folder.rglob("*.o")}
    assert build_firmware(tiny(), board, store_limit=2000).elf != first.elf
    assert own_cache in first.elf.parents
    leftovers = [item.name for item in (own_cache / "firmware").iterdir() if item.name.startswith("building")]
    assert leftovers == []


@pytest.mark.parametrize(("fits", "asked", "built"), [(8, None, 8), (3, None, 2), (1, None, 1), (9, 5, 5)])
def test_the_usual_batch_is_one_that_fits(
    monkeypatch: pytest.MonkeyPatch, fits: int, asked: int | None, built: int
) -> None:
    def build(net: object, board: object, *, batch: int) -> int:
        if batch > fits:
            raise FitError("too large", (), 1, "")
        return batch

    monkeypatch.setattr(firmware, "build_firmware", build)
    assert firmware.build_usual(tiny(), boards.load("microbit"), asked) == built


def test_compiler_that_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WAGEKIT_CROSS", "no-such-")
    with pytest.raises(ToolError, match="no-such-gcc is not installed") as caught:
        build_firmware(tiny(), boards.load("mps2-an386"), folder=tmp_path)
    assert "apt-get install gcc-arm-none-eabi" in (caught.value.hint or "")


def test_compiler_that_is_too_old(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "old-gcc"
    fake.write_text("#!/bin/sh\necho 'old-gcc (GNU) 10.3.1 20210824'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("WAGEKIT_CROSS", "old-")
    with pytest.raises(ToolError, match=r"is version 10\.3\.1; 12 or newer is needed"):
        cross.find_compiler()


def test_compile_errors_become_one_line(tmp_path: Path, arm_gcc: str) -> None:
    board = boards.load("mps2-an386")
    broken = {"main.c": "int main(void) {\n    return nothing;\n}\n"}
    with pytest.raises(ToolError, match=r"app/main\.c:2:12: error: 'nothing' undeclared") as caught:
        build_firmware(tiny(), board, folder=tmp_path, app="none", sources=broken)
    assert "build.log" in (caught.value.hint or "")
    with pytest.raises(ToolError, match=r"undefined reference to `main'"):
        build_firmware(tiny(), board, folder=tmp_path / "empty", app="none")


def test_linker_overflow_is_a_limit(tmp_path: Path, arm_gcc: str) -> None:
    huge = {"main.c": "char block[200000];\nint main(void) {\n    return block[0];\n}\n"}
    with pytest.raises(LimitError, match=r"does not fit the board: \d+ bytes too many for its RAM"):
        build_firmware(tiny(), boards.load("netduinoplus2"), folder=tmp_path, app="none", sources=huge)


def test_an_image_ends_in_front_of_the_sectors_for_checkpoints(tmp_path: Path, arm_gcc: str) -> None:
    """One that ends just there is built, one that is a word longer is refused, with numbers."""
    board = boards.load("microbit")
    area, place = board.checkpoint[0], tmp_path / "project"
    assert board.code_flash == area.origin == 0x3C000

    def build(words: int) -> firmware.FirmwareImage:
        main = (
            f"const int table[{words}] = {{1}};\nvolatile int at;\nint main(void) {{ return table[at]; }}\n"
        )
        return build_firmware(tiny(), board, folder=place, app="none", sources={"main.c": main})

    fitting = 100 + (area.origin - build(100).sizes.flash) // 4
    image = build(fitting)
    assert image.sizes.flash == area.origin
    assert max(at + len(data) for at, _, data in loadable(image.elf) if data) == area.origin
    with pytest.raises(
        LimitError, match="it has 245,764 bytes, 4 more than the 245,760 in front of"
    ) as caught:
        build(fitting + 1)
    assert "checkpoints at 0x3c000" in caught.value.message
    assert "[[checkpoint]] in board.toml" in (caught.value.hint or "")


def test_options_that_make_no_sense(tmp_path: Path) -> None:
    board = boards.load("netduinoplus2")
    with pytest.raises(UsageError, match="app = 'nothing'"):
        generate_project(tiny(), board, tmp_path, app="nothing")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="link application has its own main"):
        generate_project(tiny(), board, tmp_path, sources={"main.c": ""})
    with pytest.raises(UsageError, match=r"'\.\./x\.c'"):
        generate_project(tiny(), board, tmp_path, app="none", sources={"../x.c": ""})
    with pytest.raises(UsageError, match="netduinoplus2 has no watchdog"):
        generate_project(tiny(), board, tmp_path, watchdog_ms=100)
    with pytest.raises(UsageError, match="batch = 0"):
        generate_project(tiny(), board, tmp_path, batch=0)


def test_map_is_held_against_the_elf() -> None:
    text = "Linker script and memory map\n\n.text           0x00000000      0x4a0\n.bss  0x20  0x10\n"
    assert size.map_sections(text) == {".text": 0x4A0, ".bss": 0x10}
    section = size.Section(".text", 0, 0x4A4, stored=True)
    sizes = size.Sizes((section,), (), 0x4A4, 0, 0)
    with pytest.raises(ToolError, match=r"\.text has 1188 bytes in the ELF and 1184 in the linker map"):
        size.check_sizes(sizes, text, {})
    with pytest.raises(ToolError, match="model has None bytes in the firmware and 4 in the plan"):
        size.check_sizes(size.Sizes((), (), 0, 0, 0), "", {"model": 4})


def test_not_an_elf(tmp_path: Path) -> None:
    file = tmp_path / "x.elf"
    file.write_text("no")
    with pytest.raises(ToolError, match="is not a firmware"):
        size.read_sizes(file, boards.load("microbit"))
