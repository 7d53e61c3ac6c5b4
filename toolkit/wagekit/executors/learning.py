"""Learning from a set of samples until a plan says stop: what a chip does by itself, over any executor.

`DeviceExecutor.learn` is the same on the chip, equal to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from wagekit.executors.base import Executor, IntArray, Rule, StepResult
from wagekit.numerics.learn import Learning, Replay, draw

Order = Literal["in_turn", "drawn"]


@dataclass(slots=True)
class Reservoir:
    """A replay store: what was seen, each sample with the same probability.

    After each step on new samples come `steps` steps on as many samples drawn from it.
    """

    replay: Replay
    steps: int = 1
    samples: dict[int, tuple[IntArray, int]] = field(default_factory=dict)
    """By place: codes of one sample and its label."""

    @classmethod
    def of(cls, capacity: int, steps: int = 1, seed: int = 0) -> Reservoir:
        """An empty one for `capacity` samples; 0 is off."""
        return cls(Replay(capacity, seed), steps)

    def offer(self, x: IntArray, labels: NDArray[np.int64]) -> None:
        """Samples were learned."""
        for sample, label in zip(x, labels, strict=True):
            place = self.replay.offer()
            if place is not None:
                self.samples[place] = (sample, int(label))

    def draw(self, count: int) -> tuple[IntArray, NDArray[np.int64]] | None:
        """So many samples to learn again, some perhaps twice; None if there are none."""
        places = [self.replay.draw() for _ in range(count)]
        drawn = [self.samples[place] for place in places if place is not None]
        if not drawn:
            return None
        return np.stack([sample for sample, _ in drawn]), np.array([label for _, label in drawn])


def learn(
    executor: Executor,
    x: IntArray,
    labels: NDArray[np.int64],
    learning: Learning,
    *,
    batch: int = 1,
    rule: Rule = "error_scaled",
    order: Order = "in_turn",
    seed: int = 0,
    limit: int = 0,
    reservoir: Reservoir | None = None,
    told: Callable[[StepResult], None] = lambda _: None,
) -> None:
    """Learn from samples until the plan of `learning` ends, or `limit` samples later (0: no limit).

    Sample `n` since the begin of `learning` is `n` modulo their number, or drawn. With a plan that has no
    limit and without `limit` this does not end. `told` gets the result of each step, replayed ones too.
    """
    end = learning.seen + limit
    while learning.end == "goes_on" and not (limit and learning.seen >= end):
        count = min(batch, end - learning.seen) if limit else batch
        if learning.plan.samples:
            count = min(count, learning.plan.samples - learning.seen)
        numbers = range(learning.seen, learning.seen + count)
        chosen = [n % len(x) if order == "in_turn" else draw(seed, n, len(x)) for n in numbers]
        result = executor.step(x[chosen], labels[chosen], learning.rate(), rule)
        told(result)
        learning.observe(count, result.errors)
        for _ in range(reservoir.steps if reservoir else 0):
            old = reservoir.draw(batch) if reservoir else None
            if old is not None:
                told(executor.step(*old, learning.rate(), rule))
        if reservoir:
            reservoir.offer(x[chosen], labels[chosen])
