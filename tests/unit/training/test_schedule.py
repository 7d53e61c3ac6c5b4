"""Learning rates by epoch."""

from __future__ import annotations

import pytest

from wagekit.errors import UsageError
from wagekit.training import Schedule
from wagekit.training.schedule import NAMED


def rates(text: str, *, per_epoch: int = 10, epochs: int = 100) -> dict[int, int]:
    """Where the rate changes: step -> rate."""
    schedule = Schedule.parse(text)
    changes: dict[int, int] = {}
    last = None
    for step in range(per_epoch * epochs):
        rate = schedule.log2_lr(step, steps_per_epoch=per_epoch, total_steps=per_epoch * epochs)
        if rate != last:
            changes[step] = rate
            last = rate
    return changes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0:3,40:0,60:-3", {0: 3, 400: 0, 600: -3}),
        ("-2", {0: -2}),
        ("0:1, 2.5:0", {0: 1, 25: 0}),
        ("0:1,0.25:0", {0: 1, 3: 0}),
        ("0:1,50%:0,75%:-1", {0: 1, 500: 0, 750: -1}),
        ("0:-16,1:15", {0: -16, 10: 15}),
        ("paper", {0: 3, 670: 0, 830: -3}),
    ],
)
def test_rates(text: str, expected: dict[int, int]) -> None:
    assert rates(text) == expected


def test_named_schedules_parse() -> None:
    for name in NAMED:
        assert Schedule.parse(name).text == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not EPOCH:LOG2"),
        ("fast", "is not EPOCH:LOG2"),
        ("0:1,40", "'40' is not EPOCH:LOG2"),
        ("0:1,x:0", "'x:0' is not EPOCH:LOG2"),
        ("0:1.5", "'0:1.5' is not EPOCH:LOG2"),
        ("0:1,1/0:0", "is not EPOCH:LOG2"),
        ("1:1", "begins at 1, not at 0"),
        ("0:1,5:0,5:1", "do not grow"),
        ("0:16", "rate 16 in '0:16' is not in -16..15"),
        ("-17", "rate -17"),
        ("0:1,-5:0", "out of range"),
        ("0:1,101%:0", "out of range"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Schedule.parse(text)
    assert message in caught.value.message
