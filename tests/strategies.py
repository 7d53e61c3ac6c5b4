"""Random networks, inputs and training settings, for holding executors equal.

Networks stay small (at most `MAX_WEIGHTS` weights), so that a pure Python oracle and an
emulated chip can run them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any, get_args

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import NDArray

from wagekit import Bits, Conv1d, Conv2d, Dense, Input, MaxPool, Network
from wagekit.backends.mcu import Prefer, plan_model
from wagekit.errors import LimitError
from wagekit.executors.base import Rule
from wagekit.passes import compile_graph
from wagekit.spec import Layer
from wagekit.spec.resolve import resolve

MAX_WEIGHTS = 3000
MAX_BATCH = 5


@dataclass(frozen=True)
class Batch:
    """One training step's input: codes of the `k_A` grid and class numbers."""

    x: NDArray[np.int8]
    labels: NDArray[np.int64]
    log2_lr: int
    rule: Rule


@dataclass(frozen=True)
class Case:
    """A network, the seed of its run, and some steps to make with it."""

    net: Network
    seed: int
    batch: int
    """Largest batch of the steps."""
    steps: tuple[Batch, ...]


@st.composite
def bit_widths(draw: st.DrawFn) -> Bits:
    """All widths; the paper's 2-8-8-8 and the ends of the ranges come up often."""
    weights = draw(st.sampled_from([2, 2, 2, 3, 4, 8]) | st.integers(2, 8))
    return Bits(
        weights=weights,
        activations=draw(st.sampled_from([8, 8, 8, 2, 3, 4]) | st.integers(2, 8)),
        gradients=draw(st.sampled_from([max(8, weights), 16, weights]) | st.integers(weights, 16)),
        errors=draw(st.sampled_from([8, 8, 2, 16]) | st.integers(2, 16)),
    )


def _conv2d(draw: st.DrawFn, shape: tuple[int, ...], common: dict[str, Any]) -> Layer:
    kernel = (draw(st.integers(1, min(4, shape[0]))), draw(st.integers(1, min(4, shape[1]))))
    stride = draw(st.sampled_from([1, 1, 1, 2, (1, 2), (3, 1)]))
    number = st.tuples(st.integers(0, kernel[0] - 1), st.integers(0, kernel[1] - 1))
    padding = draw(st.sampled_from(["same", "same", "valid"]) | number)
    return Conv2d(filters=draw(st.integers(1, 5)), kernel=kernel, stride=stride, padding=padding, **common)


def _conv1d(draw: st.DrawFn, shape: tuple[int, ...], common: dict[str, Any]) -> Layer:
    kernel = draw(st.integers(1, min(5, shape[1])))
    padding = draw(st.sampled_from(["same", "valid"]) | st.integers(0, kernel - 1))
    stride = draw(st.integers(1, 3))
    return Conv1d(filters=draw(st.integers(1, 5)), kernel=kernel, stride=stride, padding=padding, **common)


def _pool(draw: st.DrawFn, rank: int, shape: tuple[int, ...]) -> Layer:
    wide = draw(st.integers(1, min(5, shape[1])))
    return MaxPool(window=wide if rank == 2 else (draw(st.integers(1, min(5, shape[0]))), wide))


@st.composite
def networks(draw: st.DrawFn, *, trainable: bool = True, max_weights: int = MAX_WEIGHTS) -> Network:
    """Networks of all shapes, layers and widths that the numerics allow.

    `trainable` leaves out what is refused for training (2-bit activations through ReLU).
    """
    rank = draw(st.sampled_from([1, 2, 2, 3, 3, 3]))
    bits = draw(bit_widths())
    extents = {1: [(1, 24)], 2: [(1, 20), (1, 3)], 3: [(1, 9), (1, 9), (1, 3)]}[rank]
    shape = [draw(st.integers(low, high)) for low, high in extents]
    relu = st.just(False) if trainable and bits.activations == 2 else st.none() | st.booleans()

    def common() -> dict[str, Any]:
        return {"relu": draw(relu), "frozen": draw(st.integers(0, 5)) == 5}

    layers: list[Layer] = []
    have: tuple[int, ...] = (1, *shape) if rank == 2 else tuple(shape)
    for _ in range(draw(st.sampled_from([2, 2, 1, 3, 0])) if rank > 1 else 0):
        make = _conv2d if rank == 3 else _conv1d
        layers.append(make(draw, have, common()))
        have = _output(shape, layers)
        if draw(st.booleans()):
            layers.append(_pool(draw, rank, have))
            have = _output(shape, layers)
    layers += [Dense(units=draw(st.integers(1, 12)), **common()) for _ in range(draw(st.integers(0, 2)))]
    classes = draw(st.integers(2, 6))
    layers.append(Dense(units=classes, frozen=draw(st.integers(0, 5)) == 5))
    net = Network(
        name="drawn",
        seed=draw(st.integers(0, 2**32 - 1)),
        input=Input(shape=shape, encoding="unit"),
        classes=[f"c{i}" for i in range(classes)],
        bits=bits,
        layers=layers,
    )
    assume(weight_count(net) <= max_weights)
    return net


