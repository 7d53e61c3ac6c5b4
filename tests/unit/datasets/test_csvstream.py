"""CSV line by line: the same samples as the reader's, lazily, and bad lines by their number."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from wagekit.datasets import CsvStream, read_csv
from wagekit.errors import DataError

CLASSES = ("cat", "dog")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("1,2,cat\n3,4,dog\n", None),
        ("1;2;0\n\n3;4;1\n", None),
        ("\ufeffa\tlabel\tb\n1\tdog\t2\n5\tcat\t6\n", None),
        ("kind,a,b\ndog,1.5,2\ncat,3,-4\n", "kind"),
        ("1,1,2\n0,3,4\n", 0),
        ("1,2,1\n3,4,0", -1),
    ],
)
def test_it_finds_what_the_reader_finds(text: str, label: str | int | None, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text(text)
    wanted = read_csv(tmp_path / "data.csv", label=label, classes=CLASSES)
    found = list(CsvStream(text.splitlines(keepends=True), CLASSES, label=label))
    assert [list(x) for x, _ in found] == wanted.x.tolist()
    assert [number for _, number in found] == wanted.labels.tolist()


def test_lines_are_taken_when_they_are_wanted() -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        for taken in itertools.count(1):
            yield f"{taken},0,dog"

    samples = list(itertools.islice(CsvStream(endless(), CLASSES), 5))
    assert [int(x[0]) for x, _ in samples] == [1, 2, 3, 4, 5]
    assert taken == 5


BAD = {
    "width": ("1,2,3,cat", "line 3: 4 columns, where the first line has 3"),
    "number": ("1,x,cat", "line 3: column 2: 'x' is not a number"),
    "infinite": ("inf,1,cat", "line 3: column 1: 'inf' is not a number"),
    "label": ("1,2,cow", "line 3: label 'cow' is neither one of cat, dog nor in 0..1"),
    "class": ("1,2,2", "line 3: label '2' is neither"),
    "checked": ("1,99,cat", "line 3: 99 is too much"),
}


def check(values: np.ndarray) -> np.ndarray:
    if values.max() > 50:
        raise DataError(f"{values.max()} is too much")
    return values * 10


@pytest.mark.parametrize("case", BAD)
def test_a_bad_line_is_named_or_left_out(case: str) -> None:
    line, message = BAD[case]
    lines = ["1,2,cat", "", line, "5,6,dog"]
    with pytest.raises(DataError) as caught:
        list(CsvStream(lines, CLASSES, check=check))
    assert caught.value.message.startswith(f"stdin: {message}")
    told: list[DataError] = []
    stream = CsvStream(lines, CLASSES, check=check, on_bad=told.append)
    assert [x.tolist() for x, _ in stream] == [[10, 20], [50, 60]]
    assert [error.message for error in told] == [caught.value.message]
    assert (stream.bad, stream.line) == (1, 4)


def test_a_first_line_without_a_label_is_refused() -> None:
    with pytest.raises(DataError, match="the first line has 1 column"):
        list(CsvStream(["17"], CLASSES))
    with pytest.raises(DataError, match="no column 'kind'"):
        list(CsvStream(["a,b", "1,2"], CLASSES, label="kind"))
    assert list(CsvStream([], CLASSES)) == []
