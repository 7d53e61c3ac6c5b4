"""The wheel, built from a copy of the tree and installed where the checkout is out of sight."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

SOURCES = ("toolkit", "codegen", "firmware", "boards", "pyproject.toml", "README.md", "LICENSE", "NOTICE")


def run(*command: str | Path, cwd: Path) -> str:
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(cwd), "TERM": "dumb", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built in a copy: `build/lib` of an earlier build in the checkout would leak old files into it."""
    folder = tmp_path_factory.mktemp("source")
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in SOURCES:
        if (root / name).is_dir():
            shutil.copytree(root / name, folder / name, ignore=ignore)
        else:
            shutil.copy(root / name, folder / name)
    pip = (sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation")
    run(*pip, "--disable-pip-version-check", "--wheel-dir", folder / "wheels", folder, cwd=folder)
    (wheel,) = (folder / "wheels").glob("wagekit-*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel in it; needs no network.

    What wagekit depends on is read from the environment of the tests through a `.pth`
    file. Python does not follow the `.pth` files in a folder that was added like this, so
    the editable install there, which would lead back into the checkout, stays unseen.
    """
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index")
    run(*pip, "--disable-pip-version-check", wheel, cwd=folder)
    (site_packages,) = (folder / "venv" / "lib").glob("python3.*/site-packages")
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def python_of(installed: Path) -> Path:
    return installed / "venv" / "bin" / "python"


def test_imports_come_from_the_wheel(installed: Path, root: Path) -> None:
    program = (
        "import importlib, pkgutil, wagekit\n"
        "for found in pkgutil.walk_packages(wagekit.__path__, 'wagekit.'):\n"
        "    if not found.name.endswith('__main__'):\n"
        "        print(importlib.import_module(found.name).__file__)\n"
    )
    files = run(python_of(installed), "-c", program, cwd=installed).splitlines()
    assert len(files) > 15
    assert all(Path(file).is_relative_to(installed) for file in files), files
    assert not any(Path(file).is_relative_to(root) for file in files)


def test_every_resource_is_in_the_wheel(installed: Path, root: Path) -> None:
    """File by file and byte by byte, so a pattern in pyproject.toml that is too narrow shows."""
    program = (
        "from wagekit.resources import board_files, codegen, dataset_files, firmware, web_files\n"
        "print(codegen(), firmware(), board_files(), dataset_files(), web_files(), sep='\\n')"
    )
    places = [Path(line) for line in run(python_of(installed), "-c", program, cwd=installed).splitlines()]
    package = root / "toolkit" / "wagekit"
    origins = [root / "codegen", root / "firmware", root / "boards"]
    origins += [package / "datasets" / "files", package / "monitor" / "web" / "files"]
    for place, origin in zip(places, origins, strict=True):
        assert place.is_relative_to(installed)
        for file in origin.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                copy = place / file.relative_to(origin)
                assert copy.is_file(), f"{file} is not in the wheel"
                assert copy.read_bytes() == file.read_bytes()


def test_command_prints_its_help(installed: Path) -> None:
    assert "train" in run(installed / "venv" / "bin" / "wagekit", "--help", cwd=installed)


def test_pytest_finds_its_plugin(installed: Path) -> None:
    (installed / "test_empty.py").write_text("def test_it():\n    pass\n")
    shown = run(
        python_of(installed), "-m", "pytest", "--fixtures", "-v", installed / "test_empty.py", cwd=installed
    )
    assert "wagekit_device" in shown
    program = "import wagekit.pytest_plugin; print(wagekit.pytest_plugin.__file__)"
    assert Path(run(python_of(installed), "-c", program, cwd=installed).strip()).is_relative_to(installed)


def test_new_and_build_from_the_wheel(installed: Path, arm_gcc: str) -> None:
    """What a user does first: describe a network, make a C project of it, build that without Python."""
    work = installed / "work"
    work.mkdir()
    wagekit = installed / "venv" / "bin" / "wagekit"
    run(wagekit, "new", work / "net", cwd=work)
    (network,) = (work / "net").rglob("*.toml")
    place = ("--board", "mps2-an386", "--out", work / "firmware")
    run(wagekit, "build", network, *place, "--no-compile", cwd=work)
    run("make", "-C", work / "firmware", cwd=work)
    assert list((work / "firmware").rglob("*.elf"))


def test_checkout_imports_without_install(root: Path, tmp_path: Path) -> None:
    """The editable install finds its resources from any folder."""
    program = "from wagekit import resources; print((resources.firmware() / 'include').is_dir())"
    assert run(sys.executable, "-c", program, cwd=tmp_path).strip() == "True"


def test_a_library_that_the_wheel_exports_has_its_license(installed: Path, root: Path) -> None:
    wagekit = installed / "venv" / "bin" / "wagekit"
    run(wagekit, "export", "digits-tiny", "--as", "arduino", "--out", "library", cwd=installed)
    assert (installed / "library" / "LICENSE").read_text() == (root / "LICENSE").read_text()
    assert (installed / "library" / "library.properties").is_file()
