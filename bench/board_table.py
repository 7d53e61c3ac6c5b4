"""`make board-table`: the boards, what fits them, and what was tried where, as a table in docs/boards.md."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files

from bench.cases import ROOT
from wagekit import Network, boards
from wagekit.boards import Board
from wagekit.passes import compile_graph
from wagekit.reference import initial_masters
from wagekit.toolchain.analysis import analyse
from wagekit.writer import write_atomic

PAGE = ROOT / "docs" / "boards.md"
BEGIN = "<!-- made by `make board-table` -->\n"
END = "<!-- end of the table -->\n"
BATCHES = (32, 8, 1)
HEAD = (
    "Board",
    "Core",
    "Flash, RAM",
    "Serial port",
    "digits-tiny learns",
    "digits learns",
    "LeNet infers",
    "LeNet learns",
)
_PLACES = {
    "hardware": "on silicon",
    "qemu": "in QEMU",
    "unicorn": "in unicorn",
    "svd": "against the SVD",
    "compiled": "only compiled",
}


@cache
def table() -> str:
    """Both tables, in Markdown, between their marks."""
    found = [boards.load(name) for name in boards.available()]
    facts = _markdown(HEAD, [list(_facts(board)) for board in found])
    tried = _markdown(("Board", *_PLACES.values()), [list(_tried(board)) for board in found])
    return f"{BEGIN}\n{facts}\nTried so far:\n\n{tried}\n{END}"


def replaced(page: str) -> str:
    """The page with the tables as they should be."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + table() + after


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))


def _facts(board: Board) -> Iterator[str]:
    tiny, digits, lenet = map(_network, ("digits-tiny", "digits", "lenet"))
    yield f"`{board.name}`"
    yield ", ".join([board.core.replace("cortex-m", "Cortex-M"), *map(str.upper, board.core_features)])
    yield f"{_size(board.code_flash)}, {_size(board.region('ram').size)}"
    yield board.uart.driver + (f": {board.uart.pins}" if board.uart.pins else "")
    yield _learns(tiny, board)
    yield _learns(digits, board)
    yield "yes" if _infers(lenet, board) else "-"
    yield _learns(lenet, board)


def _tried(board: Board) -> Iterator[str]:
    yield f"`{board.name}`"
    for place in _PLACES:
        yield "; ".join(one.what for one in board.verified if one.where == place) or "-"


def _learns(net: Network, board: Board) -> str:
    """The largest of `BATCHES` that a network learns in."""
    for batch in BATCHES:
        if analyse(net, board, training=True, batch=batch, compiled=False, advise=False).fits:
            return f"batch {batch}"
    return "-"


def _infers(net: Network, board: Board) -> bool:
    """With its weights packed in flash, as a model that was trained elsewhere has them."""
    masters = initial_masters(compile_graph(net, training=False), 1)
    return analyse(net, board, training=False, masters=masters, compiled=False, advise=False).fits


@cache
def _network(name: str) -> Network:
    if name == "lenet":
        return Network.load(ROOT / "bench" / "networks" / "lenet.toml")
    return Network.from_toml((files("wagekit.cli") / "files" / f"{name}.toml").read_text("utf-8"), name)


def _size(count: int) -> str:
    return f"{count >> 20} MB" if count % (1 << 20) == 0 else f"{count >> 10} KB"


def main() -> int:
    """Write the tables into the page."""
    write_atomic(PAGE, replaced(PAGE.read_text("utf-8")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
