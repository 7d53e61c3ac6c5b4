"""Plans, the loop over an executor, going on after a stop, and evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wagekit import Dense, Input, MaxPool, Network, open_executor
from wagekit.datasets import load_digits
from wagekit.errors import DataError, UsageError
from wagekit.executors import Executor
from wagekit.monitor.events import Evaluation, Event, Health, Step
from wagekit.passes import compile_graph
from wagekit.training import Batches, Model, Plan, Streamed, Trainer, evaluate, load_model, save_model
from wagekit.training.evaluation import score

NET = Network(
    name="small",
    seed=5,
    classes=list("0123456789"),
    input=Input(shape=(8, 8, 1), encoding="affine", offset=8, multiplier=16, shift=0),
    layers=[Dense(units=24), Dense(units=10)],
)
ONE = compile_graph(NET).log2_one
TRAIN, TEST = load_digits().split()
X, LABELS = NET.encode(TRAIN.x), TRAIN.labels


def trainer(executor: Executor, plan: Plan, **options: object) -> Trainer:
    return Trainer(executor, plan, Streamed(executor, X, LABELS), ONE, **options)  # type: ignore[arg-type]


def test_every_epoch_is_a_fresh_order_of_whole_batches() -> None:
    plan = Plan(samples=100, batch=8, total_steps=36, order_seed=3)
    batches = Batches(plan)
    epochs = [np.concatenate([batches.indices(12 * e + i) for i in range(12)]) for e in range(3)]
    for order in epochs:
        assert len(set(order.tolist())) == 96
        assert order.max() < 100
    assert epochs[0].tolist() != epochs[1].tolist()
    assert Batches(plan).indices(17).tolist() == batches.indices(17).tolist()


def test_batches_never_change() -> None:
    assert Batches(Plan(1438, 8, 10, order_seed=1)).indices(0).tolist() == [
        827,
        946,
        1400,
        694,
        194,
        665,
        373,
        737,
    ]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"batch": 0}, "batch 0 is not 1 or more"),
        ({"batch": 101}, "batch 101 is larger than the 100 training samples"),
        ({"total_steps": -1}, "-1 steps"),
        ({"rule": "adam"}, "rule 'adam' is unknown; it is one of paper, error_scaled"),
        ({"schedule": "x"}, "EPOCH:LOG2"),
    ],
)
def test_bad_plans(values: dict[str, object], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        Plan(**({"samples": 100, "batch": 8, "total_steps": 5} | values))  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", ["paper", "error_scaled"])
def test_resumed_equals_never_stopped(tmp_path: Path, rule: str) -> None:
    plan = Plan.of(len(X), 32, epochs=1.5, schedule="0:2,1:0", rule=rule, order_seed=9)
    with open_executor(NET, "reference") as executor:
        assert trainer(executor, plan).run()
        whole = executor.digest()
    path = tmp_path / "m.safetensors"
    made: list[Event] = []

    def save(executor: Executor) -> None:
        about = {"plan": plan.to_dict()}
        save_model(path, Model(NET, executor.masters, executor.step_count, executor.seed, about))

    with open_executor(NET, "reference") as executor:
        assert not trainer(executor, plan, emit=made.append, stop=lambda: len(made) >= 30, save=save).run()
        assert executor.step_count == 30
    model = load_model(path, network=NET)
    with open_executor(NET, "reference", seed=77) as executor:
        executor.load_masters(model.masters, model.step, model.seed)
        again = Plan.from_dict(model.training["plan"], str(path))
        assert again == plan
        assert trainer(executor, again).run()
        assert executor.digest() == whole


def test_events_tell_the_training() -> None:
    events: list[Event] = []
    plan = Plan.of(len(X), 128, epochs=3, schedule="3")
    test = (NET.encode(TEST.x), TEST.labels)
    with open_executor(NET, "reference") as executor:
        run = trainer(executor, plan, emit=events.append, test=test)
        assert run.run()
    steps = [event for event in events if isinstance(event, Step)]
    scores = [event for event in events if isinstance(event, Evaluation)]
    assert [step.step for step in steps] == list(range(33))
    assert steps[-1].epoch == 3.0
    assert len(steps[0].layers) == 2
    assert [entry.step for entry in scores] == [11, 22, 33]
    assert scores[-1].confusion is not None
    assert sum(map(sum, scores[-1].confusion)) == scores[-1].samples == len(TEST)
    assert sum(scores[-1].confusion[i][i] for i in range(10)) == scores[-1].correct
    assert run.score is not None
    assert run.score.accuracy == scores[-1].accuracy


def test_health_is_told_of_the_steps_that_count_it() -> None:
    made: list[Event] = []
    with open_executor(NET, "reference") as executor:
        executor.health_every = 4
        trainer(executor, Plan(len(LABELS), 16, total_steps=10), emit=made.append).run()
        weights = [m.size for m in executor.masters]
    health = [event for event in made if isinstance(event, Health)]
    assert [event.step for event in health] == [0, 4, 8]
    for event in health:
        told = made[made.index(event) - 1]
        assert isinstance(told, Step) and told.step == event.step
        assert [layer.weights for layer in event.layers] == weights
        assert [layer.errors for layer in event.layers] == [16 * 24, 16 * 10]
        assert [layer.gradient_exponent for layer in event.layers] == [
            layer.gradient_exponent for layer in told.layers
        ]
    assert sum(layer.plus + layer.minus for layer in health[0].layers) > 0


def test_saves_and_tests_when_told() -> None:
    events: list[Event] = []
    saved: list[int] = []
    plan = Plan.of(len(X), 128, steps=7, schedule="3")
    with open_executor(NET, "reference") as executor:
        trainer(
            executor,
            plan,
            emit=events.append,
            test=(X[:5], LABELS[:5]),
            test_every=0,
            save=lambda e: saved.append(e.step_count),
            save_every=3,
        ).run()
    assert saved == [3, 6, 7]
    assert [e.step for e in events if isinstance(e, Evaluation)] == [7]


def test_nothing_to_learn_still_evaluates() -> None:
    events: list[Event] = []
    with open_executor(NET, "reference") as executor:
        assert trainer(executor, Plan(10, 1, 0), emit=events.append, test=(X[:9], LABELS[:9])).run()
    assert [type(event) for event in events] == [Evaluation]


def test_score_by_hand() -> None:
    logits = np.array([[1024, 0], [512, 512], [0, -1024]], np.int32)
    found = score(logits, np.array([0, 1, 1]), 10)
    assert (found.samples, found.correct) == (3, 1)
    assert found.confusion == ((1, 0), (2, 0))
    assert found.loss == pytest.approx((0 + 0.5 * 0.5 + 0.5 * 4) / 3)


def test_a_network_learns() -> None:
    plan = Plan.of(len(X), 8, epochs=6, schedule="0:3,50%:1,75%:0")
    with open_executor(NET, "reference") as executor:
        trainer(executor, plan).run()
        assert evaluate(executor, NET.encode(TEST.x), TEST.labels, log2_one=ONE).accuracy > 0.85


def test_pooled_model_survives_the_file(tmp_path: Path) -> None:
    from wagekit import Bits, Conv2d

    net = NET.replace(
        bits=Bits(weights=3, gradients=12),
        layers=[Conv2d(filters=3, kernel=3), MaxPool(window=2), Dense(units=10)],
    )
    with open_executor(net, "reference") as executor:
        model = Model(net, executor.masters, 7, 3)
    save_model(tmp_path / "m", model)
    read = load_model(tmp_path / "m")
    assert read.digest() == model.digest()
    assert read.network == net
    assert (read.step, read.seed) == (7, 3)
    first = (tmp_path / "m").read_bytes()
    save_model(tmp_path / "m", read)
    assert (tmp_path / "m").read_bytes() == first


def test_damaged_plan_is_refused() -> None:
    for values in ({}, {"samples": 1, "batch": 2, "total_steps": 1}, {"surprise": 1}):
        with pytest.raises(DataError, match=r"m: its training plan is damaged"):
            Plan.from_dict(values, "m")
