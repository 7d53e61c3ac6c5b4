"""The demo, cut short; and whole, where there is time."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from wagekit.cli.elsewhere import Elsewhere
from wagekit.errors import ToolError
from wagekit.monitor import Resources, read_events
from wagekit.training import load_model


def check(outcome: object, folder: Path, steps: int) -> float:
    """What the demo prints and leaves; returns the accuracy it tells."""
    text = outcome.out  # type: ignore[attr-defined]
    model = load_model(folder / "model.safetensors")
    assert model.step == steps
    assert text.count(model.digest()) == 3
    for word in (
        "It takes about ",
        "RAM",
        "flash",
        "infer",
        "learn, at the begin",
        "the chip finds",
        "the same bits in three places",
    ):
        assert word in text
    for name in ("report.html", "learning.png", "events.jsonl"):
        assert (folder / name).stat().st_size > 1000
    memory = [event for event in read_events(folder / "events.jsonl") if isinstance(event, Resources)]
    assert memory[0].ram is not None
    assert memory[0].ram > 100_000
    found = re.search(r"never seen: (\d+\.\d)%", text)
    assert found
    return float(found[1])


def test_demo_cut_short(cli: Callable, qemu: str, host_cc: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra 'plot'")
    outcome = cli("demo", "--epochs", "0.1", "--seed", "3")
    assert outcome.code == 0, outcome.err
    check(outcome, tmp_path / "demo", 36)


@pytest.mark.long
def test_demo(cli: Callable, qemu: str, host_cc: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra 'plot'")
    outcome = cli("demo", "--out", "d")
    assert outcome.code == 0, outcome.err
    assert check(outcome, tmp_path / "d", 2154) >= 97.0


def test_a_failure_elsewhere_is_told() -> None:
    with (
        Elsewhere(("reference",), ("digits", "--steps", "x")) as elsewhere,
        pytest.raises(ToolError, match=r"the training on reference failed: .*--steps"),
    ):
        elsewhere.digest("reference")
