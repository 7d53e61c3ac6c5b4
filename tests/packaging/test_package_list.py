"""The lists in pyproject.toml say what the tree holds: no package and no resource is left out of a wheel."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def setuptools_table(root: Path) -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    return table


def test_package_list_equals_tree(root: Path, setuptools_table: dict[str, Any]) -> None:
    source = root / setuptools_table["package-dir"][""]
    in_tree = {
        ".".join(init.parent.relative_to(source).parts) for init in (source / "wagekit").rglob("__init__.py")
    }
    data_packages = {name for name in setuptools_table["package-dir"] if name}
    assert set(setuptools_table["packages"]) == in_tree | data_packages


def test_every_module_lies_in_a_package(root: Path, setuptools_table: dict[str, Any]) -> None:
    source = root / setuptools_table["package-dir"][""]
    for module in (source / "wagekit").rglob("*.py"):
        assert (module.parent / "__init__.py").is_file(), f"{module} lies in a folder without __init__.py"


def test_data_packages_hold_a_docstring_only(root: Path, setuptools_table: dict[str, Any]) -> None:
    for name, folder in setuptools_table["package-dir"].items():
        if name:
            text = (root / folder / "__init__.py").read_text("utf-8").strip()
            assert text.startswith('"""') and text.endswith('"""') and text.count('"""') == 2


def test_every_data_file_matches_package_data(root: Path, setuptools_table: dict[str, Any]) -> None:
    """A file in a data folder that no pattern takes would be missing from the wheel without a word."""
    folders = dict(setuptools_table["package-dir"])
    source = root / folders.pop("")
    for package in setuptools_table["package-data"]:
        folders.setdefault(package, str(source.relative_to(root) / Path(*package.split("."))))
    left_out = []
    for package, patterns in setuptools_table["package-data"].items():
        folder = root / folders[package]
        # A package of code is checked for its files/ folder only; a data package for all it holds.
        top = folder / "files" if package.startswith(("wagekit.datasets", "wagekit.cli")) else folder
        if package == "wagekit":
            continue
        taken = {path for pattern in patterns for path in folder.glob(pattern)}
        left_out += [
            path.relative_to(root)
            for path in top.rglob("*")
            if path.is_file() and path not in taken and path.suffix not in (".py", ".pyc")
        ]
    assert not left_out
