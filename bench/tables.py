"""Tables of what was measured, for the terminal and for bench/results.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.measure import PHASES, Cost, OnBoard, OnHost

COLUMNS = {
    "mps2-an385-v6m": "M0",
    "microbit": "micro:bit (M0, 16 KB)",
    "mps2-an385": "M3 (an385)",
    "mps2-an386": "M4 (an386)",
    "netduinoplus2": "STM32F405 (M4, 128 KB)",
    "mps2-an500": "M7 (an500)",
}
"""Boards and the heads of their columns, in order."""
DETAILED = ("mps2-an385-v6m", "mps2-an385", "mps2-an386")
"""Boards whose layers are listed one by one."""


@dataclass(frozen=True)
class Sheet:
    """A titled table of text; the first column is left-aligned, and all of them in one of `text`."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: bool = False

    def markdown(self, heading: bool = True) -> str:
        """The table in Markdown, under its title or without."""
        rule = ["---", *["---" if self.text else "---:"] * (len(self.head) - 1)]
        lines = [f"### {self.title}", ""] if heading else []
        lines += ["| " + " | ".join(row) + " |" for row in (self.head, rule, *self.rows)]
        return "\n".join(lines) + "\n"

    def show(self, console: Console) -> None:
        """The table on the terminal."""
        table = Table(title=self.title, title_justify="left")
        for number, name in enumerate(self.head):
            table.add_column(name, justify="right" if number and not self.text else "left")
        for row in self.rows:
            table.add_row(*row)
        console.print(table)


def sheets(found: Sequence[OnBoard], hosts: Sequence[OnHost]) -> list[Sheet]:
    """All tables."""
    batches = sorted({one.batch for one in found})
    result: list[Sheet] = []
    for batch in batches:
        chosen = [one for one in found if one.batch == batch]
        result += [
            _overview(
                f"Instructions per inference, batch {batch} (per multiply-accumulate)", chosen, "inference"
            ),
            _overview(
                f"Instructions per training sample, batch {batch} (per multiply-accumulate of an inference)",
                chosen,
                "training",
            ),
            _memory(
                f"RAM / of it the network (* a gradient computed twice) / flash, in bytes, batch {batch}",
                chosen,
            ),
        ]
    result += [
        _layers(one) for one in found if one.batch == batches[0] and one.board in DETAILED and one.training
    ]
    if hosts:
        result.append(_hosts(hosts))
    return result


def _boards(found: Iterable[OnBoard]) -> list[str]:
    there = {one.board for one in found}
    return [board for board in COLUMNS if board in there]


def _by_case(found: Sequence[OnBoard]) -> dict[str, dict[str, OnBoard]]:
    table: dict[str, dict[str, OnBoard]] = {}
    for one in found:
        table.setdefault(one.case, {})[one.board] = one
    return table


def _missing(one: OnBoard) -> str:
    return f"- ({one.missing:,} bytes missing)"


def _overview(title: str, found: Sequence[OnBoard], kind: str) -> Sheet:
    columns = _boards(found)

    def cell(one: OnBoard | None) -> str:
        if one is None:
            return ""
        cost: Cost | None = getattr(one, kind)
        if cost is None:
            return _missing(one)
        return f"{cost.total:,.0f} ({cost.total / one.macs:.2f})"

    rows = [
        [case, f"{next(iter(row.values())).macs:,}", *(cell(row.get(board)) for board in columns)]
        for case, row in _by_case(found).items()
    ]
    return Sheet(title, ["network", "MACs", *(COLUMNS[board] for board in columns)], rows)


def _memory(title: str, found: Sequence[OnBoard]) -> Sheet:
    columns = _boards(found)

    def cell(one: OnBoard | None) -> str:
        if one is None:
            return ""
        if one.missing is not None:
            return _missing(one)
        twice = "*" if one.recomputed else ""
        return f"{one.ram:,} / {one.model:,}{twice} / {one.flash:,}"

    rows = [[case, *(cell(row.get(board)) for board in columns)] for case, row in _by_case(found).items()]
    return Sheet(title, ["network", *(COLUMNS[board] for board in columns)], rows)


def _layers(one: OnBoard) -> Sheet:
    assert one.training is not None and one.inference is not None
    rows = []
    for index, name in enumerate(one.layers):
        spent = [one.inference.parts.get((index, "forward"), 0.0)]
        spent += [one.training.parts.get((index, phase), 0.0) for phase in PHASES]
        rows.append([name, *(f"{value:,.0f}" for value in spent), f"{sum(spent[1:]):,.0f}"])
    head = ["layer", "inference", "training: forward", "error", "gradient", "update", "training, sum"]
    return Sheet(f"{one.case} on {COLUMNS[one.board]}, batch {one.batch}, by layer", head, rows)


def _hosts(hosts: Sequence[OnHost]) -> Sheet:
    rows = [[one.case, f"{one.training:,.0f}", f"{one.inference:,.0f}"] for one in hosts]
    return Sheet(
        f"Host executor: samples a second of one core, batch {hosts[0].batch}",
        ["network", "training", "inference"],
        rows,
    )
