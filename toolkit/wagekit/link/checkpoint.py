"""How a checkpoint lies in flash: the one description, for the firmware (`render_format`) and here.

An area of flash is two slots of half its sectors each. A record starts at the first byte of its
slot and is made of blocks of 64 bytes:

    header      2 blocks: identity and state, settings, CRC-32 of all before it
    payload     masters of all layers in order, little-endian i8 or i16, filled up with 0xFF
    extra       what the firmware adds, filled up with 0xFF; the link application adds how it learns
                by itself (`wagekit.link.kept`)
    trailers    1 block: the same 32 bytes twice

A record counts if its header is right and one of its trailers is; of two, the one that is later
in sequence (modulo 2**32) counts. The layout does not depend on the words of the flash, as all
parts are multiples of the largest word there is (32 bytes).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from wagekit import templates
from wagekit.errors import DataError
from wagekit.link import kept, parts
from wagekit.link.parts import Part
from wagekit.version import __version__

FORMAT = 2
MAGIC = int.from_bytes(b"WKCP", "little")
TRAILER_MAGIC = int.from_bytes(b"WKOK", "little")
BLOCK = 64
SETTINGS_BYTES = 56
FINGERPRINT_BYTES = 32
_WORDS = (1, 2, 4, 8, 16, 32)

HEADER: tuple[Part, ...] = (
    Part("magic", "u32", '"WKCP"'),
    Part("format", "u16", "2; a record of another format is not used"),
    Part("header_bytes", "u16", "128"),
    Part("sequence", "u32", "one more than that of the record before, modulo 2**32"),
    Part("payload_bytes", "u32", "masters, without what fills up the last block"),
    Part("fingerprint", "bytes", "SHA-256 of the network's description", FINGERPRINT_BYTES),
    Part("frozen_crc", "u32", "CRC-32 of frozen weights that the payload lacks; 0 if it has all"),
    Part("step", "u32", "training steps that were made"),
    Part("seed", "u32", "of the counter generator"),
    Part("log2_lr", "i8", "learning rate, a power of two"),
    Part("rule", "u8", "0 paper, 1 error_scaled"),
    Part("master_bytes", "u8", "1 or 2"),
    Part("settings_size", "u8", "used bytes of settings"),
    Part("settings", "bytes", "the firmware's own, then 0xFF", SETTINGS_BYTES),
    Part("extra_bytes", "u32", "what the firmware adds, without what fills up the last block"),
    Part("header_crc", "u32", "CRC-32 of the header up to here"),
)
TRAILER: tuple[Part, ...] = (
    Part("trailer_magic", "u32", '"WKOK"'),
    Part("trailer_sequence", "u32", "as in the header"),
    Part("record_crc", "u32", "CRC-32 of all in front of the trailers"),
    Part("reserved", "bytes", "0xFF", 16),
    Part("trailer_crc", "u32", "CRC-32 of the trailer up to here: the last word to be written"),
)
HEADER_BYTES = parts.width(HEADER)
TRAILER_BYTES = parts.width(TRAILER)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A record: what a network had learned, and how its training goes on."""

    fingerprint: bytes
    """32 bytes."""
    step: int
    seed: int
    master_bytes: int
    """1 or 2."""
    masters: bytes
    """Of all layers in order, little-endian."""
    sequence: int = 1
    frozen_crc: int = 0
    log2_lr: int = 0
    rule: int = 0
    settings: bytes = b""
    extra: bytes = b""
    """What the firmware added; that of the link application is read by `parse_kept`."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """An area of flash, as `wk_flash_geometry` gives it."""

    sectors: int
    sector_bytes: int
    word_bytes: int

    def __post_init__(self) -> None:
        if self.sectors < 2 or self.sector_bytes < BLOCK or self.sector_bytes % BLOCK:
            raise DataError(
                f"checkpoints: {self.sectors} sectors of {self.sector_bytes} bytes: "
                f"at least 2 of a multiple of {BLOCK} are needed"
            )
        if self.word_bytes not in _WORDS:
            raise DataError(f"checkpoints: words of {self.word_bytes} bytes: one of {_WORDS} is allowed")

    @property
    def slot_bytes(self) -> int:
        """Bytes of a slot."""
        return self.sectors // 2 * self.sector_bytes


@dataclass(frozen=True, slots=True)
class Cost:
    """What one checkpoint does to the flash."""

    record_bytes: int
    erases: int
    """Sectors erased, each once."""
    words: int
    """Words programmed, each once."""

    @staticmethod
    def saves(endurance: int) -> int:
        """Until a sector has been erased `endurance` times: the slots alternate."""
        return 2 * endurance


@dataclass(frozen=True, slots=True)
class Wear:
    """What checkpoints do to the flash in a day, at most."""

    checkpoints: int
    erases: int
    words: int
    sector_erases: float
    """Erasures of one sector: those of the slots alternate."""

    def days(self, endurance: int) -> float:
        """Until a sector has been erased `endurance` times, as its data sheet allows."""
        return endurance / self.sector_erases if self.sector_erases else float("inf")


def cost(geometry: Geometry, payload_bytes: int, extra_bytes: int = 0) -> Cost:
    """Of one checkpoint with so many bytes of masters, and of what the firmware adds; DataError if it
    does not fit a slot.
    """
    return cost_of_record(geometry, record_bytes(payload_bytes, extra_bytes))


def cost_of_record(geometry: Geometry, record: int) -> Cost:
    """Of one checkpoint of so many bytes; DataError if it does not fit a slot."""
    if record > geometry.slot_bytes:
        raise DataError(
            f"checkpoints: a record of {record} bytes does not fit a slot of {geometry.slot_bytes}",
            hint="set aside more sectors for checkpoints in board.toml, or make the network smaller",
        )
    return Cost(record, -(-record // geometry.sector_bytes), record // geometry.word_bytes)


def wear(
    one: Cost, *, steps_a_day: float = 0, every: int = 0, spacing_seconds: float = 0, more: int = 0
) -> Wear:
    """The most that a policy does in a day: `every` steps (0: not by steps, but by improvement at any
    time), at least `spacing_seconds` apart (0: no bound), and `more` on command.

    DataError if nothing bounds it.
    """
    bounds = []
    if every:
        bounds.append(int(steps_a_day // every) + 1)
    if spacing_seconds:
        bounds.append(int(86400 // spacing_seconds) + 1)
    if not bounds:
        raise DataError(
            "checkpoints: nothing bounds their number a day", hint="give steps between them, or seconds"
        )
    count = min(bounds) + more
    return Wear(count, count * one.erases, count * one.words, count / 2)


def record_bytes(payload_bytes: int, extra_bytes: int = 0) -> int:
    """Size of a record with so many bytes of masters, and of what the firmware adds."""
    return HEADER_BYTES + _filled(payload_bytes) + _filled(extra_bytes) + 2 * TRAILER_BYTES


def _filled(size: int) -> int:
    """Whole blocks."""
    return -(-size // BLOCK) * BLOCK


def build(checkpoint: Checkpoint) -> bytes:
    """The record as it lies in flash. DataError: a field is out of its range."""
    c = checkpoint
    if len(c.settings) > SETTINGS_BYTES:
        raise DataError(f"checkpoint: settings of {len(c.settings)} bytes: {SETTINGS_BYTES} are allowed")
    if c.master_bytes not in (1, 2) or len(c.masters) % c.master_bytes:
        raise DataError(f"checkpoint: {len(c.masters)} bytes are not masters of {c.master_bytes} bytes")
    values: dict[str, int | bytes] = {
        "magic": MAGIC,
        "format": FORMAT,
        "header_bytes": HEADER_BYTES,
        "sequence": c.sequence,
        "payload_bytes": len(c.masters),
        "fingerprint": c.fingerprint,
        "frozen_crc": c.frozen_crc,
        "step": c.step,
        "seed": c.seed,
        "log2_lr": c.log2_lr,
        "rule": c.rule,
        "master_bytes": c.master_bytes,
        "settings_size": len(c.settings),
        "settings": c.settings.ljust(SETTINGS_BYTES, b"\xff"),
        "extra_bytes": len(c.extra),
    }
    body = _sealed(HEADER, values)
    for data in (c.masters, c.extra):
        body += data.ljust(_filled(len(data)), b"\xff")
    return body + 2 * _trailer(c.sequence, body)


def parse(slot: bytes) -> Checkpoint:
    """The record at the start of `slot`, whole and right; otherwise DataError says what is wrong."""
    if len(slot) < HEADER_BYTES:
        raise DataError(f"checkpoint: {len(slot)} bytes: a header has {HEADER_BYTES}")
    if set(slot[:BLOCK]) == {0xFF}:
        raise DataError("checkpoint: the slot is blank")
    h = parts.numbers(HEADER, slot)
    if h["magic"] != MAGIC:
        raise DataError("checkpoint: no record starts here")
    if (h["format"], h["header_bytes"]) != (FORMAT, HEADER_BYTES):
        raise DataError(f"checkpoint: format {h['format']}: this version reads format {FORMAT}")
    if h["header_crc"] != zlib.crc32(slot[: HEADER_BYTES - 4]):
        raise DataError("checkpoint: the header has a wrong CRC")
    payload, extra = h["payload_bytes"], h["extra_bytes"]
    total = record_bytes(payload, extra)
    if len(slot) < total:
        raise DataError(f"checkpoint: {len(slot)} bytes of {total}")
    body = slot[: total - 2 * TRAILER_BYTES]
    trailer = _trailer(h["sequence"], body)
    if trailer not in (slot[len(body) :][:TRAILER_BYTES], slot[len(body) + TRAILER_BYTES : total]):
        raise DataError("checkpoint: the record was not finished, or has a wrong CRC")
    if h["settings_size"] > SETTINGS_BYTES or h["master_bytes"] not in (1, 2):
        raise DataError("checkpoint: the header is impossible")
    behind = HEADER_BYTES + _filled(payload)
    return Checkpoint(
        fingerprint=parts.raw(HEADER, slot, "fingerprint"),
        step=h["step"],
        seed=h["seed"],
        master_bytes=h["master_bytes"],
        masters=slot[HEADER_BYTES : HEADER_BYTES + payload],
        sequence=h["sequence"],
        frozen_crc=h["frozen_crc"],
        log2_lr=h["log2_lr"],
        rule=h["rule"],
        settings=parts.raw(HEADER, slot, "settings")[: h["settings_size"]],
        extra=slot[behind : behind + extra],
    )


def newest(area: bytes, geometry: Geometry, fingerprint: bytes, frozen_crc: int = 0) -> Checkpoint | None:
    """The record that a device of this network would load from the bytes of its area, if any."""
    found = None
    for start in (0, geometry.slot_bytes):
        try:
            record = parse(area[start : start + geometry.slot_bytes])
        except DataError:
            continue
        if (record.fingerprint, record.frozen_crc) != (fingerprint, frozen_crc):
            continue
        if found is None or 0 < (record.sequence - found.sequence) % 2**32 < 2**31:
            found = record
    return found


def render_format() -> str:
    """Text of `wk_store_format.h`."""
    rows: list[tuple[str, str, str]] = [
        ("WK_STORE_FORMAT", f"{FORMAT}u", ""),
        ("WK_STORE_MAGIC", f"0x{MAGIC:08x}u", ""),
        ("WK_STORE_TRAILER_MAGIC", f"0x{TRAILER_MAGIC:08x}u", ""),
        ("WK_STORE_BLOCK_BYTES", f"{BLOCK}u", ""),
        ("WK_STORE_HEADER_BYTES", f"{HEADER_BYTES}u", ""),
        ("WK_STORE_TRAILER_BYTES", f"{TRAILER_BYTES}u", ""),
        ("WK_STORE_FINGERPRINT_BYTES", f"{FINGERPRINT_BYTES}u", ""),
    ]
    for layout in (HEADER, TRAILER):
        for part, at in parts.offsets(layout):
            rows.append((f"WK_STORE_AT_{part.name.upper()}", f"{at}u", part.doc))
    rows += [
        ("WK_KEPT_FORMAT", f"{kept.FORMAT}u", ""),
        ("WK_KEPT_MAGIC", f"0x{kept.MAGIC:08x}u", ""),
        ("WK_KEPT_HEAD_BYTES", f"{kept.HEAD_BYTES}u", ""),
        *((f"WK_KEEP_{name.upper()}", f"{number}u", "") for number, name in enumerate(kept.LEVELS)),
    ]
    for part, at in parts.offsets(kept.HEAD):
        rows.append((f"WK_KEPT_AT_{part.name.upper()}", f"{at}u", part.doc))
    return templates.render("link/wk_store_format.h.jinja", version=__version__, constants=rows)


def render_tables() -> str:
    """Markdown tables of header, trailer and the link application's learning, for docs/checkpoints.md."""
    tables = (("header", HEADER), ("trailer", TRAILER), ("learning", kept.HEAD))
    return "\n\n".join("\n".join(parts.table(title, layout)) for title, layout in tables) + "\n"


def _trailer(sequence: int, body: bytes) -> bytes:
    values: dict[str, int | bytes] = {
        "trailer_magic": TRAILER_MAGIC,
        "trailer_sequence": sequence,
        "record_crc": zlib.crc32(body),
        "reserved": b"\xff" * 16,
    }
    return _sealed(TRAILER, values)


def _sealed(layout: parts.Parts, values: dict[str, int | bytes]) -> bytes:
    """All parts but the last, and their CRC-32, which is the last."""
    data = parts.pack(layout[:-1], values, "checkpoint")
    return data + zlib.crc32(data).to_bytes(4, "little")
