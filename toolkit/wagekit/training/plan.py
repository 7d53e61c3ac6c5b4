"""Which samples make which batch, at which rate: a pure function of the position.

Nothing is drawn from a stream, so a training that is stopped anywhere and taken up again goes
through the same batches as one that was never stopped.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wagekit.datasets import permutation
from wagekit.errors import DataError, UsageError
from wagekit.executors.base import Rule
from wagekit.training.schedule import Schedule

ORDER_STREAM = 0x4241_5443
"""Word that keeps the order of the batches apart from every other use of the same seed."""
RULES: tuple[Rule, ...] = ("paper", "error_scaled")


@dataclass(frozen=True, slots=True)
class Plan:
    """A training: `total_steps` batches of `batch` out of `samples` training samples.

    Each epoch is a fresh permutation cut into whole batches; what is left over is dropped (a
    different rest each epoch), because a small batch would make as large a step as a full one.
    """

    samples: int
    batch: int
    total_steps: int
    schedule: str = "default"
    rule: Rule = "paper"
    order_seed: int = 0
    first_step: int = 0
    """The executor's step at position 0: larger than 0 when a learned network learns something new."""

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise UsageError(f"batch {self.batch} is not 1 or more")
        if self.batch > self.samples:
            raise UsageError(f"batch {self.batch} is larger than the {self.samples} training samples")
        if self.total_steps < 0:
            raise UsageError(f"{self.total_steps} steps are not 0 or more")
        if self.rule not in RULES:
            raise UsageError(f"rule '{self.rule}' is unknown; it is one of {', '.join(RULES)}")
        Schedule.parse(self.schedule)

    @classmethod
    def of(
        cls, samples: int, batch: int, *, epochs: float | None = None, steps: int | None = None, **rest: Any
    ) -> Plan:
        """A plan by epochs or by steps (steps win where both are given)."""
        if steps is None:
            steps = round((1 if epochs is None else epochs) * (samples // max(batch, 1)))
        return cls(samples, batch, steps, **rest)

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in one pass over the samples."""
        return self.samples // self.batch

    @property
    def end_step(self) -> int:
        """The executor's step when the plan is done."""
        return self.first_step + self.total_steps

    def epoch(self, step: int) -> float:
        """Passes completed when the executor has made `step` steps."""
        return (step - self.first_step) / self.steps_per_epoch

    def log2_lr(self, step: int) -> int:
        """Rate of the batch that the executor learns at `step`, before the rule."""
        return Schedule.parse(self.schedule).log2_lr(
            step - self.first_step, steps_per_epoch=self.steps_per_epoch, total_steps=self.total_steps
        )

    def to_dict(self) -> dict[str, Any]:
        """As model files keep it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any], where: str) -> Plan:
        """The plan that a model file kept; `DataError` names `where`."""
        try:
            return cls(**values)
        except (TypeError, UsageError) as error:
            raise DataError(f"{where}: its training plan is damaged: {error}") from error


class Batches:
    """The batches of a plan; keeps the order of one epoch."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.schedule = Schedule.parse(plan.schedule)
        self._epoch = -1
        self._order: NDArray[np.int64] = np.empty(0, np.int64)

    def indices(self, step: int) -> NDArray[np.int64]:
        """Numbers of the training samples that the executor learns at `step`, `[batch]`."""
        plan = self.plan
        epoch, number = divmod(step - plan.first_step, plan.steps_per_epoch)
        if epoch != self._epoch:
            self._order = permutation(plan.samples, plan.order_seed, ORDER_STREAM, epoch)
            self._epoch = epoch
        return self._order[number * plan.batch : (number + 1) * plan.batch]

    def log2_lr(self, step: int) -> int:
        """Rate of the batch that the executor learns at `step`, before the rule."""
        plan = self.plan
        return self.schedule.log2_lr(
            step - plan.first_step, steps_per_epoch=plan.steps_per_epoch, total_steps=plan.total_steps
        )
