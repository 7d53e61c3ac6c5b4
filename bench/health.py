"""Measures what counting the health of layers costs: where it is left out, off, and in steps that count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.cases import find
from bench.learning import RULE, STEPS, Subject, model_bytes
from bench.tables import COLUMNS, Sheet
from wagekit import boards
from wagekit.executors.cost import measure_cost

SUBJECTS = (Subject("lenet", limited=True), Subject("digits"))
EVERY = 32
"""Steps between two that count, by default in `wagekit train`, `run` and `learn`."""


@dataclass(frozen=True)
class HealthCost:
    """Instructions of a step, the mean of the first ones, and bytes of the network."""

    subject: Subject
    board: str
    left_out: float
    """In a firmware built with `--no-health`."""
    off: float
    """With it, where no step counts."""
    counting: float
    """Where every step counts."""
    bytes_left_out: int
    bytes: int

    @property
    def mean(self) -> float:
        """Where one step of `EVERY` counts."""
        return self.off + (self.counting - self.off) / EVERY

    def share(self, instructions: float) -> float:
        """What so many instructions are more than without health, as a share."""
        return instructions / self.left_out - 1


def measure_health(subject: Subject, board: str, steps: int = STEPS) -> HealthCost:
    """Learn the first samples from the initial weights three times, and count all steps."""
    case = find(subject.case)
    net, samples = case.network(), case.samples()
    take = np.arange(steps * subject.batch) % len(samples.labels)
    codes, labels = net.encode(samples.x[take]), samples.labels[take]
    within = None if subject.limit is None else subject.limit.bytes

    def spent(*, health: bool, every: int) -> float:
        return measure_cost(
            net,
            boards.load(board),
            codes,
            labels,
            training=True,
            batch=subject.batch,
            rule=RULE,
            warm_steps=0,
            health_every=every,
            memory_limit=within,
            health=health,
        ).instructions

    return HealthCost(
        subject,
        board,
        left_out=spent(health=False, every=0),
        off=spent(health=True, every=0),
        counting=spent(health=True, every=1),
        bytes_left_out=model_bytes(subject, health=False),
        bytes=model_bytes(subject),
    )


def health_sheet(found: list[HealthCost]) -> Sheet:
    """What was measured, a row a network and board."""

    def more(cost: HealthCost, instructions: float) -> str:
        return f"{instructions:,.0f} ({cost.share(instructions):+.2%})"

    rows = [
        [
            f"{cost.subject.case} on {COLUMNS[cost.board]}",
            f"{cost.left_out:,.0f}",
            more(cost, cost.off),
            more(cost, cost.counting),
            more(cost, cost.mean),
            f"{cost.bytes - cost.bytes_left_out:,}",
        ]
        for cost in found
    ]
    head = ["step of", "left out", "off", "in a step that counts", f"mean, one in {EVERY}", "bytes of RAM"]
    return Sheet("Health of the layers: instructions of a step, batch 1", head, rows)
