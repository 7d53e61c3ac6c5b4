"""Training over any executor: schedules, batches, evaluation, model files."""

from __future__ import annotations

from wagekit.training.evaluation import Score, evaluate, predict
from wagekit.training.frozen import frozen_on_grid
from wagekit.training.loop import Streamed, Trainer
from wagekit.training.model import Model, load_model, save_model
from wagekit.training.plan import Batches, Plan
from wagekit.training.schedule import Schedule
from wagekit.training.stream import learn_stream

__all__ = [
    "Batches",
    "Model",
    "Plan",
    "Schedule",
    "Score",
    "Streamed",
    "Trainer",
    "evaluate",
    "frozen_on_grid",
    "learn_stream",
    "load_model",
    "predict",
    "save_model",
]
