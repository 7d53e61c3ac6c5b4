"""Lowering and the checks of a graph."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from tests.strategies import networks
from wagekit import Conv1d, Conv2d, Dense, Input, MaxPool, Network
from wagekit.ir import Dense as DenseOp
from wagekit.ir import Graph, WeightLayer, lower, verify
from wagekit.passes import compile_graph


def example() -> Network:
    return Network(
        name="example",
        input=Input(shape=[9, 8, 2], encoding="unit"),
        classes=["a", "b", "c"],
        layers=[
            Conv2d(filters=4, kernel=(3, 2), padding="same"),
            MaxPool(window=2),
            Dense(units=5, relu=False, frozen=True),
            Dense(units=3),
        ],
    )


def test_a_lowered_network() -> None:
    net = example()
    graph = verify(lower(net))
    assert graph.fingerprint == net.fingerprint()
    assert [layer.name for layer in graph.layers] == ["conv0", "dense1", "dense2"]
    conv, hidden, last = graph.layers
    assert (conv.product_shape, conv.output.shape) == ((9, 8, 4), (4, 4, 4))
    assert conv.weights.shape == (4, 3, 2, 2)
    assert (conv.fan_in, conv.macs) == (12, 9 * 8 * 4 * 12)
    assert hidden.input.shape == (4, 4, 4)
    assert hidden.weights.shape == (5, 64)
    assert (hidden.relu, hidden.frozen, hidden.clip) == (False, True, (-127, 127))
    assert last.last
    assert last.output.shape == (3,)
    assert graph.weight_count == 48 + 320 + 15


def test_signals_get_a_height_of_one() -> None:
    net = Network(
        name="signal",
        input=Input(shape=[20, 3], encoding="unit"),
        classes=["a", "b"],
        layers=[Conv1d(filters=4, kernel=5, stride=2), MaxPool(window=3), Dense(units=2)],
    )
    graph = verify(lower(net))
    assert graph.input.shape == (1, 20, 3)
    assert graph.layers[0].weights.shape == (4, 1, 5, 3)
    assert graph.layers[0].output.shape == (1, 2, 4)


@given(networks())
def test_every_compiled_network_is_sound(net: Network) -> None:
    graph = verify(compile_graph(net, 3))
    assert graph.batch == 3
    assert graph.training
    assert graph.log2_one == graph.layers[-1].output.fraction


def _broken(graph: Graph, place: int, changes: dict[str, Any]) -> Graph:
    layers: list[WeightLayer] = list(graph.layers)
    layers[place] = replace(layers[place], **changes)
    return replace(graph, layers=tuple(layers))


@pytest.mark.parametrize(
    ("index", "changes"),
    [
        (0, {"index": 1}),
        (0, {"last": True}),
        (0, {"shift": 9}),
        (0, {"learns": False}),
        (0, {"op": DenseOp()}),
        (0, {"product_shape": (9, 7, 4)}),
        (0, {"pool": None}),
        (1, {"learns": True}),
        (1, {"sends_error": False}),
        (2, {"relu": True}),
        (2, {"ranges": None, "input": None}),
    ],
)
def test_a_broken_graph_is_noticed(index: int, changes: dict[str, Any]) -> None:
    graph = compile_graph(example())
    verify(graph)
    with pytest.raises(AssertionError, match="unsound"):
        verify(_broken(graph, index, changes))
