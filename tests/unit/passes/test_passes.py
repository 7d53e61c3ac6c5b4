"""Shifts, what learns, and ranges with their refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import networks
from wagekit import Bits, Conv2d, Dense, Input, MaxPool, Network
from wagekit.errors import LimitError, NetworkError, UsageError
from wagekit.ir import Graph
from wagekit.passes import compile_graph
from wagekit.reference.forward import graph_weights, layer_product
from wagekit.spec import Layer

PAPER = Bits()


def vgg(bits: Bits = PAPER) -> Network:
    """The paper's CIFAR-10 network: alpha 2, 16, 16, 16, 16, 32, 32, 16."""
    layers: list[Layer] = []
    for filters in (128, 256, 512):
        layers += [Conv2d(filters=filters, kernel=3, padding="same") for _ in range(2)] + [MaxPool(window=2)]
    layers += [Dense(units=1024), Dense(units=10)]
    return Network(
        name="vgg",
        input=Input(shape=[32, 32, 3], encoding="centered"),
        classes=[str(i) for i in range(10)],
        bits=bits,
        layers=layers,
    )


def lenet(bits: Bits) -> Network:
    return Network(
        name="lenet",
        input=Input(shape=[28, 28, 1], encoding="unit"),
        classes=[str(i) for i in range(10)],
        bits=bits,
        layers=[
            Conv2d(filters=32, kernel=5),
            MaxPool(window=2),
            Conv2d(filters=64, kernel=5),
            MaxPool(window=2),
            Dense(units=512),
            Dense(units=10),
        ],
    )


def dense(*units: int, inputs: int = 4, bits: Bits = PAPER, **options: list[Any]) -> Network:
    layers = [
        Dense(units=n, **{key: values[i] for key, values in options.items()}) for i, n in enumerate(units)
    ]
    return Network(
        name="stack",
        input=Input(shape=[inputs], encoding="unit"),
        classes=[str(i) for i in range(units[-1])],
        bits=bits,
        layers=layers,
    )


def test_alpha_and_shifts_of_the_papers_vgg() -> None:
    graph = compile_graph(vgg())
    assert [1 << (layer.log2_alpha or 0) for layer in graph.layers] == [2, 16, 16, 16, 16, 32, 32, 16]
    assert [layer.shift for layer in graph.layers] == [2, 5, 5, 5, 5, 6, 6, None]
    assert graph.log2_one == 7 + 1 + 4


def test_the_papers_vgg_stays_in_int32_up_to_a_batch_of_130() -> None:
    def widths(batch: int) -> set[int | None]:
        layers = compile_graph(vgg(), batch).layers
        return {
            b
            for layer in layers
            if layer.ranges
            for b in (layer.ranges.gradient_bits, layer.ranges.raw_error_bits)
        }

    assert widths(130) == {32, None}
    assert 64 in widths(131)


def test_lenet_with_16_bit_errors_needs_int64_gradients_from_a_batch_of_4() -> None:
    def gradients(errors: int, batch: int) -> list[int | None]:
        return [
            layer.ranges.gradient_bits
            for layer in compile_graph(lenet(Bits(errors=errors)), batch).layers
            if layer.ranges
        ]

    assert gradients(16, 3) == [32] * 4
    assert gradients(16, 4) == [64, 32, 32, 32]
    assert gradients(8, 128) == [32] * 4
    assert compile_graph(lenet(PAPER)).weight_count == 581_408


def _flags(graph: Graph) -> list[tuple[bool | None, bool | None]]:
    return [(layer.learns, layer.sends_error) for layer in graph.layers]


@pytest.mark.parametrize(
    ("frozen", "expected"),
    [
        ([False, False, False], [(True, False), (True, True), (True, True)]),
        ([True, False, False], [(False, False), (True, False), (True, True)]),
        ([False, True, True], [(True, False), (False, True), (False, True)]),
        ([True, True, False], [(False, False), (False, False), (True, False)]),
        ([True, True, True], [(False, False)] * 3),
    ],
)
def test_errors_stop_at_the_lowest_layer_that_learns(frozen: list[bool], expected: list[Any]) -> None:
    graph = compile_graph(dense(3, 3, 2, frozen=frozen))
    assert _flags(graph) == expected
    for layer in graph.layers:
        assert layer.ranges is not None
        assert (layer.ranges.gradient is None) == (not layer.learns)
        assert (layer.ranges.raw_error is None) == (not layer.sends_error)


