"""Bits that go bad, cells that are worn, foreign records, impossible flashes: an error, never a crash."""

from __future__ import annotations

import dataclasses

import pytest

from tests.host_c.store_sim import (
    BUSY,
    CHANGED,
    DAMAGED,
    DONE,
    FINGERPRINT,
    FOREIGN,
    NO_SLOT,
    NONE,
    SMALL,
    STATE,
    WHOLE,
    WORN,
    Device,
    Setup,
)
from wagekit.link import checkpoint
from wagekit.link.checkpoint import Checkpoint, Geometry

SETUP = Setup(Geometry(sectors=4, sector_bytes=256, word_bytes=4))


def two_records(setup: Setup = SETUP) -> tuple[Device, Checkpoint, Checkpoint]:
    """A device with a record in each slot, the older one in slot 0."""
    device = Device(setup)
    assert device.boot() is None
    older = device.learn(1)
    assert device.save(older) == DONE
    newer = device.learn(2)
    assert device.save(newer) == DONE
    return device, older, newer


def test_any_bit_that_goes_bad_in_either_slot() -> None:
    """The record with the bad bit is not used, unless the bit is in one of its two trailers; the other is."""
    device, older, newer = two_records()
    slot, record = SETUP.geometry.slot_bytes, SETUP.cost.record_bytes
    body = record - 2 * checkpoint.TRAILER_BYTES
    for at in range(2 * slot):
        for bit in range(8):
            device.area[at] = bytes([device.area[at][0] ^ (1 << bit)])
            in_newer = slot <= at < slot + body
            assert device.boot() == (older if in_newer else newer) == device.seen_by_python()
            device.area[at] = bytes([device.area[at][0] ^ (1 << bit)])
    assert device.boot() == newer


def test_bad_bits_in_both_slots() -> None:
    """Nothing is used; the device keeps what it has, and its next checkpoint counts."""
    device, _, _ = two_records()
    for at in (140, SETUP.geometry.slot_bytes + 40):
        device.area[at] = bytes([device.area[at][0] ^ 1])
    assert device.boot() is None
    assert [device.lib.sim_store_slot_state(slot) for slot in (0, 1)] == [DAMAGED, DAMAGED]
    state = device.learn(3)
    assert device.save(state) == DONE
    assert device.boot() == state


@pytest.mark.parametrize("value", [0, 1])
def test_any_worn_cell(value: int) -> None:
    """A cell that is stuck in the slot to be written: the save fails, at its address, again and again; the
    other slot's record stays, and the network goes on.
    """
    slot, record = SETUP.geometry.slot_bytes, SETUP.cost.record_bytes
    tried = failed = 0
    for at in range(0, record, 5):
        device, _, newer = two_records()
        before = bytes(device.area[slot : 2 * slot])
        device.lib.sim_flash_stick(at, at % 8, value)
        state = device.learn(3)
        result = device.save(state)
        tried += 1
        if result == WORN:
            failed += 1
            assert 0 <= at - device.lib.sim_store_failed_at() < checkpoint.BLOCK
            assert device.save(state) == WORN
            assert device.lib.sim_store_failures() == 2
            assert device.lib.sim_store_newest() == 1
            assert bytes(device.masters) == state.masters, "the network lost what it learned"
            # With only the second trailer wrong, the record counts at the next start all the same.
            second_trailer = value == 1 and at >= record - checkpoint.TRAILER_BYTES
            assert device.boot() == (state if second_trailer else newer)
        else:
            assert result == DONE  # the cell is stuck at what it should be
            assert device.boot() == state
        assert bytes(device.area[slot : 2 * slot]) == before
        device.check_rules()
    # Stuck at 0 is seen behind the erasure; stuck at 1 where the record has a 0.
    assert failed == tried if value == 0 else 0 < failed < tried


def test_flash_that_refuses() -> None:
    """The flash itself reports a failure, at any operation of a save."""
    for operation in range(1, SETUP.cost.erases + SETUP.cost.words + 1):
        device, _, newer = two_records()
        device.lib.sim_flash_refuse(operation)
        assert device.save(device.learn(3)) == WORN
        device.lib.sim_flash_refuse(0)
        assert device.boot() == newer
        state = device.learn(4)
        assert device.save(state) == DONE
        assert device.boot() == state
        device.check_rules()


