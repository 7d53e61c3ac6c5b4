"""Cuts, needs, flows, placement and presets of the neuromorphic backend, without running anything."""

from __future__ import annotations

import json
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from tests.neuro.chips import chip, chip_values, conv_net, dense_net
from tests.neuro.layouts import layouts
from tests.strategies import networks
from wagekit import Conv2d, Dense, Input, MaxPool, Network
from wagekit.backends.neuro import (
    IO,
    MappingError,
    MappingOptions,
    available,
    load_preset,
    manifest,
    map_graph,
    route,
    schedule,
    utilisation,
)
from wagekit.backends.neuro.partition import split
from wagekit.backends.neuro.placement import expected_traffic, snake, traffic_hops
from wagekit.backends.neuro.preset import preset_from
from wagekit.errors import BoardError, LimitError, NetworkError, UsageError
from wagekit.passes import compile_graph


def vgg() -> Network:
    """The paper's network for CIFAR-10, 12.97 M weights."""
    layers: list[Any] = []
    for filters in (128, 256, 512):
        layers += [Conv2d(filters=filters, kernel=3, padding="same")] * 2 + [MaxPool(window=2)]
    return Network(
        name="vgg",
        classes=[str(i) for i in range(10)],
        input=Input(shape=[32, 32, 3], encoding="centered"),
        layers=[*layers, Dense(units=1024), Dense(units=10)],
    )


def lenet() -> Network:
    return Network(
        name="lenet",
        classes=[str(i) for i in range(10)],
        input=Input(shape=[28, 28, 1], encoding="unit"),
        layers=[
            Conv2d(filters=32, kernel=5),
            MaxPool(window=2),
            Conv2d(filters=64, kernel=5),
            MaxPool(window=2),
            Dense(units=512),
            Dense(units=10),
        ],
    )


def test_split_covers_in_nearly_equal_parts() -> None:
    for size, parts in [(784, 4), (10, 3), (7, 7), (130, 4)]:
        ranges = split(size, parts)
        assert [i for first, last in ranges for i in range(first, last)] == list(range(size))
        lengths = {last - first for first, last in ranges}
        assert max(lengths) - min(lengths) <= 1


@settings(max_examples=60)
@given(net=networks(), options=layouts())
def test_tiles_cover_every_weight_and_position_once(net: Network, options: MappingOptions) -> None:
    try:
        mapping = map_graph(compile_graph(net, 2), chip(), options)
    except (LimitError, NetworkError):
        return
    for mapped in mapping.layers:
        sizes = mapped.geometry
        seen = np.zeros((*sizes.pooled, sizes.outputs, sizes.fan_in), np.int64)
        for tile in mapped.tiles:
            y0, y1, x0, x1 = tile.places
            seen[y0:y1, x0:x1, slice(*tile.outputs), slice(*tile.inputs)] += 1
        assert (seen == 1).all()
        assert [tile.core for tile in mapped.tiles] == sorted(tile.core for tile in mapped.tiles)
        for group in mapped.groups:
            ends = group.runs[:, 0] + group.runs[:, 1]
            assert (group.runs[1:, 0] >= ends[:-1]).all(), "runs stand in order and do not overlap"
            assert not len(ends) or ends[-1] <= sizes.input_size
    assert [tile.core for tile in mapping.tiles] == list(range(mapping.cores))
    assert len(set(mapping.places)) == mapping.cores
    assert {flow.counter for flow in mapping.flows} <= set(range(mapping.counters))
    pairs = [(f.kind, f.phase, f.layer, f.source, f.destination) for f in mapping.flows]
    assert len(set(pairs)) == len(pairs)
    for stage in schedule(mapping):
        assert {mapping.tiles[core].layer for core in stage.cores} == {stage.layer}


def test_cuts_without_options_take_the_fewest_cores() -> None:
    mapping = map_graph(compile_graph(lenet(), training=False), load_preset("tianjic"))
    assert [(m.rows, m.columns, m.blocks) for m in mapping.layers] == [
        (1, 1, 1),
        (4, 1, 1),
        (4, 2, 1),
        (2, 1, 1),
    ]
    assert mapping.layers[2].tile(3, 1).inputs == (768, 1024)
    assert mapping.layers[2].tile(3, 1).outputs == (256, 512)
    assert mapping.layers[1].partial_bits == 16, "200 inputs of 8 bits times ternary weights"
    shares = utilisation(mapping)
    assert shares[5] == 1.0 and shares[0] == 25 * 32 / 65536


