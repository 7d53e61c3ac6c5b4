"""Numbers for people: with a prefix and three digits."""

from __future__ import annotations

_SMALL = ("", "m", "µ", "n", "p", "f")
_LARGE = ("", "k", "M", "G", "T", "P")


def prefix_of(value: float) -> tuple[float, str]:
    """What to divide a value by so that it lies in 1..1000, and the prefix that says so."""
    size = abs(value)
    if size == 0:
        return 1.0, ""
    if size >= 1:
        power = next((i for i in range(len(_LARGE)) if round(size / 1000.0**i, 1) < 1000), len(_LARGE) - 1)
        return 1000.0**power, _LARGE[power]
    power = next((i for i in range(len(_SMALL)) if round(size * 1000.0**i, 3) >= 1), len(_SMALL) - 1)
    return 1000.0**-power, _SMALL[power]


def si(value: float, unit: str = "", mark: str = "") -> str:
    """Three digits: `1.24 µJ*`, `15.3 k`, `0 s`; counts below 1,000 stay whole."""
    if value == 0:
        return f"0 {unit}".strip() + mark
    if not unit and abs(value) < 1000 and value == int(value):
        return f"{int(value)}{mark}"
    divisor, prefix = prefix_of(value)
    scaled = value / divisor
    digits = 2 if abs(scaled) < 9.995 else 1 if abs(scaled) < 99.95 else 0
    return f"{scaled:.{digits}f} {prefix}{unit}".strip() + mark


def bits(count: float) -> str:
    """A memory in bits as bit, Kibit or Mibit."""
    for name, size in (("Mibit", 1 << 20), ("Kibit", 1 << 10)):
        if count >= size:
            return f"{count / size:,.1f} {name}"
    return f"{count:,.0f} bit"
