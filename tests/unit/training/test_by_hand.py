"""What is asked of a training while it goes on: when it takes effect, and what is told of it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.unit.training.test_training import LABELS, NET, ONE, TEST, X, trainer
from wagekit import open_executor
from wagekit.cli.learning import Settings, learn, plan_lesson
from wagekit.cli.sources import open_subject
from wagekit.errors import DataError
from wagekit.monitor import Command, Control, Controls, Evaluation, Event, Log, Run, Sample, Step, Weights
from wagekit.training import Batches, Plan, Streamed, Trainer, load_model

PLAN = Plan.of(len(X), 16, steps=20, schedule="2", order_seed=4)


class Script:
    """Collects events, and asks for something when a step was told."""

    def __init__(self, asks: dict[int, Command]) -> None:
        self.controls = Controls()
        self.events: list[Event] = []
        self._asks = asks

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Step) and event.step in self._asks:
            assert self.controls.ask(self._asks[event.step])

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


def run(script: Script, plan: Plan = PLAN, **options: object) -> tuple[bool, str]:
    with open_executor(NET, "reference") as executor:
        whole = trainer(executor, plan, emit=script, controls=script.controls, **options).run()
        return whole, executor.digest()


def test_a_rate_holds_from_the_next_step_on() -> None:
    script = Script({4: Command("rate", -3, by="terminal"), 9: Command("rate", 0)})
    finished, digest = run(script)
    assert finished
    rates = [step.log2_lr for step in script.of(Step)]  # type: ignore[attr-defined]
    assert rates == [2] * 5 + [-1] * 5 + [2] * 10
    assert [(c.action, c.value, c.by) for c in script.of(Control)] == [  # type: ignore[attr-defined]
        ("rate", -3, "terminal"),
        ("rate", 0, ""),
    ]
    batches = Batches(PLAN)
    with open_executor(NET, "reference") as executor:
        for step, rate in enumerate(rates):
            executor.step(X[batches.indices(step)], LABELS[batches.indices(step)], rate, "paper")
        assert executor.digest() == digest


@pytest.mark.parametrize(("asked", "told", "used"), [(100, 13, 15), (-100, -18, -16)])
def test_a_rate_goes_no_further_than_is_allowed(asked: int, told: int, used: int) -> None:
    sent: list[int] = []

    class Spy(Streamed):
        def steps(self, batches, rule):  # type: ignore[no-untyped-def]
            return super().steps((sent.append(rate) or (i, rate) for i, rate in batches), rule)

    script = Script({0: Command("rate", asked)})
    with open_executor(NET, "reference") as executor:
        made = Trainer(executor, PLAN, Spy(executor, X, LABELS), ONE, emit=script, controls=script.controls)
        assert made.run()
        assert made.offsets == [(1, told)]
    assert sent == [2] + [used] * 19
    assert script.of(Control)[0].value == told  # type: ignore[attr-defined]


def test_a_pause_holds_and_changes_no_bit() -> None:
    beats: list[int] = []
    script = Script({6: Command("pause", by="web")})
    whole = run(Script({}))

    def resume() -> None:
        beats.append(len(script.of(Step)))
        if len(beats) == 3:
            script.controls.ask(Command("resume"))

    class Held(Controls):
        def wait(self, seconds: float) -> bool:
            assert 0 < seconds <= 1
            resume()
            return super().wait(0.0)

    script.controls = Held()
    assert run(script) == whole
    assert beats == [7, 7, 7], "no step was learned while it was held"
    assert [c.action for c in script.of(Control)] == ["pause", "resume"]  # type: ignore[attr-defined]


def test_a_pause_ends_when_the_run_is_stopped_elsewhere() -> None:
    stop = threading.Event()
    script = Script({2: Command("pause")})
    threading.Timer(0.3, stop.set).start()
    finished, _ = run(script, stop=stop.is_set)
    assert not finished
    assert len(script.of(Step)) == 3


def test_evaluate_checkpoint_and_stop() -> None:
    saved: list[int] = []
    script = Script({3: Command("evaluate"), 7: Command("checkpoint"), 11: Command("stop")})
    test = (NET.encode(TEST.x[:50]), TEST.labels[:50])
    finished, _ = run(script, test=test, save=lambda executor: saved.append(executor.step_count))
    assert not finished
    assert [e.step for e in script.of(Evaluation)] == [4, 12]  # type: ignore[attr-defined]
    assert saved == [8, 12]
    assert [c.action for c in script.of(Control)] == ["evaluate", "checkpoint", "stop"]  # type: ignore[attr-defined]


def test_what_cannot_be_done_is_told() -> None:
    script = Script({1: Command("evaluate"), 2: Command("checkpoint"), 3: Command("checkpoint")})
    assert run(script, checkpoint=None)[0]
    assert not script.of(Control)
    texts = [log.message for log in script.of(Log)]  # type: ignore[attr-defined]
    assert texts == ["evaluate: there are no test samples"] + 2 * ["checkpoint: there is no file to save to"]


def learned(path: Path, script: Script, stop_at: int | None = None, network: str = "digits-tiny") -> Path:
    """Learn with the functions behind `train`, with a model file."""
    settings = Settings(steps=12, resume=network != "digits-tiny")
    lesson = plan_lesson(open_subject(network), settings)

    def stop() -> bool:
        return stop_at is not None and len(script.of(Step)) >= stop_at

    with open_executor(lesson.network, "reference", seed=lesson.seed, batch=8) as executor:
        learn(lesson, executor, script, controls=script.controls, stop=stop, save_to=path)
    return path


def test_a_model_tells_of_rates_by_hand_and_resume_goes_on_with_them(tmp_path: Path) -> None:
    script = Script({2: Command("rate", -1)})
    whole = load_model(learned(tmp_path / "whole.safetensors", script))
    assert whole.training["by_hand"] == [[3, -1]]
    assert "not what the plan alone gives" in [log.message for log in script.of(Log)][-1]  # type: ignore[attr-defined]

    half = learned(tmp_path / "half.safetensors", Script({2: Command("rate", -1)}), stop_at=6)
    rest = Script({})
    again = load_model(learned(half, rest, network=str(half)))
    assert (again.step, again.digest()) == (whole.step, whole.digest())
    assert again.training == whole.training
    assert [(c.value, c.by) for c in rest.of(Control)] == [(-1, "model file")]  # type: ignore[attr-defined]

    plain = load_model(learned(tmp_path / "plain.safetensors", Script({})))
    assert "by_hand" not in plain.training
    assert plain.digest() != whole.digest()


def test_damaged_changes_by_hand_are_refused(tmp_path: Path) -> None:
    from dataclasses import replace

    from wagekit.cli.learning import offsets_of

    model = load_model(learned(tmp_path / "m.safetensors", Script({})))
    with pytest.raises(DataError, match="by hand are damaged"):
        offsets_of(replace(model, training={"by_hand": [[1]]}), "m")


def test_weights_and_samples_are_shown(tmp_path: Path) -> None:
    script = Script({})
    learned(tmp_path / "m.safetensors", script)
    (run,) = [e for e in script.of(Run) if e.status == "started"]  # type: ignore[attr-defined]
    weights = script.of(Weights)[-1]
    assert isinstance(weights, Weights)
    assert weights.step == 12
    assert sum(map(sum, weights.counts)) == run.weights
    assert weights.low == -64, "masters go no further"
    assert len(weights.counts[0]) == 129
    sample = script.of(Sample)[0]
    assert isinstance(sample, Sample)
    assert sample.shape == (8, 8, 1)
    assert len(sample.codes) == 88
    assert script.events.index(sample) > script.events.index(script.of(Step)[0])


def test_a_beat_comes_between_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    beats: list[int] = []
    script = Script({})

    def beat() -> None:
        beats.append(len(script.of(Step)))

    monkeypatch.setattr(Trainer, "_due", lambda self: len(beats) <= self._step // 5)
    assert run(script, beat=beat)[0]
    assert beats[:3] == [0, 5, 10]


def test_too_many_commands_are_refused() -> None:
    controls = Controls()
    assert all(controls.ask(Command("evaluate")) for _ in range(64))
    assert not controls.ask(Command("stop"))
    assert len(controls.take()) == 64
    assert not controls.waiting
