"""Imperfect hardware: nothing at strength 0, the plain cores' bits at any other, each as it says."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.equality import assert_same_array, assert_same_logits
from tests.neuro.chips import chip, conv_net, dense_net, noise
from tests.neuro.plain import PlainChip
from tests.neuro.test_counters import LAYOUTS, SMALL, assert_counted
from tests.neuro.test_equality import FEW_STEPS, layouts
from tests.quick import LONG
from tests.strategies import Case, cases
from wagekit import Bits, Dense, Input, Network, open_executor
from wagekit.backends.neuro import Imperfections, MappingOptions, map_graph
from wagekit.backends.neuro.imperfect import (
    FRACTION_BITS,
    check_room,
    convert,
    deviation,
    flipped,
    scale,
)
from wagekit.errors import LimitError, UsageError
from wagekit.executors.neuro import NeuroExecutor
from wagekit.executors.reference import ReferenceExecutor
from wagekit.passes import compile_graph

NETS = {"dense": dense_net, "conv": conv_net}
QUICK = ("-O1",)
STEPS = 120
TILINGS = {
    "37x11": MappingOptions(axons=37, neurons=11),
    "13x5 in a chain, recomputed": MappingOptions(13, 5, reduction="chain", gradient="recomputed"),
    "unrolled 37x48": MappingOptions(axons=37, neurons=48, convolution="unrolled"),
}
OPTIMISED = ("conv", "unrolled 37x48")
"""Compiled as users have it; with `make test-long` all are."""
RUNS = [(name, tiling) for name in NETS for tiling in TILINGS if name == "conv" or "unrolled" not in tiling]
EVERYTHING = Imperfections(
    seed=3,
    stuck_zero=0.05,
    stuck_high=0.03,
    stuck_low=0.02,
    bit_flips=0.02,
    device_variation=0.2,
    cycle_variation=0.15,
    adc_bits=6,
    adc_headroom=1,
    lost_activations=0.1,
    lost_partials=0.1,
    lost_errors=0.1,
)


def one_layer(fan_in: int = 200, outputs: int = 50) -> Network:
    return Network(
        name="one",
        seed=2,
        classes=[f"c{i}" for i in range(outputs)],
        input=Input(shape=[fan_in], encoding="unit"),
        layers=[Dense(units=outputs)],
    )


def cells_of(imperfections: Imperfections, options: MappingOptions | None = None) -> Any:
    """What the cells of a layer read: a row of logits for each line, driven by 1 alone."""
    net = one_layer()
    with NeuroExecutor(net, chip(), batch=1, options=options, imperfections=imperfections) as neuro:
        return neuro.forward(np.eye(net.input.shape[0], dtype=np.int8)).T, neuro.masters[0]


@pytest.mark.parametrize(("name", "tiling"), RUNS)
def test_nothing_is_wrong_at_strength_zero(name: str, tiling: str) -> None:
    """Through the kernel that could do wrong, not around it."""
    net, options, right = NETS[name](), TILINGS[tiling], Imperfections(seed=9)
    extra = () if LONG or (name, tiling) == OPTIMISED else QUICK
    with (
        ReferenceExecutor(net, batch=4) as reference,
        NeuroExecutor(net, chip(), batch=4, options=options, imperfections=right, extra=extra) as noisy,
    ):
        start = noisy.digest()
        for step in range(STEPS):
            noisy.poison(step * 37 + 85)
            rule: Any = "error_scaled" if step % 3 else "paper"
            batch = noise(net, 4, step)
            assert noisy.step(*batch, 0, rule) == reference.step(*batch, 0, rule)
        assert noisy.digest() == reference.digest() != start
        assert_same_logits([reference, noisy], noise(net, 9, STEPS)[0], "at the end")
        assert noisy.presented == 4 * STEPS + 9, "samples are counted by the imperfect kernel only"


def test_the_ideal_kernel_is_another() -> None:
    """Nothing of the imperfections is in it, so they cost it nothing."""
    from wagekit.backends.neuro.render import render_chip

    mapping = map_graph(compile_graph(conv_net(), 4), chip(), TILINGS["37x11"])
    ideal, noisy = render_chip(mapping), render_chip(mapping, imperfect=True)
    assert "imperfect" not in "".join(ideal.values())
    assert "wk_neuro_convert(chip" in noisy["wk_neuro_layer_0.c"]


def hold_to_plain(case: Case, options: MappingOptions, imperfections: Imperfections) -> None:
    """Masters of every core, logits and every count, against the plain cores."""
    with NeuroExecutor(
        case.net, chip(), case.seed, case.batch, options=options, imperfections=imperfections, extra=FEW_STEPS
    ) as neuro:
        plain = PlainChip(neuro.mapping, neuro.masters, case.seed, imperfections=imperfections)
        for batch in case.steps:
            neuro.poison(0xA7)
            neuro.step(batch.x, batch.labels, batch.log2_lr, batch.rule)
            plain.step(_flat(batch.x), batch.labels.tolist(), batch.log2_lr, batch.rule)
        x = case.steps[-1].x
        logits = np.array([sample.logits for sample in plain.forward(_flat(x))], np.int32)
        assert_same_array("logits", ("neuro", "plain"), neuro.forward(x), logits)
        for tile in neuro.mapping.tiles:
            part = neuro.copies(tile.layer)[tile.block][slice(*tile.outputs), slice(*tile.inputs)]
            assert plain.cores[tile.core].masters == part.tolist(), tile
        assert_counted(neuro.counters(), plain)


def _flat(x: Any) -> list[list[int]]:
    return [[int(v) for v in sample.ravel()] for sample in x]


@st.composite
def imperfections(draw: st.DrawFn) -> Imperfections:
    share = st.sampled_from([0.0, 0.0, 0.02, 0.3])
    bits = draw(st.none() | st.integers(2, 12))
    return Imperfections(
        seed=draw(st.integers(0, 2**32 - 1)),
        stuck_zero=draw(share),
        stuck_high=draw(share),
        stuck_low=draw(share),
        bit_flips=draw(share),
        device_variation=draw(st.sampled_from([0.0, 0.1, 1.5])),
        cycle_variation=draw(st.sampled_from([0.0, 0.1, 1.5])),
        adc_bits=bits,
        adc_headroom=0 if bits is None else draw(st.integers(0, 4)),
        lost_activations=draw(share | st.just(1.0)),
        lost_partials=draw(share),
        lost_errors=draw(share),
    )


@settings(max_examples=7)
@given(case=cases(max_steps=2, max_weights=300, max_batch=2), options=layouts(), wrong=imperfections())
def test_drawn_imperfections(case: Case, options: MappingOptions, wrong: Imperfections) -> None:
    hold_to_plain(case, options, wrong)


@pytest.mark.long
@settings(max_examples=200)
@given(case=cases(max_steps=3, max_weights=600, max_batch=3), options=layouts(), wrong=imperfections())
def test_more_drawn_imperfections(case: Case, options: MappingOptions, wrong: Imperfections) -> None:
    hold_to_plain(case, options, wrong)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_everything_at_once(layout: str) -> None:
    """Sure to have several rows, columns, blocks, pooling, padding and strides."""
    from tests.strategies import Batch

    generator = np.random.default_rng(5)
    steps = []
    for _ in range(2):
        x = generator.integers(-127, 128, (3, 5, 6, 2)) * generator.integers(0, 2, (3, 5, 6, 2))
        steps.append(Batch(x.astype(np.int8), generator.integers(0, 3, 3), 2, "paper"))
    hold_to_plain(Case(SMALL, 4, 3, tuple(steps)), LAYOUTS[layout], EVERYTHING)


def test_the_stuck_are_as_many_as_said() -> None:
    ideal, masters = cells_of(Imperfections())
    assert set(np.unique(ideal)) == {-1, 0, 1}
    wrong = Imperfections(seed=5, stuck_zero=0.2, stuck_high=0.1, stuck_low=0.05)
    cells, same = cells_of(wrong)
    assert (masters == same).all(), "masters know nothing of it"
    for value, share in ((0, wrong.stuck_zero), (1, wrong.stuck_high), (-1, wrong.stuck_low)):
        others = ideal != value
        n = int(others.sum())
        assert abs((cells == value)[others].sum() - n * share) < 5 * (n * share * (1 - share)) ** 0.5, value
    assert (cells_of(wrong)[0] == cells).all(), "a seed is a chip"
    other = Imperfections(6, *(getattr(wrong, f.name) for f in fields(wrong)[1:]))
    assert (cells_of(other)[0] != cells).any()
    for name, value in (("stuck_zero", 0), ("stuck_high", 1), ("stuck_low", -1)):
        assert (cells_of(Imperfections(**{name: 1.0}))[0] == value).all()


def test_more_stuck_cells_include_the_fewer() -> None:
    """The draws stay as the share grows, so a sweep compares like with like."""
    ideal, _ = cells_of(Imperfections())
    few, many = (cells_of(Imperfections(seed=5, stuck_high=share))[0] for share in (0.05, 0.1))
    assert ((few != ideal) <= (many != ideal)).all()
    assert (few != ideal).sum() < (many != ideal).sum()


def test_flips_turn_one_bit_over() -> None:
    for bits in (2, 8, 12):
        top = (1 << (bits - 1)) - 1
        for master in range(-top, top + 1):
            turned = {flipped(master, draw, bits, 1 << bits) for draw in range(0, 4000, 7)}
            wrapped = {((master ^ (1 << bit)) + top + 1) % (1 << bits) - top - 1 for bit in range(bits)}
            assert turned == wrapped
    assert flipped(0, 3, 2, 1) in (1, -1), "what is stored stays within the masters' limit"


@pytest.mark.parametrize("share", [0.05, 1.0])
def test_the_flipped_are_as_many_as_said(share: float) -> None:
    """With errors all lost and a frozen rate nothing else moves a master."""
    net = one_layer()
    with NeuroExecutor(net, chip(), batch=1, imperfections=Imperfections(1, bit_flips=share)) as neuro:
        before = neuro.masters[0]
        neuro.step(np.zeros((1, 200), np.int8), [0])  # no input, so no gradient
        after = neuro.masters[0]
        neuro.step(np.zeros((1, 200), np.int8), [0])
        n, changed = before.size, int((after != before).sum())
        clipped = int((np.abs(before) == 64).sum())
        assert n * share - 5 * (n * share) ** 0.5 - clipped <= changed <= n * share + 5 * (n * share) ** 0.5
        assert (neuro.masters[0] != after).any(), "and again in the next step"


def test_deviations_have_the_strength_that_was_said() -> None:
    draws = np.random.default_rng(2).integers(0, 1 << 32, 20000).tolist()
    for sigma in (0.25, 1.0, 4.0):
        found = np.array([deviation(scale(sigma), draw) for draw in draws]) / (1 << FRACTION_BITS)
        assert abs(found.std() / sigma - 1) < 0.03
        assert abs(found.mean()) < 0.05 * sigma
        assert np.abs(found).max() <= 3.46 * sigma
    assert {deviation(scale(0), draw) for draw in draws} == {0}


def repeated(wrong: Imperfections) -> Any:
    """Logits of one strong sample, five times over."""
    net = one_layer()
    with NeuroExecutor(net, chip(), batch=2, imperfections=wrong) as neuro:
        return neuro.forward(np.full((5, 200), 100, np.int8))


def test_devices_differ_for_ever_and_cycles_each_time() -> None:
    ideal = repeated(Imperfections())
    device = repeated(Imperfections(device_variation=0.1))
    cycle = repeated(Imperfections(cycle_variation=0.1))
    assert (device[0] != ideal[0]).any() and (device == device[0]).all()
    assert (cycle[0] != ideal[0]).any() and len(np.unique(cycle, axis=0)) == 5
    expected = 0.1 * 100 * 200**0.5
    for found in (device[0] - ideal[0], (cycle - ideal).ravel()):
        assert 0.6 * expected < found.std() < 1.4 * expected
    assert (repeated(Imperfections(cycle_variation=0.1)) == cycle).all()


def test_batches_change_no_draw() -> None:
    net, wrong = dense_net(), EVERYTHING
    x = noise(net, 7, 3)[0]
    with NeuroExecutor(net, chip(), batch=1, imperfections=wrong, extra=FEW_STEPS) as one:
        found = one.forward(x)
    with NeuroExecutor(net, chip(), batch=7, imperfections=wrong, extra=FEW_STEPS) as seven:
        assert (seven.forward(x) == found).all()
        assert seven.presented == 7
        assert (seven.forward(x) != found).any(), "later samples meet other noise"
        seven.load_masters(seven.masters)
        assert (seven.forward(x) == found).all(), "loading begins anew"


def test_a_wide_converter_is_exact_and_a_narrow_one_is_not() -> None:
    net = dense_net()
    x = noise(net, 20, 4)[0]
    options = MappingOptions(axons=50, neurons=20)
    with NeuroExecutor(net, chip(), batch=4, options=options, extra=FEW_STEPS) as ideal:
        wanted, steps = ideal.forward(x), [ideal.step(*noise(net, 4, n)) for n in range(3)]
        for bits, same in ((16, True), (4, False)):
            wrong = Imperfections(adc_bits=bits)
            with NeuroExecutor(
                net, chip(), batch=4, options=options, imperfections=wrong, extra=FEW_STEPS
            ) as neuro:
                assert (neuro.forward(x) == wanted).all() == same
                found = [neuro.step(*noise(net, 4, n)) for n in range(3)]
                assert (found == steps) == same
                assert (neuro.digest() == ideal.digest()) == same


def test_converters_round_and_clip() -> None:
    two = Imperfections(adc_bits=4).converter(100)  # 7 octaves, 3 of them in the code
    assert two == (4, 7)
    whole = 1 << FRACTION_BITS
    assert [convert(v * whole, two) for v in (7, 8, -8, 100, 111, 112, 127, -500)] == [
        0, 16, -16, 96, 112, 112, 112, -112,
    ]  # fmt: skip
    assert Imperfections(adc_bits=4, adc_headroom=2).converter(100) == (2, 7)
    assert Imperfections(adc_bits=4, adc_headroom=9).converter(100) == (0, 7)
    assert convert(whole // 2, None) == 1 and convert(-whole // 2, None) == -1


def test_lost_packets_are_zeros() -> None:
    net, options = dense_net(), MappingOptions(axons=50, neurons=20)
    x, labels = noise(net, 4, 6)

    def opened(**lost: float) -> NeuroExecutor:
        return NeuroExecutor(
            net, chip(), batch=4, options=options, imperfections=Imperfections(**lost), extra=FEW_STEPS
        )

    with opened(lost_activations=1.0) as neuro:
        assert not neuro.forward(x).any()
        assert neuro.counters().total("events") == 0
        assert neuro.counters().by_kind()["input"][0] > 0, "what is lost was sent"
    with opened(lost_partials=1.0) as neuro, open_executor(net, "reference") as reference:
        # The root of the first layer has the first lines alone, the rest is as if it were not there.
        cut = [master.copy() for master in reference.masters]
        for layer, master in enumerate(cut):
            tile = next(tile for tile in neuro.mapping.tiles if tile.layer == layer and tile.row == 0)
            master[:, tile.fan_in :] = 0
        reference.load_masters(cut)
        assert_same_array("logits", ("neuro", "cut"), neuro.forward(x), reference.forward(x))
    with opened(lost_errors=1.0) as neuro:
        before = neuro.masters
        neuro.step(x, labels, 3)
        first, *_, last = (old != new for old, new in zip(before, neuro.masters, strict=True))
        assert not first.any(), "no error came so far"
        assert last.any(), "the last layer's roots have their own"


def test_half_of_the_packets() -> None:
    """Each line's single packet arrives or does not: about half of the rows of cells are seen."""
    cells, _ = cells_of(Imperfections(lost_activations=0.5))
    seen = int(cells.any(axis=0).sum())
    assert 65 <= seen <= 135
    again, _ = cells_of(Imperfections(lost_activations=0.5))
    assert (again == cells).all()


