"""Noise and nonsense into the C of link, application and a generated network, under sanitizers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.link import harness

ROUNDS, LONG_ROUNDS = 2000, 300_000


def build(folder: Path, config: harness.Config, real: bool) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    harness.write_config(folder, config)
    model, includes = harness.FAKE_MODEL, [harness.HERE]
    if real:
        model, includes = harness.render_network(harness.small_network(), folder, batch=3)
    sources = [*harness.app_sources(), harness.HERE / "memory_port.c", harness.HERE / "fuzz.c", *model]
    paths = [folder, *includes, harness.HERE, harness.FIRMWARE / "include"]
    return harness.compile_c(folder / "fuzz", sources, paths, harness.SANITIZE)


def fuzz(program: Path, seed: int, rounds: int) -> None:
    command = [str(program), str(seed), str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, f"seed {seed}: {done.stderr[-3000:]}"
    assert int(done.stdout) > 100, "frames must get through, or nothing is tested"


@pytest.mark.parametrize("real", [False, True], ids=["stand-in", "generated"])
@pytest.mark.parametrize("config", [harness.Config(), harness.Config(frame=300, ring=1024)])
def test_nothing_from_outside_breaks_the_firmware(tmp_path: Path, config: harness.Config, real: bool) -> None:
    program = build(tmp_path, config, real)
    for seed in range(3):
        fuzz(program, seed, ROUNDS)


@pytest.mark.long
@pytest.mark.parametrize("real", [False, True], ids=["stand-in", "generated"])
def test_nothing_from_outside_breaks_the_firmware_for_long(tmp_path: Path, real: bool) -> None:
    program = build(tmp_path, harness.Config(), real)
    for seed in range(100, 104):
        fuzz(program, seed, LONG_ROUNDS)
