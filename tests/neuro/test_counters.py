"""What the generated C counts against a chip of plain cores, packet by packet and synapse by synapse."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from tests.neuro.chips import chip
from tests.neuro.layouts import layouts
from tests.neuro.plain import PlainChip
from tests.quick import LONG, ONE_RUN
from tests.strategies import Case, cases
from wagekit import Conv2d, Dense, Input, MaxPool, Network
from wagekit.backends.neuro import FIELDS, PHASES, Counters, MappingOptions, flow_hops
from wagekit.executors.neuro import NeuroExecutor


def assert_counted(counters: Counters, plain: PlainChip) -> None:
    """Every field of every core in every phase, every flow, every link, and the hops."""
    for phase in PHASES:
        for field in FIELDS:
            wanted = [core.counts[phase][field] for core in plain.cores]
            assert counters.field(field, phase).tolist() == wanted, (phase, field)
    found: Counter[Any] = Counter()
    for flow, count in zip(counters.mapping.flows, counters.packets.tolist(), strict=True):
        found[flow.kind, flow.phase, flow.layer, flow.source, flow.destination] += count
    assert +found == +plain.packets
    for phase in PHASES:
        links = {link: n for (of, link), n in plain.links.items() if of == phase}
        assert counters.link_loads(phase) == links, phase
    hops = int(counters.packets @ flow_hops(counters.mapping))
    assert hops == sum(plain.links.values()) == sum(n for _, n in counters.by_kind().values())


def run(case: Case, options: MappingOptions) -> None:
    extra = ("-O1",) if LONG else ONE_RUN
    with NeuroExecutor(case.net, chip(), case.seed, case.batch, options=options, extra=extra) as neuro:
        plain = PlainChip(neuro.mapping, neuro.masters, case.seed)
        for batch in case.steps:
            neuro.step(batch.x, batch.labels, batch.log2_lr, batch.rule)
            plain.step(_flat(batch.x), batch.labels.tolist(), batch.log2_lr, batch.rule)
        x = case.steps[-1].x[:1]
        logits = neuro.forward(x)
        assert plain.forward(_flat(x))[0].logits == logits[0].tolist()
        for tile in neuro.mapping.tiles:
            part = neuro.copies(tile.layer)[tile.block][slice(*tile.outputs), slice(*tile.inputs)]
            assert plain.cores[tile.core].masters == part.tolist()
        assert_counted(neuro.counters(), plain)


def _flat(x: Any) -> list[list[int]]:
    return [[int(v) for v in sample.ravel()] for sample in x]


@settings(max_examples=7)
@given(case=cases(max_steps=2, max_weights=400, max_batch=2), options=layouts())
def test_drawn_networks_are_counted(case: Case, options: MappingOptions) -> None:
    run(case, options)


@pytest.mark.long
@settings(max_examples=300)
@given(case=cases(max_steps=3, max_weights=800, max_batch=3), options=layouts())
def test_more_drawn_networks_are_counted(case: Case, options: MappingOptions) -> None:
    run(case, options)


SMALL = Network(
    name="small",
    seed=4,
    classes=list("abc"),
    input=Input(shape=[5, 6, 2], encoding="unit"),
    layers=[
        Conv2d(filters=5, kernel=3, padding="same"),
        MaxPool(window=(2, 1)),
        Conv2d(filters=4, kernel=2, stride=(1, 2)),
        Dense(units=6),
        Dense(units=3),
    ],
)
LAYOUTS = {
    "whole": MappingOptions(),
    "7x2": MappingOptions(axons=7, neurons=2),
    "7x2 in a chain, recomputed": MappingOptions(
        axons=7, neurons=2, reduction="chain", gradient="recomputed"
    ),
    "unrolled": MappingOptions(axons=20, neurons=16, convolution="unrolled"),
    "unrolled, recomputed, in a chain": MappingOptions(
        axons=12, neurons=10, convolution="unrolled", reduction="chain", gradient="recomputed"
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_small_network_is_counted(layout: str) -> None:
    """As drawn ones, but sure to have several rows, columns, blocks, pooling, padding and strides."""
    options = LAYOUTS[layout]
    generator = np.random.default_rng(5)
    extra = () if layout == "7x2" else ONE_RUN
    with NeuroExecutor(SMALL, chip(), batch=3, options=options, extra=extra) as neuro:
        plain = PlainChip(neuro.mapping, neuro.masters, neuro.seed)
        for rule in ("paper", "error_scaled"):
            x = generator.integers(-127, 128, (3, 5, 6, 2)) * generator.integers(0, 2, (3, 5, 6, 2))
            labels = generator.integers(0, 3, 3)
            neuro.step(x.astype(np.int8), labels, 1, rule)  # type: ignore[arg-type]
            plain.step(_flat(x), labels.tolist(), 1, rule)
        counters = neuro.counters()
        assert_counted(counters, plain)
        kinds = set(counters.by_kind())
        assert {"input", "activation", "logit", "target", "partial_error", "rate"} <= kinds
        if options.axons is not None:
            assert {"partial", "error", "maximum"} <= kinds
        if options.convolution == "unrolled":
            assert {"gradient", "update"} <= kinds
            assert max(mapped.blocks for mapped in neuro.mapping.layers) > 1
