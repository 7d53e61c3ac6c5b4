"""What a device says of itself, its steps, evaluations, checkpoints and counters."""

from __future__ import annotations

from dataclasses import dataclass, field

from wagekit.link import schema


@dataclass(frozen=True, slots=True)
class Hello:
    """What a firmware says of itself."""

    fingerprint: str
    """Of the network it was built from, 64 hex digits."""
    inputs: int
    classes: int
    layers: int
    weights: int
    master_bytes: int
    batch: int
    frame_bytes: int
    store_slots: int
    loading: bool
    """Masters are incomplete: a loading was broken off."""
    trains: bool
    """The firmware can learn."""
    streams: bool
    """A request may bring the samples of its training step: `train_samples`."""
    senses: bool
    """The firmware has a sensor of its own."""
    in_flash: tuple[int, ...]
    """Layers whose weights are constants in flash: they cannot be replaced by loading."""
    frozen_crc: int
    """CRC-32 of the masters of these layers in order, little-endian; 0 for none."""
    health: bool
    """It can count the health of its layers."""
    checkpoints: bool
    """The firmware keeps checkpoints."""
    restored: bool
    """At its start the firmware loaded a checkpoint."""
    board: str
    firmware: str
    tick_hz: int
    instructions_per_tick: float | None
    """None where ticks are only time."""
    manifest: str
    """`hash` of the manifest.json that was generated with the firmware, 64 hex digits."""
    protocol: int = schema.PROTOCOL_VERSION


@dataclass(frozen=True, slots=True)
class State:
    """Step, seed and defaults of training."""

    step: int
    seed: int
    log2_lr: int
    rule: str


@dataclass(frozen=True, slots=True)
class CheckpointReport:
    """What the device says of its checkpoints; counts are since reset."""

    work: str
    """What is under way: idle, save or load."""
    last_save: str
    """How the last save ended: whole, busy, none, small, worn, changed or another number."""
    newest: int | None
    """Slot of the newest record; None if there is none of this network."""
    unconfirmed: bool
    """It is whole, but a cut has come before anybody could be told of it."""
    slots: tuple[str, str]
    """blank, damaged, foreign or whole."""
    step: int
    """Of the newest record."""
    sequence: int
    saves: int
    failures: int
    erases: int
    """Sectors."""
    words: int
    """Programmed."""
    failed_at: int
    """Address of the last failure, from the start of the area."""
    sectors: int
    sector_bytes: int
    word_bytes: int
    every: int
    """Policy: steps between saves, 0: not by steps."""
    improvement: int
    """Policy: 65536ths of the share of errors, 0: not by improvement."""
    spacing: int
    """Policy: seconds between saves at least."""
    keep: str
    """Policy: what a checkpoint has, one of `kept.LEVELS`."""
    learning: str
    """What the record that was loaded last said of learning by itself: none, taken, or refused, because it
    does not fit this firmware's sample store."""
    record_bytes: int
    """Of a record, if it were saved now."""


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One layer of a training step; an exponent is None if it does not exist."""

    saturated: int
    error_exponent: int | None
    gradient_exponent: int | None


@dataclass(frozen=True, slots=True)
class StepReport:
    """What the device reports of a training step."""

    step: int
    samples: int
    errors: int
    sum_squared_error: int
    log2_lr: int
    layers: tuple[LayerReport, ...]


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """What the device counted over a range of its store."""

    samples: int
    errors: int
    sum_squared_error: int


@dataclass(frozen=True, slots=True)
class Counters:
    """The device's counters since reset; ticks are `Hello.tick_hz` a second."""

    ticks: int
    program_ticks: int
    """Of the last program that ended (step, inference, evaluation, commit), from begin to end."""
    compute_ticks: int
    """Of the last program without the link's work between its slices."""
    instructions: int | None
    """`compute_ticks` in instructions, where the board's ticks count them."""
    frames: int
    crc_errors: int
    overruns: int
    duplicates: int
    dropped: int
    sent: int
    stack_free: int
    host: dict[str, int] = field(default_factory=dict)
    """The host's side: frames sent, resent, received, damaged."""
