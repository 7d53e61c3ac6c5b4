"""The kernels and a generated program under gcc's sanitizers: no overflow, no access out of bounds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


def runtime(compiler: str, name: str) -> str:
    found = subprocess.run(
        [compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()
    if not Path(found).is_absolute():
        pytest.skip(f"{compiler} has no {name}")
    return found


@pytest.mark.parametrize("arguments", [["few"], pytest.param([], marks=pytest.mark.long)], ids=["few", "all"])
def test_training_under_the_sanitizers(arguments: list[str], tmp_path: Path) -> None:
    gcc = shutil.which("gcc")
    if gcc is None or not sys.platform.startswith("linux"):
        pytest.skip("needs gcc on Linux: the sanitizers are preloaded")
    environment = os.environ | {
        "CC": gcc,
        "LD_PRELOAD": f"{runtime(gcc, 'libasan.so')} {runtime(gcc, 'libubsan.so')}",
        "ASAN_OPTIONS": "detect_leaks=0",
        "WAGEKIT_CACHE": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, str(HERE / "sanitized_run.py"), *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all clean" in done.stdout
