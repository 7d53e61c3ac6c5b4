"""A transport that damages what passes through it, in a way that a seed repeats."""

from __future__ import annotations

import random
from dataclasses import dataclass

from wagekit.link.transport import Transport


@dataclass(frozen=True, slots=True)
class FaultRates:
    """Probabilities a frame (`drop` .. `delay`) or a byte (`byte_*`), 0..1, in each direction."""

    drop: float = 0.0
    """The frame is lost."""
    double: float = 0.0
    """It comes twice."""
    cut: float = 0.0
    """Its end, with the delimiter, is lost."""
    swap: float = 0.0
    """It comes after the one behind it."""
    delay: float = 0.0
    """It comes some frames later, perhaps long after it was sent again."""
    byte_drop: float = 0.0
    byte_double: float = 0.0
    byte_corrupt: float = 0.0


class _Direction:
    """Faults of one direction; frames are what delimiters end."""

    def __init__(self, rates: FaultRates, rng: random.Random) -> None:
        self.rates = rates
        self.faults = 0
        self._rng = rng
        self._open = bytearray()
        self._kept: list[tuple[int, bytes]] = []

    def _happens(self, rate: float) -> bool:
        hit = self._rng.random() < rate
        self.faults += hit
        return hit

    def pass_on(self, data: bytes) -> bytes:
        """What comes out at the other end when these bytes go in."""
        out = bytearray()
        *ended, rest = (bytes(self._open) + data).split(b"\0")
        self._open = bytearray(rest)
        for part in ended:
            out += self._frame(part + b"\0")
        return bytes(out)

    def _frame(self, frame: bytes) -> bytes:
        rates, rng = self.rates, self._rng
        frame = self._bytes(frame)
        out = b""
        if self._happens(rates.drop):
            pass
        elif self._happens(rates.delay):
            self._kept.append((rng.randrange(2, 12), frame))
        elif self._happens(rates.swap):
            self._kept.append((1, frame))
        elif self._happens(rates.cut):
            out = frame[: rng.randrange(len(frame) or 1)]
        else:
            out = frame * (2 if self._happens(rates.double) else 1)
        due = [kept for left, kept in self._kept if left <= 0]
        self._kept = [(left - 1, kept) for left, kept in self._kept if left > 0]
        return out + b"".join(due)

    def _bytes(self, frame: bytes) -> bytes:
        rates = self.rates
        out = bytearray()
        for byte in frame:
            if self._happens(rates.byte_drop):
                continue
            value = self._rng.randrange(256) if self._happens(rates.byte_corrupt) else byte
            out += bytes([value]) * (2 if self._happens(rates.byte_double) else 1)
        return bytes(out)


class FaultyTransport(Transport):
    """Another transport, seen through a bad line."""

    def __init__(
        self, inner: Transport, seed: int, to_device: FaultRates, to_host: FaultRates | None = None
    ) -> None:
        """Wrap `inner`; both directions have `to_device`'s rates unless `to_host` is given."""
        rng = random.Random(seed)
        self.name = inner.name
        self.byte_time = inner.byte_time
        self._inner = inner
        self._out = _Direction(to_device, rng)
        self._in = _Direction(to_host or to_device, rng)

    @property
    def faults(self) -> int:
        """Faults injected so far."""
        return self._out.faults + self._in.faults

    def read(self, timeout: float) -> bytes:
        """See `Transport.read`."""
        return self._in.pass_on(self._inner.read(timeout))

    def write(self, data: bytes) -> None:
        """See `Transport.write`."""
        if damaged := self._out.pass_on(data):
            self._inner.write(damaged)

    def clock(self) -> float:
        """See `Transport.clock`."""
        return self._inner.clock()

    def close(self) -> None:
        """See `Transport.close`."""
        self._inner.close()
