"""Measures what is held against others: learning from the initial weights, and inference alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.cases import find
from bench.peers import Limit, load
from wagekit import boards
from wagekit.backends.mcu import plan_model
from wagekit.executors import Rule
from wagekit.executors.cost import measure_cost
from wagekit.passes import compile_graph
from wagekit.reference import initial_masters
from wagekit.toolchain.memory import FitError

STEPS = 100
RULE: Rule = "paper"
BOARDS = {"mps2-an385": "M3", "mps2-an386": "M4"}
"""With memory enough for every network."""
CORES = {"mps2-an385-v6m": "M0", "mps2-an385": "M3", "mps2-an386": "M4", "mps2-an500": "M7"}
"""On which inference is held against others."""
INFERENCES = 8


@dataclass(frozen=True)
class Subject:
    """A network, and how it is to learn."""

    case: str
    batch: int = 1
    limited: bool = False
    """With a plan within the bytes of the network's limit, not with the fastest."""

    @property
    def limit(self) -> Limit | None:
        """The limit that a plan is made for."""
        return load().limits[self.case] if self.limited else None


SUBJECTS = (
    Subject("lenet", limited=True),
    Subject("lenet"),
    Subject("mlp", limited=True),
    Subject("mlp", 32),
    Subject("digits-mlp"),
    Subject("digits-mlp", 32),
)


@dataclass(frozen=True)
class Learned:
    """What learning cost on a board."""

    subject: Subject
    board: str
    instructions: float
    """A sample, the mean of the steps."""
    bytes: int
    """`Plan.ram`: weights, buffers, state; no stack, no link."""

    @property
    def met(self) -> bool | None:
        """Whether the limit is; None where there is none."""
        limit = self.subject.limit
        if limit is None:
            return None
        return self.instructions <= limit.instructions and self.bytes <= limit.bytes


@dataclass(frozen=True)
class Inferred:
    """What an inference costs in a firmware that only infers, weights packed in flash."""

    case: str
    board: str
    macs: int
    instructions: float
    bytes: int
    """`Plan.ram`: buffers and state."""
    weights: int
    """Bytes of flash that hold the weights."""


def measure_learning(subject: Subject, board: str, steps: int = STEPS) -> Learned:
    """Learn the first samples from the initial weights, count all steps."""
    case = find(subject.case)
    net, samples = case.network(), case.samples()
    take = np.arange(steps * subject.batch) % len(samples.labels)
    codes, labels = net.encode(samples.x[take]), samples.labels[take]
    within = None if subject.limit is None else subject.limit.bytes
    cost = measure_cost(
        net,
        boards.load(board),
        codes,
        labels,
        training=True,
        batch=subject.batch,
        rule=RULE,
        warm_steps=0,
        memory_limit=within,
    )
    return Learned(subject, board, cost.instructions, model_bytes(subject))


def model_bytes(subject: Subject, *, health: bool = True) -> int:
    """`Plan.ram` of the plan that `measure_learning` takes."""
    graph = compile_graph(find(subject.case).network(), subject.batch)
    limit = None if subject.limit is None else subject.limit.bytes
    return plan_model(graph, memory_limit=limit, health=health).ram


def measure_inference(name: str, board: str) -> Inferred | None:
    """Infer a sample at a time with the initial weights; None where it does not fit."""
    case = find(name)
    net, samples = case.network(), case.samples()
    codes = net.encode(samples.x[:INFERENCES])
    graph = compile_graph(net, 1, training=False)
    masters = initial_masters(graph, net.seed)
    plan = plan_model(graph, packed=True)
    try:
        cost = measure_cost(
            net, boards.load(board), codes, samples.labels[:INFERENCES], training=False, masters=masters
        )
    except FitError:
        return None
    return Inferred(case.name, board, graph.macs, cost.instructions, plan.ram, plan.flash_bytes(baked=True))
