"""Every limit of a chip: what is just inside is mapped, what is just outside is refused by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.neuro.chips import chip, conv_net, dense_net
from wagekit import Conv2d, Dense, Input, MaxPool, Network
from wagekit.backends.neuro import PREDICATES, MappingError, MappingOptions, map_graph
from wagekit.passes import compile_graph

CUT = MappingOptions(axons=37, neurons=11)


@dataclass(frozen=True)
class Edge:
    """The smallest (or only) value of a limit with which a network fits, and how that is told."""

    limit: str
    inside: Any
    outside: Any
    net: Network
    layer: str | None
    value: int
    """What the violation says, for the limit just outside."""
    options: MappingOptions = field(default_factory=MappingOptions)
    training: bool = True
    fix: str = ""


EDGES = [
    Edge("learns", True, False, dense_net(), None, 1, fix="only infers"),
    Edge("weight_bits", 2, None, dense_net(), None, 2),
    Edge("activation_bits", 8, 7, dense_net(), None, 8, fix="7 bits"),
    Edge("error_bits", 8, 7, dense_net(), None, 8),
    Edge("master_bits", 8, 7, dense_net(), None, 8),
    Edge("convolutions", ["shared"], ["unrolled"], conv_net(), None, 1,
         MappingOptions(convolution="shared"), fix="unrolled"),
    Edge("cores", 3, 2, dense_net(), None, 3, fix="a chip of 3"),
    Edge("axons", 33, 32, dense_net(), "dense0", 33, CUT, fix="into 5 rows: axons=32"),
    Edge("neurons", 10, 9, dense_net(), "dense1", 10, CUT, fix="into 3 columns: neurons=9"),
    Edge("synapse_bits", 33 * 9 * 2, 33 * 9 * 2 - 1, dense_net(), "dense0", 33 * 9 * 2, CUT,
         fix="8 neurons beside 33 inputs fit"),
    Edge("partial_bits", 14, 13, dense_net(), "dense0", 14, CUT, fix="fewer inputs"),
    Edge("partials", 4, 3, dense_net(), "dense0", 4, CUT, fix="reduction=chain"),
]  # fmt: skip


def mapped(edge: Edge, value: Any, batch: int = 4) -> None:
    limits = {edge.limit: value}
    if edge.limit == "learns" and not value:
        limits |= {"error_bits": None, "master_bits": None}
    graph = compile_graph(edge.net, batch, training=edge.training)
    map_graph(graph, chip(**limits), edge.options)


@pytest.mark.parametrize("edge", [e for e in EDGES if e.limit != "weight_bits"], ids=lambda e: e.limit)
def test_just_inside_and_just_outside(edge: Edge) -> None:
    mapped(edge, edge.inside)
    with pytest.raises(MappingError) as caught:
        mapped(edge, edge.outside)
    (violation,) = caught.value.violations
    assert (violation.limit, violation.layer, violation.value) == (edge.limit, edge.layer, edge.value)
    if isinstance(edge.outside, int):
        assert violation.allowed == edge.outside
    assert edge.fix in violation.fix
    assert caught.value.hint is not None and edge.fix in caught.value.hint
    assert caught.value.message.startswith(f"{edge.net.name} does not fit chip: ")
    assert edge.layer is None or f"layer {edge.layer}: " in caught.value.message


def test_weights_of_more_bits_than_a_core_has() -> None:
    net = dense_net().replace(bits={"weights": 3, "activations": 8, "gradients": 8, "errors": 8})
    graph = compile_graph(net, 4)
    map_graph(graph, chip(weight_bits=3))
    with pytest.raises(MappingError, match="weights: 3, weight_bits allows 2") as caught:
        map_graph(graph, chip(weight_bits=2))
    assert [v.limit for v in caught.value.violations] == ["weight_bits"]


@pytest.mark.parametrize("training", [False, True])
def test_memory(training: bool) -> None:
    graph = compile_graph(conv_net(), 4, training=training)
    options = MappingOptions(axons=40, neurons=8)
    mapping = map_graph(graph, chip(), options)
    most = max(sum(uses.values()) for uses in mapping.memory)
    map_graph(graph, chip(memory_bits=most), options)
    with pytest.raises(MappingError) as caught:
        map_graph(graph, chip(memory_bits=most - 1), options)
    (violation,) = caught.value.violations
    assert (violation.limit, violation.value, violation.allowed) == ("memory_bits", most, most - 1)
    assert violation.core is not None and sum(mapping.memory[violation.core].values()) == most
    if training:
        assert violation.fix.startswith("a batch of 3 fits layer")
        map_graph(compile_graph(conv_net(), 3), chip(memory_bits=most - 1), options)


def test_neurons_of_an_unrolled_pooling_window() -> None:
    """A block has whole windows, so a window of more positions than neurons cannot be laid out."""
    net = Network(
        name="pool",
        classes=["a", "b"],
        input=Input(shape=[6, 6, 1], encoding="unit"),
        layers=[Conv2d(filters=2, kernel=1), MaxPool(window=3), Dense(units=2)],
    )
    options = MappingOptions(convolution="unrolled")
    graph = compile_graph(net, 1, training=False)
    inside = map_graph(graph, chip(neurons=9), options)
    assert inside.layers[0].tiles[0].neurons == 9
    with pytest.raises(MappingError) as caught:
        map_graph(graph, chip(neurons=8), options)
    assert {v.limit for v in caught.value.violations} == {"neurons"}
    assert "smaller windows" in caught.value.violations[0].fix


def test_axons_that_an_input_takes() -> None:
    """Two lines a ternary weight halve the inputs of a core, in the cut and in the check."""
    graph = compile_graph(dense_net(), 1, training=False)
    assert map_graph(graph, chip(axons=130)).layers[0].rows == 1
    assert map_graph(graph, chip(axons=130, axons_per_input=2)).layers[0].rows == 2
    forced = MappingOptions(axons=65, neurons=50)
    map_graph(graph, chip(axons=130, axons_per_input=2), forced)
    with pytest.raises(MappingError, match="axons: 130, axons allows 129"):
        map_graph(graph, chip(axons=129, axons_per_input=2), forced)


def test_all_violations_are_told_at_once() -> None:
    small = chip(
        axons=20, neurons=5, activation_bits=7, partials=2, learns=False, error_bits=None, master_bits=None
    )
    with pytest.raises(MappingError) as caught:
        map_graph(compile_graph(conv_net(), 2), small, CUT)
    limits = [violation.limit for violation in caught.value.violations]
    assert set(limits) == {"learns", "activation_bits", "axons", "neurons", "partials"}
    assert limits == sorted(limits, key=list(PREDICATES).index)
    layers = {violation.layer for violation in caught.value.violations if violation.limit == "axons"}
    assert layers == {"conv0", "conv1", "dense2"}
    assert all(str(violation) in caught.value.message for violation in caught.value.violations)
    assert caught.value.exit_code == 5


def test_every_limit_of_a_preset_has_a_predicate_and_a_test() -> None:
    keys = set(type(chip().file.limits).model_fields) - {"mesh_width", "mesh_height", "axons_per_input"}
    assert keys == set(PREDICATES)
    assert keys == {edge.limit for edge in EDGES} | {"memory_bits"}


def test_a_chain_has_no_limit_of_partial_sums_but_wider_ones() -> None:
    graph = compile_graph(dense_net(), 1)
    chain = MappingOptions(axons=37, neurons=11, reduction="chain")
    map_graph(graph, chip(partials=1), chain)
    map_graph(graph, chip(partial_bits=15), chain)
    with pytest.raises(MappingError, match="partial_bits allows 14") as caught:
        map_graph(graph, chip(partial_bits=14), chain)
    assert "reduction=direct" in caught.value.violations[0].fix
