"""Builds the self-test firmware of a board."""

from __future__ import annotations

from pathlib import Path

from wagekit.boards import Board
from wagekit.toolchain import cross, project

MAIN = Path(__file__).with_name("main.c")


def render_selftest(board: Board, watchdog_ms: int = 0) -> dict[str, str]:
    """Files of its C project."""
    files = {name: text for name, text in project.runtime_files().items() if name.startswith("include/")}
    files["app/main.c"] = MAIN.read_text(encoding="utf-8")
    return project.render(board, project.Settings("selftest", watchdog_ms=watchdog_ms), files)


def write_project(files: dict[str, str], folder: Path) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def build_selftest(board: Board, folder: Path, watchdog_ms: int = 0) -> Path:
    """Path of the ELF."""
    write_project(render_selftest(board, watchdog_ms), folder)
    return cross.build(folder, cross.find_compiler())
