"""MNIST on the cores: an epoch of training and the accuracy of the reference, to the bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.equality import assert_same_logits, assert_same_masters, step_together
from wagekit import Network, open_executor
from wagekit.datasets import read_idx_folder
from wagekit.executors.neuro import NeuroExecutor
from wagekit.training import Batches, Plan
from wagekit.training.evaluation import predict

BATCH = 32
LONG = [pytest.mark.long, pytest.mark.timeout(7200)]


@pytest.mark.parametrize(
    ("network", "samples", "tested"),
    [
        pytest.param("mlp", 320, 200, id="a few batches"),
        pytest.param("lenet", 64, 32, id="a few batches of LeNet"),
        pytest.param("mlp", 60_000, 10_000, id="an epoch", marks=LONG),
        pytest.param("lenet", 60_000, 10_000, id="an epoch of LeNet", marks=LONG),
    ],
)
def test_mnist_is_learned_alike(network: str, samples: int, tested: int, mnist: Path, root: Path) -> None:
    net = Network.load(root / "bench" / "networks" / f"{network}.toml")
    train, test = read_idx_folder(mnist).split()
    with (
        open_executor(net, "reference", batch=BATCH) as reference,
        open_executor(net, "neuro:tianjic-train", batch=BATCH) as neuro,
    ):
        batches = Batches(Plan(samples, BATCH, samples // BATCH, "default", "paper", net.seed))
        for step in range(samples // BATCH):
            part = batches.indices(step)
            step_together(
                [reference, neuro], net.encode(train.x[part]), train.labels[part], batches.log2_lr(step)
            )
        assert_same_masters([reference, neuro], f"after {samples} samples")
        assert reference.digest() == neuro.digest()
        logits = assert_same_logits([reference, neuro], net.encode(test.x[:tested]), "on the test images")
        right = float((predict(logits) == test.labels[:tested]).mean())
        print(f"{network}: {samples} samples, {right:.2%} of {tested} test images, digest {neuro.digest()}")
        if samples == len(train.x):
            assert right > 0.93
        assert isinstance(neuro, NeuroExecutor)
        counted = neuro.counters()
        assert counted.steps == samples // BATCH
        assert counted.total("nominal", "forward") == counted.samples * neuro.mapping.graph.macs