def test_records_of_others_are_not_used() -> None:
    """Another network, other frozen weights, other sizes, a later format: as if nothing were there."""
    device, _, newer = two_records()
    device.use(bytes(32))
    assert device.boot() is None
    assert [device.lib.sim_store_slot_state(slot) for slot in (0, 1)] == [FOREIGN, FOREIGN]
    device.use(FINGERPRINT, frozen_crc=1)
    assert device.boot() is None
    device.use(FINGERPRINT)
    assert device.boot() == newer

    longer = dataclasses.replace(newer, masters=newer.masters + b"\0" * newer.master_bytes, sequence=9)
    later = bytearray(checkpoint.build(dataclasses.replace(newer, sequence=9)))
    later[4] = checkpoint.FORMAT + 1
    for record in (checkpoint.build(longer), bytes(later)):
        device.area[: len(record)] = record
        assert device.boot() == newer
        assert device.lib.sim_store_slot_state(0) == FOREIGN


def test_first_save_after_another_network() -> None:
    device, _, _ = two_records()
    device.use(bytes(32))
    assert device.boot() is None
    mine = device.learn(5)
    assert device.save(mine) == DONE
    assert device.boot() == mine
    assert [device.lib.sim_store_slot_state(slot) for slot in (0, 1)] == [WHOLE, FOREIGN]


def test_record_with_masters_outside_their_grid() -> None:
    """A whole record that no device wrote: it is refused while it is loaded, the other one is loaded."""
    device, older, newer = two_records()
    wrong = dataclasses.replace(newer, masters=b"\x80" * len(newer.masters), sequence=3)
    record = checkpoint.build(wrong)
    start = SETUP.geometry.slot_bytes
    device.area[start : start + len(record)] = record
    assert device.boot() == older
    assert device.lib.sim_store_newest() == 0


def test_learning_while_it_is_saved_is_noticed() -> None:
    device, _, newer = two_records()
    state = device.learn(3)
    assert device.begin_save(state) == BUSY
    for _ in range(5):
        assert device.lib.sim_store_poll() == BUSY
    device.lib.sim_model_set(state.step + 1, state.seed)
    result = BUSY
    while result == BUSY:
        result = device.lib.sim_store_poll()
    assert result == CHANGED
    assert device.boot() == newer


def test_calls_that_do_not_fit() -> None:
    device = Device(SETUP)
    assert device.boot() is None
    assert device.lib.sim_store_load() == NONE
    state = device.learn(1)
    assert device.lib.sim_store_begin_save(0, 0, bytes(57), 57) == STATE
    assert device.begin_save(state) == BUSY
    assert device.begin_save(state) == STATE
    assert device.lib.sim_store_load() == STATE


@pytest.mark.parametrize(
    "geometry", [(0, 0, 4), (1, 4096, 4), (4, 100, 4), (4, 256, 3), (4, 256, 64), (4, 256, 0), (4, 128, 4)]
)
def test_flash_that_cannot_hold_a_record(geometry: tuple[int, int, int]) -> None:
    """No flash, an impossible one, or slots that are too small: an error, and the network runs."""
    device = Device(SETUP)
    device.lib.sim_flash_new(*geometry[:2], geometry[2] or 1, 0, 0, 1)
    if geometry[2] == 0:
        device.lib.sim_flash_new(0, 64, 1, 0, 0, 1)
    assert device.lib.sim_store_open() == SMALL
    state = device.learn(1)
    assert device.save(state) == SMALL
    assert device.lib.sim_store_load() == NONE
    assert device.lib.sim_store_newest() == NO_SLOT
    assert bytes(device.masters) == state.masters


def test_every_size_of_settings_and_both_widths() -> None:
    for master_bytes in (1, 2):
        device = Device(dataclasses.replace(SETUP, master_bytes=master_bytes))
        device.boot()
        for number in range(57):
            state = device.learn(number)
            assert len(state.settings) == number
            assert device.save(state) == DONE
            assert device.boot() == state


def test_ram_of_the_store() -> None:
    """On a host with 64-bit pointers; it is less on a chip."""
    assert Device(SETUP).lib.sim_store_bytes() <= 256
