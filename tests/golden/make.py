"""Writes the golden vectors, with the plain-Python oracle and not with wagekit's arithmetic.

    .venv/bin/python -m tests.golden.make

takes less than a minute. The vectors change only when docs/numerics.md does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests import oracle
from tests.golden.steps import GOLDEN_STEPS, Recipe, golden_batch
from wagekit.executors.base import state_digest
from wagekit.ir import Graph
from wagekit.passes import compile_graph
from wagekit.reference import initial_masters

FOLDER = Path(__file__).parent


def arithmetic() -> dict[str, Any]:
    """Tables of the scalar functions."""
    numbers = [1, 2, 3, 5, 6, 11, 12, 90, 91, 2**31 - 1, 2**31, 3037000499, 3037000500, 2**62 + 1, 2**63 - 1]
    shifted = [
        (x, s) for x in (-7, -6, -1, 0, 1, 5, 6, 2**31 - 1, -(2**31)) for s in (-2, 0, 1, 2, 3, 31, 40)
    ]
    keys = [(0, 0, 0), (1, 2, 3), (0xFFFFFFFF, 0xFFFFFFFF, 7)]
    return {
        "mix": [[x, oracle.mix(x)] for x in (0, 1, 2, 3, 0x80000000, 0xDEADBEEF, 0xFFFFFFFF)],
        "kappa": [[m, oracle.kappa(m)] for m in numbers],
        "rha": [[x, s, oracle.rha(x, s)] for x, s in shifted],
        "log2_alpha": [
            [n, k, oracle.log2_alpha(n, k)] for n in (1, 9, 27, 288, 1152, 4608, 8192) for k in (2, 3, 8)
        ],
        "rand16": [[*key, [oracle.rand16(*key, i) for i in range(9)]] for key in keys],
    }


def steps(recipe: Recipe) -> dict[str, Any]:
    """What every step of a recipe reports, and the digest of the state after it."""
    net = recipe.net()
    graph = compile_graph(net, recipe.samples)
    machine = oracle.Oracle(graph, initial_masters(graph, net.seed), net.seed)
    records = []
    for step in range(recipe.steps):
        x, labels = golden_batch(graph, net.seed, step, recipe.samples)
        samples = [{i: int(s[i]) for i in oracle.indices(graph.input.shape)} for s in x]
        logits = [machine.logits(sample) for sample in samples]
        report = machine.step(samples, labels.tolist(), recipe.log2_lr, recipe.rule)
        records.append(
            {
                "logits": logits,
                "sum_squared_error": report.squares,
                "errors": report.errors,
                "log2_lr": report.log2_lr,
                "error_exponents": report.error_exponents,
                "gradient_exponents": report.gradient_exponents,
                "saturated": report.saturated,
                "digest": state_digest(machine.step_count, _arrays(graph, report.masters)),
            }
        )
        print(recipe.name, step, records[-1]["digest"])
    return {"fingerprint": net.fingerprint(), "steps": records}


def _arrays(graph: Graph, masters: list[oracle.Tensor]) -> list[Any]:
    dtype = np.int8 if graph.bits.gradients <= 8 else np.int16
    pairs = zip(graph.layers, masters, strict=True)
    return [np.array(list(m.values()), dtype).reshape(layer.weights.shape) for layer, m in pairs]


def main() -> None:
    """Write both files."""
    files = {
        "arithmetic.json": arithmetic(),
        "steps.json": {recipe.name: steps(recipe) for recipe in GOLDEN_STEPS},
    }
    for name, content in files.items():
        (FOLDER / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
