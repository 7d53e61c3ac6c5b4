"""scripts/setup.sh in a bare folder, on a PATH without the tools: what it says and asks apt for."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

TOOLS_OF_THE_SCRIPT = ("bash", "env", "dirname", "cat", "tr", "id")


@pytest.fixture
def bare(root: Path, tmp_path: Path) -> Path:
    """A folder with the script, and `bin/` with nothing but what the script itself calls."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(root / "scripts" / "setup.sh", tmp_path / "scripts")
    shutil.copy(root / "pyproject.toml", tmp_path)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS_OF_THE_SCRIPT:
        path = shutil.which(tool)
        assert path is not None
        (tmp_path / "bin" / tool).symlink_to(path)
    return tmp_path


def fake(folder: Path, tool: str, script: str) -> None:
    path = folder / "bin" / tool
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def run(folder: Path, level: str = "dev") -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(folder / "bin"), "HOME": str(folder)}
    return subprocess.run(
        [str(folder / "scripts" / "setup.sh"), level],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_apt_says_what_to_install(bare: Path) -> None:
    result = run(bare)
    assert result.returncode == 1
    assert "no apt-get" in result.stderr
    for package in (
        "gcc-arm-none-eabi",
        "qemu-system-arm",
        "gdb-multiarch",
        "clang",
        "cmake",
        "tmux",
        "ccache",
    ):
        assert package in result.stderr


def test_without_root_and_sudo_names_the_command(bare: Path) -> None:
    fake(bare, "apt-get", "exit 99")
    fake(bare, "id", "echo 1000")
    result = run(bare)
    assert result.returncode == 1
    assert "neither root nor sudo" in result.stderr
    assert "apt-get install --no-install-recommends gcc libc6-dev" in result.stderr


def test_sudo_is_used_and_only_missing_packages_are_asked_for(bare: Path) -> None:
    fake(bare, "id", "echo 1000")
    fake(bare, "sudo", 'echo sudo "$@" >> "$HOME/log"; exec "$@"')
    fake(bare, "apt-get", 'echo apt-get "$@" >> "$HOME/log"')
    fake(bare, "gcc", "exit 0")
    fake(bare, "qemu-system-arm", "exit 0")
    result = run(bare, "run")
    log = (bare / "log").read_text()
    assert "sudo apt-get update" in log
    assert "gcc-arm-none-eabi libnewlib-arm-none-eabi" in log
    assert "qemu-system-arm" not in log and "libc6-dev" not in log
    assert "clang" not in log, "the demo needs no clang"
    assert result.returncode == 1
    assert "still not usable: gcc-arm-none-eabi" in result.stderr


@pytest.fixture
def complete(bare: Path) -> Path:
    """The same with all tools but a browser, for root; Python packages are not really installed."""
    for tool in (
        "gcc",
        "arm-none-eabi-gcc",
        "qemu-system-arm",
        "gdb-multiarch",
        "clang",
        "cmake",
        "tmux",
        "ccache",
        "apt-cache",
    ):
        fake(bare, tool, "exit 0")
    fake(bare, "id", "echo 0")
    fake(bare, "apt-get", 'echo apt-get "$@" >> "$HOME/log"')
    (bare / ".venv" / "bin").mkdir(parents=True)
    python = bare / ".venv" / "bin" / "python"
    python.write_text("#!/bin/sh\nexit 0\n")
    python.chmod(0o755)
    return bare


def test_a_browser_is_installed_where_it_is_a_package(complete: Path) -> None:
    fake(complete, "apt-cache", "echo Package: chromium-driver")
    result = run(complete)
    assert result.returncode == 0, result.stderr
    assert "install -qq -y --no-install-recommends chromium chromium-driver" in (complete / "log").read_text()
    assert "skipped" not in result.stderr


def test_without_a_package_of_a_browser_setup_goes_on(complete: Path) -> None:
    """As on Ubuntu, where chromium is a snap."""
    result = run(complete)
    assert result.returncode == 0, result.stderr
    assert "install" not in (complete / "log").read_text()
    assert "tests in a browser will be skipped" in result.stderr


def test_a_browser_that_cannot_be_installed_does_not_end_setup(complete: Path) -> None:
    fake(complete, "apt-cache", "echo Package: chromium-driver")
    fake(complete, "apt-get", "exit 100")
    result = run(complete)
    assert result.returncode == 0, result.stderr
    assert "tests in a browser will be skipped" in result.stderr


def test_a_browser_that_is_there_is_not_installed(complete: Path) -> None:
    for tool in ("chromium", "chromedriver"):
        fake(complete, tool, "exit 0")
    assert run(complete).returncode == 0
    assert not (complete / "log").exists()


def test_the_demo_needs_no_browser(complete: Path) -> None:
    assert run(complete, "run").returncode == 0
    assert not (complete / "log").exists()


def test_unknown_level(bare: Path) -> None:
    result = run(bare, "everything")
    assert result.returncode == 2
    assert "usage" in result.stderr


def test_scripts_are_executable(root: Path) -> None:
    for script in (".ci/run", "scripts/setup.sh"):
        assert os.access(root / script, os.X_OK), f"{script} is not executable"