def test_learning_takes_stuck_cells_into_account() -> None:
    """Masters go on moving under a stuck cell, and what is read of it does not change."""
    net = one_layer()
    with NeuroExecutor(net, chip(), batch=4, imperfections=Imperfections(stuck_low=1.0)) as neuro:
        before = neuro.masters[0]
        neuro.step(*noise(net, 4, 1), 3)
        assert (neuro.masters[0] != before).any()
        assert (neuro.forward(np.eye(200, dtype=np.int8)) == -1).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seed": -1}, "seed is -1, allowed: whole numbers 0 to 4294967295"),
        ({"stuck_zero": 1.5}, "stuck_zero is 1.5, allowed: 0 to 1"),
        ({"stuck_high": 0.6, "stuck_low": 0.6}, "are 1.2, limit 1"),
        ({"bit_flips": float("nan")}, "bit_flips is nan"),
        ({"device_variation": 4.5}, "device_variation is 4.5, allowed: 0 to 4"),
        ({"cycle_variation": True}, "cycle_variation is True"),
        ({"adc_bits": 1}, "adc_bits is 1, allowed: whole numbers 2 to 31"),
        ({"adc_headroom": 2}, "adc_headroom needs adc_bits"),
        ({"lost_errors": "all"}, "lost_errors is 'all'"),
    ],
)
def test_values_out_of_range(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Imperfections(**values)


def test_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("seed = 4\nstuck_zero = 0.25\nadc_bits = 7\n", "utf-8")
    assert Imperfections.load(file) == Imperfections(seed=4, stuck_zero=0.25, adc_bits=7)
    with open_executor(dense_net(), "neuro:tianjic-train", batch=1, imperfections=file) as neuro:
        assert isinstance(neuro, NeuroExecutor)
        assert neuro.imperfections == Imperfections.load(file)
    file.write_text("stuck = 1", "utf-8")
    with pytest.raises(UsageError, match=r"wrong.toml: unknown key 'stuck'"):
        Imperfections.load(file)
    file.write_text("seed = -3", "utf-8")
    with pytest.raises(UsageError, match=r"wrong.toml: imperfections: seed is -3"):
        Imperfections.load(file)
    with pytest.raises(UsageError, match="cannot be read"):
        Imperfections.load(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="imperfections are dict"):
        open_executor(dense_net(), "neuro:tianjic-train", imperfections={"seed": 1})


def test_sums_have_room_for_what_goes_wrong() -> None:
    """An int32 that ideal sums just fit is refused where deviations could leave it."""
    net = Network(
        name="wide",
        classes=["a", "b"],
        bits=Bits(weights=8, activations=8, gradients=16, errors=8),
        input=Input(shape=[65_000], encoding="unit"),
        layers=[Dense(units=2)],
    )
    mapping = map_graph(compile_graph(net, 1), chip())
    check_room(mapping, Imperfections(stuck_high=1.0, device_variation=0.1))
    with pytest.raises(LimitError, match=r"layer \w+: the accumulator may reach \d+, int32 holds 2147483647"):
        check_room(mapping, Imperfections(adc_bits=8, device_variation=4.0))
