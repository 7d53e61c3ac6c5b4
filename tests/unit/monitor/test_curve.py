"""Stories stay small, and lose no sum."""

from __future__ import annotations

import dataclasses
import threading

from wagekit.monitor import (
    Bus,
    Command,
    Control,
    Controls,
    Evaluation,
    Event,
    Health,
    LayerHealth,
    Log,
    Step,
    Stories,
    Story,
)
from wagekit.monitor.controls import WAITING
from wagekit.monitor.curve import KEPT, Thinned
from wagekit.monitor.events import from_json, to_json


def step(number: int) -> Step:
    return Step(
        time=float(number),
        step=number,
        epoch=number / 100,
        samples=2,
        loss=0.5,
        sum_squared_error=1,
        errors=number % 2,
        log2_lr=0,
    )


def test_a_long_run_stays_small_and_its_sums_right() -> None:
    story = Story()
    count = 5 * KEPT + 3
    for number in range(count):
        story.handle(step(number))
        story.handle(Log(time=0.0, message=str(number)))
    entries = story.curve_of_steps.entries
    assert len(entries) <= KEPT
    assert sum(entry.samples for entry in entries) == 2 * count
    assert sum(entry.errors for entry in entries) == count // 2
    assert [entry.step for entry in entries] == sorted({entry.step for entry in entries})
    assert story.step_count == count
    assert story.samples_learned == 2 * count
    assert story.curve(10)[-1].step == count
    assert abs(story.curve(1)[0].accuracy - 0.75) < 1e-3
    assert len(story.logs) < count


def test_thinned_keeps_first_and_last() -> None:
    kept: Thinned[int] = Thinned()
    for number in range(10 * KEPT):
        kept.add(number)
        assert kept[-1] == number
        assert kept[0] == 0
    assert len(kept) <= KEPT
    gaps = {b - a for a, b in zip(kept.entries[:-1], kept.entries[1:-1], strict=False)}
    assert len(gaps) == 1, "what is kept is evenly spaced"


def test_only_the_last_confusion_matrix_is_kept() -> None:
    story = Story()
    for number in range(3):
        story.handle(Evaluation(step=number, samples=2, correct=1, confusion=((1, 0), (1, 0))))
    assert [entry.confusion is None for entry in story.evaluations] == [True, True, False]


def test_new_events_survive_json() -> None:
    health = Health(step=3, source="a", layers=(LayerHealth(weights=9, plus=2, errors=None),))
    for event in (health, Control(action="rate", value=-1, by="web")):
        assert from_json(to_json(event)) == event


def test_each_source_has_its_story() -> None:
    told: list[Event] = []
    for number in range(6):
        told.append(dataclasses.replace(step(number), source="ab"[number % 2], time=10.0 - number))
    stories = Stories.of(told)
    assert [source for source, _ in stories] == ["a", "b"]
    assert stories["b"] == Story.of(event for event in told if event.source == "b")
    assert stories["a"] != stories["b"]
    assert (stories.started, stories.latest) == (9.0, 6.0)
    assert stories["new"] == Story()
    assert len(stories) == 3
    assert (Stories().started, Stories().latest) == (None, None)


def test_controls_take_effect_in_the_story() -> None:
    story = Story.of([Control(action="pause"), Control(action="rate", value=2)])
    assert (story.paused, story.rate_offset) == (True, 2)
    story.handle(Control(action="resume"))
    assert not story.paused


def test_commands_arrive_in_order_and_are_bounded() -> None:
    controls = Controls()
    assert not controls.wait(0.0)
    asked = [controls.ask(Command("rate", number)) for number in range(WAITING + 2)]
    assert asked == [True] * WAITING + [False] * 2
    assert controls.wait(0.0)
    assert [command.value for command in controls.take()] == list(range(WAITING))
    assert controls.take() == []


def test_a_bus_takes_events_from_several_threads() -> None:
    class Counting:
        """Would lose counts if two threads were in it at once."""

        def __init__(self) -> None:
            self.seen: list[Event] = []

        def handle(self, event: Event) -> None:
            self.seen.append(event)

        def close(self) -> None:
            pass

    sink = Counting()
    bus = Bus([sink])

    def tell(name: str) -> None:
        emit = bus.of(name)
        for number in range(200):
            emit(step(number))

    threads = [threading.Thread(target=tell, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in "abcd":
        own = [event for event in sink.seen if event.source == name]
        assert [event.step for event in own if isinstance(event, Step)] == list(range(200))
