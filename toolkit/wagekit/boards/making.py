"""Makes a board outside the package from one that is there, to be changed into another."""

from __future__ import annotations

import re
import shutil
import tempfile
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from wagekit import resources, templates
from wagekit.boards.board import COMMON, FILE, Board
from wagekit.boards.reading import load
from wagekit.errors import BoardError, UsageError

PORT = "port.c"
README = "README.md"
_GIVES_BOARD = re.compile(r"^void wk_board_init\(void\) \{", re.MULTILINE)
_VERIFIED = re.compile(r"^\[\[verified\]\]\n(?:(?!\[).*\n)*", re.MULTILINE)


def make_board(name: str, source: Board, folder: Path) -> Board:
    """Write `folder` with the board `source` under another name; returns it as it is read there.

    The folder is there whole or not at all, and is never one that was there. UsageError: it exists, or
    cannot be written. BoardError: the name is not allowed.
    """
    files = board_files(name, source, folder)
    if folder.exists():
        raise UsageError(f"{folder} exists", hint="give another folder, behind the name")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            for file, text in files.items():
                path = place / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            _load_new(place, folder).source_files()
            place.chmod(0o755)
            place.rename(folder)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror or error}") from None
    return load(folder)


def _load_new(place: Path, folder: Path) -> Board:
    """The board as it was written; its mistakes are told of the folder that it is meant for."""
    try:
        return load(place)
    except BoardError as error:
        raise BoardError(error.message.replace(str(place), str(folder)), hint=error.hint) from None


def board_files(name: str, source: Board, folder: Path) -> dict[str, str]:
    """Texts of the new folder by path: the board's own files, and as `port.c` the one that gives it."""
    origin = source.folder
    files = {path: text for path, text in source.source_files().items() if not path.startswith(f"{COMMON}/")}
    text = (origin / FILE).read_text(encoding="utf-8")
    shared = _shared_board_file(source)
    port = PORT
    if shared:
        files[PORT] = (resources.board_files() / shared).read_text(encoding="utf-8")
        text = text.replace(f'"{shared}"', f'"{PORT}"')
    else:
        port = next((path for path, words in files.items() if _GIVES_BOARD.search(words)), PORT)
    files[FILE] = _VERIFIED.sub("", _renamed(text, name)).rstrip() + "\n"
    files[README] = templates.render(
        "board/README.md.jinja",
        name=name,
        origin=source.name,
        folder=_typed(folder),
        port=port,
        emulated=source.qemu is not None,
        rows=_rows(source),
    )
    return files


def _renamed(text: str, name: str) -> str:
    """The board's own name is the first key of that name; tables come behind it."""
    return re.sub(r'^name = ".*"$', f'name = "{name}"', text, count=1, flags=re.MULTILINE)


def _shared_board_file(source: Board) -> str | None:
    """The file of `common/` that several boards have in common as theirs; it is no driver."""
    for path in source.sources:
        if path.startswith(f"{COMMON}/"):
            entry: Traversable = resources.board_files() / path
            if _GIVES_BOARD.search(entry.read_text(encoding="utf-8")):
                return path
    return None


def _typed(folder: Path) -> str:
    """A folder as it is typed: with a slash, so that it is not taken for a name."""
    text = str(folder)
    return text if "/" in text else f"./{text}"


def _rows(board: Board) -> list[dict[str, Any]]:
    """What to change, in which keys, and what is there now."""
    memory = ", ".join(f"{r.name} {r.size // 1024} KB at 0x{r.origin:08x}" for r in board.memory)
    uart = board.uart
    serial = f"{uart.driver} at 0x{uart.base:08x}, interrupt {uart.irq}, {uart.clock:,} Hz"
    rows = [
        ("who it is", "`description`", board.description),
        ("the core, and how the compiler is told", "`core`, `features`, `flags`, `clock`", board.core),
        ("how many interrupts it has", "`interrupts`", board.interrupts),
        ("its memories", "`[[memory]]`, `stack`", memory),
        ("the serial port of the link", "`[uart]`, `sources`", serial),
        ("the counter", "`[ticks]`, `sources`", f"{board.ticks.hz:,} Hz"),
        ("frames and rings, where RAM is short", "`[link]`", f"frames of {board.link.frame} bytes"),
    ]
    if board.checkpoint:
        area = board.checkpoint[0]
        rows.append(
            ("sectors for checkpoints", "`[[checkpoint]]`, `sources`", f"{area.count} x {area.size} bytes")
        )
    if board.watchdog:
        rows.append(("the watchdog", "`[watchdog]`", f"at 0x{board.watchdog.base:08x}"))
    if board.qemu:
        rows.append(("QEMU's machine, or none", "`[qemu]`", board.qemu.machine))
    if board.flash:
        rows.append(("what programmers call it", "`[flash]`", board.flash.pyocd_target or "by other tools"))
    rows.append(("who says so, and what was tried", "`references`, `[[verified]]`", "nothing yet"))
    return [dict(zip(("what", "key", "now"), row, strict=True)) for row in rows]
