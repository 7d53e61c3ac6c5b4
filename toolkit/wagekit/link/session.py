"""A session: requests with sequence numbers, two under way, each executed once and in order.

No threads: whoever waits for an answer also resends, polls and listens. Every wait
ends, with the answer or with an error that says what was waited for.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median

from wagekit.errors import LinkError, WagekitError
from wagekit.link import codec, schema
from wagekit.link.codec import Record, Value
from wagekit.link.errors import (
    DeviceRestartedError,
    FaultReport,
    FirmwareFaultError,
    refused,
    wrong_version,
)
from wagekit.link.framing import Decoder, Frame
from wagekit.link.transport import Transport

LogSink = Callable[[int, str], None]
HELLO_RESEND = 0.25
"""Seconds after which a hello is sent again at the latest: the device may not have been there yet."""
_HELLO = schema.find("hello")
_ACK = schema.find("ack")
_ERROR = schema.find("error")
_NO_SESSION = schema.find("no_session")
_LOG = schema.find("log")
_FAULT = schema.find("fault")


@dataclass(frozen=True, slots=True)
class Timing:
    """Times in seconds. The wire's own time is added where the transport knows it."""

    resend: float = 0.25
    """After which an unacknowledged request is sent again; doubled up to `resend_limit`."""
    resend_limit: float = 1.0
    poll: float = 0.5
    """How often a request that is being worked on is sent again to see that the device lives."""
    silence: float = 8.0
    """Without a sign of life the link is given up."""
    stall: float = 60.0
    """With signs of life but without progress the link is given up."""
    hello: float = 10.0
    """How long a device may take to answer the first time."""


@dataclass(slots=True)
class LinkStats:
    """What the host's side of a session counted."""

    sent: int = 0
    resent: int = 0
    received: int = 0
    stray: int = 0
    """Whole frames that nobody waited for: repeated answers, other sessions."""
    bytes_sent: int = 0
    bytes_received: int = 0
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=64))
    """Seconds from a request to the first frame that answers it, of the latest that were sent once."""

    def latency(self) -> float | None:
        """Median of the latest, or None."""
        return median(self.latencies) if self.latencies else None


class Ticket:
    """A request under way."""

    def __init__(self, message: schema.Message, sequence: int, wire: bytes) -> None:
        self.message = message
        self.sequence = sequence
        self.wire = wire
        self.sends = 0
        self.due = 0.0
        self.sent_at = 0.0
        self.acknowledged = False
        self.answer: Record | WagekitError | None = None


