from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.link import harness


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Callable[[harness.Config], Path]:
    """The application with the stand-in network, compiled once for each set of sizes."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    done: dict[harness.Config, Path] = {}

    def build(config: harness.Config) -> Path:
        if config not in done:
            done[config] = harness.build_app(tmp_path_factory.mktemp("app"), config)
        return done[config]

    return build


@pytest.fixture
def board(library: Callable[[harness.Config], Path]) -> harness.Board:
    return harness.Board(library(harness.Config()))


@pytest.fixture
def wire(board: harness.Board) -> harness.MemoryTransport:
    return harness.MemoryTransport(board)
