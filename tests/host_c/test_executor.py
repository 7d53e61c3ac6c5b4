"""What the host executor promises beside its bits: growth, refusals, independence, no hidden state."""

from __future__ import annotations

import numpy as np
import pytest

from tests.equality import assert_same_masters
from wagekit import Bits, Conv2d, Dense, Input, MaxPool, Network, open_executor
from wagekit.errors import DataError, NetworkError, UsageError
from wagekit.executors.host import HostExecutor
from wagekit.executors.reference import ReferenceExecutor


def small_network(**changes: object) -> Network:
    values: dict[str, object] = {
        "name": "small",
        "input": Input(shape=(6, 6, 2), encoding="unit"),
        "classes": ["a", "b", "c"],
        "layers": [Conv2d(filters=5, kernel=3), MaxPool(window=2), Dense(units=7), Dense(units=3)],
    }
    return Network(**(values | changes))  # type: ignore[arg-type]


def batch_of(net: Network, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    x = generator.integers(-127, 128, (count, *net.input.shape)).astype(np.int8)
    return x, generator.integers(0, 3, count)


def test_open_executor_finds_it() -> None:
    with open_executor(small_network(), "host", seed=4, batch=2) as host:
        assert isinstance(host, HostExecutor)
        assert (host.name, host.seed, host.step_count) == ("host", 4, 0)


def test_a_larger_batch_is_built_and_carries_the_state_over() -> None:
    net = small_network()
    host, reference = HostExecutor(net, 1), ReferenceExecutor(net, seed=1)
    for count in (3, host.plan.batch + 9, 2):
        x, labels = batch_of(net, count, count)
        assert host.step(x, labels, 2) == reference.step(x, labels, 2)
    assert_same_masters([reference, host], "after growing")
    assert host.seed == 1


def test_a_larger_batch_than_asked_for_is_refused() -> None:
    net = small_network()
    with pytest.raises(DataError, match="larger than 2"):
        HostExecutor(net, 1, 2).step(*batch_of(net, 3))


def test_a_network_that_cannot_be_trained_still_infers() -> None:
    net = small_network(bits=Bits(activations=2))
    x = np.random.default_rng(0).integers(-1, 2, (3, *net.input.shape)).astype(np.int8)
    host, reference = HostExecutor(net, 1), ReferenceExecutor(net, seed=1)
    assert np.array_equal(host.forward(x), reference.forward(x))
    with pytest.raises(NetworkError, match="lets no error through"):
        host.step(x, np.zeros(3, np.int64))
    with pytest.raises(NetworkError, match="lets no error through"):
        HostExecutor(net, 1, 4)


def test_loading_is_all_or_nothing() -> None:
    net = small_network()
    host = HostExecutor(net, 1, 2)
    before = host.digest()
    masters = host.masters
    masters[-1][0, 0] = 100
    with pytest.raises(DataError, match="outside"):
        host.load_masters(masters, 5, 6)
    assert (host.digest(), host.seed) == (before, 1)
    masters[-1][0, 0] = -64
    host.load_masters(masters, 2**32 - 1, 6)
    assert (host.step_count, host.seed) == (2**32 - 1, 6)
    assert host.masters[-1][0, 0] == -64
    host.step(*batch_of(net, 1))
    assert host.step_count == 0, "the step wraps at 32 bits"


def test_calls_amid_a_program_are_refused_and_change_nothing() -> None:
    net = small_network()
    x, labels = batch_of(net, 2)
    host, alone = HostExecutor(net, 1, 2), HostExecutor(net, 1, 2)
    host.begin_step(x, labels)
    host.poll()
    for call in (
        lambda: host.begin_step(x, labels),
        lambda: host.forward(x),
        lambda: host.load_masters(alone.masters),
    ):
        with pytest.raises(UsageError, match="under way"):
            call()
    while host.poll():
        pass
    assert host.step_result() == alone.step(x, labels)
    assert_same_masters([alone, host], "after the program")


def test_forward_slices_give_the_same_logits() -> None:
    net = small_network()
    x, _ = batch_of(net, 2)
    host = HostExecutor(net, 1, 2)
    expected = host.forward(x)
    host.begin_forward(x)
    while host.poll():
        pass
    assert np.array_equal(host.logits(2), expected)


@pytest.mark.parametrize("recompute", [False, True])
def test_memory_needs_no_initial_contents(recompute: bool) -> None:
    """Whatever an earlier program left in the arena, bits do not change."""
    net = small_network()
    clean = HostExecutor(net, 1, 4, recompute=recompute)
    dirty = HostExecutor(net, 1, 4, recompute=recompute)
    for number in range(3):
        x, labels = batch_of(net, 2 + number % 2, number)
        dirty.fill_arena(0xA5 + number)
        assert clean.step(x, labels, 1) == dirty.step(x, labels, 1)
        dirty.fill_arena(0x5A)
        assert np.array_equal(clean.forward(x), dirty.forward(x))
    assert_same_masters([clean, dirty], "after three steps")


def test_two_models_do_not_know_of_each_other() -> None:
    net = small_network()
    x, labels = batch_of(net, 2)
    one, two = HostExecutor(net, 1, 2), HostExecutor(net, 1, 2)
    one.step(x, labels, 3)
    assert one.digest() != two.digest()
    assert two.step_count == 0


def test_memory_limit_chooses_the_gradient_mode_and_keeps_the_bits() -> None:
    net = small_network()
    x, labels = batch_of(net, 4)
    wide = HostExecutor(net, 1, 4)
    tight = HostExecutor(net, 1, 4, memory_limit=wide.plan.ram - 1)
    assert tight.plan.ram < wide.plan.ram
    assert "tiled" in {layer.gradient_mode for layer in tight.plan.layers}
    assert wide.step(x, labels, 3) == tight.step(x, labels, 3)
    assert_same_masters([wide, tight], "after a step")
