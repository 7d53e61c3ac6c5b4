"""The one Jinja environment: templates print what Python computed, and fail on what is undefined."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from wagekit import resources


def render(template: str, **context: Any) -> str:
    """Text of a template of `codegen/`, named by its path there, such as `mcu/wk_model.h.jinja`."""
    return _environment().get_template(template).render(**context)


def render_html(template: str, **context: Any) -> str:
    """The same for a page: what is filled in is text, never markup."""
    return _environment(True).get_template(template).render(**context)


def quoted(text: str) -> str:
    """Text as it stands in a C string, on one line and in ASCII."""
    data = text.encode("utf-8")
    return "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in data)


@cache
def _environment(autoescape: bool = False) -> Environment:
    return Environment(
        loader=FunctionLoader(_source),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=autoescape,
    )


def _source(name: str) -> tuple[str, str | None, Callable[[], bool] | None]:
    place = resources.codegen()
    for part in name.split("/"):
        place = place.joinpath(part)
    return place.read_text("utf-8"), None, None
