"""Checkpoints as bytes: what is built is parsed, what is damaged or foreign is refused, what they cost."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wagekit import boards
from wagekit.errors import DataError
from wagekit.link import checkpoint
from wagekit.link.checkpoint import Checkpoint, Geometry
from wagekit.link.kept import HEAD_BYTES

RECORD = Checkpoint(
    fingerprint=bytes(range(32)),
    step=5000,
    seed=7,
    master_bytes=1,
    masters=bytes(range(100)),
    log2_lr=-3,
    rule=1,
    settings=b"mine",
)
U32 = st.integers(0, 2**32 - 1)


@given(
    fingerprint=st.binary(min_size=32, max_size=32),
    step=U32,
    seed=U32,
    sequence=U32,
    frozen_crc=U32,
    log2_lr=st.integers(-128, 127),
    rule=st.integers(0, 255),
    master_bytes=st.sampled_from([1, 2]),
    half=st.binary(max_size=300),
    settings=st.binary(max_size=56),
    extra=st.binary(max_size=200),
    behind=st.binary(max_size=100),
)
def test_round_trip(behind: bytes, half: bytes, master_bytes: int, **fields: int | bytes) -> None:
    record = Checkpoint(masters=half * master_bytes, master_bytes=master_bytes, **fields)  # type: ignore[arg-type]
    image = checkpoint.build(record)
    assert len(image) == checkpoint.record_bytes(len(record.masters), len(record.extra))
    assert len(image) % checkpoint.BLOCK == 0
    assert checkpoint.parse(image + behind) == record


def test_one_trailer_is_enough_and_none_is_not() -> None:
    image = bytearray(checkpoint.build(RECORD))
    image[-40] ^= 1
    assert checkpoint.parse(bytes(image)) == RECORD
    image[-1] ^= 1
    with pytest.raises(DataError, match="not finished"):
        checkpoint.parse(bytes(image))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda image: b"\xff" * len(image), "blank"),
        (lambda image: b"\0" * len(image), "no record"),
        (lambda image: image[:100], "a header has 128"),
        (lambda image: image[:200], "200 bytes of 320"),
        (lambda image: image[:4] + b"\1" + image[5:], "format 1: this version reads format 2"),
        (lambda image: image[:48] + b"\1" + image[49:], "header has a wrong CRC"),
        (lambda image: image[:150] + b"\1" + image[151:], "wrong CRC"),
    ],
)
def test_what_is_wrong_is_said(change: object, message: str) -> None:
    assert callable(change)
    with pytest.raises(DataError, match=message):
        checkpoint.parse(change(checkpoint.build(RECORD)))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("step", 2**32, "step = 4294967296: outside u32"),
        ("log2_lr", 200, "log2_lr = 200: outside i8"),
        ("fingerprint", b"", "fingerprint has 0 bytes"),
        ("settings", bytes(57), "57 bytes: 56"),
        ("master_bytes", 3, "100 bytes are not masters of 3"),
    ],
)
def test_fields_out_of_range(field: str, value: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        checkpoint.build(dataclasses.replace(RECORD, **{field: value}))  # type: ignore[arg-type]


def test_newest_of_an_area() -> None:
    geometry = Geometry(sectors=5, sector_bytes=256, word_bytes=4)
    assert geometry.slot_bytes == 512

    def area(first: int, second: int) -> bytes:
        records = (dataclasses.replace(RECORD, sequence=number) for number in (first, second))
        return b"".join(checkpoint.build(record).ljust(512, b"\xff") for record in records)

    def found(first: int, second: int) -> int:
        record = checkpoint.newest(area(first, second), geometry, RECORD.fingerprint)
        return record.sequence if record else -1

    assert found(1, 2) == found(2, 1) == 2
    assert found(0, 2**32 - 1) == found(2**32 - 1, 0) == 0
    assert checkpoint.newest(area(1, 2), geometry, bytes(32)) is None
    assert checkpoint.newest(area(1, 2), geometry, RECORD.fingerprint, frozen_crc=1) is None
    assert checkpoint.newest(b"", geometry, RECORD.fingerprint) is None


def test_cost_and_wear_of_digits_tiny_on_microbit() -> None:
    """5,960 weights of a byte in sixteen pages of 1 KiB: seven erasures and 1,552 words a checkpoint."""
    cost = checkpoint.cost(Geometry(16, 1024, 4), 5960)
    assert (cost.record_bytes, cost.erases, cost.words) == (6208, 7, 1552)
    wear = checkpoint.wear(cost, steps_a_day=100_000, every=10_000, spacing_seconds=3600, more=1)
    assert (wear.checkpoints, wear.erases, wear.words) == (12, 84, 12 * 1552)
    assert wear.days(20_000) == pytest.approx(20_000 / 6)
    hourly = checkpoint.wear(cost, spacing_seconds=3600)
    assert hourly.checkpoints == 25
    endurance = boards.load("microbit").checkpoint[0].endurance
    assert endurance
    assert cost.saves(endurance) == 40_000
    assert hourly.days(endurance) == 1_600, "docs/checkpoints.md says so"
    learning = checkpoint.cost(Geometry(16, 1024, 4), 5960, HEAD_BYTES + 8 * 66)
    assert (learning.record_bytes, learning.erases, learning.words) == (6912, 7, 1728)
    assert checkpoint.cost(Geometry(16, 1024, 4), 5960, HEAD_BYTES + 28 * 66).erases == 8
    with pytest.raises(DataError, match="does not fit a slot of 8192"):
        checkpoint.cost(Geometry(16, 1024, 4), 5960, HEAD_BYTES + 29 * 66)
    with pytest.raises(DataError, match="nothing bounds"):
        checkpoint.wear(cost)


@pytest.mark.parametrize("geometry", [(1, 1024, 4), (2, 32, 4), (2, 100, 4), (2, 64, 3)])
def test_impossible_areas(geometry: tuple[int, int, int]) -> None:
    with pytest.raises(DataError, match="checkpoints: "):
        Geometry(*geometry)


def test_record_that_does_not_fit() -> None:
    with pytest.raises(DataError, match="a record of 320 bytes does not fit a slot of 256"):
        checkpoint.cost(Geometry(2, 256, 4), 128)


def test_the_documentation_has_the_tables(root: Path) -> None:
    assert checkpoint.render_tables().strip() in (root / "docs" / "checkpoints.md").read_text("utf-8")
