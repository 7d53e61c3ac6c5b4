"""Learning-rate schedules, training loops, evaluation and model files."""
