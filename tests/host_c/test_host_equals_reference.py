"""The generated C on the host against the reference, over drawn networks; first divergence named."""

from __future__ import annotations

from contextlib import ExitStack
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.equality import assert_same_array, assert_same_logits, assert_same_masters, step_together
from tests.quick import ONE_RUN
from tests.strategies import Case, cases, frozen_cases, least_slice, networks, plan_choices
from wagekit import Network
from wagekit.backends.mcu import Prefer
from wagekit.executors.host import HostExecutor
from wagekit.executors.reference import ReferenceExecutor
from wagekit.numerics import is_on_grid, master_limit

PREFERENCES: tuple[Prefer, ...] = get_args(Prefer)


def run_case(case: Case, *executors: HostExecutor | ReferenceExecutor, every: int = 1) -> None:
    """All steps on all of them, the health of layers with the steps that count it."""
    for executor in executors:
        executor.health_every = every
    assert_same_masters(executors, "at the start")
    for number, batch in enumerate(case.steps):
        step_together(executors, batch.x, batch.labels, batch.log2_lr, batch.rule)
        assert_same_masters(executors, f"after step {number}")
    assert_same_logits(executors, case.steps[-1].x, "at the end")
    assert len({executor.digest() for executor in executors}) == 1


@settings(max_examples=10)
@given(case=cases())
def test_steps_are_equal_in_both_gradient_modes(case: Case) -> None:
    with (
        ReferenceExecutor(case.net, seed=case.seed) as reference,
        HostExecutor(case.net, case.seed, case.batch, recompute=False) as stored,
        HostExecutor(case.net, case.seed, case.batch, recompute=True) as recomputed,
    ):
        run_case(case, reference, stored, recomputed)


def run_choices(case: Case, data: st.DataObject, batch: int) -> None:
    """Two plans, drawn, against the reference; their arenas hold rubbish at the start."""
    with ExitStack() as stack:
        executors: list[HostExecutor | ReferenceExecutor] = [ReferenceExecutor(case.net, seed=case.seed)]
        for _ in range(2):
            choice = data.draw(plan_choices(case.net, batch)) | {"packed": data.draw(st.booleans())}
            host = stack.enter_context(HostExecutor(case.net, case.seed, batch, **choice, extra=ONE_RUN))
            host.fill_arena(0xA5)
            executors.append(host)
        run_case(case, *executors)


@settings(max_examples=13)
@given(case=cases(), data=st.data())
def test_any_two_plans_are_equal(case: Case, data: st.DataObject) -> None:
    run_choices(case, data, case.batch)


@settings(max_examples=7)
@given(case=cases(max_batch=1), data=st.data())
def test_any_two_plans_for_one_sample_are_equal(case: Case, data: st.DataObject) -> None:
    run_choices(case, data, 1)


@pytest.mark.long
@settings(max_examples=400)
@given(case=cases(max_steps=6, max_weights=8000), data=st.data())
def test_more_plans_are_equal(case: Case, data: st.DataObject) -> None:
    run_choices(case, data, case.batch)


@settings(max_examples=7)
@given(case=cases(max_batch=1))
def test_plans_for_one_sample_are_equal(case: Case) -> None:
    """A firmware for batches of one has kernels of its own: all plans against each other."""
    with ExitStack() as stack:
        executors: list[HostExecutor | ReferenceExecutor] = [ReferenceExecutor(case.net, seed=case.seed)]
        for prefer in PREFERENCES:
            host = HostExecutor(case.net, case.seed, 1, prefer=prefer, extra=ONE_RUN)
            executors.append(stack.enter_context(host))
        run_case(case, *executors)


@pytest.mark.long
@settings(max_examples=400)
@given(case=cases(max_steps=6, max_weights=8000, max_batch=1))
def test_more_plans_for_one_sample_are_equal(case: Case) -> None:
    with ExitStack() as stack:
        executors: list[HostExecutor | ReferenceExecutor] = [ReferenceExecutor(case.net, seed=case.seed)]
        for prefer in PREFERENCES:
            host = HostExecutor(case.net, case.seed, 1, prefer=prefer)
            executors.append(stack.enter_context(host))
        run_case(case, *executors)


@pytest.mark.long
@settings(max_examples=400)
@given(case=cases(max_steps=6, max_weights=8000))
def test_more_and_longer_runs_are_equal(case: Case) -> None:
    with (
        ReferenceExecutor(case.net, seed=case.seed) as reference,
        HostExecutor(case.net, case.seed, case.batch) as stored,
        HostExecutor(case.net, case.seed, case.batch, recompute=True) as recomputed,
    ):
        run_case(case, reference, stored, recomputed)


@settings(max_examples=8)
@given(case=cases(max_steps=2), order=st.randoms(use_true_random=False))
def test_sliced_programs_interleave(case: Case, order: object) -> None:
    """Two models in one process, polled in turns, each as if it were alone."""
    seeds = (case.seed, case.seed ^ 1)
    for batch in case.steps:
        alone = [HostExecutor(case.net, seed, case.batch, extra=ONE_RUN) for seed in seeds]
        turns = [HostExecutor(case.net, seed, case.batch, extra=ONE_RUN) for seed in seeds]
        expected = [host.step(batch.x, batch.labels, batch.log2_lr, batch.rule) for host in alone]
        for host in turns:
            host.begin_step(batch.x, batch.labels, batch.log2_lr, batch.rule)
        busy = list(turns)
        while busy:
            host = order.choice(busy)  # type: ignore[attr-defined]
            if not host.poll():
                busy.remove(host)
        assert [host.step_result() for host in turns] == expected
        for one, other in zip(alone, turns, strict=True):
            assert_same_masters([one, other], "after an interleaved step")


