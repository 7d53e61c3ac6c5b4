"""Training a sample stays within the limits of bench/peers.toml: instructions and memory on real digits."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.learning import BOARDS, STEPS, SUBJECTS, Subject, measure_learning, model_bytes

LIMITED = [subject for subject in SUBJECTS if subject.limit is not None]
LONG = [pytest.mark.long, pytest.mark.timeout(3600)]
RUNS = [
    # LeNet's weights take half a minute on the line.
    *(
        pytest.param(subject, "mps2-an385", 5, id=f"{subject.case}-short")
        for subject in LIMITED
        if subject.case == "mlp"
    ),
    *(
        pytest.param(subject, board, STEPS, id=f"{subject.case}-{board}-long", marks=LONG)
        for subject in LIMITED
        for board in BOARDS
    ),
]


def test_every_limit_is_measured() -> None:
    assert {subject.case for subject in LIMITED} == {"lenet", "mlp"}


@pytest.mark.parametrize("subject", LIMITED, ids=lambda subject: subject.case)
def test_memory_of_one_sample(subject: Subject) -> None:
    assert subject.limit is not None
    assert model_bytes(subject) <= subject.limit.bytes


@pytest.mark.parametrize(("subject", "board", "steps"), RUNS)
def test_a_sample_is_learned_within_the_limit(
    subject: Subject, board: str, steps: int, mnist: Path, qemu: str
) -> None:
    learned = measure_learning(subject, board, steps)
    assert subject.limit is not None
    assert learned.instructions <= subject.limit.instructions
    assert learned.met
