"""Learning from generators: lazily, in whole batches, with the bits of learning the same from arrays."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from wagekit.errors import DataError
from wagekit.executors.reference import ReferenceExecutor
from wagekit.monitor import Event, Step
from wagekit.numerics.learn import ONE, LearnPlan
from wagekit.spec import Dense, Input, Network
from wagekit.training import learn_stream
from wagekit.training.by_itself import Anywhere, ByItself
from wagekit.training.stream import StreamLearner, batched, encoded

NET = Network(
    name="tiny",
    input=Input(shape=(6,), encoding="centered"),
    classes=["a", "b", "c"],
    layers=[Dense(units=8), Dense(units=3)],
    seed=3,
)
RNG = np.random.default_rng(1)
X = RNG.integers(0, 256, (23, 6))
LABELS = RNG.integers(0, 3, 23)


def endless(taken: list[int]) -> Iterator[tuple[np.ndarray, int]]:
    for number in itertools.count():
        taken.append(number)
        yield X[number % len(X)], int(LABELS[number % len(X)])


@pytest.mark.parametrize(
    "items",
    [
        list(zip(X, LABELS, strict=True)),
        [(X, LABELS)],
        [(X[:5], LABELS[:5]), (X[5], LABELS[5]), (X[6:6], LABELS[6:6]), (X[6:], LABELS[6:])],
    ],
    ids=["samples", "one batch", "mixed"],
)
def test_how_samples_come_does_not_matter(items: list) -> None:
    one, other = ReferenceExecutor(NET), ReferenceExecutor(NET)
    results = list(learn_stream(one, NET, iter(items), batch=4, log2_lr=lambda seen: 2 - (seen >= 8)))
    codes = NET.encode(X)
    wanted = [
        other.step(codes[at : at + 4], LABELS[at : at + 4], 2 - (at >= 8)) for at in range(0, len(X), 4)
    ]
    assert results == wanted
    assert [result.samples for result in results] == [4, 4, 4, 4, 4, 3]
    assert one.digest() == other.digest()


def test_a_generator_is_asked_for_what_is_wanted_only() -> None:
    taken: list[int] = []
    with ReferenceExecutor(NET) as executor:
        steps = learn_stream(executor, NET, endless(taken), batch=4)
        assert [next(steps).step for _ in range(3)] == [0, 1, 2]
        assert len(taken) == 12


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ((X[0], 3), r"item 1 of the stream: label 3 is not in 0\.\.2"),
        ((X[0] + 300, 1), "item 1 of the stream: sample 0"),
        ((X[0][:4], 1), "item 1 of the stream: samples have the shape"),
        ((X[:3], [0, 1]), "item 1 of the stream: 3 samples with labels"),
        ((X[0], 0.5), "item 1 of the stream: 1 samples with labels of type float64"),
    ],
)
def test_an_item_that_cannot_be_used_is_named(item: tuple, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(encoded(NET, [(X[0], 1), item]))


@pytest.mark.parametrize("sizes", [(1,) * 7, (7,), (2, 5), (3, 0, 4)])
@pytest.mark.parametrize("first", [None, 0, 1, 4, 6, 7, 9])
@pytest.mark.parametrize("batch", [1, 3, 7, 8])
def test_batches_are_cut_anywhere(sizes: tuple[int, ...], first: int | None, batch: int) -> None:
    ends = list(itertools.accumulate(sizes))
    pieces = [(X[a:b], LABELS[a:b]) for a, b in itertools.pairwise([0, *ends])]
    found = list(batched(pieces, batch, first))
    wanted = 7 if first is None else min(first, 7)
    assert [len(x) for x, _ in found[:-1]] == [batch] * (len(found) - 1)
    assert np.concatenate([X[:0], *(x for x, _ in found)]).tolist() == X[:wanted].tolist()
    assert [int(n) for _, labels in found for n in labels] == LABELS[:wanted].tolist()


def how(batch: int = 2, **plan: int) -> ByItself:
    return ByItself(LearnPlan(rates=((0, 2), (9, 1)), window_log2=2, **plan), batch=batch, order="in_turn")


@pytest.mark.parametrize("samples", [0, 7, 23])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_plan_ends_as_it_does_for_stored_samples(samples: int, batch: int) -> None:
    one, other = ReferenceExecutor(NET), ReferenceExecutor(NET)
    codes = NET.encode(X)
    events: list[Event] = []
    pieces = encoded(NET, zip(X, LABELS, strict=True))
    learner = StreamLearner(one, how(batch, samples=samples), pieces, events.append)
    stored = Anywhere(other, how(batch, samples=samples or len(X)), codes, LABELS)
    *_, last = learner.learn(0)
    *_, wanted = stored.learn(0)
    assert last == wanted
    assert (last.end, last.seen) == ("samples", samples or len(X))
    assert one.digest() == other.digest()
    steps = [event for event in events if isinstance(event, Step)]
    assert sum(step.samples for step in steps) == last.seen
    assert sum(step.errors for step in steps) == last.wrong


def test_it_stops_when_it_is_good_enough_or_asked() -> None:
    taken: list[int] = []
    with ReferenceExecutor(NET) as executor:
        learner = StreamLearner(executor, how(accuracy=ONE // 4), encoded(NET, endless(taken)))
        *_, last = learner.learn(0)
        assert (last.end, last.seen) == ("accuracy", len(taken))
        asked = StreamLearner(
            executor, how(), encoded(NET, endless([])), interrupted=lambda: executor.step_count > 20
        )
        *_, last = asked.learn(0)
        assert last.end == "asked"
        assert last.step == executor.step_count == 21


def test_a_pause_changes_no_bit() -> None:
    digests = set()
    for pause in (0, 4, 8):
        with ReferenceExecutor(NET) as executor:
            learner = StreamLearner(executor, how(samples=20), encoded(NET, endless([])))
            while learner.state().end == "goes_on":
                list(learner.learn(pause))
            digests.add(executor.digest())
    assert len(digests) == 1
