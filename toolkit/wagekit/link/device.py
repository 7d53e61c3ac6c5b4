"""What a device on the link can do, as calls with bytes and arrays; knows no network description."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from wagekit.errors import LinkError
from wagekit.link import schema
from wagekit.link.codec import Record, Value
from wagekit.link.errors import DeviceRestartedError, RefusedError
from wagekit.link.health import HealthReport, read_health
from wagekit.link.kept import LEVELS
from wagekit.link.learning import RULES, Learner
from wagekit.link.reports import (
    CheckpointReport,
    Counters,
    EvaluationReport,
    Hello,
    LayerReport,
    State,
    StepReport,
)
from wagekit.link.session import LogSink, Session, Timing
from wagekit.link.transport import Transport

_LAYER = struct.Struct("<Ibb")
"""Layer statistics of a training step: saturated, error exponent, gradient exponent."""
Request = tuple[str, Mapping[str, Value]]


_WORK = ("idle", "save", "load")
_SLOT = ("blank", "damaged", "foreign", "whole")
_LEARNING = ("none", "taken", "refused")
_SAVE_ENDS = ("whole", "busy", "none", "small", "worn", "changed")


class Device:
    """A firmware with the link application."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.hello = self._open()

    @classmethod
    def open(
        cls, transport: Transport, *, timing: Timing | None = None, on_log: LogSink | None = None
    ) -> Device:
        """Open a session over a transport; closes the transport if that fails."""
        try:
            return cls(Session(transport, timing=timing, on_log=on_log))
        except BaseException:
            transport.close()
            raise

    def _open(self) -> Hello:
        hello = self.session.open()
        about = self.session.call("about")
        in_flash, frozen_crc = self._frozen() if hello.int("flags") & _flag("frozen") else ((), 0)
        per_tick = about.int("instructions") / about.int("ticks") if about.int("instructions") else None
        return Hello(
            fingerprint=hello.bytes("fingerprint").hex(),
            inputs=hello.int("inputs"),
            classes=hello.int("classes"),
            layers=hello.int("layers"),
            weights=hello.int("weights"),
            master_bytes=hello.int("master_bytes"),
            batch=hello.int("batch"),
            frame_bytes=hello.int("frame_bytes"),
            store_slots=hello.int("store_slots"),
            loading=bool(hello.int("flags") & _flag("loading")),
            trains=bool(hello.int("flags") & _flag("trains")),
            health=bool(hello.int("flags") & _flag("health")),
            streams=bool(hello.int("flags") & _flag("streams")),
            senses=bool(hello.int("flags") & _flag("senses")),
            in_flash=in_flash,
            frozen_crc=frozen_crc,
            checkpoints=bool(hello.int("flags") & _flag("checkpoints")),
            restored=bool(hello.int("flags") & _flag("restored")),
            board=about.text("board"),
            firmware=about.text("firmware"),
            tick_hz=about.int("tick_hz"),
            instructions_per_tick=per_tick,
            manifest=self.session.call("manifest").bytes("hash").hex(),
        )

    def _frozen(self) -> tuple[tuple[int, ...], int]:
        """Layers whose weights lie in flash, and the CRC of their masters."""
        record = self.session.call("frozen")
        layers = int.from_bytes(record.bytes("layers"), "little")
        return tuple(n for n in range(layers.bit_length()) if layers >> n & 1), record.int("crc")

    def build_text(self) -> str | None:
        """What the firmware was made of, in lines `key=value`; None from one that is too old to tell."""
        text = bytearray()
        try:
            while True:
                record = self.session.call("build_text", {"first": len(text)})
                text += record.bytes("text")
                if len(text) >= record.int("size") or not record.bytes("text"):
                    return text.decode("utf-8", "replace")
        except RefusedError as error:
            if error.code != "unknown":
                raise
            return None

    @property
    def learner(self) -> Learner:
        """What learns by itself on the device."""
        return Learner(self.session)

    @property
    def name(self) -> str:
        """The transport's name."""
        return self.session.name

    def check_network(self, fingerprint: str, network: str) -> None:
        """Raise LinkError if the firmware was built from another network than this fingerprint's."""
        if self.hello.fingerprint != fingerprint:
            raise LinkError(
                f"{self.name}: the firmware on {self.hello.board} was built from another network: "
                f"fingerprint {self.hello.fingerprint[:12]}, but {network} has {fingerprint[:12]}",
                hint="build the firmware from this network and flash it",
            )

    def check_manifest(self, manifest: str) -> None:
        """Raise LinkError if the firmware is another build than the one with this manifest hash."""
        if self.hello.manifest != manifest:
            raise LinkError(
                f"{self.name}: the firmware on {self.hello.board} is another build: "
                f"manifest {self.hello.manifest[:12]}, expected {manifest[:12]}",
                hint="flash the firmware that was just built",
            )

    # State.

    def state(self) -> State:
        """Step, seed and defaults; waits for a training step under way."""
        record = self.session.call("get_state")
        return State(record.int("step"), record.int("seed"), record.int("log2_lr"), RULES[record.int("rule")])

    def set_state(self, step: int, seed: int) -> None:
        """Set step and seed (uint32)."""
        self.session.call("set_state", {"step": step, "seed": seed})

    def set_rule(self, log2_lr: int, rule: str) -> None:
        """Set what training uses from now on."""
        self.session.run_all([self.rule_request(log2_lr, rule)])

    def set_health(self, every: int) -> None:
        """Count the health of the layers in steps that are a multiple of `every`; 0: never."""
        self.session.call("set_health", {"every": every})

    def health(self) -> HealthReport | None:
        """The health of the last step that counted it, also while it learns by itself."""
        return read_health(self.session, self.hello)

    def rule_request(self, log2_lr: int, rule: str) -> Request:
        """The request of `set_rule`."""
        return "set_rule", {"log2_lr": log2_lr, "rule": RULES.index(rule)}

    def load_masters(self, layers: Sequence[bytes], step: int, seed: int) -> None:
        """Replace all masters (little-endian bytes, a layer each), step and seed; all or nothing.

        Those of layers in flash are not sent: they must be what the device has, else it ends with
        RefusedError `checksum`. If this is broken off, the device refuses to compute until a loading
        is complete.
        """
        crc = 0
        for data in layers:
            crc = zlib.crc32(data, crc)
        self.session.call("load_begin")
        self.session.run_all(self._load_chunks(layers))
        self.session.call("load_commit", {"crc": crc, "step": step, "seed": seed})

    def _load_chunks(self, layers: Sequence[bytes]) -> Iterator[Request]:
        width = self.hello.master_bytes
        room = (self.hello.frame_bytes - schema.wire_size(schema.find("load_chunk").fields)) // width * width
        for layer, data in enumerate(layers):
            if layer in self.hello.in_flash:
                continue
            for at in range(0, len(data), room):
                yield "load_chunk", {"layer": layer, "first": at // width, "data": data[at : at + room]}

    def read_masters(self, weights: Sequence[int]) -> list[bytes]:
        """Masters of all layers, which have so many weights each."""
        parts: list[bytearray] = [bytearray() for _ in weights]
        places = [
            (layer, first, min(count - first, self._master_room))
            for layer, count in enumerate(weights)
            for first in range(0, count, self._master_room)
        ]
        requests: Iterator[Request] = (
            ("read_masters", {"layer": layer, "first": first, "count": count})
            for layer, first, count in places
        )
        for (layer, _, count), record in zip(places, self.session.pipeline(requests), strict=True):
            data = record.bytes("data")
            if len(data) != count * self.hello.master_bytes:
                raise LinkError(f"{self.name}: the device sent {len(data)} bytes of {count} masters")
            parts[layer] += data
        return [bytes(part) for part in parts]

    @property
    def _master_room(self) -> int:
        return self.hello.frame_bytes // self.hello.master_bytes

    # Checkpoints.

    def save_checkpoint(self, *, wait: bool = True) -> int:
        """Save what was learned; the step of the record.

        With `wait` it returns once the record was read back from the flash; without, at once: the
        save goes on beside inference, and `checkpoint_info` tells its end. RefusedError with the
        code `worn` or `small` where it cannot be saved: the device goes on with what it has.
        """
        return self.session.call("checkpoint_save", {"wait": int(wait)}).int("step")

    def load_checkpoint(self) -> int:
        """Go back to the newest checkpoint; its step. RefusedError `empty` if there is none."""
        return self.session.call("checkpoint_load").int("step")

    def checkpoint_info(self) -> CheckpointReport:
        """Slots, counts and policy; also while the device computes or saves."""
        record = self.session.call("checkpoint_info")
        newest = record.int("newest")
        counts = ("step", "sequence", "saves", "failures", "erases", "words", "failed_at")
        settings = (
            "sectors",
            "sector_bytes",
            "word_bytes",
            "every",
            "improvement",
            "spacing",
            "record_bytes",
        )
        return CheckpointReport(
            work=_named(_WORK, record.int("work")),
            last_save=_named(_SAVE_ENDS, record.int("last_save")),
            newest=newest if newest < 2 else None,
            unconfirmed=bool(record.int("unconfirmed")),
            slots=(_named(_SLOT, record.int("slot0")), _named(_SLOT, record.int("slot1"))),
            keep=_named(LEVELS, record.int("keep")),
            learning=_named(_LEARNING, record.int("learning")),
            **{name: record.int(name) for name in (*counts, *settings)},
        )

    def set_policy(
        self, *, every: int = 0, improvement: int = 0, spacing: int = 0, keep: str = "learning"
    ) -> None:
        """When the device saves by itself: every so many steps, when an evaluation's share of errors is
        `improvement` 65536ths below the best, and at most once in `spacing` seconds. All 0: never.

        `keep` is one of `kept.LEVELS`. RefusedError `large` if a record would not fit a slot.
        """
        values = {
            "every": every,
            "improvement": improvement,
            "spacing": spacing,
            "keep": LEVELS.index(keep),
        }
        self.session.call("set_policy", values)

    # Samples.

    def upload(self, first: int, codes: NDArray[np.int8], labels: NDArray[np.uint16]) -> None:
        """Put samples `[n, inputs]` with labels `[n]` into the store from slot `first` on."""
        self.session.run_all(self.upload_requests(first, codes, labels))

    def upload_requests(
        self, first: int, codes: NDArray[np.int8], labels: NDArray[np.uint16]
    ) -> Iterator[Request]:
        """The requests of `upload`, to be mixed with others."""
        room = self.hello.frame_bytes
        together = (room - schema.wire_size(schema.find("upload_many").fields)) // self._sample_bytes
        if together >= 1:
            for at in range(0, len(codes), together):
                part = slice(at, at + together)
                yield "upload_many", {"slot": first + at, "samples": _samples(codes[part], labels[part])}
            return
        room -= schema.wire_size(schema.find("upload").fields)
        for index, label in enumerate(labels):
            data = codes[index].tobytes()
            for offset in range(0, len(data), room):
                yield (
                    "upload",
                    {
                        "slot": first + index,
                        "offset": offset,
                        "label": int(label),
                        "codes": data[offset : offset + room],
                    },
                )

    @property
    def _sample_bytes(self) -> int:
        return self.hello.inputs + 2

    def sense(self, slot: int) -> None:
        """Let the device's own sensor fill a slot; RefusedError `sensor` where there is none."""
        self.session.call("sense", {"slot": slot})

    def read_sample(self, slot: int) -> tuple[NDArray[np.int8], int]:
        """Codes `[inputs]` and class number of a sample of the store."""
        data, label = bytearray(), 0
        while len(data) < self.hello.inputs:
            record = self.session.call("read_sample", {"slot": slot, "offset": len(data)})
            label, more = record.int("label"), record.bytes("codes")
            if not more or len(data) + len(more) > self.hello.inputs:
                raise LinkError(
                    f"{self.name}: the device sent {len(data) + len(more)} of {self.hello.inputs} codes"
                )
            data += more
        return np.frombuffer(bytes(data), np.int8), label

    # Computing.

    def train(self, slots: Sequence[int]) -> None:
        """Begin a training step on these slots; `result` waits for its end."""
        self.session.run_all(self.batch_requests("train", slots))

    def batch_requests(
        self, name: str, slots: Sequence[int], place: int = 0, more: bool = False
    ) -> Iterator[Request]:
        """The requests that begin `train` or `infer` with these slots.

        A batch may come in parts, with their samples uploaded in between: `place` is the number
        of samples in earlier parts, `more` says that this is not the last.
        """
        whole = place == 0 and not more
        if whole and list(slots) == list(range(slots[0], slots[0] + len(slots))):
            yield f"{name}_range", {"first": slots[0], "count": len(slots)}
            return
        flag = schema.BATCH_FLAGS[0].value
        room = (self.hello.frame_bytes - schema.wire_size(schema.find(name).fields)) // 2
        for at in range(0, len(slots), room):
            part = slots[at : at + room]
            flags = flag if more or at + room < len(slots) else 0
            packed = b"".join(int(slot).to_bytes(2, "little") for slot in part)
            yield name, {"flags": flags, "place": place + at, "slots": packed}

    def streams(self, samples: int) -> bool:
        """Whether `stream_request` may bring so many samples, and its answer the whole report before."""
        fits = samples * self._sample_bytes <= self.hello.frame_bytes
        return self.hello.streams and fits and len(self.result_requests()) == 1

    def stream_request(self, codes: NDArray[np.int8], labels: NDArray[np.uint16]) -> Request:
        """The request that begins to learn this batch, and whose answer reports the step before.

        Codes `[n, inputs]`, labels `[n]`; only where `streams` allows so many.
        """
        return "train_samples", {"samples": _samples(codes, labels)}

    def result(self) -> StepReport:
        """Wait for the training step under way, and what it reports."""
        return self.report(list(self.session.pipeline(self.result_requests())))

    def result_requests(self) -> list[Request]:
        """The requests whose answers `report` understands: a result and the layers that do not fit in it."""
        fields = schema.find("result").reply or ()
        first = (self.hello.frame_bytes - schema.wire_size(fields)) // _LAYER.size
        requests: list[Request] = [("result", {})]
        while first < self.hello.layers:
            requests.append(("layer_stats", {"first": first}))
            first += self.hello.frame_bytes // _LAYER.size
        return requests

    def report(self, records: Sequence[Record]) -> StepReport:
        """A report from the answers to `result_requests`."""
        record = records[0]
        layers = [layer for part in records for layer in _layers(part.bytes("layers"))]
        if len(layers) != self.hello.layers:
            raise LinkError(f"{self.name}: the device reports {len(layers)} of {self.hello.layers} layers")
        return StepReport(
            step=record.int("step"),
            samples=record.int("samples"),
            errors=record.int("errors"),
            sum_squared_error=record.int("sum_squared_error"),
            log2_lr=record.int("log2_lr"),
            layers=tuple(layers),
        )

    def infer(self, slots: Sequence[int]) -> NDArray[np.int32]:
        """Logits `[n, classes]` of at most a batch of slots."""
        return self.logits(self.batch_requests("infer", slots), len(slots))

    def logits(self, requests: Iterable[Request], samples: int) -> NDArray[np.int32]:
        """Logits `[samples, classes]` of the batch whose inference these requests begin."""
        *_, record = self.session.pipeline(requests)
        data = bytearray(record.bytes("logits"))
        wanted = 4 * samples * self.hello.classes
        while len(data) < wanted:
            more = self.session.call("read_logits", {"first": len(data) // 4}).bytes("logits")
            if not more:
                raise LinkError(f"{self.name}: the device sent {len(data)} of {wanted} bytes of logits")
            data += more
        return np.frombuffer(bytes(data), "<i4").astype(np.int32).reshape(samples, self.hello.classes)

    def evaluate(self, first: int, count: int, log2_one: int) -> EvaluationReport:
        """Infer slots `first`..`first + count - 1` and compare with their labels."""
        values: dict[str, Value] = {"first": first, "count": count, "log2_one": log2_one}
        record = self.session.call("evaluate", values)
        return EvaluationReport(record.int("samples"), record.int("errors"), record.int("sum_squared_error"))

    def counters(self) -> Counters:
        """Counters of device and host."""
        record = self.session.call("counters")
        numbers = {f.name: record.int(f.name) for f in schema.find("counters").reply or ()}
        per_tick = self.hello.instructions_per_tick
        stats = self.session.stats
        return Counters(
            **numbers,
            instructions=None if per_tick is None else round(numbers["compute_ticks"] * per_tick),
            host={
                "sent": stats.sent,
                "resent": stats.resent,
                "received": stats.received,
                "damaged": self.session.damaged,
            },
        )

    def profile(self) -> list[int]:
        """Ticks of each operation of the last program, in the program's order."""
        return self._by_operation("profile", "<Q")

    def slices(self) -> list[int]:
        """Ticks of the longest slice of each operation of the last program, in the program's order."""
        return self._by_operation("slices", "<I")

    def _by_operation(self, name: str, layout: str) -> list[int]:
        ticks: list[int] = []
        operations = 1
        while len(ticks) < operations:
            record = self.session.call(name, {"first": len(ticks)})
            operations, data = record.int("operations"), record.bytes("ticks")
            if operations and not data:
                raise LinkError(f"{self.name}: the device sent {len(ticks)} of {operations} operations")
            ticks += [value for (value,) in struct.iter_unpack(layout, data)]
        return ticks

    # Ends.

    def reset(self) -> Hello:
        """Restart the chip and open a new session; the network is in its first state, or in that of the
        newest checkpoint.
        """
        self._last_words(lambda: self.session.call("reset"))
        self.hello = self._open()
        return self.hello

    def exit(self, code: int = 0) -> None:
        """End QEMU with this code, or stop the chip; the session is over."""
        self._last_words(lambda: self.session.call("exit", {"code": code}))

    def _last_words(self, call: Callable[[], object]) -> None:
        with suppress(DeviceRestartedError):  # the answer was lost, its effect is there
            call()

    def close(self) -> None:
        """Close the transport; harmless when called twice."""
        self.session.transport.close()


def _named(names: Sequence[str], number: int) -> str:
    return names[number] if number < len(names) else str(number)


def _flag(name: str) -> int:
    return next(code.value for code in schema.HELLO_FLAGS if code.name == name)


def _samples(codes: NDArray[np.int8], labels: NDArray[np.uint16]) -> bytes:
    """Whole samples as they travel."""
    return b"".join(
        int(label).to_bytes(2, "little") + sample.tobytes()
        for label, sample in zip(labels, codes, strict=True)
    )


def _layers(data: bytes) -> list[LayerReport]:
    def exponent(value: int) -> int | None:
        return None if value < 0 else value

    whole = len(data) - len(data) % _LAYER.size
    return [
        LayerReport(saturated, exponent(error), exponent(gradient))
        for saturated, error, gradient in _LAYER.iter_unpack(data[:whole])
    ]
