"""The networks that ship learn the digits inside the emulated chip, from scratch and well enough."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.resources import files
from statistics import mean

import pytest

from tests.equality import assert_same_masters, step_together
from wagekit import Network, open_executor
from wagekit.datasets import load_digits
from wagekit.executors.device import DeviceExecutor
from wagekit.training.plan import Batches, Plan

CHIP = "qemu:mps2-an386"
BATCH = 16
SEEDS = (1, 2, 3, 4, 5)


def shipped(name: str) -> Network:
    return Network.from_toml((files("wagekit.cli") / "files" / f"{name}.toml").read_text("utf-8"), name)


def plan_for(samples: int, seed: int) -> Plan:
    """2,047 steps, 23 times through the training part."""
    return Plan.of(
        samples, BATCH, epochs=23, schedule="0:2,60%:1,85%:0", rule="error_scaled", order_seed=seed
    )


@pytest.mark.parametrize(
    "steps", [20, pytest.param(2000, marks=[pytest.mark.long, pytest.mark.timeout(3600)])]
)
def test_digits_learn_alike_everywhere(steps: int, qemu: str, host_cc: str) -> None:
    net = shipped("digits")
    train, _ = load_digits().split()
    codes = net.encode(train.x)
    batches = Batches(plan_for(len(train), 1))
    with ExitStack() as stack:
        executors = [
            stack.enter_context(open_executor(net, place, seed=1, batch=BATCH))
            for place in ("reference", "host", CHIP)
        ]
        for step in range(steps):
            chosen = batches.indices(step)
            step_together(
                executors, codes[chosen], train.labels[chosen], batches.log2_lr(step), "error_scaled"
            )
        assert_same_masters(executors, f"after {steps} steps")
        assert len({executor.digest() for executor in executors}) == 1


def accuracy_on_chip(net: Network, seed: int) -> float:
    """Share of the test part that the chip classifies rightly after it has learned from scratch.

    The host learns the same steps, so a wrong bit is told apart from a network that does not learn.
    """
    train, test = load_digits().split()
    train_codes, test_codes = net.encode(train.x), net.encode(test.x)
    plan = plan_for(len(train), seed)
    batches = Batches(plan)
    with (
        open_executor(net, CHIP, seed=seed, batch=BATCH) as chip,
        open_executor(net, "host", seed=seed, batch=BATCH) as host,
    ):
        assert isinstance(chip, DeviceExecutor)
        chip.upload(train_codes, train.labels)
        chip.upload(test_codes, test.labels, first=len(train))
        for step in range(plan.total_steps):
            chosen, log2_lr = batches.indices(step), batches.log2_lr(step)
            chip.step_indices(chosen.tolist(), log2_lr, plan.rule)
            host.step(train_codes[chosen], train.labels[chosen], log2_lr, plan.rule)
        assert_same_masters([host, chip], f"seed {seed}, at the end")
        found = chip.evaluate(len(train), len(test))
    return 1 - found.errors / found.samples


@pytest.mark.long
@pytest.mark.timeout(5400)
def test_digits_reach_95_percent_in_the_mean(qemu: str) -> None:
    found = [accuracy_on_chip(shipped("digits"), seed) for seed in SEEDS]
    print("digits:", " ".join(f"{value:.2%}" for value in found), f"mean {mean(found):.2%}")
    assert mean(found) >= 0.95, found


@pytest.mark.long
@pytest.mark.timeout(5400)
def test_digits_tiny_learn(qemu: str) -> None:
    found = [accuracy_on_chip(shipped("digits-tiny"), seed) for seed in SEEDS]
    print("digits-tiny:", " ".join(f"{value:.2%}" for value in found), f"mean {mean(found):.2%}")
    assert mean(found) >= 0.80, found
