"""Estimated instructions beside those that the bench counted in QEMU."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.cases import CASES
from bench.tables import COLUMNS
from wagekit import boards
from wagekit.toolchain.analysis import analyse

RESULTS = Path(__file__).resolve().parents[3] / "bench" / "results.md"
BOARDS = ("mps2-an385-v6m", "mps2-an385", "mps2-an386")
_TABLE = re.compile(r"### Instructions per (inference|training sample), batch (\d+) .*\n\n((?:\|.*\n)+)")


@dataclass(frozen=True)
class Counted:
    """One entry of the tables: instructions of a sample."""

    case: str
    board: str
    batch: int
    training: bool
    instructions: int


def counted() -> Iterator[Counted]:
    names = {COLUMNS[board]: board for board in BOARDS}
    for kind, batch, body in _TABLE.findall(RESULTS.read_text(encoding="utf-8")):
        head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines()]
        for row in rows:
            for column, cell in zip(head, row, strict=True):
                if column in names and not cell.startswith("-"):
                    count = int(cell.split(" ")[0].replace(",", ""))
                    yield Counted(row[0], names[column], int(batch), kind != "inference", count)


def test_estimates_are_within_a_quarter_of_what_was_counted() -> None:
    networks = {case.name: case.network() for case in CASES}
    found = [entry for entry in counted() if entry.case in networks]
    assert {entry.board for entry in found} == set(BOARDS)
    assert {(entry.batch, entry.training) for entry in found} >= {
        (b, t) for b in (1, 8) for t in (True, False)
    }
    assert len({entry.case for entry in found}) >= 5
    wrong = []
    for entry in found:
        program = analyse(
            networks[entry.case],
            boards.load(entry.board),
            training=entry.training,
            batch=entry.batch,
            compiled=False,
        )
        if program.instructions != pytest.approx(entry.instructions, rel=0.25):
            wrong.append((entry, program.instructions))
    assert not wrong
