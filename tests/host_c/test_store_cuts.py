"""Power fails at every single write and erasure: the newest acknowledged checkpoint always comes back."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.host_c.store_sim import (
    AFTER,
    BEFORE,
    DONE,
    MARGINAL,
    TORN,
    Device,
    Known,
    Setup,
)
from wagekit.link.checkpoint import Geometry, build

MODES = [BEFORE, TORN, AFTER, MARGINAL]
NRF51 = Setup(Geometry(sectors=4, sector_bytes=256, word_bytes=4))
SETUPS = {
    "nrf51-like": NRF51,
    "stm32l4-like, error correction": Setup(Geometry(2, 512, 8), ecc=True, seed=5),
    "stm32h7-like, error correction": Setup(Geometry(6, 128, 32), ecc=True, master_bytes=2, seed=6),
    "spi nor, bytes and a busy chip": Setup(Geometry(2, 320, 1), weights=(64,), busy=2, seed=7),
    "records of several lengths, error correction": Setup(
        Geometry(2, 640, 8), weights=(40,), ecc=True, seed=9, extras=(190, 0, 64, 1)
    ),
    "odd number of sectors, 16-bit masters": Setup(
        Geometry(9, 64, 4), weights=(1, 0, 3), master_bytes=2, seed=8
    ),
}


def recover(device: Device, known: Known, number: int) -> None:
    """Boot after a cut, then prove that the device goes on as if nothing had been."""
    known.check(device.boot())
    known.live(device, (number, number + 1))
    assert device.boot() == known.acked == device.seen_by_python()
    device.check_rules()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SETUPS)
def test_cut_at_every_operation(name: str, mode: int) -> None:
    """Of a first, a second and a third checkpoint, in a flash that began with random contents."""
    setup = SETUPS[name]
    total = setup.operations((1, 2, 3))
    seen_new = seen_old = 0
    for cut in range(1, total + 1):
        device, known = Device(setup), Known()
        known.check(device.boot())
        device.lib.sim_flash_cut(cut, mode, 0)
        known.live(device, (1, 2, 3), cut=True)
        device.lib.sim_flash_power_on()
        assert mode == MARGINAL or device.seen_by_python() in known.possible
        found = device.boot()
        seen_new += found == known.attempted
        seen_old += found == known.acked
        recover(device, known, 4)
    assert seen_old > total // 2
    assert seen_new > 0, "no cut came behind the word that makes a record count"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("sectors", "extras"), [(6, (0,)), (8, (70,))])
def test_cut_again_while_recovering(mode: int, sectors: int, extras: tuple[int, ...]) -> None:
    """The power goes a second time, at every operation of the save that follows the first cut."""
    setup = Setup(Geometry(sectors, 128, 32), ecc=True, master_bytes=2, seed=6, extras=extras)
    one = setup.operations((3,))
    for first in range(1, one + 1):
        for second in range(1, one + 2):
            device, known = Device(setup), Known()
            known.check(device.boot())
            known.live(device, (1, 2))
            device.lib.sim_flash_cut(first, mode, 3)
            known.live(device, (3,), cut=True)
            known.check(device.boot())
            device.lib.sim_flash_cut(second, TORN, 0)
            known.live(device, (4,), cut=second <= one)
            recover(device, known, 5)


def test_word_that_reads_right_only_for_a_while() -> None:
    """The last word of the first trailer is torn so finely that the record counts at the next start, and
    goes bad any number of reads later. What was acknowledged before must outlive the save after it.
    """
    cost = NRF51.cost
    seal = cost.erases + cost.words - 8  # the first trailer's last word
    used = 0
    for reads in range(12):
        for second in range(1, cost.erases + cost.words + 1):
            device, known = Device(NRF51), Known()
            known.check(device.boot())
            known.live(device, (1, 2))
            device.lib.sim_flash_cut(seal, MARGINAL, reads)
            known.live(device, (3,), cut=True)
            found = device.boot()
            used += found == known.attempted
            known.check(found)
            device.lib.sim_flash_cut(second, TORN, 0)
            known.live(device, (4,), cut=True)
            recover(device, known, 5)
    assert used > cost.words


@given(
    sectors=st.integers(2, 9),
    blocks=st.integers(1, 8),
    word=st.sampled_from([1, 2, 4, 8, 16, 32]),
    weights=st.lists(st.integers(0, 90), min_size=1, max_size=4),
    master_bytes=st.sampled_from([1, 2]),
    ecc=st.booleans(),
    busy=st.integers(0, 2),
    seed=st.integers(1, 2**31),
    extras=st.lists(st.integers(0, 200), min_size=1, max_size=3),
    cuts=st.lists(
        st.tuples(st.integers(0, 2**16), st.sampled_from(MODES), st.integers(0, 8)), min_size=1, max_size=8
    ),
)
def test_any_flash_any_network_any_cuts(
    sectors: int,
    blocks: int,
    word: int,
    weights: list[int],
    master_bytes: int,
    ecc: bool,
    busy: int,
    seed: int,
    extras: list[int],
    cuts: list[tuple[int, int, int]],
) -> None:
    payload = sum(weights) * master_bytes
    needed = -(-payload // 64) + -(-max(extras) // 64) + 3  # blocks of a record
    blocks = max(blocks, -(-needed // (sectors // 2)))
    setup = Setup(
        Geometry(sectors, 64 * blocks, word), tuple(weights), master_bytes, ecc, busy, seed, tuple(extras)
    )
    device, known = Device(setup), Known()
    known.check(device.boot())
    for number, (place, mode, reads) in enumerate(cuts):
        numbers = (3 * number + 1, 3 * number + 2, 3 * number + 3)
        device.lib.sim_flash_cut(1 + place % setup.operations(numbers), mode, reads)
        known.live(device, numbers, cut=True)
        known.check(device.boot())
        device.check_rules()
    recover(device, known, 100)


@pytest.mark.parametrize("start", [2**31 - 2, 2**32 - 3])
def test_sequence_starts_again(start: int) -> None:
    """The newest record is known where the sequence passes its sign and its end."""
    device = Device(NRF51)
    device.boot()
    first = device.learn(1)
    slot = build(dataclasses.replace(first, sequence=start))
    device.area[: len(slot)] = slot
    known = Known()
    known.acked = first
    for number in range(2, 8):
        known.check(device.boot())
        known.live(device, (number,))
    assert device.boot() == known.acked == device.seen_by_python()


def test_cost_is_what_is_counted() -> None:
    """Erasures and words of every checkpoint are those that the toolkit computes."""
    for setup in SETUPS.values():
        device = Device(setup)
        device.boot()
        costs = [setup.cost_of(number) for number in range(1, 6)]
        for number, cost in enumerate(costs, 1):
            before = (device.counts.erases, device.counts.words)
            assert device.save(device.learn(number)) == DONE
            after = (device.counts.erases, device.counts.words)
            assert (after[0] - before[0], after[1] - before[1]) == (cost.erases, cost.words)
        lib = device.lib
        assert lib.sim_store_saves() == 5
        assert lib.sim_store_words() == sum(cost.words for cost in costs)
        erases = [sum(cost.erases for cost in costs[first::2]) for first in (0, 1)]
        assert [lib.sim_store_erases(slot) for slot in (0, 1)] == erases
