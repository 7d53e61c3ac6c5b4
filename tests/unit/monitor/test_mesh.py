"""Pictures of a mesh are made from plain numbers, and numbers read well."""

from __future__ import annotations

import struct
import sys
from dataclasses import replace

import pytest

from wagekit.errors import ToolError
from wagekit.monitor.mesh import ChipView, CoreView, StageView, pictures
from wagekit.monitor.units import bits, si

STAGES = (
    StageView("forward a", "forward", 3e-6, 1e-7, 2e-7, "core"),
    StageView("error a", "error", 1e-6, 0.0, 2e-7, "link"),
)
VIEW = ChipView(
    title="two",
    mesh=(13, 12),
    layers=("a", "b"),
    cores=(
        CoreView((0, 0), 0, 0.5, {"weights": 900}),
        CoreView((1, 0), 1, 1.0, {"weights": 9, "inputs": 80}),
    ),
    links={((0, 0), (1, 0)): 12.5, ((1, 0), (0, 0)): 3.0},
    round_name="step",
    stages=STAGES,
    uses=("weights", "inputs"),
    memory_limit=1000,
)


def size_of(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def wide() -> ChipView:
    """More columns than links are drawn one by one for."""
    cores = tuple(CoreView((x, 0), x % 2, 0.1, {"weights": 1}) for x in range(40))
    return replace(VIEW, mesh=(64, 64), cores=cores, links={((x, 0), (x + 1, 0)): x + 1.0 for x in range(39)})


@pytest.mark.parametrize("view", [VIEW, replace(VIEW, links={}), wide()], ids=["small", "silent", "wide"])
def test_pictures(view: ChipView) -> None:
    pytest.importorskip("matplotlib")
    drawn = pictures(view)
    assert list(drawn) == ["cores", "links", "phases", "memory"]
    for png in drawn.values():
        width, height = size_of(png)
        assert 200 < width < 1600
        assert 150 < height < 1600
    assert pictures(view) == drawn  # nothing of the moment is in them


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ToolError, match="matplotlib") as caught:
        pictures(VIEW)
    assert "wagekit[plot]" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "J", "0 J"),
        (1.2345e-6, "J", "1.23 µJ"),
        (12.345e-9, "J", "12.3 nJ"),
        (123.45e-3, "s", "123 ms"),
        (9.996e-6, "J", "10.0 µJ"),
        (999.96, "s", "1.00 ks"),
        (0.99999, "s", "1.00 s"),
        (7, "", "7"),
        (15_321, "", "15.3 k"),
        (2.5, "", "2.50"),
        (1e30, "", "1000000000000000 P"),
    ],
)
def test_si(value: float, unit: str, text: str) -> None:
    assert si(value, unit) == text
    assert si(value, unit, "*") == text + "*"


def test_bits() -> None:
    assert [bits(900), bits(2048), bits(3 << 19)] == ["900 bit", "2.0 Kibit", "1.5 Mibit"]
