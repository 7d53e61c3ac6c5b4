"""Networks learn sample by sample within the RAM of small chips, equal to the reference."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

from tests.equality import assert_same_logits, assert_same_masters, step_together
from wagekit import Conv2d, Dense, Input, MaxPool, Network, boards, open_executor
from wagekit.datasets import load_digits
from wagekit.toolchain.firmware import build_firmware

RAM = 64 * 1024
"""Of the larger of both chips: a limit for all of the firmware's RAM, stack and store included."""
STEPS = [
    pytest.param(12, id="short"),
    pytest.param(5000, id="long", marks=[pytest.mark.long, pytest.mark.timeout(3600)]),
]


def twenty_thousand() -> Network:
    """A convolutional network of 20,412 weights for digits."""
    return Network(
        name="conv20k",
        input=Input(shape=(8, 8, 1), encoding="affine", offset=8, multiplier=16, shift=0),
        classes=[str(i) for i in range(10)],
        layers=[
            Conv2d(filters=16, kernel=3, padding="same"),
            Conv2d(filters=32, kernel=3, padding="same"),
            MaxPool(window=2),
            Dense(units=30),
            Dense(units=10),
        ],
    )


@pytest.mark.parametrize("steps", STEPS)
def test_digits_tiny_learns_on_a_microbit(steps: int, qemu: str) -> None:
    text = (files("wagekit.cli") / "files" / "digits-tiny.toml").read_text("utf-8")
    learn(
        Network.from_toml(text, "digits-tiny.toml"),
        "microbit",
        boards.load("microbit").region("ram").size,
        steps,
    )


@pytest.mark.parametrize("steps", STEPS)
def test_twenty_thousand_weights_learn_within_64_kilobytes(steps: int, qemu: str) -> None:
    learn(twenty_thousand(), "mps2-an386", RAM, steps)


def learn(net: Network, board: str, ram: int, steps: int) -> None:
    """Step by step beside the reference; the digests tell, and the masters where they differ."""
    options: dict[str, Any] = {"batch": 1, "store_limit": 2048, "memory_limit": ram // 2}
    image = build_firmware(net, boards.load(board), **options)
    assert image.sizes.ram <= ram
    train, _ = load_digits().split()
    order = np.random.default_rng(1).permutation(steps) % len(train.labels)
    codes, labels = net.encode(train.x[order]), train.labels[order]
    with ExitStack() as stack:
        chip = stack.enter_context(open_executor(net, f"qemu:{board}", seed=1, **options))
        reference = stack.enter_context(open_executor(net, "reference", seed=1))
        for step in range(steps):
            part = slice(step, step + 1)
            step_together([reference, chip], codes[part], labels[part], 0, "error_scaled")
        assert_same_masters([reference, chip], f"after {steps} steps")
        assert_same_logits([reference, chip], codes[:4], f"after {steps} steps")
