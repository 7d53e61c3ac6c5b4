"""The firmware of every board, made by the compiler from pip: it takes all cores there are.

The network is small: what differs from board to board is its port, and the core that all is compiled for.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.toolchain.networks import tiny
from wagekit import boards
from wagekit.toolchain import cross
from wagekit.toolchain.build_info import read_build
from wagekit.toolchain.firmware import build_firmware
from wagekit.toolchain.image import check_image, read_image

pytestmark = pytest.mark.every_board


@pytest.mark.parametrize("name", boards.available())
def test_it_is_built_without_a_warning(
    name: str, ziglang: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAGEKIT_CROSS", cross.ZIG)
    board = boards.load(name)
    image = build_firmware(tiny(), board, folder=tmp_path / name)
    built = image.manifest["built"]
    assert "ziglang" in built["compiler"]
    assert {"-Wall", "-Wextra", "-Wconversion", "-Werror"} <= set(built["c_flags"])
    log = (image.folder / "build.log").read_text()
    assert "--fatal-warnings" in log
    assert "warning:" not in log
    facts = read_build(image.elf).facts
    assert "Clang" in facts["compiler"]
    assert facts["board"] == name
    check_image(read_image(image.elf), board)
