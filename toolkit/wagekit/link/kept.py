"""What the link application keeps in a checkpoint behind the masters: how learning by itself stands.

A head of two blocks, then the samples, each its label (u16) and its codes (i8): first those of the
replay store in order of their places, then those that were being learned, if they are kept too.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from wagekit.errors import DataError
from wagekit.link import parts
from wagekit.link.parts import Part

FORMAT = 1
MAGIC = int.from_bytes(b"WKLR", "little")
RATES = 8
LEVELS = ("network", "learning", "samples")
"""What checkpoints keep, in the order of their numbers: the network alone, learning too, and also the
samples that are being learned."""

HEAD: tuple[Part, ...] = (
    Part("learn_magic", "u32", '"WKLR"'),
    Part("learn_format", "u16", "1; of another format only the network is used"),
    Part("rate_count", "u8", "1..8, or 0: there is no plan"),
    Part("window_log2", "u8", "plan, see `learn_plan` in [protocol.md](protocol.md)"),
    Part("sample_codes", "u32", "codes of a sample"),
    Part("sample_count", "u32", "samples behind the head"),
    Part("plan_samples", "u32", "plan"),
    Part("plan_accuracy", "u32", "plan"),
    Part("plan_patience", "u32", "plan"),
    Part("seen", "u32", "samples learned since the plan was given"),
    Part("wrong", "u32", "of them, those classified wrongly before"),
    Part("running", "u32", "running accuracy, 2^-20ths"),
    Part("best", "u32", "its best"),
    Part("best_at", "u32", "`seen` when it was reached"),
    Part("offered", "u32", "samples that the replay store was offered"),
    Part("drawn", "u32", "samples that were drawn from it"),
    Part("replay_seed", "u32", "of both"),
    Part("order_seed", "u32", "of `learn`"),
    Part("rates_first", "bytes", "u32 each: from this sample on", 4 * RATES),
    Part("rates_log2", "bytes", "i8 each: log2 of the rate", RATES),
    Part("end", "u8", "0 learning goes on, see `learn_state`"),
    Part("replay_steps", "u8", "steps on old samples after each on new ones"),
    Part("replay_first", "u16", "slot of the replay store's first place"),
    Part("replay_capacity", "u16", "its places"),
    Part("active", "u8", "1: `learn` was under way, and its samples are kept"),
    Part("order", "u8", "of `learn`"),
    Part("learn_rule", "u8", "of `learn`"),
    Part("first", "u16", "of `learn`"),
    Part("count", "u16", "of `learn`"),
    Part("batch", "u16", "of `learn`"),
    Part("left", "u32", "samples until `learn` pauses"),
    Part("unused", "bytes", "0xFF", 5),
)
HEAD_BYTES = parts.width(HEAD)
_RATES = struct.Struct(f"<{RATES}I")
_POWERS = struct.Struct(f"<{RATES}b")


@dataclass(frozen=True, slots=True)
class Kept:
    """How learning by itself stood."""

    numbers: dict[str, int]
    """The head's numbers, by name."""
    rates: tuple[tuple[int, int], ...]
    """From this sample on, log2 of the rate."""
    samples: Sequence[tuple[int, bytes]] = field(default_factory=tuple)
    """Label and codes (i8)."""


def parse_kept(data: bytes) -> Kept | None:
    """From what lies behind the masters; None if there is nothing. DataError says what is wrong."""
    if not data:
        return None
    if len(data) < HEAD_BYTES:
        raise DataError(f"learning in a checkpoint: {len(data)} bytes: its head has {HEAD_BYTES}")
    found = parts.numbers(HEAD, data)
    if (found["learn_magic"], found["learn_format"]) != (MAGIC, FORMAT):
        raise DataError(
            f"learning in a checkpoint: format {found['learn_format']}: this version reads format {FORMAT}"
        )
    size = found["sample_codes"] + 2
    wanted = HEAD_BYTES + found["sample_count"] * size
    if found["rate_count"] > RATES or len(data) != wanted:
        raise DataError(f"learning in a checkpoint: {len(data)} bytes of {wanted}")
    first = _RATES.unpack(parts.raw(HEAD, data, "rates_first"))
    powers = _POWERS.unpack(parts.raw(HEAD, data, "rates_log2"))
    samples = [data[at : at + size] for at in range(HEAD_BYTES, wanted, size)]
    return Kept(
        numbers=found,
        rates=tuple(zip(first, powers, strict=True))[: found["rate_count"]],
        samples=[(int.from_bytes(sample[:2], "little"), sample[2:]) for sample in samples],
    )


def build_kept(kept: Kept) -> bytes:
    """What `parse_kept` reads."""
    rates = [*kept.rates, *[(0, 0)] * (RATES - len(kept.rates))]
    arrays: dict[str, int | bytes] = {
        "rates_first": _RATES.pack(*(first for first, _ in rates)),
        "rates_log2": _POWERS.pack(*(power for _, power in rates)),
        "unused": b"\xff" * 5,
    }
    data = parts.pack(HEAD, arrays | kept.numbers, "learning in a checkpoint")
    return data + b"".join(label.to_bytes(2, "little") + codes for label, codes in kept.samples)
