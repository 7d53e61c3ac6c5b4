"""What the shipped networks reach on the digits, fixed split: mean of five seeds, two where time is short."""

from __future__ import annotations

from statistics import mean

import pytest

from wagekit import Network, open_executor
from wagekit.cli.sources import shipped_network
from wagekit.datasets import load_digits
from wagekit.passes import compile_graph
from wagekit.training import Plan, Streamed, Trainer, evaluate
from wagekit.training.data import prepare

SEEDS = (1, 2, 3, 4, 5)
SOME = [pytest.param(SEEDS[:2], id="two"), pytest.param(SEEDS, marks=pytest.mark.long, id="five")]


def accuracy(name: str, seed: int, where: str, *, batch: int, epochs: int) -> tuple[float, int]:
    """Test accuracy and steps of one training from scratch."""
    net = Network.from_toml(shipped_network(name))
    train, test = prepare(net, load_digits())
    one = compile_graph(net, batch).log2_one
    plan = Plan.of(len(train), batch, epochs=epochs, order_seed=seed)
    with open_executor(net, where, seed=seed, batch=batch) as executor:
        assert Trainer(executor, plan, Streamed(executor, train.x, train.labels), one).run()
        return evaluate(executor, test.x, test.labels, log2_one=one).accuracy, executor.step_count


@pytest.mark.parametrize("seeds", SOME)
def test_digits_learn(host_cc: str, seeds: tuple[int, ...]) -> None:
    found = [accuracy("digits", seed, "host", batch=4, epochs=6) for seed in seeds]
    assert all(steps >= 2_000 for _, steps in found)
    assert mean(share for share, _ in found) >= 0.97, found


@pytest.mark.parametrize("seeds", SOME)
def test_digits_tiny_learn(host_cc: str, seeds: tuple[int, ...]) -> None:
    found = [accuracy("digits-tiny", seed, "host", batch=8, epochs=12)[0] for seed in seeds]
    assert mean(found) >= 0.90, found


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_digits_learn_inside_the_chip(qemu: str, seed: int) -> None:
    share, steps = accuracy("digits", seed, "qemu:mps2-an386", batch=4, epochs=6)
    assert steps >= 2_000
    assert share >= 0.96
