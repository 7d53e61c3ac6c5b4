"""What the health of layers is judged by."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wagekit.monitor.events import LayerHealth
from wagekit.monitor.shares import LIMITS, Level, shares_of


@pytest.mark.parametrize(
    ("name", "share", "level"),
    [
        ("saturated", 0.24, "fine"),
        ("saturated", 0.25, "watch"),
        ("saturated", 0.6, "trouble"),
        ("density", 0.16, "fine"),
        ("density", 0.15, "watch"),
        ("density", 0.03, "trouble"),
        ("density", 0.0, "trouble"),
        ("unchanged", 1.0, "trouble"),
        ("unchanged", 0.9985, "fine"),
    ],
)
def test_levels(name: str, share: float, level: Level) -> None:
    assert LIMITS[name].level(share) == level


def test_all_that_is_judged_is_a_share_and_the_page_knows_it(root: Path) -> None:
    full = LayerHealth(weights=4, plus=1, nonzero=3, errors=8, zero_errors=2, activations=5, saturated=1)
    assert set(LIMITS) <= set(shares_of(full))
    script = (root / "toolkit/wagekit/monitor/web/files/charts.js").read_text("utf-8")
    table = script[
        script.index("export const METRICS") : script.index("};", script.index("export const METRICS"))
    ]
    assert set(LIMITS) <= set(re.findall(r"^  (\w+): \{", table, re.MULTILINE))


def test_the_docs_say_the_same(root: Path) -> None:
    """The table in docs/monitor.md, row by row."""
    text = (root / "docs" / "monitor.md").read_text("utf-8")
    rows = re.findall(
        r"^\| ([a-z ]+) \| ([\d.]+ %|all)(?: and less)? \| ([\d.]+ %|all)(?: and less)? \|", text, re.M
    )

    def share(words: str) -> float:
        return 1.0 if words == "all" else round(float(words.removesuffix(" %")) / 100, 6)

    told = [(share(watch), share(trouble)) for _, watch, trouble in rows]
    assert told == [(limits.watch, limits.trouble) for limits in LIMITS.values()]
