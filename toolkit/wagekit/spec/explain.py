"""Turns pydantic's errors into lines that name file, key, value and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from wagekit.errors import NetworkError
from wagekit.spec.base import ProblemsError
from wagekit.spec.layers import LAYER_TYPES

Location = tuple[int | str, ...]
REASONS = {
    "bool_type": "neither true nor false",
    "greater_than_equal": "too small",
    "less_than_equal": "too large",
    "int_type": "not a whole number",
    "int_from_float": "not a whole number",
    "string_type": "not a text",
    "string_pattern_mismatch": "not a name",
    "literal_error": "not known",
    "model_type": "not a table",
    "model_attributes_type": "not a table",
    "is_instance_of": "not a list",
    "sequence_str": "not a list",
}
"""What a person understands by pydantic's kinds of errors; its own words for the rest."""


def explain(error: ValidationError, root: type[BaseModel], source: str) -> NetworkError:
    """One `NetworkError` for all problems of a description, one line each.

    `source` is the file, or the name of the class that was called.
    """
    lines: list[str] = []
    for details in error.errors(include_url=False):
        for line in _lines(details, root):
            text = f"{source}: {_printable(line)}"
            if text not in lines:
                lines.append(text)
    return NetworkError("\n".join(lines))


def _lines(details: ErrorDetails, root: type[BaseModel]) -> list[str]:
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, ProblemsError):
        return cause.lines
    location = details["loc"]
    key = key_text(_without_tags(location))
    value = details["input"]
    kind = details["type"]
    if kind == "extra_forbidden":
        return [_unknown_key(key, str(location[-1]), _owner(root, location[:-1]))]
    if kind == "union_tag_invalid":
        return [_unknown_layer(key, details["ctx"]["tag"])]
    if kind == "union_tag_not_found":
        return [f"{key} has no type; allowed: {', '.join(LAYER_TYPES)}"]
    allowed = _allowed(root, location)
    if kind == "missing":
        return [f"{key} is missing{allowed}"]
    reason = str(cause) if cause is not None else REASONS.get(kind, details["msg"])
    return [f"{key} = {short(value)}: {reason}{allowed}"]


def _unknown_key(key: str, name: str, owner: type[BaseModel] | None) -> str:
    known = list(owner.model_fields) if owner else []
    close = difflib.get_close_matches(name, known, 1)
    guess = f" (did you mean {close[0]}?)" if close else ""
    return f"{key} is not a known key{guess}; allowed: {', '.join(known)}"


def _unknown_layer(key: str, tag: Any) -> str:
    if tag == "flatten":
        return f'{key}.type = "flatten": leave it out, a dense layer flattens its input by itself'
    if tag in ("relu", "sse"):
        return f'{key}.type = "{tag}": not a layer of its own; write relu = true or false in a layer'
    close = difflib.get_close_matches(str(tag), LAYER_TYPES, 1)
    guess = f" (did you mean {close[0]}?)" if close else ""
    return f"{key}.type = {short(tag)}: unknown layer{guess}; allowed: {', '.join(LAYER_TYPES)}"


def key_text(location: Sequence[int | str]) -> str:
    """A path as one writes it: `layers[2].kernel`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "description"


def short(value: Any) -> str:
    """A value for a message: TOML's spelling, not more than a line's worth."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = '"' + value + '"'
    elif isinstance(value, BaseModel):
        text = type(value).__name__
    else:
        text = repr(value)
    text = _printable(text)
    return text if len(text) <= 60 else text[:57] + "..."


def _printable(text: str) -> str:
    """Escape what would break or hide a line, as Python does."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _without_tags(location: Location) -> Location:
    """Drop the layer type that pydantic inserts after `layers[i]`."""
    if len(location) > 2 and location[0] == "layers" and location[2] in LAYER_TYPES:
        return (*location[:2], *location[3:])
    return location


def _owner(root: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """The model whose fields a location's next key names."""
    if not location:
        return root
    if location[0] == "layers" and len(location) > 2:
        return LAYER_TYPES.get(str(location[2]))
    field = root.model_fields.get(str(location[0]))
    kind = field.annotation if field else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _allowed(root: type[BaseModel], location: Location) -> str:
    """What the field's description allows, found from the innermost name of the location."""
    for end in range(len(location), 0, -1):
        name = location[end - 1]
        owner = _owner(root, location[: end - 1])
        field = owner.model_fields.get(str(name)) if owner else None
        if field is not None and field.description:
            return f"; allowed: {field.description}"
    return ""
