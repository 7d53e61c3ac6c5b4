"""The tables of docs/boards.md are those that `make board-table` makes."""

from __future__ import annotations

from bench import board_table
from wagekit import boards


def test_the_page_is_fresh() -> None:
    page = board_table.PAGE.read_text("utf-8")
    assert page.count(board_table.BEGIN) == page.count(board_table.END) == 1
    assert board_table.replaced(page) == page, "run `make board-table`"
    for name in boards.available():
        assert page.count(f"\n| `{name}` |") >= 2


def test_what_is_around_the_tables_stays() -> None:
    page = f"before\n{board_table.BEGIN}old\n{board_table.END}after\n"
    replaced = board_table.replaced(page)
    assert replaced.startswith("before\n")
    assert replaced.endswith("after\n")
    assert "old" not in replaced
    assert board_table.replaced(replaced) == replaced
