"""CSV: one sample a line, one column the label."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wagekit.datasets.dataset import Dataset, check_labels, numbered
from wagekit.datasets.files_io import read_bytes
from wagekit.errors import DataError

LABEL_NAMES = ("label", "class", "target")
"""Header names that are taken as the label column when none is given."""


def read_csv(
    path: str | Path,
    *,
    label: str | int | None = None,
    header: bool | None = None,
    classes: Sequence[str] | None = None,
) -> Dataset:
    """A CSV file, gzipped or not, separated by comma, semicolon or tab.

    `label` is the label column by name or index (negative from the end); by default the column
    called label, class or target, else the last. `header` says whether the first line has names;
    by default it has if one of its cells, label aside, is not a number. Labels are class numbers,
    or names: of `classes`, or sorted as they occur. Samples come as `[n, features]`, integers if
    all are.
    """
    path = Path(path)
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file: byte {error.start} is not UTF-8") from error
    rows = _rows(text, path)
    names = header_of(rows[0][1], label, header)
    column = label_column(names, label, len(rows[0][1]), path)
    if names is not None:
        rows = rows[1:]
        if not rows:
            raise DataError(f"{path}: a header but no samples")
    x = _values(rows, column, names, path)
    cells = [row[column].strip() for _, row in rows]
    labels, found = _labels(cells, classes, path, [line for line, _ in rows])
    return Dataset(path.name.split(".")[0], x, labels, found)


def _rows(text: str, path: Path) -> list[tuple[int, list[str]]]:
    """Lines that are not blank with their numbers from 1, all of the same width."""
    delimiter = delimiter_of(text.split("\n", 1)[0])
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    if not rows:
        raise DataError(f"{path}: no samples")
    width = len(rows[0][1])
    if width < 2:
        raise DataError(f"{path}: line {rows[0][0]} has {width} column; a sample and a label need two")
    for line, row in rows:
        if len(row) != width:
            raise DataError(f"{path}: line {line} has {len(row)} columns, line {rows[0][0]} has {width}")
    return rows


def delimiter_of(line: str) -> str:
    """Comma, semicolon or tab: what the line has most of."""
    return max(",;\t", key=line.count)


def header_of(row: list[str], label: str | int | None, header: bool | None) -> list[str] | None:
    """The names in the first row, if it has names; see `read_csv`."""
    first = [cell.strip() for cell in row]
    if header is None:
        skipped = label if isinstance(label, int) else len(first) - 1
        skipped %= len(first)
        header = isinstance(label, str) or any(
            not is_number(cell) for i, cell in enumerate(first) if i != skipped
        )
    return first if header else None


def label_column(names: list[str] | None, label: str | int | None, width: int, path: str | Path) -> int:
    """Index of the label column; see `read_csv`."""
    if isinstance(label, int):
        if not -width <= label < width:
            raise DataError(f"{path}: label column {label} is not in {-width}..{width - 1}")
        return label % width
    if label is not None:
        if names is None or label not in names:
            shown = "no header" if names is None else ", ".join(names[:8]) + (" .." if width > 8 else "")
            raise DataError(f"{path}: no column '{label}'; the columns are: {shown}")
        return names.index(label)
    lowered = [name.lower() for name in names or ()]
    for name in LABEL_NAMES:
        if name in lowered:
            return lowered.index(name)
    return width - 1


def _values(
    rows: list[tuple[int, list[str]]], column: int, names: list[str] | None, path: Path
) -> NDArray[Any]:
    cells = [row[:column] + row[column + 1 :] for _, row in rows]
    try:
        x = np.array(cells, dtype=np.float64)
    except ValueError:
        x = np.full((1, 1), np.nan)
    if not np.isfinite(x).all():
        raise _bad_cell(rows, column, names, path)
    whole = x.astype(np.int64)
    return whole.astype(np.int32) if (whole == x).all() and np.abs(x).max() < 2**31 else x


def _bad_cell(
    rows: list[tuple[int, list[str]]], column: int, names: list[str] | None, path: Path
) -> DataError:
    for line, row in rows:
        for index, cell in enumerate(row):
            if index != column and not is_number(cell):
                named = f" ('{names[index]}')" if names else ""
                return DataError(f"{path}: line {line}, column {index + 1}{named}: '{cell}' is not a number")
    return DataError(f"{path}: a value is not a finite number")


def _labels(
    cells: list[str], classes: Sequence[str] | None, path: Path, lines: list[int]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    known = tuple(classes) if classes is not None else None
    if known is None or not set(cells) <= set(known):
        try:
            numbers = np.array([int(cell) for cell in cells], dtype=np.int64)
        except ValueError:
            numbers = None
        if numbers is not None:
            if known is not None:
                check_labels(numbers, len(known), str(path))
            return numbers, known or numbered(numbers, str(path))
    known = known or tuple(sorted(set(cells)))
    place = {name: number for number, name in enumerate(known)}
    for line, cell in zip(lines, cells, strict=True):
        if cell not in place:
            raise DataError(f"{path}: line {line}: label '{cell}' is not one of {', '.join(known)}")
    return np.array([place[cell] for cell in cells], dtype=np.int64), known


def is_number(cell: str) -> bool:
    """Whether a cell is a finite number."""
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False