class Session:
    """The host's end of the link."""

    def __init__(
        self,
        transport: Transport,
        *,
        timing: Timing | None = None,
        on_log: LogSink | None = None,
        nonce: Callable[[], int] = lambda: secrets.randbits(32),
    ) -> None:
        """Prepare a session; `open` starts it. `nonce` gives random uint32 numbers."""
        self.transport = transport
        self.timing = timing or Timing()
        self.stats = LinkStats()
        self._on_log = on_log
        self._nonce = nonce
        self._decoder = Decoder()
        self._session = 0
        self._next = 1
        self._under_way: dict[int, Ticket] = {}
        self._hello: Record | None = None
        self._heard = 0.0
        self._progress = -1
        self._progressed = 0.0
        self._failure: WagekitError | None = None

    @property
    def name(self) -> str:
        """The transport's name."""
        return self.transport.name

    @property
    def damaged(self) -> int:
        """Frames that arrived cut or damaged."""
        return self._decoder.damaged

    def open(self) -> Record:
        """Open a session and return the fields of the device's hello.

        Raises LinkError if no device answers in time, VersionError if one answers that
        speaks another version.
        """
        nonce = 0
        while nonce & 0xFFFF == 0:
            nonce = self._nonce()
        self._failure = None
        self._hello = None
        self._session, self._next, self._progress = nonce & 0xFFFF, 1, -1
        self._under_way.clear()
        payload = codec.encode(_HELLO.fields, {"nonce": nonce})
        wire = b"\0" + Frame(_HELLO.code, self._session, 0, payload).encode()
        start = self._now()
        wait = min(self.timing.resend, HELLO_RESEND)
        while self._hello is None:
            now = self._now()
            if now - start > self.timing.hello:
                raise self._fail(self._no_hello())
            self._write(wire)
            end = now + wait + self._wire_time(len(wire) + 80)
            wait = min(2 * wait, self.timing.resend_limit)
            while self._hello is None and (now := self._now()) < end:
                self._listen(end - now)
        return self._hello

    def _no_hello(self) -> LinkError:
        heard = f"; {self.damaged} damaged frames arrived" if self.damaged else ""
        return LinkError(
            f"{self.name}: no device answered within {self.timing.hello:g} s; waited for its hello{heard}",
            hint="is the firmware flashed and running, and is the baud rate the board's?",
        )

    def submit(self, name: str, values: Mapping[str, Value] | None = None) -> Ticket:
        """Send a request, when fewer than two are under way; waits for that."""
        message = schema.find(name)
        payload = codec.encode(message.fields, values or {})
        while len(self._under_way) >= schema.WINDOW:
            self._turn()
        self._check()
        if not self._under_way:
            self._heard = self._progressed = self._now()
        wire = Frame(message.code, self._session, self._next, payload).encode()
        ticket = Ticket(message, self._next, wire)
        self._under_way[self._next] = ticket
        self._next = (self._next + 1) & 0xFFFF
        self._send(ticket)
        return ticket

    def wait(self, ticket: Ticket) -> Record:
        """The answer to a request.

        Raises LinkError on time-out, a lost connection, a restarted device or a refused
        request, and FirmwareFaultError when the firmware reports a fault.
        """
        while ticket.answer is None:
            self._turn()
        if isinstance(ticket.answer, WagekitError):
            raise ticket.answer
        return ticket.answer

    def call(self, name: str, values: Mapping[str, Value] | None = None) -> Record:
        """Send a request and wait for its answer."""
        return self.wait(self.submit(name, values))

    def pipeline(self, requests: Iterable[tuple[str, Mapping[str, Value]]]) -> Iterator[Record]:
        """Answers to many requests in order, with two of them under way."""
        tickets: list[Ticket] = []
        for name, values in requests:
            if len(tickets) >= schema.WINDOW:
                yield self.wait(tickets.pop(0))
            tickets.append(self.submit(name, values))
        for ticket in tickets:
            yield self.wait(ticket)

    def run_all(self, requests: Iterable[tuple[str, Mapping[str, Value]]]) -> None:
        """`pipeline` for requests whose answers have nothing in them."""
        for _ in self.pipeline(requests):
            pass

    def listen(self, seconds: float) -> None:
        """Take log and fault frames for a while although nothing is asked."""
        self._check()
        self._listen(seconds)

    # The loop.

    def _now(self) -> float:
        return self.transport.clock()

    def _wire_time(self, size: int) -> float:
        return size * self.transport.byte_time

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._hello is None:
            raise LinkError(f"{self.name}: no session is open", hint="call open() first")

    def _fail(self, error: WagekitError) -> WagekitError:
        """Nothing goes on after this error: every request under way has it as its answer."""
        self._failure = error
        for ticket in self._under_way.values():
            ticket.answer = error
        self._under_way.clear()
        return error

    def _turn(self) -> None:
        """Resend what is due, and listen until something comes or is due."""
        self._check()
        now = self._now()
        self._give_up_in_time(now)
        oldest = next(iter(self._under_way.values()))
        if oldest.due <= now:
            self._resend(oldest)
        # Nothing is sent again before the oldest is due: to wake for the others would only spin.
        self._listen(max(oldest.due - self._now(), 0.0))

    def _resend(self, oldest: Ticket) -> None:
        """Send the oldest again, and with it those behind it that the device cannot have taken."""
        for ticket in list(self._under_way.values()):
            if ticket is oldest or not ticket.acknowledged:
                self.stats.resent += 1
                self._send(ticket)

    def _send(self, ticket: Ticket) -> None:
        again = ticket.sends > 0
        ticket.sent_at = self._now()
        ticket.sends += 1
        timing = self.timing
        wait = min(timing.resend * 2.0 ** (ticket.sends - 1), timing.resend_limit)
        if ticket.acknowledged:
            wait = timing.poll
        waiting = sum(len(t.wire) for t in self._under_way.values())
        ticket.due = self._now() + wait + self._wire_time(2 * waiting + 64)
        # A delimiter first: what was cut before it must not spoil this frame too.
        self._write(b"\0" + ticket.wire if again else ticket.wire)

    def _give_up_in_time(self, now: float) -> None:
        ticket = next(iter(self._under_way.values()))
        what = f"the answer to {ticket.message.name} (request {ticket.sequence}, sent {ticket.sends} times)"
        silence = self.timing.silence + self._wire_time(4 * schema.MAX_FRAME_BYTES)
        if now - self._heard > silence and ticket.sends > 2:
            raise self._fail(
                LinkError(
                    f"{self.name}: not a sign of life for {now - self._heard:.1f} s; waited for {what}",
                    hint="the device hangs, or the line is cut; reset it and open the port again",
                )
            )
        if now - self._progressed > self.timing.stall:
            raise self._fail(
                LinkError(
                    f"{self.name}: the device lives but made no progress for "
                    f"{now - self._progressed:.1f} s; waited for {what}",
                    hint="this is a defect of the firmware; reset the device",
                )
            )

    def _write(self, data: bytes) -> None:
        self.stats.sent += 1
        self.stats.bytes_sent += len(data)
        try:
            self.transport.write(data)
        except WagekitError as error:
            # What arrived before the end may say why.
            self._listen(0.0)
            raise self._fail(error) from error

    def _listen(self, timeout: float) -> None:
        try:
            data = self.transport.read(timeout)
        except WagekitError as error:
            raise self._fail(self._explained(error)) from error
        self.stats.bytes_received += len(data)
        for frame in self._decoder.feed(data):
            try:
                self._take(frame)
            except codec.PayloadError as error:
                raise self._fail(
                    LinkError(
                        f"{self.name}: a frame of type 0x{frame.type:02x} makes no sense: {error}",
                        hint="build and flash the firmware again with this wagekit",
                    )
                ) from error

    def _explained(self, error: WagekitError) -> WagekitError:
        if not self._under_way:
            return error
        ticket = next(iter(self._under_way.values()))
        return LinkError(f"{error.message}; waited for the answer to {ticket.message.name}", hint=error.hint)

    # Frames.

    def _take(self, frame: Frame) -> None:
        self.stats.received += 1
        if frame.version != schema.PROTOCOL_VERSION:
            raise self._fail(wrong_version(self.name, frame.version))
        if frame.type == _LOG.code:
            record = codec.decode(_LOG.fields, frame.payload)
            if self._on_log:
                self._on_log(record.int("level"), record.bytes("text").decode("utf-8", "replace"))
        elif frame.type == _FAULT.code:
            report = FaultReport.from_record(codec.decode(_FAULT.fields, frame.payload))
            raise self._fail(FirmwareFaultError(self.name, report))
        elif frame.session != self._session:
            self.stats.stray += 1
        elif self._hello is None:
            self._take_hello(frame)
        elif frame.type == _NO_SESSION.code:
            raise self._fail(self._lost(codec.decode(_NO_SESSION.fields, frame.payload)))
        else:
            self._take_answer(frame)

    def _take_hello(self, frame: Frame) -> None:
        if frame.type == _HELLO.code | schema.REPLY:
            assert _HELLO.reply is not None
            self._hello = codec.decode(_HELLO.reply, frame.payload)
        elif frame.type == _ERROR.code:
            raise self._fail(refused(self.name, "hello", codec.decode(_ERROR.fields, frame.payload)))
        else:
            self.stats.stray += 1

    def _lost(self, notice: Record) -> DeviceRestartedError:
        if notice.int("open"):
            return DeviceRestartedError(
                f"{self.name}: another program has opened a session with the device",
                hint="only one program can use a device at a time",
            )
        return DeviceRestartedError(
            f"{self.name}: the device restarted in the middle of the session; "
            "its network is in its first state",
            hint="open it again, load the last saved masters and go on from there",
        )

    def _take_answer(self, frame: Frame) -> None:
        self._heard = self._now()
        ticket = self._under_way.get(frame.sequence)
        if ticket is None:
            self.stats.stray += 1
            return
        if ticket.sends == 1 and not ticket.acknowledged:
            self.stats.latencies.append(self._heard - ticket.sent_at)
        if frame.type == _ACK.code:
            ack = codec.decode(_ACK.fields, frame.payload)
            if ack.int("progress") != self._progress:
                self._progress, self._progressed = ack.int("progress"), self._heard
            if not ticket.acknowledged:
                ticket.acknowledged = True
                ticket.due = self._heard + self.timing.poll
        elif frame.type == _ERROR.code:
            error = codec.decode(_ERROR.fields, frame.payload)
            self._finish(ticket, refused(self.name, ticket.message.name, error))
        elif frame.type == ticket.message.code | schema.REPLY:
            assert ticket.message.reply is not None
            self._finish(ticket, codec.decode(ticket.message.reply, frame.payload))
        else:
            self.stats.stray += 1

    def _finish(self, ticket: Ticket, answer: Record | WagekitError) -> None:
        ticket.answer = answer
        self._progressed = self._heard
        del self._under_way[ticket.sequence]
