"""LeNet (581,408 weights), or a small one, on real MNIST in the emulated Cortex-M4, equal to the bit."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.equality import assert_same_logits, assert_same_masters, step_together
from wagekit import Network, open_executor
from wagekit.datasets import read_idx_folder
from wagekit.toolchain.analysis import shrunk

PLACES = ("reference", "host", "qemu:mps2-an386")
BATCH = 8


@pytest.mark.parametrize(
    ("eighths", "steps", "inferences"),
    [
        pytest.param(1, 20, 100, id="short"),
        pytest.param(8, 100, 1000, id="long", marks=[pytest.mark.long, pytest.mark.timeout(3600)]),
    ],
)
def test_lenet_learns_and_infers_alike(
    eighths: int, steps: int, inferences: int, mnist: Path, qemu: str, host_cc: str, root: Path
) -> None:
    """The short run has an eighth of the filters and units: over the line all of LeNet takes a minute."""
    net = shrunk(Network.load(root / "bench" / "networks" / "lenet.toml"), eighths)
    train, test = read_idx_folder(mnist).split()
    with ExitStack() as stack:
        executors = [stack.enter_context(open_executor(net, place, seed=1, batch=BATCH)) for place in PLACES]
        assert_same_masters(executors, "before the first step")
        for step in range(steps):
            part = slice(step * BATCH, (step + 1) * BATCH)
            step_together(executors, net.encode(train.x[part]), train.labels[part])
        assert_same_masters(executors, f"after {steps} steps")
        assert len({executor.digest() for executor in executors}) == 1
        assert_same_logits(executors, net.encode(test.x[:inferences]), f"after {steps} steps")
