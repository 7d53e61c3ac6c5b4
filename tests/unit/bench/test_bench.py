"""The benchmark measures what it says, and its tables show what does not fit."""

from __future__ import annotations

import pytest

from bench.cases import CASES
from bench.measure import OnHost, measure
from bench.tables import sheets

TINY, DIGITS = CASES[0], CASES[1]


def test_counts_and_tables(qemu: str) -> None:
    tiny = measure(TINY, "mps2-an385-v6m", 1)
    assert tiny.inference is not None and tiny.training is not None
    assert tiny.macs < tiny.inference.total < tiny.training.total
    layers = {layer for layer, _ in tiny.training.parts}
    assert layers == set(range(len(tiny.layers)))
    assert sum(tiny.training.parts.values()) == pytest.approx(tiny.training.total, rel=0.01)
    assert tiny.model < tiny.ram and tiny.flash > 0

    large = measure(DIGITS, "microbit", 1)
    assert large.missing is not None and large.missing > 0 and large.training is None

    text = "\n".join(
        sheet.markdown() for sheet in sheets([tiny, large], [OnHost("digits-tiny", 128, 9.0, 7.0)])
    )
    assert f"- ({large.missing:,} bytes missing)" in text
    assert f"{tiny.training.total:,.0f}" in text
    assert "digits-tiny on M0, batch 1, by layer" in text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_networks_of_the_benchmark_are_networks(case: object) -> None:
    assert any(case is one and one.network().name == one.name for one in CASES)
