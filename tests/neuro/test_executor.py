"""The executor's interface: what it opens, refuses, counts and carries over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.equality import assert_same_logits, assert_same_masters, step_together
from tests.extremes import EXTREMES, Extreme
from tests.neuro.chips import chip, conv_net, dense_net, noise
from tests.quick import ONE_RUN
from wagekit import Network, open_executor
from wagekit.backends.neuro import MappingError, MappingOptions, available
from wagekit.errors import DataError, UsageError
from wagekit.executors.neuro import NeuroExecutor
from wagekit.executors.reference import ReferenceExecutor


def test_opened_by_name_and_by_file(root: Path) -> None:
    net = dense_net()
    file = root / "toolkit/wagekit/backends/neuro/presets/tianjic-train.toml"
    with (
        open_executor(net, "neuro:tianjic-train", batch=3) as one,
        open_executor(net, f"neuro:{file}") as two,
    ):
        assert (one.name, two.name) == ("neuro:tianjic-train", f"neuro:{file}")
        assert isinstance(one, NeuroExecutor) and isinstance(two, NeuroExecutor)
        assert (one.mapping.batch, two.mapping.batch) == (3, 32)
        step_together([one, two], *noise(net, 3, 0))
        assert_same_masters([one, two], "after a step")
    with pytest.raises(UsageError, match=r"unknown preset 'tianjik' \(did you mean tianjic"):
        open_executor(net, "neuro:tianjik")
    with pytest.raises(UsageError, match="neuro:PRESET"):
        open_executor(net, "neuro:")


@pytest.mark.parametrize("name", available())
def test_every_preset_infers(name: str) -> None:
    net = dense_net()
    with open_executor(net, f"neuro:{name}") as neuro, open_executor(net, "reference") as reference:
        assert_same_logits([reference, neuro], noise(net, 40, 1)[0], name)


@pytest.mark.parametrize("name", ["tianjic", "truenorth"])
def test_presets_that_only_infer_say_why(name: str) -> None:
    net = dense_net()
    with open_executor(net, f"neuro:{name}") as neuro:
        before = neuro.digest()
        with pytest.raises(
            MappingError, match=f"flat does not fit {name}: training: learns does not allow it"
        ) as caught:
            neuro.step(*noise(net, 2, 0))
        assert caught.value.hint is not None and "only infers" in caught.value.hint
        assert [violation.limit for violation in caught.value.violations] == ["learns"]
        assert neuro.digest() == before
    with pytest.raises(MappingError, match="training"):
        open_executor(net, f"neuro:{name}", batch=2)


def test_a_larger_batch_is_laid_out_anew() -> None:
    net = conv_net()
    with NeuroExecutor(net, chip(), 5, extra=ONE_RUN) as neuro, ReferenceExecutor(net, seed=5) as reference:
        step_together([reference, neuro], *noise(net, 3, 0))
        assert neuro.mapping.batch == 32
        step_together([reference, neuro], *noise(net, 40, 1))
        assert neuro.mapping.batch == 40
        assert_same_masters([reference, neuro], "after a larger batch")
        assert neuro.seed == reference.seed == 5
    with NeuroExecutor(net, chip(), batch=2) as neuro, pytest.raises(DataError, match="larger than 2"):
        neuro.step(*noise(net, 3, 0))


def test_without_a_batch_the_largest_that_fits_is_taken() -> None:
    net = conv_net()
    with NeuroExecutor(net, chip(memory_bits=60_000, cores=5)) as neuro:
        assert 1 <= neuro.mapping.batch < 32
        with pytest.raises(MappingError, match=r"cores needed: .*, cores allows 5") as caught:
            neuro.step(*noise(net, 32, 0))
        assert caught.value.hint is not None and "a smaller batch than 32 takes fewer" in caught.value.hint


def test_counters_begin_anew() -> None:
    net = dense_net()
    with NeuroExecutor(net, chip(), batch=4, extra=ONE_RUN) as neuro:
        neuro.step(*noise(net, 4, 0))
        neuro.forward(noise(net, 7, 1)[0])
        counted = neuro.counters()
        assert (counted.samples, counted.steps) == (11, 1)
        assert counted.total("nominal", "forward") == 11 * neuro.mapping.graph.macs
        assert counted.total("nominal", "gradient") == 4 * neuro.mapping.graph.macs
        neuro.reset_counters()
        empty = neuro.counters()
        assert (empty.samples, empty.steps) == (0, 0)
        assert not empty.cores.any() and not empty.packets.any()
        assert counted.cores.any(), "what was handed out stays as it was"


@pytest.mark.parametrize("net", [dense_net(), conv_net()], ids=lambda n: n.name)
def test_optimised_code_counts_as_plain_code(net: Network) -> None:
    """Compilers have summed comparisons wrongly in loops whose length they know; sizes are as in real use."""
    with (
        NeuroExecutor(net, chip(), batch=6) as quick,
        NeuroExecutor(net, chip(), batch=6, extra=("-O0",)) as slow,
    ):
        for step in range(3):
            step_together([quick, slow], *noise(net, 6, step))
        assert_same_masters([quick, slow], "after three steps")
        assert np.array_equal(quick.counters().cores, slow.counters().cores)
        assert np.array_equal(quick.counters().packets, slow.counters().packets)
        assert quick.counters().total("changed") > 0


def test_loading_masters() -> None:
    net = conv_net()
    options = MappingOptions(axons=20, neurons=24, convolution="unrolled")
    with (
        NeuroExecutor(net, chip(), batch=2, options=options, extra=ONE_RUN) as neuro,
        ReferenceExecutor(net) as reference,
    ):
        masters = [np.clip(m + 1, -64, 64) for m in reference.masters]
        for executor in (neuro, reference):
            executor.load_masters(masters, 77, 99)
        step_together([reference, neuro], *noise(net, 2, 0))
        assert_same_masters([reference, neuro], "after masters were loaded")
        assert neuro.step_count == 78
        with pytest.raises(DataError, match="shape"):
            neuro.load_masters(masters[::-1])
        assert_same_masters([reference, neuro], "after a refusal")


@pytest.mark.parametrize("case", EXTREMES, ids=lambda c: c.name)
def test_sums_at_the_ends_of_their_types(case: Extreme) -> None:
    x, labels = case.batch()
    with (
        NeuroExecutor(case.net, chip(), batch=case.samples, extra=("-O1",)) as neuro,
        ReferenceExecutor(case.net, batch=case.samples) as reference,
    ):
        for executor in (neuro, reference):
            executor.load_masters(case.masters())
        for _ in range(2):
            step_together([reference, neuro], x, labels, 1)
        assert_same_masters([reference, neuro], case.name)
        assert_same_logits([reference, neuro], x, case.name)
