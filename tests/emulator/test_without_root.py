"""`pip install wagekit[toolchain]` and nothing else: all of it with an empty PATH.

The packages take 411 MB, which is why this is for `make test-long` only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from wagekit import boards
from wagekit.executors import open_executor
from wagekit.toolchain import zig
from wagekit.training import load_model

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]


class Bare:
    """A virtual environment with the extra `toolchain`, and no other program in reach."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.python, self.folder = python, folder
        (folder / "no-programs").mkdir()

    def wagekit(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if name in ("SYSTEMROOT", "TEMP", "TMP")}
        environment = {"PATH": str(self.folder / "no-programs"), "HOME": str(self.folder)}
        environment |= kept | {"WAGEKIT_CACHE": str(self.folder / "cache"), "PYTHONUTF8": "1"}
        return subprocess.run(
            [str(self.python), "-m", "wagekit", *words],
            env=environment | more,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )


@pytest.fixture(scope="module")
def bare(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """`WAGEKIT_TOOLCHAIN_PYTHON` names the Python of an environment that is there already."""
    folder = tmp_path_factory.mktemp("bare")
    named = os.environ.get("WAGEKIT_TOOLCHAIN_PYTHON")
    if named:
        return Bare(Path(named), folder)
    place = folder / "venv"
    venv.create(place, with_pip=True)
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install = [str(python), "-m", "pip", "install", "-q", "-e", f"{root}[toolchain]"]
    done = subprocess.run(install, capture_output=True, text=True, timeout=1800, check=False)
    if done.returncode != 0:
        pytest.skip(f"pip does not get the extra toolchain: {done.stderr.strip().splitlines()[-1]}")
    return Bare(python, folder)


def test_the_demo_proves_the_same_bits(bare: Bare) -> None:
    """The chip, C by `zig cc` and NumPy agree among themselves; and with what was compiled here, by gcc."""
    done = bare.wagekit("demo", "--epochs", "0.5", "--out", "demo", "--seed", "5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the same bits in three places" in done.stdout
    assert "becomes unicorn (board unicorn-m4)" in done.stderr + done.stdout
    assert (bare.folder / "demo" / "report.html").is_file()
    words = ["train", "digits", "--on", "host", "--batch", "4", "--epochs", "0.5", "--seed", "5"]
    here = subprocess.run(
        [sys.executable, "-m", "wagekit", *words, "--out", str(bare.folder / "here.safetensors")],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert here.returncode == 0, here.stdout + here.stderr
    model, again = bare.folder / "demo" / "model.safetensors", bare.folder / "here.safetensors"
    digests = []
    for path in (model, again):
        found = load_model(path)
        with open_executor(found.network, "reference") as executor:
            executor.load_masters(found.masters, found.step, found.seed)
            digests.append(executor.digest())
    assert digests[0] == digests[1]


def test_doctor_is_content_and_tells_who_compiles(bare: Bare) -> None:
    done = bare.wagekit("doctor", "--json")
    told = json.loads(done.stdout)
    facts = {fact["name"]: fact for fact in told["facts"]}
    assert told["ready"], done.stdout
    assert done.returncode == 0
    assert "ziglang" in facts["cross compiler"]["found"]
    assert facts["host compiler"]["found"]
    assert facts["unicorn"]["found"]
    assert facts["QEMU"]["found"] is None


def test_other_chips_are_not_pretended(bare: Bare) -> None:
    done = bare.wagekit("run", "digits-tiny", "--on", "qemu:microbit", "--batch", "1", "--steps", "1")
    assert done.returncode == 6
    assert "qemu-system-arm is not installed" in done.stderr
    assert zig.INSTALL in " ".join(done.stderr.split())


@pytest.mark.parametrize("board", boards.available())
def test_every_board_is_compiled_without_warnings(bare: Bare, board: str) -> None:
    words = ["build", "digits-tiny", "--batch", "1", "--board", board, "--out", f"on-{board}", "--json"]
    done = bare.wagekit(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    built = json.loads(done.stdout)["built"]
    assert "ziglang" in built["compiler"]
    assert "warning:" not in (bare.folder / f"on-{board}" / "build.log").read_text()


@pytest.mark.parametrize("board", ["mps2-an386", "microbit"])
def test_qemu_runs_what_clang_made(board: str, bare: Bare, qemu: str) -> None:
    """Compiled by the package here, run by the machine's QEMU, equal to the reference step by step."""
    words = ["verify", "digits-tiny", "--on", "reference", "--on", f"qemu:{board}", "--batch", "1"]
    done = bare.wagekit(*words, "--steps", "5", PATH=str(Path(qemu).parent), WAGEKIT_CROSS="zig")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hold the same bits" in done.stdout + done.stderr
