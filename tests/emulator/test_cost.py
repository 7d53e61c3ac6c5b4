"""Counting what programs cost: repeatable, near the estimate, and what `analyze` shows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wagekit import boards
from wagekit.cli.app import main
from wagekit.cli.sources import open_subject
from wagekit.datasets import load_digits
from wagekit.errors import UsageError
from wagekit.executors.cost import measure_cost
from wagekit.passes import compile_graph
from wagekit.toolchain.analysis import analyse

NET = open_subject("digits-tiny").network
DIGITS = load_digits()


@pytest.mark.parametrize("batch", [1, 4])
def test_counts_repeat_and_the_estimate_is_near(batch: int, qemu: str) -> None:
    board = boards.load("mps2-an386")
    x, labels = NET.encode(DIGITS.x[: 6 * batch]), DIGITS.labels[: 6 * batch]
    first, second = (measure_cost(NET, board, x, labels, training=True, batch=batch) for _ in range(2))
    # Not equal: how many interrupts of the serial line fall into a slice depends on how busy the host is.
    assert first.instructions == pytest.approx(second.instructions, rel=0.01)
    assert first.programs == 4
    # A slice is no longer than all slices, and as long as their mean.
    for operation in first.operations:
        total = operation.instructions * batch
        assert operation.longest >= total / operation.slices * 0.5
    assert first.longest.longest < first.instructions * batch
    estimated = analyse(NET, board, training=True, batch=batch, compiled=False).instructions
    assert 0.5 < estimated / first.instructions < 2


def test_too_few_samples_are_refused(qemu: str) -> None:
    x, labels = NET.encode(DIGITS.x[:3]), DIGITS.labels[:3]
    with pytest.raises(UsageError, match="3 samples are less than a batch of 4"):
        measure_cost(NET, boards.load("mps2-an386"), x, labels, training=True, batch=4)


def test_analyze_links_and_counts(qemu: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["analyze", "digits-tiny", "--board", "microbit", "--batch", "1,64"]
    assert main([*command, "--json"]) == 0
    inference, learning, large = json.loads(capsys.readouterr().out)
    for program in (inference, learning):
        assert program["fits"]
        assert program["linked"]
        assert program["counted"]["instructions"] > program["counted"]["longest"] > 1000
        assert sum(program["sections"].values()) == program["flash_bytes"] + program["ram_bytes"]
    assert not large["fits"]
    assert large["counted"] is None
    assert main(command) == 0
    text = capsys.readouterr().out
    assert f"{learning['ram_bytes']:,}" in text
    assert f"{learning['counted']['longest']:,}" in text


@pytest.mark.parametrize(("name", "per_mac", "per_weight"), [("mps2-an386", 8, 14), ("microbit", 12, 20)])
def test_slices_stay_below_the_stated_bound(name: str, per_mac: int, per_weight: int, qemu: str) -> None:
    """The bound that docs/bounds.md states."""
    board = boards.load(name)
    x, labels = NET.encode(DIGITS.x[:12]), DIGITS.labels[:12]
    whole = measure_cost(NET, board, x, labels, training=True, batch=4)
    cut = measure_cost(NET, board, x, labels, training=True, batch=4, max_slice=600, health_every=1)
    graph = compile_graph(NET)
    fan_in = max(layer.fan_in for layer in graph.layers)
    inputs = max(layer.input.size for layer in graph.layers)
    assert cut.longest.longest <= per_mac * 600 + per_weight * fan_in + 6 * inputs
    assert cut.longest.longest < whole.longest.longest / 4


def test_health_costs_nothing_where_it_is_off_and_little_where_it_counts(qemu: str) -> None:
    """As docs/events.md states: under 3 % of a step in the mean, at one step of 32."""
    board = boards.load("mps2-an386")
    x, labels = NET.encode(DIGITS.x[:8]), DIGITS.labels[:8]

    def spent(**options: Any) -> float:
        return measure_cost(NET, board, x, labels, training=True, warm_steps=0, **options).instructions

    left_out, off, counting = spent(health=False), spent(), spent(health_every=1)
    weights = sum(layer.weights.size for layer in compile_graph(NET).layers)
    assert 5 < (counting - off) / weights < 30, "it compares each weight once"
    # Interrupts of the serial line fall into slices, more or less of them.
    assert off < 1.01 * left_out
    assert (off - left_out) + (counting - off) / 32 < 0.03 * left_out
