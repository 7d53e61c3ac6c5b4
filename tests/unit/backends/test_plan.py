"""The plan: order of operations, lifetimes, gradient modes and bytes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import Case, cases, deep_network, plan_choices
from wagekit import Bits, Conv2d, Dense, Input, MaxPool, Network
from wagekit.backends.mcu import FAMILIES, Plan, Prefer, explain, family_of, lower_bound, plan_model
from wagekit.errors import LimitError, UsageError
from wagekit.passes import compile_graph

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ROOT / "toolkit" / "wagekit" / "cli" / "files"
NETWORKS = sorted([*(ROOT / "bench" / "networks").glob("*.toml"), *SHIPPED.glob("digits*.toml")])


def lenet(**changes: object) -> Network:
    values: dict[str, object] = {
        "name": "lenet",
        "input": Input(shape=(28, 28, 1), encoding="centered"),
        "classes": [str(i) for i in range(10)],
        "layers": [
            Conv2d(filters=32, kernel=5, padding="valid"),
            MaxPool(window=2),
            Conv2d(filters=64, kernel=5, padding="valid"),
            MaxPool(window=2),
            Dense(units=512),
            Dense(units=10),
        ],
    }
    return Network(**(values | changes))  # type: ignore[arg-type]


def plan_of(net: Network, batch: int = 1, *, training: bool = True, **options: object) -> Plan:
    return plan_model(compile_graph(net, batch, training), **options)  # type: ignore[arg-type]


def names(plan: Plan) -> list[str]:
    return [op.name for op in plan.ops]


def test_errors_pass_a_layer_before_it_is_updated() -> None:
    order = names(plan_of(lenet()))
    for layer in (1, 2, 3):
        assert order.index(f"backward_input_{layer}") < order.index(f"update_{layer}")
        assert order.index(f"quantise_{layer - 1}") < order.index(f"gradient_{layer}")
    assert order[-1] == "finish"


def test_errors_stop_at_the_lowest_layer_that_learns() -> None:
    layers = list(lenet().layers)
    for number in (0, 4):
        layers[number] = layers[number].model_copy(update={"frozen": True})
    plan = plan_of(lenet(layers=layers))
    order = names(plan)
    assert "backward_input_1" not in order
    assert "update_0" not in order
    assert "gradient_2" not in order, "a frozen layer passes errors on and learns nothing"
    assert "backward_input_2" in order
    assert "winners_0" not in {buffer.name for buffer in plan.buffers}


def test_with_all_layers_frozen_only_loss_and_step_remain() -> None:
    layers = [
        layer if isinstance(layer, MaxPool) else layer.model_copy(update={"frozen": True})
        for layer in lenet().layers
    ]
    assert names(plan_of(lenet(layers=layers)))[4:] == ["loss", "finish"]


def test_inference_needs_no_more_than_it_computes() -> None:
    plan = plan_of(lenet(), training=False, prefer="smallest")
    assert [op.kind for op in plan.ops] == ["forward"] * 4
    assert plan.arena_bytes < 9000
    of_training = ("winners", "raw", "errors", "gradient")
    assert not any(buffer.name.startswith(of_training) for buffer in plan.buffers)


def test_the_memory_of_lenet_is_known_to_the_byte() -> None:
    plan = plan_of(lenet(), recompute=True)
    assert plan.parts()["masters"] == plan.weights == 581_408
    assert sum(plan.parts().values()) == plan.ram
    assert plan.ram < 581_408 + 51_000
    for one, other in pairwise(plan.members):
        assert one.offset + one.bytes <= other.offset


def test_a_memory_limit_gives_up_rows_of_the_largest_gradients_first() -> None:
    free = plan_of(lenet(), 8)
    assert {layer.gradient_mode for layer in free.layers} == {"stored"}
    less = plan_of(lenet(), 8, memory_limit=free.ram - 1)
    assert [layer.gradient_mode for layer in less.layers] == ["stored", "stored", "tiled", "stored"]
    assert "gradient of 510 of 512 outputs stored" in explain(less)[4]
    least = plan_of(lenet(), 8, memory_limit=1)
    assert {layer.gradient_mode for layer in least.layers} == {"recomputed"}
    assert least.ram == plan_of(lenet(), 8, recompute=True).ram
    chosen = plan_of(lenet(), 8, recompute=[1])
    assert [layer.gradient_mode for layer in chosen.layers] == ["stored", "recomputed", "stored", "stored"]


def test_tiles_of_a_gradient_fill_the_memory_that_is_left() -> None:
    least, free = plan_of(lenet(), 8, prefer="smallest"), plan_of(lenet(), 8)
    limits = [least.ram + (free.ram - least.ram) * part // 8 for part in range(9)]
    plans = [plan_of(lenet(), 8, memory_limit=limit) for limit in limits]
    rows = [plan.layers[2].stored_rows or 0 for plan in plans]
    assert rows == sorted(rows)
    assert 0 < rows[4] < 512
    row = 4 * plans[4].layers[2].fan_in
    assert limits[4] - row < plans[4].ram <= limits[4], "another row would not fit"
    assert [plan.instructions for plan in plans] == sorted((p.instructions for p in plans), reverse=True)


def test_a_row_that_is_computed_last_may_stay() -> None:
    plan = plan_of(lenet(), 8, stored_rows={0: 31, 1: 62, 3: 0})
    assert [layer.stored_rows for layer in plan.layers] == [32, 62, 512, 0]
    assert [layer.gradient_rows for layer in plan.layers] == [32, 63, 512, 1]
    assert [layer.gradient_mode for layer in plan.layers] == ["stored", "tiled", "stored", "recomputed"]


def test_decisions_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match=r"stored_rows of layer conv0 = 33: 0 to its 32 outputs"):
        plan_of(lenet(), 8, stored_rows={0: 33})
    with pytest.raises(UsageError, match=r"stored_rows: there is no layer 4 in lenet"):
        plan_of(lenet(), 8, stored_rows={4: 1})
    with pytest.raises(UsageError, match=r"recompute_activations: there is no hidden layer 3 in lenet"):
        plan_of(lenet(), 8, recompute_activations=[3])


def test_activations_are_computed_again_before_the_layer_that_reads_them_is_updated() -> None:
    plan = plan_of(deep_network(5, 4), 2, recompute_activations=[0, 1, 3])
    order = names(plan)
    assert [name for name in order if name.startswith("again")] == ["again_3", "again_0", "again_1"]
    assert order.index("quantise_3") > order.index("again_3")
    for op in plan.ops:
        if op.kind == "again":
            updated = [other.layer for other in plan.ops[: order.index(op.name)] if other.kind == "update"]
            assert all(layer > op.layer for layer in updated), "its weights are those of the forward pass"
    dropped = {buffer.name: buffer for buffer in plan.buffers}
    assert dropped["output_1"].last == "forward_2"
    assert (dropped["again_1"].first, dropped["again_0"].last) == ("again_1", "gradient_1")
    assert (dropped["output_2"].first, dropped["output_2"].last) == ("forward_2", "gradient_3")


def test_nothing_is_computed_again_that_no_error_needs() -> None:
    layers = [
        layer.model_copy(update={"frozen": True}) if number < 3 else layer
        for number, layer in enumerate(deep_network(5, 4).layers)
    ]
    frozen = deep_network(5, 4).replace(layers=layers)
    assert not [op for op in plan_of(frozen, 2, recompute_activations=[0, 1]).ops if op.kind == "again"]
    order = names(plan_of(frozen, 2, recompute_activations=[1, 2]))
    assert [name for name in order if name.startswith("again")] == ["again_1", "again_2"]
    inference = plan_of(deep_network(5, 4), 2, training=False, recompute_activations=True)
    assert {op.kind for op in inference.ops} == {"forward"}


@pytest.mark.parametrize("max_slice", [None, 5000])
def test_deep_networks_need_less_with_activations_computed_again(max_slice: int | None) -> None:
    net, slices = deep_network(6, 8), {"max_slice": max_slice}
    kept = plan_of(net, 8, prefer="smallest", recompute_activations=False, **slices)
    least = plan_of(net, 8, prefer="smallest", **slices)
    assert least.ram < 0.85 * kept.ram
    assert least.ram == plan_of(net, 8, memory_limit=1, **slices).ram
    assert least.choice.dropped
    assert "computed again" in "".join(explain(least))
    assert lower_bound(least) == lower_bound(kept)
    # Where all can be kept, nothing is dropped; a little less memory drops a little.
    assert not plan_of(net, 8, memory_limit=kept.ram, **slices).choice.dropped
    some = plan_of(net, 8, memory_limit=kept.ram - 1, **slices)
    assert 0 < len(some.choice.dropped) < len(least.choice.dropped)
    assert some.ram < kept.ram


def test_the_smallest_plan_stores_what_costs_no_memory() -> None:
    net = deep_network(6, 8)
    lean = plan_of(net, 8, recompute=True, prefer="smallest")
    least = plan_of(net, 8, prefer="smallest")
    assert least.ram == lean.ram
    assert least.instructions < lean.instructions


def test_where_raw_errors_are_the_peak_nothing_is_dropped() -> None:
    assert not plan_of(lenet(), 8, prefer="smallest").choice.dropped
    assert not plan_of(lenet(), 8, memory_limit=1).choice.dropped


def test_one_sample_needs_no_gradient_of_dense_layers() -> None:
    modes = [layer.gradient_mode for layer in plan_of(lenet()).layers]
    assert modes == ["stored", "stored", "outer", "outer"]
    plan = plan_of(lenet(), memory_limit=581_408 + 52_224)
    assert [layer.gradient_mode for layer in plan.layers] == ["stored", "tiled", "outer", "outer"]
    assert plan.choice.pairs == {0, 1}, "what is fast and fits is taken"
    assert plan.ram <= 581_408 + 52_224
    assert not any(buffer.name in ("gradient_2", "gradient_3") for buffer in plan.buffers)


def test_larger_batches_have_no_kernels_for_one_sample() -> None:
    plan = plan_of(lenet(), 2)
    assert not plan.choice.pairs
    assert not plan.choice.live
    assert set(plan.choice.stored_rows) == {0, 1, 2, 3}


def test_preferences_order_memory_and_work() -> None:
    plans = {prefer: plan_of(lenet(), prefer=prefer) for prefer in get_args(Prefer)}
    assert plans["smallest"].ram < plans["fastest"].ram < plans["plain"].ram
    assert plans["fastest"].instructions < plans["smallest"].instructions
    assert plans["fastest"].instructions < plans["plain"].instructions
    with pytest.raises(UsageError, match="prefer = 'best'"):
        plan_of(lenet(), prefer="best")


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("batch", [1, 8])
def test_memory_is_near_its_lower_bound(path: Path, training: bool, batch: int) -> None:
    graph = compile_graph(Network.load(path), batch, training)
    least = plan_model(graph, prefer="smallest")
    bound = lower_bound(least)
    assert bound <= least.ram <= 1.15 * bound
    assert f": {least.ram} bytes of RAM, lower bound {bound} (" in explain(least)[0]
    within = plan_model(graph, memory_limit=bound * 115 // 100)
    assert within.ram <= 1.15 * bound
    assert within.instructions <= least.instructions


def test_a_plan_says_what_it_chose_and_why() -> None:
    limit = 581_408 + 52_224
    lines = explain(plan_of(lenet(), memory_limit=limit))
    assert "lower bound" in lines[0]
    assert lines[1] == f"chosen: the fastest within {limit} bytes"
    assert "conv2d" in lines[3]
    assert "outputs stored, of the others computed twice" in lines[3]
    assert "max|e| * max|x|" in lines[4]
    assert "by hand" in explain(plan_of(lenet(), recompute=True))[1]


def test_types_follow_the_ranges() -> None:
    plan = plan_of(lenet(bits=Bits(errors=16)), 4)
    kinds = {buffer.name: buffer.ctype for buffer in plan.buffers}
    assert kinds["errors_1"] == "int16_t"
    assert {layer.gradient_bits for layer in plan.layers} == {32, 64}


def test_memory_beyond_int32_is_refused() -> None:
    with pytest.raises(LimitError, match="lenet: the network needs"):
        plan_of(lenet(), 1 << 17)


def test_a_graph_without_passes_is_refused() -> None:
    from wagekit.ir import lower

    with pytest.raises(ValueError, match="compile_graph"):
        plan_model(lower(lenet()))


def test_the_portable_family_packs_masters_as_they_are() -> None:
    graph = compile_graph(lenet())
    assert all(family_of(layer) is FAMILIES["portable"] for layer in graph.layers)
    masters = np.array([[1, -2], [300, 4]], np.int16)
    assert FAMILIES["portable"].pack(masters) == masters.astype("<i2").tobytes()


@given(case=cases(max_steps=1), data=st.data())
def test_buffers_that_live_together_never_overlap(case: Case, data: st.DataObject) -> None:
    for batch in (case.batch, 1):
        plan = plan_of(case.net, batch, **data.draw(plan_choices(case.net, batch)))
        at = {op.name: number for number, op in enumerate(plan.ops)}
        for i, one in enumerate(plan.buffers):
            for other in plan.buffers[i + 1 :]:
                if at[one.first] <= at[other.last] and at[other.first] <= at[one.last]:
                    apart = one.offset + one.bytes <= other.offset or other.offset + other.bytes <= one.offset
                    assert apart, (one, other)
        assert plan.peak <= plan.arena_bytes
        assert lower_bound(plan) <= plan.ram


@given(case=cases(max_steps=1), data=st.data())
def test_the_bound_is_one_for_all_plans(case: Case, data: st.DataObject) -> None:
    """However a plan is chosen, its bound says the same, and it is not below it."""
    plans = [plan_of(case.net, case.batch, **data.draw(plan_choices(case.net, case.batch))) for _ in range(3)]
    assert len({lower_bound(plan) for plan in plans}) == 1
    assert lower_bound(plans[0]) <= min(plan.ram for plan in plans)
