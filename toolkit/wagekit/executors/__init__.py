"""One interface over every place where a network runs."""

from __future__ import annotations

from wagekit.executors.base import Executor, LayerHealth, LayerStats, Rule, StepResult, state_digest
from wagekit.executors.open import PLACES, open_executor

__all__ = [
    "PLACES",
    "Executor",
    "LayerHealth",
    "LayerStats",
    "Rule",
    "StepResult",
    "open_executor",
    "state_digest",
]