@settings(max_examples=10)
@given(case=cases(max_steps=3), more=st.sampled_from([0, 1, 40, 300, 5000]), recompute=st.booleans())
def test_bounded_slices_change_no_bit(case: Case, more: int, recompute: bool) -> None:
    bound = least_slice(case.net) + more
    with (
        ReferenceExecutor(case.net, seed=case.seed) as reference,
        HostExecutor(
            case.net, case.seed, case.batch, recompute=recompute, max_slice=bound, extra=ONE_RUN
        ) as sliced,
    ):
        run_case(case, reference, sliced)
        batch = case.steps[0]
        sliced.begin_step(batch.x, batch.labels, batch.log2_lr, batch.rule)
        polls = 1
        while sliced.poll():
            polls += 1
        assert polls == sum(op.slices(len(batch.x)) for op in sliced.plan.ops)


def check_packed(host: HostExecutor) -> None:
    """Frozen layers have weights in flash and nothing in RAM, where nothing is lost; others have masters."""
    plan, masters = host.plan, host.masters
    kept = {member.name: member.bytes for member in plan.members if member.name.startswith("masters_")}
    bits = plan.graph.bits
    for node, layer in zip(plan.graph.layers, plan.layers, strict=True):
        on_grid = is_on_grid(masters[layer.index], bits.gradients, bits.weights)
        assert layer.packed == (node.frozen and on_grid)
        in_ram = 0 if layer.packed else layer.weights * plan.master_bytes
        assert kept.get(f"masters_{layer.index}", 0) == in_ram
    assert plan.parts()["masters"] == sum(kept.values())


@settings(max_examples=8)
@given(case=frozen_cases(), more=st.sampled_from([0, 40, 5000]))
def test_frozen_layers_in_flash_change_no_bit(case: Case, more: int) -> None:
    bound = least_slice(case.net) + more
    with (
        ReferenceExecutor(case.net, seed=case.seed) as reference,
        HostExecutor(case.net, case.seed, case.batch, packed=True, extra=ONE_RUN) as host,
        HostExecutor(case.net, case.seed, case.batch, packed=True, max_slice=bound, extra=ONE_RUN) as sliced,
    ):
        check_packed(host)
        run_case(case, reference, host, sliced)


@settings(max_examples=6)
@given(case=frozen_cases(max_batch=1))
def test_frozen_layers_in_flash_beside_kernels_for_one_sample(case: Case) -> None:
    with ExitStack() as stack:
        executors: list[HostExecutor | ReferenceExecutor] = [ReferenceExecutor(case.net, seed=case.seed)]
        for prefer in PREFERENCES:
            host = HostExecutor(case.net, case.seed, 1, prefer=prefer, packed=True, extra=ONE_RUN)
            check_packed(host)
            executors.append(stack.enter_context(host))
        run_case(case, *executors)


@pytest.mark.long
@settings(max_examples=300)
@given(case=frozen_cases(max_steps=6, max_weights=8000), one=st.booleans())
def test_more_frozen_layers_in_flash_change_no_bit(case: Case, one: bool) -> None:
    with (
        ReferenceExecutor(case.net, seed=case.seed) as reference,
        HostExecutor(case.net, case.seed, case.batch, packed=True, recompute=one) as host,
    ):
        run_case(case, reference, host)


@settings(max_examples=6)
@given(case=frozen_cases(max_steps=2), noise=st.sets(st.integers(0, 5)), seed=st.integers(0, 99))
def test_loading_other_frozen_weights_gives_back_what_was_loaded(
    case: Case, noise: set[int], seed: int
) -> None:
    """Masters off the weights' grid cannot be packed: such a layer has them in RAM."""
    generator = np.random.default_rng(seed)
    with (
        ReferenceExecutor(case.net, seed=seed) as reference,
        HostExecutor(case.net, case.seed, case.batch, packed=True, extra=ONE_RUN) as host,
    ):
        masters = reference.masters
        bits = case.net.bits
        limit = master_limit(bits.gradients, bits.weights)
        for layer in noise & set(range(len(masters))):
            drawn = generator.integers(-limit, limit + 1, masters[layer].shape)
            masters[layer] = drawn.astype(masters[layer].dtype)
        for executor in (reference, host):
            executor.load_masters(masters, 3, 7)
        assert (host.step_count, host.seed) == (3, 7)
        check_packed(host)
        run_case(case, reference, host)


@settings(max_examples=8)
@given(net=networks(trainable=False), batch=st.integers(1, 4), data=st.data())
def test_inference_of_networks_that_only_infer(net: Network, batch: int, data: st.DataObject) -> None:
    """Also networks that could not be trained run where nothing learns."""
    frozen = net.replace(layers=[_frozen(layer) for layer in net.layers])
    count = data.draw(st.integers(1, 9))
    x = np.random.default_rng(1).integers(-net.input_limit, net.input_limit + 1, (count, *net.input.shape))
    host, reference = HostExecutor(frozen, 3, batch, extra=ONE_RUN), ReferenceExecutor(frozen, seed=3)
    assert_same_array(
        "logits", ("host", "reference"), host.forward(x.astype(np.int8)), reference.forward(x.astype(np.int8))
    )
    before = host.digest()
    labels = np.zeros(1, np.int64)
    assert host.step(x[:1].astype(np.int8), labels) == reference.step(x[:1].astype(np.int8), labels)
    assert host.step_count == 1
    assert host.digest() != before
    assert_same_masters([host, reference], "after a step that changes nothing")


def _frozen(layer: object) -> object:
    if "frozen" not in type(layer).model_fields:  # type: ignore[attr-defined]
        return layer
    return layer.model_copy(update={"frozen": True})  # type: ignore[attr-defined]
