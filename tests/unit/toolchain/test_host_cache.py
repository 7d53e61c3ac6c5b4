"""The cache of host builds forgets what nobody uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wagekit.toolchain import host

SOURCE = {"value.c": "int value(void);\nint value(void) {\n    return 1;\n}\n"}


def test_what_is_old_leaves_and_what_is_used_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host_cc: str
) -> None:
    monkeypatch.setenv("WAGEKIT_CACHE", str(tmp_path))
    first = host.build_library(SOURCE)
    files = list(first.parent.iterdir())
    for file in files:
        os.utime(file, (1, 1))
    assert host.build_library(SOURCE) == first
    other = host.build_library({"other.c": SOURCE["value.c"].replace("1", "2")})
    assert other.exists()
    assert first.exists()
    assert not any(file.exists() for file in files if file != first)
