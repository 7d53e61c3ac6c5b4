"""The engine on the chip and the session on the host, on a perfect line with exact disturbances."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.link import harness
from wagekit.errors import DeviceFaultError, LinkError
from wagekit.link import (
    Device,
    DeviceRestartedError,
    FirmwareFaultError,
    RefusedError,
    Session,
    Timing,
    VersionError,
    schema,
)
from wagekit.link.framing import Decoder, Frame

LAYERS, WEIGHTS, INPUTS, CLASSES, BATCH = 9, 37, 20, 4, 40
SESSION = 0x1234


def code(name: str) -> int:
    return schema.find(name).code


class Raw:
    """Frames by hand."""

    def __init__(self, board: harness.Board) -> None:
        self.board = board
        self.decoder = Decoder()

    def send(self, name: str, sequence: int, payload: bytes = b"", session: int = SESSION) -> list[Frame]:
        self.board.waiting += Frame(code(name), session, sequence, payload).encode()
        return self.turns()

    def turns(self, count: int = 3) -> list[Frame]:
        for _ in range(count):
            self.board.turn()
        return self.decoder.feed(self.board.take())

    def hello(self, nonce: int = SESSION) -> list[Frame]:
        return self.send("hello", 0, nonce.to_bytes(4, "little"), nonce & 0xFFFF)


def types(frames: list[Frame]) -> list[tuple[int, int]]:
    return [(frame.type, frame.sequence) for frame in frames]


@pytest.fixture
def raw(board: harness.Board) -> Raw:
    link = Raw(board)
    assert types(link.hello()) == [(code("hello") | schema.REPLY, 0)]
    return link


@pytest.fixture
def device(wire: harness.MemoryTransport) -> Device:
    return Device.open(wire)


def samples(count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(-7, 8, (count, INPUTS)).astype(np.int8), rng.integers(0, CLASSES, count).astype(
        np.uint16
    )


ACK = code("ack")
ACK_TURNS = round(schema.ACK_AFTER_MS / 1e3 / harness.TURN_SECONDS)


def test_a_request_that_is_answered_at_once_needs_no_acknowledgement(raw: Raw) -> None:
    assert types(raw.send("about", 1)) == [(code("about") | schema.REPLY, 1)]


def test_a_request_that_waits_is_acknowledged_in_time(raw: Raw) -> None:
    raw.send("train_range", 1, bytes([0, 0, 40, 0]))
    assert raw.send("result", 2) == [], "it may be answered soon"
    assert types(raw.turns(ACK_TURNS)) == [(ACK, 2)]
    assert raw.turns(ACK_TURNS) == [], "once is enough"
    assert types(raw.turns(60)) == [(code("result") | schema.REPLY, 2)]


def test_a_request_that_takes_long_is_acknowledged_in_time(raw: Raw) -> None:
    assert raw.send("infer_range", 1, bytes([0, 0, 40, 0])) == []
    assert types(raw.turns(ACK_TURNS)) == [(ACK, 1)]
    assert types(raw.turns(60)) == [(code("infer_range") | schema.REPLY, 1)]


def test_a_repeated_hello_changes_nothing(raw: Raw) -> None:
    raw.send("set_state", 1, bytes([5, 0, 0, 0, 6, 0, 0, 0]))
    assert types(raw.hello()) == [(code("hello") | schema.REPLY, 0)]
    again = raw.send("set_state", 1, bytes([5, 0, 0, 0, 6, 0, 0, 0]))
    assert types(again) == [(code("set_state") | schema.REPLY, 1)], "the cached answer"
    assert types(raw.send("get_state", 2)) == [(code("get_state") | schema.REPLY, 2)]


def test_a_hello_with_another_nonce_opens_another_session(raw: Raw) -> None:
    raw.send("about", 1)
    raw.hello(0x00015555)
    refused = raw.send("about", 2)
    assert types(refused) == [(code("no_session"), 2)]
    assert refused[0].session == SESSION
    assert refused[0].payload == b"\x01"
    assert types(raw.send("about", 1, session=0x5555)) == [(code("about") | schema.REPLY, 1)]


def test_requests_out_of_order_are_dropped(raw: Raw) -> None:
    assert raw.send("about", 2) == []
    assert raw.send("about", 0) == []
    assert types(raw.send("about", 1)) == [(code("about") | schema.REPLY, 1)]


def test_the_last_two_answers_are_kept_and_older_ones_are_not(raw: Raw) -> None:
    for number in (1, 2, 3):
        raw.send("about", number)
    assert types(raw.send("about", 2)) == [(code("about") | schema.REPLY, 2)]
    assert types(raw.send("about", 3)) == [(code("about") | schema.REPLY, 3)]
    assert raw.send("about", 1) == []


def test_two_requests_are_held_while_a_program_runs_and_duplicates_are_acknowledged(raw: Raw) -> None:
    sample = bytes(2 + 2 + INPUTS)
    raw.send("upload_many", 1, sample)
    begin = raw.send("train_range", 2, bytes([0, 0, 40, 0]))
    assert types(begin) == [(code("train_range") | schema.REPLY, 2)]
    assert raw.send("result", 3) == []
    assert raw.send("get_state", 4) == []
    assert types(raw.turns(ACK_TURNS)) == [(ACK, 3), (ACK, 4)]
    assert types(raw.send("result", 3)) == [(ACK, 3)], "a duplicate says that it lives"
    assert types(raw.send("get_state", 4)) == [(ACK, 4)]
    assert raw.send("get_state", 5) == [], "both places are taken"
    done = raw.turns(60)
    assert types(done) == [(code("result") | schema.REPLY, 3), (code("get_state") | schema.REPLY, 4)]


def test_uploads_and_counters_are_executed_beside_a_program(raw: Raw) -> None:
    raw.send("train_range", 1, bytes([0, 0, 40, 0]))
    assert (code("upload_many") | schema.REPLY, 2) in types(raw.send("upload_many", 2, bytes(24)))
    assert (code("counters") | schema.REPLY, 3) in types(raw.send("counters", 3))
    assert raw.send("get_state", 4) == [], "this one waits"


def test_a_new_session_waits_for_the_old_ones_program_and_gets_its_own_answers(raw: Raw) -> None:
    raw.send("train_range", 1, bytes([0, 0, 40, 0]))
    raw.send("result", 2)
    raw.hello(0x00015555)
    assert types(raw.send("get_state", 1, session=0x5555)) == []
    *_, state = raw.turns(60)
    assert (state.session, state.type) == (0x5555, code("get_state") | schema.REPLY)
    assert state.payload[:4] == bytes([1, 0, 0, 0]), "the step was finished, once"


def test_an_evaluation_of_an_old_session_stops(raw: Raw) -> None:
    raw.send("evaluate", 1, bytes([0, 0, 50, 0, 3]))
    raw.hello(0x00015555)
    raw.turns(60)
    assert types(raw.send("about", 1, session=0x5555)) == [(code("about") | schema.REPLY, 1)]


def test_another_version_gets_a_clear_error(board: harness.Board) -> None:
    raw = Raw(board)
    board.waiting += Frame(code("hello"), 7, 9, bytes(4), version=9).encode()
    (error,) = raw.turns()
    assert (error.type, error.session, error.sequence) == (code("error"), 7, 9)
    assert error.payload[0] == next(c.value for c in schema.ERRORS if c.name == "version")
    assert error.payload[1:] == bytes([9, 0, 0, 0, schema.PROTOCOL_VERSION, 0, 0, 0])


def test_an_echoing_line_makes_no_storm(raw: Raw) -> None:
    for frame in raw.send("about", 1):
        raw.board.waiting += frame.encode()
    assert raw.turns(20) == []


def test_sequence_numbers_wrap(device: Device) -> None:
    session = device.session
    numbers = itertools.repeat(("get_state", {}), 70000)
    assert sum(1 for _ in session.pipeline(numbers)) == 70000
    assert device.counters().duplicates == 0


def test_hello_tells_what_the_firmware_is(device: Device) -> None:
    hello = device.hello
    assert hello.fingerprint == "112233445566778899aabbccddeeff00" * 2
    assert (hello.inputs, hello.classes, hello.layers, hello.weights) == (20, 4, 9, 333)
    assert (hello.master_bytes, hello.batch, hello.frame_bytes, hello.store_slots) == (2, 40, 64, 50)
    assert (hello.board, hello.firmware, hello.tick_hz) == ("memory", "0.0-test", 1000000)
    assert hello.instructions_per_tick == 31.25
    assert hello.trains
    assert not hello.loading


def test_firmware_of_another_network_is_told_apart(device: Device) -> None:
    device.check_network(device.hello.fingerprint, "mine")
    with pytest.raises(LinkError, match=r"memory was built from another network.*mine has 000000000000"):
        device.check_network("0" * 64, "mine")


def random_masters(seed: int = 3) -> list[bytes]:
    rng = np.random.default_rng(seed)
    return [rng.integers(-16383, 16384, WEIGHTS).astype("<i2").tobytes() for _ in range(LAYERS)]


def test_masters_are_loaded_and_read(device: Device) -> None:
    masters = random_masters()
    device.load_masters(masters, 11, 0xFFFFFFFF)
    assert device.read_masters([WEIGHTS] * LAYERS) == masters
    assert (device.state().step, device.state().seed) == (11, 0xFFFFFFFF)


def test_loading_is_all_or_nothing(device: Device, wire: harness.MemoryTransport) -> None:
    device.load_masters(random_masters(), 0, 0)
    session = device.session
    session.call("load_begin")
    session.call("load_chunk", {"layer": 1, "first": 3, "data": bytes(6)})
    for name, values in (
        ("train_range", {"first": 0, "count": 1}),
        ("infer_range", {"first": 0, "count": 1}),
    ):
        with pytest.raises(RefusedError, match="masters are incomplete"):
            session.call(name, values)
    with pytest.raises(RefusedError, match="not those that were sent"):
        session.call("load_commit", {"crc": 1, "step": 0, "seed": 0})
    reopened = Device.open(wire)
    assert reopened.hello.loading, "another session is told"
    with pytest.raises(RefusedError, match="masters are incomplete"):
        reopened.evaluate(0, 1, 3)
    reopened.load_masters(random_masters(4), 5, 6)
    reopened.train([0])
    assert reopened.result().step == 5
    with pytest.raises(RefusedError, match="does not fit the present state"):
        reopened.session.call("load_chunk", {"layer": 0, "first": 0, "data": bytes(2)})


def test_logits_and_evaluation_are_those_of_the_masters(device: Device) -> None:
    masters = random_masters()
    device.load_masters(masters, 0, 0)
    x, labels = samples(50)
    device.upload(0, x, labels)
    flat = np.concatenate([np.frombuffer(m, "<i2") for m in masters]).astype(np.int64)
    wanted = x.astype(np.int64) @ flat[: CLASSES * INPUTS].reshape(CLASSES, INPUTS).T
    slots = [3, 1, 49, 1, *range(36)]
    assert (device.infer(slots) == wanted[slots]).all(), "more logits than a frame holds"
    assert (device.infer([7]) == wanted[[7]]).all()
    report = device.evaluate(5, 45, 9)
    error = wanted[5:] - 512 * np.eye(CLASSES, dtype=np.int64)[labels[5:]]
    assert report.sum_squared_error == int((error * error).sum())
    assert report.errors == int((wanted[5:].argmax(1) != labels[5:]).sum())
    assert report.samples == 45


def test_all_layers_are_reported_although_a_frame_is_too_small_for_them(device: Device) -> None:
    device.train([0])
    report = device.result()
    assert len(report.layers) == LAYERS > (64 - 21) // 6
    assert [layer.error_exponent for layer in report.layers] == [None, *range(8)]
    assert {layer.gradient_exponent for layer in report.layers} == {31}


def test_a_batch_in_many_parts_is_the_batch_in_one(device: Device) -> None:
    x, labels = samples(40)
    device.upload(0, x, labels)
    device.train(list(range(40)))
    one = (device.result(), device.read_masters([WEIGHTS] * LAYERS))
    device.load_masters([bytes(2 * WEIGHTS)] * LAYERS, 0, 0)
    order = np.random.default_rng(0).permutation(40)
    device.upload(0, x[order], labels[order])
    device.train(np.argsort(order).tolist())
    assert (device.result(), device.read_masters([WEIGHTS] * LAYERS)) == one


@pytest.mark.parametrize(
    ("name", "values", "error"),
    [
        ("train_range", {"first": 0, "count": 0}, "batch"),
        ("train_range", {"first": 0, "count": BATCH + 1}, "batch"),
        ("train_range", {"first": 49, "count": 2}, "slot"),
        ("train_range", {"first": 65535, "count": 40}, "slot"),
        ("train", {"flags": 0, "place": 0, "slots": b"\x32\x00"}, "slot"),
        ("train", {"flags": 0, "place": 0, "slots": b"\x00"}, "length"),
        ("train", {"flags": 0, "place": 0, "slots": b""}, "batch"),
        ("train", {"flags": 0, "place": 3, "slots": b"\x00\x00"}, "state"),
        ("infer_range", {"first": 50, "count": 1}, "slot"),
        ("evaluate", {"first": 0, "count": 51, "log2_one": 3}, "slot"),
        ("evaluate", {"first": 0, "count": 0, "log2_one": 3}, "range"),
        ("evaluate", {"first": 0, "count": 1, "log2_one": 31}, "range"),
        ("upload", {"slot": 50, "offset": 0, "label": 0, "codes": b""}, "slot"),
        ("upload", {"slot": 0, "offset": 19, "label": 0, "codes": b"\x00\x00"}, "range"),
        ("upload", {"slot": 0, "offset": 0xFFFFFFFF, "label": 0, "codes": b"\x00\x00"}, "range"),
        ("upload", {"slot": 0, "offset": 0, "label": 4, "codes": b""}, "label"),
        ("upload", {"slot": 0, "offset": 0, "label": 0, "codes": b"\x08"}, "code"),
        ("upload", {"slot": 0, "offset": 0, "label": 0, "codes": b"\x80"}, "code"),
        ("upload_many", {"slot": 0, "samples": bytes(23)}, "length"),
        ("upload_many", {"slot": 49, "samples": bytes(44)}, "slot"),
        ("upload_many", {"slot": 0, "samples": b"\x04" + bytes(21)}, "label"),
        ("set_rule", {"log2_lr": 16, "rule": 0}, "range"),
        ("set_rule", {"log2_lr": -17, "rule": 0}, "range"),
        ("set_rule", {"log2_lr": 0, "rule": 2}, "range"),
        ("load_chunk", {"layer": 0, "first": 0, "data": b"\x00"}, "length"),
        ("load_chunk", {"layer": 0, "first": 0, "data": b"\x00\x00"}, "state"),
        ("load_commit", {"crc": 0, "step": 0, "seed": 0}, "state"),
        ("read_masters", {"layer": 9, "first": 0, "count": 1}, "range"),
        ("read_masters", {"layer": 0, "first": 36, "count": 2}, "range"),
        ("read_masters", {"layer": 0, "first": 0xFFFFFFFF, "count": 1}, "range"),
        ("read_masters", {"layer": 0, "first": 0, "count": 33}, "range"),
        ("result", {}, "state"),
        ("layer_stats", {"first": 0}, "state"),
        ("read_logits", {"first": 0}, "state"),
    ],
)
def test_every_bad_request_is_refused_and_changes_nothing(
    device: Device, name: str, values: dict[str, int | bytes], error: str
) -> None:
    before = (device.state(), device.read_masters([WEIGHTS] * LAYERS))
    with pytest.raises(RefusedError, match=f"the device refused {name}: ") as caught:
        device.session.call(name, values)
    assert caught.value.code == error
    assert (device.state(), device.read_masters([WEIGHTS] * LAYERS)) == before


def test_masters_outside_the_grid_are_refused(device: Device) -> None:
    device.session.call("load_begin")
    with pytest.raises(RefusedError, match="outside its range"):
        device.session.call("load_chunk", {"layer": 0, "first": 0, "data": b"\xff\x7f"})


def test_a_part_of_a_batch_does_not_outlive_a_mistake(device: Device) -> None:
    session = device.session
    session.call("train", {"flags": 1, "place": 0, "slots": b"\x00\x00"})
    with pytest.raises(RefusedError, match="does not fit the present state"):
        session.call("infer", {"flags": 0, "place": 1, "slots": b"\x00\x00"})
    with pytest.raises(RefusedError, match="does not fit the present state"):
        session.call("train", {"flags": 0, "place": 1, "slots": b"\x00\x00"})


def whole(codes: np.ndarray, labels: np.ndarray) -> bytes:
    return b"".join(
        int(label).to_bytes(2, "little") + code.tobytes() for code, label in zip(codes, labels, strict=True)
    )


def test_samples_that_come_with_their_step_are_learned_as_from_the_store(
    library: Callable[[harness.Config], Path],
) -> None:
    wire = harness.MemoryTransport(harness.Board(library(harness.Config(frame=80))))
    device = Device.open(wire)
    codes, labels = samples(6)
    device.upload(0, codes, labels)
    reports = []
    for first in (0, 2, 4):
        device.train(range(first, first + 2))
        reports.append(device.result())
    learned = device.read_masters([WEIGHTS] * LAYERS)

    wire.board.reset()
    device = Device.open(wire)
    assert device.streams(3)
    assert not device.streams(4), "a sample has 22 bytes, a frame 80"
    sent = [device.stream_request(codes[at : at + 2], labels[at : at + 2]) for at in (0, 2, 4)]
    records = list(device.session.pipeline([*sent, *device.result_requests()]))
    assert records[0].int("samples") == 0, "there was no step before"
    assert records[0].bytes("layers") == b""
    found = [device.report([record]) for record in records[1:]]
    assert found == reports
    assert device.read_masters([WEIGHTS] * LAYERS) == learned


def test_samples_that_come_with_their_step_are_checked(device: Device) -> None:
    codes, labels = samples(2)
    before = device.read_masters([WEIGHTS] * LAYERS)
    for changed, labelled, message in (
        (codes, np.array([0, CLASSES]), "label"),
        (np.full_like(codes, 127), labels, "code"),
    ):
        with pytest.raises(RefusedError, match=message):
            device.session.call(*device.stream_request(changed, labelled))
    for size, message in ((0, "batch"), (INPUTS + 1, "shorter"), (INPUTS + 3, "shorter")):
        with pytest.raises(RefusedError, match=message):
            device.session.call("train_samples", {"samples": bytes(size)})
    assert not device.streams(1), "the layers of its report need a second frame"
    assert device.state().step == 0
    assert device.read_masters([WEIGHTS] * LAYERS) == before


def test_messages_cut_short_are_refused(raw: Raw) -> None:
    with_fields = [m for m in schema.REQUESTS if m.fields and m.name != "hello"]
    sizes = {m: schema.wire_size(tuple(f for f in m.fields if f.default is None)) for m in with_fields}
    for number, (message, size) in enumerate(((m, size) for m, size in sizes.items() if size), 1):
        frames = raw.send(message.name, number, bytes(size - 1))
        assert types(frames) == [(code("error"), number)], message.name
        assert frames[0].payload[0] == 3


def test_unknown_messages_are_refused(raw: Raw) -> None:
    raw.board.waiting += Frame(0x3F, SESSION, 1).encode()
    (error,) = raw.turns()
    assert (error.type, error.payload[0]) == (code("error"), 2)


def test_reset_opens_a_new_session_with_the_first_state(device: Device) -> None:
    device.set_state(9, 9)
    device.reset()
    assert device.state().step == 0


def test_a_restarted_device_is_told(device: Device, wire: harness.MemoryTransport) -> None:
    device.train([0])
    wire.board.reset()
    with pytest.raises(DeviceRestartedError, match="the device restarted in the middle") as caught:
        device.result()
    assert caught.value.exit_code == 7
    with pytest.raises(DeviceRestartedError):
        device.state()


def test_another_program_that_takes_the_device_is_told(device: Device, wire: harness.MemoryTransport) -> None:
    Device.open(wire)
    with pytest.raises(DeviceRestartedError, match="another program"):
        device.state()


def test_exit_ends_with_the_code(device: Device, wire: harness.MemoryTransport) -> None:
    device.exit(3)
    with pytest.raises(LinkError, match="ended with code 3; waited for the answer to get_state"):
        device.state()


def test_faults_arrive_with_registers_and_cause(device: Device, wire: harness.MemoryTransport) -> None:
    wire.board.fault()
    with pytest.raises(FirmwareFaultError, match="failed assertion at test:77") as caught:
        device.state()
    assert isinstance(caught.value, DeviceFaultError)
    assert caught.value.exit_code == 8
    assert caught.value.report.registers["pc"] == 0x1234
    assert caught.value.report.registers["sp"] == 0x20001000


def test_log_lines_arrive_and_are_cut_to_the_smallest_frame(wire: harness.MemoryTransport) -> None:
    lines: list[tuple[int, str]] = []
    device = Device.open(wire, on_log=lambda level, text: lines.append((level, text)))
    wire.board.log("hello")
    wire.board.log("x" * 200)
    device.session.listen(0.01)
    assert lines == [(20, "hello"), (20, "x" * 63)]


def test_no_device_is_an_error_that_says_what_was_waited_for(wire: harness.MemoryTransport) -> None:
    wire.deaf = True
    with pytest.raises(LinkError, match="no device answered within 10 s; waited for its hello") as caught:
        Device.open(wire)
    assert caught.value.exit_code == 7
    assert wire.closed


def test_a_device_that_hangs_is_given_up(device: Device, wire: harness.MemoryTransport) -> None:
    device.train([0])
    wire.deaf = True
    with pytest.raises(LinkError, match=r"not a sign of life for .* s; waited for the answer to result"):
        device.result()


def test_a_device_that_lives_without_progress_is_given_up(wire: harness.MemoryTransport) -> None:
    class Stuck(harness.MemoryTransport):
        """Acknowledges everything with the same progress."""

        def write(self, data: bytes) -> None:
            for frame in Decoder().feed(data):
                ack = Frame(ACK, frame.session, frame.sequence, bytes([7, 0, 0, 0, 0])).encode()
                if frame.type == code("hello"):
                    super().write(data)
                else:
                    self.answers.append(ack)

        def read(self, timeout: float) -> bytes:
            return self.answers.pop() if self.answers else super().read(timeout)

    stuck = Stuck(wire.board)
    stuck.answers = []
    session = Session(stuck)
    session.open()
    with pytest.raises(LinkError, match=r"made no progress for .*waited for the answer to about"):
        session.call("about")
    assert stuck.now > Timing().stall


def test_a_pulled_cable_is_an_error(device: Device, wire: harness.MemoryTransport) -> None:
    device.train([0])
    wire.pulled = True
    with pytest.raises(LinkError, match="pulled") as caught:
        device.result()
    assert caught.value.exit_code == 7
    with pytest.raises(LinkError, match="pulled"):
        device.state()


def test_a_firmware_of_another_version_is_told(wire: harness.MemoryTransport) -> None:
    class Future(harness.MemoryTransport):
        """A firmware that answers in version 2."""

        def write(self, data: bytes) -> None:
            (self.asked,) = Decoder().feed(data)

        def read(self, timeout: float) -> bytes:
            payload = bytes([1, 1, 0, 0, 0, 2, 0, 0, 0, 77])
            return Frame(code("error"), self.asked.session, 0, payload, version=2).encode()

    with pytest.raises(VersionError, match="speaks version 2 of the link protocol, this wagekit version 1"):
        Device.open(Future(wire.board))


def test_the_firmwares_word_on_versions_is_understood(wire: harness.MemoryTransport) -> None:
    class Newer(harness.MemoryTransport):
        """A host of version 3 on this line."""

        def write(self, data: bytes) -> None:
            (frame,) = Decoder().feed(data)
            newer = Frame(frame.type, frame.session, frame.sequence, frame.payload, version=3)
            super().write(newer.encode())

    with pytest.raises(VersionError, match="speaks version 1"):
        Device.open(Newer(wire.board))


def test_a_long_program_is_waited_for(library: Callable[[harness.Config], Path]) -> None:
    wire = harness.MemoryTransport(harness.Board(library(harness.Config())))
    device = Device.open(wire, timing=Timing(poll=0.001, silence=0.02))
    device.train(list(range(40)))
    device.result()
    assert device.counters().duplicates > 3, "the host asked whether it lives"


def test_program_and_profile_ticks_are_counted(device: Device) -> None:
    device.train(list(range(10)))
    device.result()
    counters = device.counters()
    assert counters.program_ticks > counters.compute_ticks > 0
    assert counters.instructions == round(counters.compute_ticks * 31.25)
    assert counters.stack_free == 1234
    assert counters.host["damaged"] == 0
    profile = device.profile()
    assert len(profile) == 2
    assert sum(profile) == counters.compute_ticks
    slices = device.slices()
    assert len(slices) == 2
    assert max(slices) > 0
    assert all(longest <= total for longest, total in zip(slices, profile, strict=True))
