"""The base of all description models: frozen, strict, and with errors a person can use."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

Pair = tuple[int, int]


class SpecModel(BaseModel):
    """A frozen model that knows no unknown keys and raises `NetworkError`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def __init__(self, **data: Any) -> None:
        from wagekit.spec.explain import explain

        try:
            super().__init__(**data)
        except ValidationError as error:
            raise explain(error, type(self), type(self).__name__) from None

    # Tells pydantic that this is its own __init__ in a coat: inner models are then
    # validated in place and their errors carry the whole path from the root.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


def checked(value: Any, low: int, high: int) -> Any:
    """A whole number in `low..high`, or a list of two of them as a pair."""
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise ValueError(f"{len(value)} numbers in place of two")
        return (_number(value[0], low, high), _number(value[1], low, high))
    return _number(value, low, high)


def _number(value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is not a whole number")
    if not low <= value <= high:
        raise ValueError(f"{value} is outside {low}..{high}")
    return value


def as_pair(value: int | Pair) -> Pair:
    """Height and width of something that may be written as one number."""
    return (value, value) if isinstance(value, int) else value


class ProblemsError(ValueError):
    """What is wrong with a description beyond single fields: lines of key, value and reason."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
