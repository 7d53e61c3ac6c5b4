"""The common interface as the reference gives it: checks, state, opening."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from wagekit import Bits, Dense, Input, Network, StepResult, open_executor
from wagekit.errors import DataError, MismatchError, NetworkError, UsageError
from wagekit.executors.base import LayerStats
from wagekit.executors.divergence import compare_results, first_divergence, logits_divergence
from wagekit.executors.reference import ReferenceExecutor


def net(**changes: Any) -> Network:
    fields: dict[str, Any] = {
        "name": "n",
        "seed": 5,
        "input": Input(shape=[2, 2, 1], encoding="unit"),
        "classes": ["a", "b"],
        "layers": [Dense(units=3), Dense(units=2)],
    }
    return Network(**(fields | changes))


X = np.array([[1, 2, 3, 4], [-5, 6, 7, 127]])
LABELS = np.array([0, 1])


@pytest.mark.parametrize("where", ["", "chip", "qemu", "qemu:", "serial:", "reference:x", "host:1"])
def test_places_that_do_not_exist(where: str) -> None:
    with pytest.raises(UsageError, match="allowed: reference, host, qemu:BOARD, unicorn, serial:PORT"):
        open_executor(net(), where)


@pytest.mark.parametrize(
    "where", ["reference", "host", "qemu:mps2-an386", "serial:loop://", "neuro:tianjic-train"]
)
def test_options_that_a_place_lacks(where: str) -> None:
    with pytest.raises(UsageError, match=f"{where} has no option 'speed'; it has: "):
        open_executor(net(), where, speed=9)


def test_seeds() -> None:
    def digest(seed: int | None) -> str:
        with open_executor(net(), "reference", seed=seed) as executor:
            return executor.digest()

    assert digest(None) == digest(5) != digest(6)
    for seed in (-1, 2**32, 1.0, True):
        with pytest.raises(UsageError, match="seed = "):
            open_executor(net(), "reference", seed=seed)  # type: ignore[arg-type]


def test_digest_is_sha256_over_step_and_masters() -> None:
    for gradients, dtype in ((8, "<i1"), (12, "<i2")):
        with open_executor(net(bits=Bits(gradients=gradients)), "reference") as executor:
            executor.step(X, LABELS)
            data = (1).to_bytes(4, "little") + b"".join(m.astype(dtype).tobytes() for m in executor.masters)
            assert executor.digest() == hashlib.sha256(data).hexdigest()


def test_health_is_counted_in_the_steps_that_were_asked_for() -> None:
    with open_executor(net(), "reference") as executor:
        assert (executor.counts_health, executor.health_every) == (True, 0)
        counted = []
        for every in (0, 0, 2, 2, 2, 1, 0):
            executor.health_every = every
            counted.append(executor.step(X, LABELS).health is not None)
        assert counted == [False, False, True, False, True, True, False]
        for wrong in (-1, 65536):
            with pytest.raises(UsageError, match=f"health_every = {wrong}: 0"):
                executor.health_every = wrong


def test_a_difference_in_health_is_named() -> None:
    with open_executor(net(), "reference") as executor:
        executor.health_every = 1
        one = executor.step(X, LABELS)
    assert one.health is not None
    other = replace(one, health=(one.health[0], replace(one.health[1], flipped=77)))
    found = compare_results(0, ("a", "b"), one, other)
    assert found is not None and (found.layer, found.tensor, found.values[1]) == (1, "flipped", 77)
    missing = compare_results(0, ("a", "b"), one, replace(one, health=None))
    assert missing is not None and missing.tensor == "health counted"


def test_masters_are_copies() -> None:
    with open_executor(net(), "reference") as executor:
        before = executor.digest()
        executor.masters[0][:] = 0
        assert executor.digest() == before
        mine = executor.masters
        executor.load_masters(mine)
        mine[0][:] = 1
        assert executor.digest() == before


def test_state_can_be_put_back() -> None:
    with open_executor(net(), "reference", seed=9) as one, open_executor(net(), "reference", seed=1) as other:
        one.step(X, LABELS, 3)
        other.load_masters(one.masters, step=one.step_count, seed=one.seed)
        assert one.step(X, LABELS, 3) == other.step(X, LABELS, 3)
        assert one.digest() == other.digest()
        assert (other.seed, other.step_count) == (9, 2)


@pytest.mark.parametrize(
    ("x", "parts"),
    [
        (np.zeros((2, 5)), ["float64", "not whole numbers"]),
        (np.zeros((2, 5), int), ["[2, 5]", "4 numbers"]),
        (np.zeros(4, int), ["[4]", "4 numbers"]),
        (np.zeros((2, 4, 1, 2), int), ["[2, 4, 1, 2]"]),
        ([[1, 2], [3]], ["not an array"]),
        ([[1, 2, 3, 4], [1, 128, 3, 4]], ["sample 1", "[1]", "128", "-127..127"]),
        ([[-128, 2, 3, 4], [1, 1, 3, 4]], ["sample 0", "-128"]),
    ],
)
def test_samples_that_are_refused(x: Any, parts: list[str]) -> None:
    with open_executor(net(), "reference") as executor:
        before = executor.digest()
        for call in (lambda: executor.step(x, LABELS), lambda: executor.forward(x)):
            with pytest.raises(DataError) as caught:
                call()
            for part in parts:
                assert part in caught.value.message
        assert executor.digest() == before


@pytest.mark.parametrize(
    ("labels", "part"),
    [
        ([0, 2], "label 1 is 2, but the classes are 0..1"),
        ([-1, 0], "label 0 is -1"),
        ([0], r"shape \[1\], but there are 2"),
        ([[0, 1]], r"shape \[1, 2\]"),
        ([0.0, 1.0], "not whole numbers"),
    ],
)
def test_labels_that_are_refused(labels: Any, part: str) -> None:
    with open_executor(net(), "reference") as executor, pytest.raises(DataError, match=part):
        executor.step(X, labels)


def test_rates_rules_and_batches_that_are_refused() -> None:
    with open_executor(net(), "reference", batch=1) as executor:
        for rate in (-17, 16, 0.5, True, None):
            with pytest.raises(UsageError, match=r"log2_lr = .*-16\.\.15"):
                executor.step(X[:1], LABELS[:1], rate)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="rule = 'sgd'; allowed: paper, error_scaled"):
            executor.step(X[:1], LABELS[:1], 0, "sgd")  # type: ignore[arg-type]
        with pytest.raises(DataError, match="2 samples is larger than 1") as caught:
            executor.step(X, LABELS)
        assert caught.value.hint == "open it with batch=2"
        with pytest.raises(DataError, match="0 samples"):
            executor.step(X[:0], LABELS[:0])
        assert executor.forward(X).shape == (2, 2)
        assert executor.forward(X[:0]).shape == (0, 2)
        assert executor.step_count == 0


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (lambda m: m[:1], ["1 layers", "has 2"]),
        (lambda m: [m[0], m[1].T], ["layer dense1", "[3, 2]", "[2, 3]"]),
        (lambda m: [m[0] * 0 + 65, m[1]], ["layer dense0", "[0, 0]", "65", "-64..64"]),
        (lambda m: [m[0] * 1.0, m[1]], ["layer dense0", "float"]),
    ],
)
def test_masters_that_are_refused(change: Any, parts: list[str]) -> None:
    with open_executor(net(), "reference") as executor:
        before = executor.digest()
        with pytest.raises(DataError) as caught:
            executor.load_masters(change([m.astype(int) for m in executor.masters]), step=7)
        for part in parts:
            assert part in caught.value.message
        with pytest.raises(UsageError, match="step = -1"):
            executor.load_masters(executor.masters, step=-1)
        assert executor.digest() == before


def test_a_network_that_cannot_learn_can_still_infer() -> None:
    two_bits = net(bits=Bits(activations=2))
    with open_executor(two_bits, "reference") as executor:
        assert executor.forward([[1, 0, -1, 1]]).shape == (1, 2)
        with pytest.raises(NetworkError, match="lets no error through"):
            executor.step([[1, 0, -1, 1]], [0])
    with pytest.raises(NetworkError, match="lets no error through"):
        open_executor(two_bits, "reference", batch=1)


def test_pieces_of_a_long_forward() -> None:
    x = np.random.default_rng(0).integers(-127, 128, (600, 4))
    with open_executor(net(), "reference") as executor:
        whole = executor.forward(x)
        assert whole.dtype == np.int32
        assert np.array_equal(
            whole, np.concatenate([executor.forward(x[i : i + 7]) for i in range(0, 600, 7)])
        )


def test_loss_is_in_real_units() -> None:
    with open_executor(net(), "reference") as executor:
        executor.load_masters([np.zeros_like(m) for m in executor.masters])
        result = executor.step(X, LABELS)
        assert result.loss == 0.5
        assert result.sum_squared_error == 2 * (1 << 8) ** 2
        assert result.errors == 1, "equal logits: the first class is predicted"


class Renamed(ReferenceExecutor):
    name = "other"


def test_divergence_names_step_layer_index_and_both_values() -> None:
    with ReferenceExecutor(net()) as one, Renamed(net()) as other:
        results = [e.step(X, LABELS) for e in (one, other)]
        first_divergence(0, [one, other], results)
        masters = other.masters
        value = int(masters[1][1, 2])
        masters[1][1, 2] = value + 1 if value < 64 else value - 1
        other.load_masters(masters, step=1)
        with pytest.raises(MismatchError) as caught:
            first_divergence(0, [one, other], results)
        text = caught.value.message
        assert text.startswith("step 0, layer 1, masters[1, 2]: ")
        assert f"{value} on reference, {masters[1][1, 2]} on other (1 of 6 differ)" in text
        first_divergence(0, [one, other], results, masters=False)
        other.load_masters(one.masters, step=3)
        with pytest.raises(MismatchError, match="step_count: 1 on reference, 3 on other"):
            first_divergence(0, [one, other])


def test_divergence_of_results_and_logits() -> None:
    stats = LayerStats(5, 6, 0)
    result = StepResult(3, 2, 100, 0.5, 1, 0, (stats, stats))
    other = StepResult(3, 2, 100, 0.5, 1, 0, (LayerStats(4, 6, 0), LayerStats(5, 9, 0)))
    names = ("a", "b")
    assert compare_results(3, names, result, result) is None
    assert str(compare_results(3, names, result, other)) == "step 3, layer 0, error_exponent: 5 on a, 4 on b"
    less = StepResult(3, 2, 90, 0.4, 1, 0, (stats, stats))
    assert str(compare_results(3, names, result, less)) == "step 3, sum_squared_error: 100 on a, 90 on b"
    short = StepResult(3, 2, 100, 0.5, 1, 0, (stats,))
    assert "number of layers: 2 on a, 1 on b" in str(compare_results(3, names, result, short))
    with ReferenceExecutor(net()) as one, Renamed(net()) as two:
        logits = one.forward(X)
        changed = logits.copy()
        changed[1, 0] += 1
        logits_divergence([one, two], [logits, logits], 4)
        with pytest.raises(MismatchError, match=r"step 4, logits\[1, 0\]: .* on reference, .* on other"):
            logits_divergence([one, two], [logits, changed], 4)