def test_memory_asks_for_a_finer_cut() -> None:
    graph = compile_graph(conv_net(), 8)
    whole = map_graph(graph, chip())
    most = max(sum(uses.values()) for uses in whole.memory)
    finer = map_graph(graph, chip(memory_bits=most // 2))
    assert finer.cores > whole.cores
    assert max(sum(uses.values()) for uses in finer.memory) <= most // 2


def test_an_unrolled_convolution_keeps_its_limits() -> None:
    mapping = map_graph(
        compile_graph(conv_net(), 2), chip(axons=40, neurons=64), MappingOptions(convolution="unrolled")
    )
    first = mapping.layers[0]
    assert first.blocks > 1
    for tile in first.tiles:
        assert tile.axons <= 40 and tile.neurons <= 64
        assert tile.neurons == tile.pooled * prod(first.geometry.window) * tile.width


def test_routes_go_along_the_row_first() -> None:
    assert route((0, 0), (2, 1)) == [((0, 0), (1, 0)), ((1, 0), (2, 0)), ((2, 0), (2, 1))]
    assert route((2, 1), (0, 0)) == [((2, 1), (1, 1)), ((1, 1), (0, 1)), ((0, 1), (0, 0))]
    assert route((3, 3), (3, 3)) == []


def test_the_snake_turns_round() -> None:
    assert snake(5, (13, 12)).tolist() == [[0, 0], [1, 0], [2, 0], [2, 1], [1, 1]]
    assert snake(7, (64, 1)).tolist() == [[x, 0] for x in range(7)]


@pytest.mark.parametrize(
    "options", [MappingOptions(axons=30, neurons=10), MappingOptions(axons=12, neurons=4)]
)
@pytest.mark.parametrize("net", [dense_net(), conv_net()], ids=lambda n: n.name)
def test_placement_is_no_worse_than_the_snake_and_always_the_same(
    net: Network, options: MappingOptions
) -> None:
    graph = compile_graph(net, 2)
    mapping = map_graph(graph, chip(mesh_width=16, mesh_height=16, cores=256), options)
    weights = expected_traffic(mapping.layers, mapping.flows)
    start = traffic_hops(snake(mapping.cores, (16, 16)), mapping.flows, weights)
    end = traffic_hops(np.array(mapping.places), mapping.flows, weights)
    assert end < start
    assert len(set(mapping.places)) == mapping.cores
    assert all(0 <= x < 16 and 0 <= y < 16 for x, y in mapping.places)
    again = map_graph(graph, chip(mesh_width=16, mesh_height=16, cores=256), options)
    assert again.places == mapping.places
    plain = map_graph(graph, chip(mesh_width=16, mesh_height=16, cores=256),
                      MappingOptions(options.axons, options.neurons, place=False))  # fmt: skip
    assert np.array_equal(np.array(plain.places), snake(mapping.cores, (16, 16)))


def test_the_manifest_is_json_and_says_who_sends_where() -> None:
    mapping = map_graph(compile_graph(dense_net(), 2), load_preset("tianjic-train"), MappingOptions(axons=50))
    values = json.loads(json.dumps(manifest(mapping)))
    assert (values["format"], values["preset"], values["mesh"]) == (1, "tianjic-train", [13, 12])
    assert [core["router"] for core in values["cores"]] == [list(place) for place in mapping.places]
    assert values["cores"][3]["layer"] == "dense1" and values["cores"][1]["inputs"] == [44, 87]
    assert values["cores"][0]["memory_bits"]["masters"] == 44 * 45 * 8
    for flow, found in zip(mapping.flows, values["flows"], strict=True):
        assert found["route"][0] == list(mapping.place(flow.source))
        assert found["route"][-1] == list(mapping.place(flow.destination))
        assert all(abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1 for a, b in pairwise(found["route"]))
    assert [stage["action"] for stage in values["stages"]][:4] == ["forward"] * 3 + ["output_error"]


def test_a_chip_whose_mesh_is_one_row() -> None:
    mapping = map_graph(
        compile_graph(dense_net(), 1), chip(mesh_width=40, mesh_height=1, cores=40), MappingOptions(axons=30)
    )
    assert {y for _, y in mapping.places} == {0}
    assert mapping.place(IO) == (0, 0)


FITS = {
    ("lenet", "tianjic", False): 15,
    ("lenet", "tianjic-train", False): 15,
    ("lenet", "tianjic-train", True): 15,
    ("lenet", "loihi", False): 4,
    ("lenet", "loihi", True): 11,
    ("lenet", "truenorth", False): 860,
    ("vgg", "loihi", False): 30,
}
REFUSED = {
    ("lenet", "tianjic", True): {"learns"},
    ("lenet", "truenorth", True): {"learns"},
    ("vgg", "tianjic", False): {"cores"},
    ("vgg", "tianjic", True): {"learns", "cores"},
    ("vgg", "tianjic-train", False): {"cores"},
    ("vgg", "tianjic-train", True): {"cores", "memory_bits"},
    ("vgg", "loihi", True): {"cores", "memory_bits"},
    ("vgg", "truenorth", False): {"cores"},
    ("vgg", "truenorth", True): {"learns", "cores"},
}


@pytest.mark.parametrize(("name", "preset", "training"), [*FITS, *REFUSED])
def test_lenet_and_vgg_on_every_preset(name: str, preset: str, training: bool) -> None:
    """Mapped, or refused with the reasons; at a batch of 32 where it is trained."""
    graph = compile_graph({"lenet": lenet, "vgg": vgg}[name](), 32, training=training)
    key = (name, preset, training)
    if key in FITS:
        mapping = map_graph(graph, load_preset(preset), MappingOptions(place=preset != "truenorth"))
        assert mapping.cores == FITS[key]
        return
    with pytest.raises(MappingError) as caught:
        map_graph(graph, load_preset(preset))
    assert {violation.limit for violation in caught.value.violations} == REFUSED[key]
    assert all(violation.fix for violation in caught.value.violations)


def test_a_larger_batch_never_needs_fewer_cores() -> None:
    """Also beyond the cores that there are, and to where a core cannot hold a tile however it is cut."""
    needed = []
    for batch in (1, 4, 8):
        with pytest.raises(MappingError) as caught:
            map_graph(compile_graph(vgg(), batch, training=True), load_preset("loihi"))
        found = {violation.limit: violation for violation in caught.value.violations}
        needed.append(found["cores"].value)
    assert needed == sorted(needed)
    assert found["memory_bits"].layer == "conv1"
    assert "smaller batch" in found["memory_bits"].fix


def test_the_table_has_every_preset() -> None:
    keys = [(n, p, t) for n in ("lenet", "vgg") for p in available() for t in (False, True)]
    assert sorted(keys) == sorted([*FITS, *REFUSED])


def test_packaged_presets_cite_their_sources() -> None:
    assert available() == ["loihi", "tianjic", "tianjic-train", "truenorth"]
    for name in available():
        file = load_preset(name).file
        assert file.name == name
        used = set()
        for group in (file.limits, file.timing):
            for key in type(group).model_fields:
                fact = getattr(group, key)
                if fact is not None and fact.confidence != "assumed":
                    used.add(fact.source)
                    assert fact.where, f"{name}: {key} says where in its source"
        assert used <= set(file.sources)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v.update(format=2), "chip.toml: format = 2: 1 is allowed"),
        (lambda v: v["limits"].update(axon=v["limits"].pop("axons")), "limits.axon: Extra inputs"),
        (lambda v: v["limits"]["axons"].update(value=0), "greater than or equal to 1, not 0"),
        (lambda v: v["limits"]["axons"].update(value=2.5), "limits.axons.value: .* not 2.5"),
        (lambda v: v["limits"]["axons"].pop("source"), "limits.axons.source: Field required"),
        (lambda v: v["limits"]["axons"].update(confidence="sure"), "confidence: .* not 'sure'"),
        (
            lambda v: v["limits"]["axons"].update(confidence="published"),
            "source 'a test' is not in .sources.",
        ),
        (lambda v: v["limits"]["cores"].update(value=1 << 20), "the mesh has 65536 places"),
        (lambda v: v["limits"].pop("error_bits"), "learns = true needs error_bits"),
    ],
)
def test_preset_files_that_are_refused(change: Any, message: str) -> None:
    values = chip_values()
    change(values)
    with pytest.raises(BoardError, match=message) as caught:
        preset_from(values, "chip.toml")
    assert caught.value.message.startswith("chip.toml: ")
    assert "\n" not in caught.value.message


def test_presets_that_are_not_there(tmp_path: Any) -> None:
    with pytest.raises(
        UsageError, match=r"unknown preset 'loihy' .did you mean loihi..; known: loihi, tianjic"
    ):
        load_preset("loihy")
    with pytest.raises(BoardError, match=r"no\.toml: No such file"):
        load_preset(tmp_path / "no.toml")
    (tmp_path / "bad.toml").write_text("limits = [", encoding="utf-8")
    with pytest.raises(BoardError, match=r"bad\.toml: "):
        load_preset(str(tmp_path / "bad.toml"))
