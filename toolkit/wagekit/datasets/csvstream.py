"""CSV line by line, of any length: for a pipe, or a file that is larger than the memory."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wagekit.datasets.csvfile import delimiter_of, header_of, is_number, label_column
from wagekit.errors import DataError

Row = tuple[NDArray[Any], int]
"""Values of one sample, and its class number."""


@dataclass(slots=True)
class CsvStream:
    """Samples from lines of CSV, one by one, each taken from `lines` when it is asked for.

    Separators, header and label column are found as `read_csv` finds them, from the first line that is
    not blank. Labels are names of `classes` or class numbers. `check` may change a sample's values, or
    refuse them with a `DataError`.

    A line that cannot be used raises a `DataError` that names it; with `on_bad` the error goes there and
    the line is left out.
    """

    lines: Iterable[str]
    classes: Sequence[str]
    name: str = "stdin"
    label: str | int | None = None
    header: bool | None = None
    check: Callable[[NDArray[Any]], NDArray[Any]] = lambda values: values
    on_bad: Callable[[DataError], None] | None = None
    line: int = field(default=0, init=False)
    """Number of the line that was taken last, from 1."""
    bad: int = field(default=0, init=False)
    """Lines that were left out."""

    def __iter__(self) -> Iterator[Row]:
        columns: _Columns | None = None
        for line in self.lines:
            self.line += 1
            text = line.removeprefix("\ufeff") if self.line == 1 else line
            if not text.strip():
                continue
            if columns is None:
                columns = _columns(text, self.label, self.header, self.name)
                if columns.named:
                    continue
            try:
                sample = self._sample(text, columns)
            except DataError as error:
                self._refuse(error)
            else:
                yield sample

    def _refuse(self, error: DataError) -> None:
        told = DataError(f"{self.name}: line {self.line}: {error.message}", hint=error.hint)
        if self.on_bad is None:
            raise told from None
        self.bad += 1
        self.on_bad(told)

    def _sample(self, text: str, columns: _Columns) -> Row:
        cells = _cells(text, columns.delimiter)
        if len(cells) != columns.width:
            raise DataError(f"{len(cells)} columns, where the first line has {columns.width}")
        label = self._class(cells.pop(columns.label).strip())
        return self.check(_values(cells, columns.label)), label

    def _class(self, cell: str) -> int:
        if cell in self.classes:
            return list(self.classes).index(cell)
        number = int(cell) if cell.isdecimal() else -1
        if not 0 <= number < len(self.classes):
            raise DataError(
                f"label '{cell}' is neither one of {', '.join(self.classes)} "
                f"nor in 0..{len(self.classes) - 1}"
            )
        return number


@dataclass(frozen=True, slots=True)
class _Columns:
    """What the first line tells of all."""

    delimiter: str
    width: int
    label: int
    named: bool


def _columns(first: str, label: str | int | None, header: bool | None, name: str) -> _Columns:
    delimiter = delimiter_of(first)
    try:
        row = _cells(first, delimiter)
    except DataError as error:
        raise DataError(f"{name}: the first line is {error.message}") from None
    if len(row) < 2:
        raise DataError(
            f"{name}: the first line has {len(row)} column; a sample and a label need two",
            hint="a line is the values of one sample and its label, separated by commas",
        )
    names = header_of(row, label, header)
    return _Columns(delimiter, len(row), label_column(names, label, len(row), name), names is not None)


def _cells(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter))
    except csv.Error as error:
        raise DataError(f"not CSV: {error}") from None


def _values(cells: list[str], label: int) -> NDArray[Any]:
    """Integers if all are, else floats."""
    try:
        x = np.array(cells, dtype=np.float64)
    except ValueError:
        x = np.full(1, np.nan)
    if not np.isfinite(x).all():
        bad = next(i for i, cell in enumerate(cells) if not is_number(cell))
        column = bad + 1 + (bad >= label)
        raise DataError(f"column {column}: '{cells[bad][:40]}' is not a number")
    whole = np.abs(x).max() < 2**31 and bool((np.floor(x) == x).all())
    return x.astype(np.int32) if whole else x
