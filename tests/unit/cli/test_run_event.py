"""What a run says of where it was started and of what it runs on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from wagekit.cli.run_event import commit_of, run_event
from wagekit.cli.sources import open_subject
from wagekit.executors import open_executor
from wagekit.passes import compile_graph


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    done = subprocess.run(["git", "-C", folder, *who, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_commit_of_a_folder(tmp_path: Path) -> None:
    assert commit_of(tmp_path / "missing") == ""
    folder = tmp_path / "work"
    folder.mkdir()
    git(tmp_path, "init", "-q", "work")
    (folder / "a").write_text("1")
    git(folder, "add", "a")
    git(folder, "commit", "-q", "-m", "first")
    commit = git(folder, "rev-parse", "HEAD")
    assert commit_of(folder) == commit
    (folder / "a").write_text("2")
    commit_of.cache_clear()
    assert commit_of(folder) == f"{commit}+"


def test_no_commit_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_of(tmp_path / "no git") == ""


def test_shifts_are_those_of_the_graph() -> None:
    net = open_subject("digits-tiny").network
    graph = compile_graph(net, 4)
    with open_executor(net, "reference", batch=4) as executor:
        run = run_event("started", net, graph, executor, batch=4, dataset="digits")
    assert run.shifts == tuple(layer.shift for layer in graph.layers[:-1])
    assert len(run.shifts) == len(run.layers) - 1
    assert (run.board, run.manifest, run.dataset) == ("", "", "digits")