def test_nothing_learns_for_inference() -> None:
    graph = compile_graph(dense(3, 2), training=False)
    assert _flags(graph) == [(False, False)] * 2
    assert graph.training is False


def test_two_bit_activations_with_relu_cannot_learn() -> None:
    bits = Bits(activations=2)
    with pytest.raises(NetworkError, match=r"layer dense0: bits\.activations = 2 with ReLU") as caught:
        compile_graph(dense(3, 2, bits=bits))
    assert "relu = false" in (caught.value.hint or "")
    compile_graph(dense(3, 2, bits=bits), training=False)
    compile_graph(dense(3, 2, bits=bits, relu=[False, None]))
    compile_graph(dense(3, 2, bits=bits, frozen=[True, False]))
    compile_graph(dense(2, bits=bits))


def test_bounds_of_a_layer() -> None:
    bits = Bits(weights=3, activations=4, gradients=8, errors=5)
    conv = Network(
        name="n",
        input=Input(shape=[8, 7, 2], encoding="unit"),
        classes=["a", "b"],
        bits=bits,
        layers=[
            Conv2d(filters=3, kernel=(2, 3), stride=2, padding=1),
            Conv2d(filters=5, kernel=2),
            MaxPool(window=2),
            Dense(units=2),
        ],
    )
    graph = compile_graph(conv, 4)
    first, second, last = (layer.ranges for layer in graph.layers)
    assert first and second and last
    a, w, e = 7, 3, 15
    assert (first.accumulator, first.raw_error, first.gradient) == (12 * a * w, None, 4 * 5 * 4 * e * a)
    assert (second.accumulator, second.raw_error) == (12 * a * w, 5 * 4 * e * w)
    assert second.gradient == 4 * 2 * 1 * e * a
    assert last.accumulator == 10 * a * w + 2**graph.log2_one
    assert (last.raw_error, last.gradient) == (2 * e * w, 4 * e * a)


def test_an_accumulator_that_could_overflow_is_refused_with_layer_and_bound() -> None:
    bits = Bits(weights=8, gradients=8)
    largest = (2**31 - 1) // (127 * 127)
    assert largest == 133_144
    wide = Network(
        name="wide",
        input=Input(shape=[40_000, 4], encoding="unit"),
        classes=["a", "b"],
        bits=bits,
        layers=[Dense(units=3), Dense(units=2)],
    )
    for training in (True, False):
        with pytest.raises(LimitError) as caught:
            compile_graph(wide, training=training)
        for part in ("wide: layer dense0", str(160_000 * 127 * 127), "2147483647", "160000 products"):
            assert part in caught.value.message


def test_the_last_layer_adds_one_to_its_bound() -> None:
    bits = Bits(weights=8)
    # 133,144 inputs fit as a sum; the target of the last layer makes them too many.
    inputs = 133_144
    units = Input(shape=[inputs // 4, 4], encoding="unit")
    hidden = [Dense(units=2), Dense(units=2)]
    net = Network(name="n", input=units, classes=["a", "b"], bits=bits, layers=hidden)
    compile_graph(net, training=False)
    with pytest.raises(LimitError, match="layer dense0"):
        compile_graph(net.replace(layers=hidden[1:]), training=False)


def test_a_gradient_beyond_int64_is_refused() -> None:
    net = vgg(Bits(activations=8, errors=16))
    compile_graph(net, 1 << 20)
    with pytest.raises(UsageError, match="batch"):
        compile_graph(net, (1 << 20) + 1)


@pytest.mark.parametrize("batch", [0, -1, 1.5, True, "8", None])
def test_batches_that_make_no_sense(batch: Any) -> None:
    with pytest.raises(UsageError, match="batch = "):
        compile_graph(dense(2), batch)


@given(networks(), st.integers(0, 2**32 - 1))
def test_products_stay_in_the_proved_bound(net: Network, seed: int) -> None:
    """The worst inputs for one output: every input at the end of the grid, sign as the weight's."""
    graph = compile_graph(net, training=False)
    layer = graph.layers[0]
    assert layer.ranges is not None
    limit = 2 ** (net.bits.gradients - 1) - 2 ** (net.bits.gradients - net.bits.weights)
    rng = np.random.default_rng(seed)
    masters = rng.choice([-limit, limit], layer.weights.shape).astype(np.int16)
    (w,) = graph_weights(graph, [masters])
    x = rng.choice([-net.input_limit, net.input_limit], (2, *graph.input.shape)).astype(np.int8)
    bound = layer.ranges.accumulator
    assert np.abs(layer_product(layer, w, x).astype(np.int64)).max() <= bound
