from __future__ import annotations

import ctypes
import json
import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.link import harness
from wagekit.link import schema
from wagekit.link.framing import Decoder, Frame

VECTORS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("frame_vectors.json").read_text())
MORE, WHOLE, BAD = 0, 1, 2


class CDecoder(ctypes.Structure):
    _fields_ = (
        ("size", ctypes.c_uint32),
        ("code", ctypes.c_uint8),
        ("left", ctypes.c_uint8),
        ("broken", ctypes.c_bool),
    )


class CFraming:
    """The framing of the firmware."""

    def __init__(self, library: Path) -> None:
        self.board = harness.Board(library)
        self.lib = self.board._lib

    def encode(self, body: bytes) -> bytes:
        buffer = ctypes.create_string_buffer(body, len(body) + 4)
        self.lib.wk_send_frame(buffer, len(body))
        return self.board.take()

    def decode(self, data: bytes, capacity: int = 1100, piece: int = 1 << 16) -> tuple[list[bytes], int]:
        """Bodies of whole frames, and the number of bad ones; given in pieces of so many bytes."""
        state, taken = CDecoder(), ctypes.c_uint32()
        buffer = ctypes.create_string_buffer(capacity)
        whole, bad = [], 0
        for start in range(0, len(data), piece):
            rest = data[start : start + piece]
            while rest:
                args = (rest, len(rest), buffer, capacity, ctypes.byref(taken))
                result = self.lib.wk_decode(ctypes.byref(state), *args)
                if result == WHOLE:
                    whole.append(buffer.raw[: state.size])
                bad += result == BAD
                assert 0 < taken.value <= len(rest)
                rest = rest[taken.value :]
        return whole, bad


@pytest.fixture(scope="session")
def c_framing(library: Callable[[harness.Config], Path]) -> CFraming:
    return CFraming(library(harness.Config()))


def body_of(frame: Frame) -> bytes:
    head = bytes([frame.version]) + frame.session.to_bytes(2, "little") + frame.sequence.to_bytes(2, "little")
    return head + bytes([frame.type, frame.flags]) + frame.payload


def frame_of(vector: dict[str, Any]) -> Frame:
    value, count = vector.get("repeat", (0, 0))
    payload = bytes.fromhex(vector["payload"]) if "payload" in vector else bytes([value]) * count
    return Frame(vector["type"], vector["session"], vector["sequence"], payload, vector.get("flags", 0))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["what"])
def test_both_ends_make_and_read_the_same_frames(vector: dict[str, Any], c_framing: CFraming) -> None:
    frame = frame_of(vector)
    wire = frame.encode()
    assert wire.count(0) == 1
    assert wire[-1] == 0
    assert wire.hex() == c_framing.encode(body_of(frame)).hex()
    assert Decoder().feed(wire) == [frame]
    assert c_framing.decode(wire) == ([body_of(frame)], 0)


@given(
    payload=st.binary(max_size=1024),
    session=st.integers(0, 65535),
    sequence=st.integers(0, 65535),
    piece=st.integers(1, 1100),
)
def test_any_frame_survives(
    payload: bytes, session: int, sequence: int, piece: int, c_framing: CFraming
) -> None:
    frame = Frame(3, session, sequence, payload)
    wire = c_framing.encode(body_of(frame))
    assert wire == frame.encode()
    assert c_framing.decode(wire, piece=piece) == ([body_of(frame)], 0)


@given(data=st.binary(max_size=300))
def test_crc_is_zlibs(data: bytes, c_framing: CFraming) -> None:
    c_framing.lib.wk_crc32.restype = ctypes.c_uint32
    assert c_framing.lib.wk_crc32(0, data, len(data)) == zlib.crc32(data)
    half = c_framing.lib.wk_crc32(0, data[:7], len(data[:7]))
    assert c_framing.lib.wk_crc32(half, data[7:], len(data[7:])) == zlib.crc32(data)


@given(data=st.binary(max_size=600), piece=st.integers(1, 700))
def test_both_ends_judge_noise_alike(data: bytes, piece: int, c_framing: CFraming) -> None:
    good = Frame(3, 1, 2, b"good")
    wire = data + b"\0" + good.encode()
    decoder = Decoder()
    frames = decoder.feed(wire)
    assert good in frames
    assert c_framing.decode(wire, piece=piece) == ([body_of(frame) for frame in frames], decoder.damaged)


def test_both_ends_judge_damaged_frames_alike(c_framing: CFraming) -> None:
    rng = random.Random(11)
    for _ in range(400):
        wire = bytearray(Frame(3, rng.randrange(4), 2, rng.randbytes(rng.randrange(300))).encode())
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(wire))
            kind = rng.randrange(3)
            wire[at : at + 1] = (b"", bytes([rng.randrange(256)]), bytes([wire[at]] * 2))[kind]
            wire = wire or bytearray(b"\0")
        wire += b"\0"
        decoder = Decoder()
        frames = decoder.feed(bytes(wire))
        found = c_framing.decode(bytes(wire), piece=rng.randrange(1, 50))
        assert found == ([body_of(frame) for frame in frames], decoder.damaged)


@pytest.mark.parametrize("value", [0, 7], ids=["runs of none", "one long run"])
@pytest.mark.parametrize("piece", [1, 7, 1000])
@pytest.mark.parametrize("more", [1, 2, 300])
def test_a_frame_longer_than_the_buffer_is_dropped_whole(
    value: int, piece: int, more: int, c_framing: CFraming
) -> None:
    long, short = Frame(3, 1, 1, bytes([value]) * (64 + more)), Frame(3, 1, 2, bytes([value]) * 64)
    capacity = 64 + schema.OVERHEAD_BYTES
    wire = short.encode() + long.encode() + short.encode()
    assert c_framing.decode(wire, capacity, piece) == ([body_of(short)] * 2, 1)


def test_bytes_may_come_in_any_pieces() -> None:
    frames = [Frame(3, 1, number, bytes([number] * 5)) for number in range(20)]
    wire = b"".join(frame.encode() for frame in frames)
    rng = random.Random(3)
    decoder, got = Decoder(), []
    while wire:
        size = rng.randrange(1, 9)
        got += decoder.feed(wire[:size])
        wire = wire[size:]
    assert got == frames


def test_an_endless_frame_is_given_up() -> None:
    decoder = Decoder()
    assert decoder.feed(b"\x05" * 10000) == []
    assert decoder.damaged == 1
    good = Frame(3)
    assert decoder.feed(b"\0" + good.encode()) == [good]
