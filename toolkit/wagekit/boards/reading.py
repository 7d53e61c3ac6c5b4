"""Finds and reads boards, and says in one line what is wrong with one."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from wagekit import resources
from wagekit.boards.board import FILE, FORMAT, Board
from wagekit.errors import BoardError


def available() -> list[str]:
    """Names of the packaged boards, sorted."""
    root = resources.board_files()
    return sorted(entry.name for entry in root.iterdir() if entry.is_dir() and (entry / FILE).is_file())


def load(name_or_path: str | Path) -> Board:
    """The board of that name, or of the folder (or `board.toml`) at that path.

    BoardError: unknown, unreadable or wrong; the message names file, key, value and what is allowed.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, str) and "/" not in text and not text.endswith(".toml"):
        if text not in available():
            raise _unknown(text)
        folder: Traversable = resources.board_files() / text
        return _read(folder, f"boards/{text}/{FILE}")
    path = Path(name_or_path)
    if path.name.endswith(".toml"):
        if path.name != FILE:
            raise BoardError(f"{path}: the file of a board is named {FILE}")
        path = path.parent
    if not (path / FILE).is_file():
        raise BoardError(
            f"{path / FILE} does not exist",
            hint=f"give a folder with a {FILE}, or one of: {', '.join(available())}",
        )
    return _read(path, str(path / FILE))


def _unknown(name: str) -> BoardError:
    known = available()
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    guess = f" (did you mean {' or '.join(close)}?)" if close else ""
    here = (Path(name) / FILE).is_file()
    return BoardError(
        f"unknown board {name!r}{guess}; known: {', '.join(known)}",
        hint=f"the folder here is ./{name}"
        if here
        else "a board of your own is given by the path of its folder, with a slash",
    )


def _read(folder: Traversable, source: str) -> Board:
    try:
        values = tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BoardError(f"{source}: {error}") from None
    if values.get("format") != FORMAT:
        raise BoardError(
            f"{source}: format = {values.get('format')!r}: {FORMAT} is allowed",
            hint="this version of wagekit reads board files of format 1",
        )
    try:
        board = Board.model_validate(values)
    except ValidationError as error:
        raise BoardError(_explain(error, source)) from None
    board._folder = folder
    return board


def _explain(error: ValidationError, source: str) -> str:
    """The first problem, in one line: file, key, value, what is allowed. A misspelt key comes before
    the key that is missing because of it.
    """
    problems = error.errors(include_url=False)
    problems.sort(key=lambda details: details["type"] != "extra_forbidden")
    line = f"{source}: {_problem(problems[0])}"
    if len(problems) > 1:
        line += f" (and {len(problems) - 1} more)"
    return line


def _problem(details: ErrorDetails) -> str:
    key = _key(details["loc"])
    kind = details["type"]
    if kind == "extra_forbidden":
        known = _known_keys(details["loc"][:-1])
        close = difflib.get_close_matches(str(details["loc"][-1]), known, n=1)
        guess = f" (did you mean {close[0]}?)" if close else ""
        return f"{key} is not a known key{guess}; allowed: {', '.join(known)}"
    if kind == "missing":
        return f"{key} is missing"
    if kind == "value_error":
        text = str(details["ctx"]["error"])
        return f"{key}.{text}" if key else text
    message = details["msg"][:1].lower() + details["msg"][1:]
    return f"{key} = {_short(details['input'])}: {message}"


def _key(location: Sequence[int | str]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _known_keys(location: Sequence[int | str]) -> list[str]:
    model: type[BaseModel] = Board
    for part in location:
        if isinstance(part, str):
            model = _table(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _table(annotation: Any) -> type[BaseModel] | None:
    """The table that a key holds: itself, or in a list, or where it may be missing."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for item in get_args(annotation) if (found := _table(item))), None)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