def _output(shape: list[int], layers: list[Layer]) -> tuple[int, ...]:
    return resolve(shape, [*layers, Dense(units=2)])[-2].output


def weight_count(net: Network) -> int:
    return sum(prod(layer.weights.shape) for layer in compile_graph(net, training=False).layers)


@st.composite
def batches(draw: st.DrawFn, net: Network, largest: int = MAX_BATCH) -> Batch:
    """A batch for a network: mostly noise, sometimes all zero or all at the ends of the grid."""
    count = draw(st.integers(1, largest))
    high = net.input_limit
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = (count, *net.input.shape)
    kind = draw(st.sampled_from(["noise", "noise", "positive", "ends", "zero"]))
    x = {
        "noise": lambda: generator.integers(-high, high + 1, size),
        "positive": lambda: generator.integers(0, high + 1, size),
        "ends": lambda: generator.choice([-high, high], size),
        "zero": lambda: np.zeros(size),
    }[kind]()
    return Batch(
        x=x.astype(np.int8),
        labels=generator.integers(0, len(net.classes), count),
        log2_lr=draw(st.sampled_from([3, 0, -3]) | st.integers(-16, 15)),
        rule=draw(st.sampled_from(["paper", "error_scaled"])),
    )


@st.composite
def cases(
    draw: st.DrawFn, *, max_steps: int = 3, max_weights: int = MAX_WEIGHTS, max_batch: int = MAX_BATCH
) -> Case:
    """A network that can be trained, and 1 to `max_steps` batches of up to `max_batch` samples for it."""
    net = draw(networks(max_weights=max_weights))
    steps = tuple(draw(st.lists(batches(net, max_batch), min_size=1, max_size=max_steps)))
    batch = max(len(step.labels) for step in steps)
    try:
        compile_graph(net, batch)
    except LimitError:
        assume(False)
    return Case(net=net, seed=draw(st.integers(0, 2**32 - 1)), batch=batch, steps=steps)


def deep_network(depth: int, filters: int) -> Network:
    """A chain of convolutions of equal size: most of its memory is activations that wait for errors."""
    chain: list[Layer] = [Conv2d(filters=filters, kernel=3, padding="same") for _ in range(depth)]
    return Network(
        name="deep",
        input=Input(shape=(8, 8, 1), encoding="unit"),
        classes=["a", "b", "c"],
        layers=[*chain, MaxPool(window=2), Dense(units=3)],
    )


def least_slice(net: Network) -> int:
    """The smallest max_slice that a network allows."""
    graph = compile_graph(net)
    low, high = 1, 1 << 24
    while low < high:
        middle = (low + high) // 2
        try:
            plan_model(graph, max_slice=middle)
            high = middle
        except LimitError:
            low = middle + 1
    return low


@st.composite
def plan_choices(draw: st.DrawFn, net: Network, batch: int) -> dict[str, Any]:
    """What a caller may decide about a plan: arguments of `plan_model`."""
    layers = compile_graph(net, batch).layers
    rows = {layer.index: draw(st.integers(0, layer.outputs)) for layer in layers if draw(st.booleans())}
    hidden = st.integers(0, len(layers) - 2) if len(layers) > 1 else st.nothing()
    more = draw(st.sampled_from([None, None, None, 0, 40, 1000]))
    return {
        "prefer": draw(st.sampled_from(get_args(Prefer))),
        "stored_rows": rows,
        "recompute_activations": draw(st.none() | st.just(True) | st.sets(hidden) | st.sets(hidden)),
        "max_slice": None if more is None else least_slice(net) + more,
    }


@st.composite
def frozen_cases(draw: st.DrawFn, **limits: int) -> Case:
    """Cases whose frozen layers are drawn anew, at least one: below, between and above what learns."""
    case = draw(cases(**limits))
    places = [i for i, layer in enumerate(case.net.layers) if layer.type != "max_pool"]
    frozen = draw(st.sets(st.sampled_from(places), min_size=1, max_size=max(1, len(places) - 1)))
    layers = [
        layer.model_copy(update={"frozen": i in frozen}) if i in places else layer
        for i, layer in enumerate(case.net.layers)
    ]
    net = case.net.replace(layers=layers)
    try:
        compile_graph(net, case.batch)
    except LimitError:
        assume(False)
    return replace(case, net=net)


__all__ = [
    "Batch",
    "Case",
    "batches",
    "bit_widths",
    "cases",
    "deep_network",
    "frozen_cases",
    "least_slice",
    "networks",
    "plan_choices",
    "weight_count",
]
