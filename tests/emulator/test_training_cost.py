"""What a training step at a batch of one may cost: instructions and memory on real digits."""

from __future__ import annotations

from pathlib import Path

import pytest

from wagekit import Network, boards
from wagekit.backends.mcu import plan_model
from wagekit.datasets import read_idx_folder
from wagekit.executors.cost import measure_cost
from wagekit.passes import compile_graph

LENET = 25_000_000
LENET_MASTERS = 581_408
LENET_REST = 52_224
MLP = 1_300_000
MLP_BYTES = 130_000
LONG = [pytest.mark.long, pytest.mark.timeout(3600)]
RUNS = [
    pytest.param("mps2-an385", 5, id="mps2-an385-short"),
    pytest.param("mps2-an385", 100, id="mps2-an385-long", marks=LONG),
    pytest.param("mps2-an386", 100, id="mps2-an386-long", marks=LONG),
]


def cost(net: Network, board: str, steps: int, mnist: Path, memory_limit: int) -> float:
    """Mean instructions of a step of the fastest plan within so many bytes."""
    train, _ = read_idx_folder(mnist).split()
    x, labels = net.encode(train.x[:steps]), train.labels[:steps]
    chip = boards.load(board)
    found = measure_cost(net, chip, x, labels, training=True, batch=1, memory_limit=memory_limit)
    return float(found.instructions)


def test_memory_of_one_sample(root: Path) -> None:
    folder = root / "bench" / "networks"
    lenet = compile_graph(Network.load(folder / "lenet.toml"), 1)
    assert plan_model(lenet, memory_limit=LENET_MASTERS + LENET_REST).ram <= LENET_MASTERS + LENET_REST
    assert plan_model(compile_graph(Network.load(folder / "mlp.toml"), 1)).ram <= MLP_BYTES


@pytest.mark.parametrize(("board", "steps"), RUNS)
def test_lenet_learns_a_sample(board: str, steps: int, mnist: Path, qemu: str, root: Path) -> None:
    net = Network.load(root / "bench" / "networks" / "lenet.toml")
    assert cost(net, board, steps, mnist, LENET_MASTERS + LENET_REST) <= LENET


@pytest.mark.parametrize(("board", "steps"), RUNS)
def test_two_dense_layers_learn_a_sample(board: str, steps: int, mnist: Path, qemu: str, root: Path) -> None:
    net = Network.load(root / "bench" / "networks" / "mlp.toml")
    assert cost(net, board, steps, mnist, MLP_BYTES) <= MLP
