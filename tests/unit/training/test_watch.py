"""What is asked of a network that learns by itself: it rests, and goes on with the same bits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.training.test_training import LABELS, NET, X
from wagekit import open_executor
from wagekit.link import RefusedError
from wagekit.link.learning import LearnState
from wagekit.monitor import Command, Control, Controls, Event, Learned, Log
from wagekit.numerics.learn import LearnPlan
from wagekit.training.by_itself import Anywhere, ByItself, compare
from wagekit.training.watch import Watch

LESSON = ByItself(LearnPlan(((0, 1), (60, 0)), window_log2=4, samples=150), batch=2, keep=6, seed=3)


class Script:
    """Collects events and asks when so many samples have been seen."""

    def __init__(self, asks: dict[int, Command]) -> None:
        self.controls = Controls()
        self.events: list[Event] = []
        self._asks = dict(asks)

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Learned):
            for seen in [at for at in self._asks if event.seen >= at]:
                self.controls.ask(self._asks.pop(seen))
        if isinstance(event, Control) and event.action == "pause":
            self.controls.ask(Command("resume"))

    def controlled(self) -> list[tuple[str, int | None]]:
        return [(e.action, e.value) for e in self.events if isinstance(e, Control)]


def run(script: Script, **options: object) -> tuple[LearnState, str, Watch]:
    with open_executor(NET, "reference", batch=2) as executor:
        learner = options.pop("learner", Anywhere)(executor, LESSON, X[:70], LABELS[:70])  # type: ignore[operator]
        watch = Watch(learner, LESSON, 70, script, controls=script.controls, **options)  # type: ignore[arg-type]
        return watch.run(), executor.digest(), watch


def test_it_rests_for_what_is_asked_and_changes_no_bit() -> None:
    plain, digest, _ = run(Script({}))
    assert plain.end == "samples"
    examined: list[int] = []
    script = Script({40: Command("pause"), 80: Command("evaluate"), 120: Command("checkpoint")})
    kept: list[str] = []
    state, same, _ = run(
        script,
        examine=lambda state: examined.append(state.seen),
        every=50,
        checkpoint=lambda: kept.append("kept"),
    )
    assert (state, same) == (plain, digest)
    assert examined == [50, 90, 100], "every 50 samples, and where it was asked for"
    assert kept == ["kept"]
    assert [action for action, _ in script.controlled()] == ["pause", "resume", "evaluate", "checkpoint"]


def test_rates_by_hand_are_told_and_can_be_repeated() -> None:
    script = Script({40: Command("rate", -2), 100: Command("rate", 40)})
    state, digest, watch = run(script)
    assert script.controlled() == [("rate", -2), ("rate", 15)]
    (first, low), (second, high) = watch.offsets
    assert (low, high) == (-2, 15)
    assert 40 <= first < 100 <= second < 150
    assert digest != run(Script({}))[1]
    with open_executor(NET, "reference", batch=2) as one, open_executor(NET, "reference", batch=2) as other:
        there = Anywhere(one, LESSON, X[:70], LABELS[:70])
        compare(one, state, there, watch.offsets)
        assert one.digest() == digest
        compare(one, state, Anywhere(other, LESSON, X[:70], LABELS[:70]), watch.offsets)


def test_stop_ends_the_plan() -> None:
    script = Script({40: Command("pause"), 60: Command("stop")})
    state, _, _ = run(script)
    assert state.end == "asked"
    assert 60 <= state.seen < 150


def test_a_firmware_that_cannot_pause_says_so_and_can_be_stopped() -> None:
    class Old(Anywhere):
        def pause(self) -> None:
            raise RefusedError("refused", "unknown")

    script = Script({20: Command("pause"), 60: Command("rate", 1), 100: Command("stop")})
    state, _, _ = run(script, learner=Old)
    assert state.end == "asked"
    logs = [event.message for event in script.events if isinstance(event, Log)]
    assert [text.split(":")[0] for text in logs] == ["pause", "rate"]
    assert "build and flash it again" in logs[0]
    assert script.controlled() == [("stop", None)]


def test_what_cannot_be_done_is_told() -> None:
    script = Script({20: Command("evaluate"), 60: Command("checkpoint")})
    assert run(script)[0].end == "samples"
    logs = [event.message for event in script.events if isinstance(event, Log)]
    assert logs == ["evaluate: there are no test samples", "checkpoint: there is no file to save to"]


@pytest.mark.parametrize("samples", [0, 150])
def test_a_plan_without_end_is_stopped_from_outside(samples: int) -> None:
    lesson = replace(LESSON, plan=replace(LESSON.plan, samples=samples))
    script = Script({})
    with open_executor(NET, "reference", batch=2) as executor:
        learner = Anywhere(executor, lesson, X[:70], LABELS[:70])
        state = Watch(learner, lesson, 70, script, lambda: len(script.events) > 2).run()
    assert state.end == "asked"
