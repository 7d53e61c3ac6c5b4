"""Builds the firmware that learns and saves, with the flash of a board."""

from __future__ import annotations

from pathlib import Path

from tests.emulator.selftest.build import write_project
from wagekit.boards import Board, CheckpointSectors
from wagekit.link import render_header
from wagekit.toolchain import cross, project
from wagekit.writer import firmware_files

HERE = Path(__file__).resolve().parent


def area(board: Board) -> CheckpointSectors:
    """Where its checkpoints are."""
    return board.checkpoint[0]


def render(board: Board) -> dict[str, str]:
    """Files of its C project."""
    files = firmware_files(("include/wagekit",)) | project.store_files()
    files["app/main.c"] = (HERE / "main.c").read_text(encoding="utf-8")
    files = project.render(board, project.Settings("store"), files)
    files["generated/wk_protocol.h"] = render_header()
    return files


def build(board: Board, folder: Path) -> Path:
    """Path of the ELF."""
    write_project(render(board), folder)
    return cross.build(folder, cross.find_compiler())
