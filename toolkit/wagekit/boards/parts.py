"""The tables of `board.toml` below the board itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Word = Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
Size = Annotated[int, Field(ge=1, le=1 << 32)]
Hertz = Annotated[int, Field(ge=1, le=4_000_000_000)]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class Part(BaseModel):
    """A table of `board.toml`: no other keys, no conversions, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class MemoryRegion(Part):
    """A piece of the address space. Exactly one region is `flash`, exactly one is `ram`."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    kind: Literal["flash", "ram", "extra"]
    origin: Word
    size: Size


class CheckpointSectors(Part):
    """Erasable sectors that a firmware may keep its state in: `count` of `size` bytes from `origin`."""

    origin: Word
    size: Size
    """Bytes that one erasure clears."""
    count: Annotated[int, Field(ge=1)]
    endurance: Annotated[int, Field(ge=1)] | None = None
    """Erasures that the data sheet allows a sector; None where nothing wears."""


class Ticks(Part):
    """The counter behind `wk_port_ticks`, on silicon."""

    hz: Hertz


class Uart(Part):
    """The serial port of the link."""

    driver: Literal["cmsdk", "stm32", "stm32v2", "nrf51", "16550", "pl011", "own"]
    """How the divisor is computed; `own` is clock / baud, for a driver of the board's own."""
    base: Word
    irq: Annotated[int, Field(ge=0, le=239)]
    tx_irq: Annotated[int, Field(ge=0, le=239)] | None = None
    """Interrupt when there is room to send, where that is another one."""
    clock: Hertz
    baud: Annotated[int, Field(ge=1200, le=10_000_000)]
    tx_pin: Annotated[int, Field(ge=0, le=255)] = 0
    rx_pin: Annotated[int, Field(ge=0, le=255)] = 0
    pins: Text | None = None
    """Where its wires are, for people: `TX PA9, RX PA10`."""

    def divisor(self, baud: int | None = None) -> int:
        """What the driver writes into its baud rate register."""
        rate = baud or self.baud
        if self.driver == "nrf51":  # a fraction of 2**32, of which the upper 20 bits count
            return (((rate << 32) // self.clock) + 0x800) & 0xFFFFF000
        if self.driver == "pl011":  # it samples 16 times a bit, and divides by sixty-fourths
            return max(64, (4 * self.clock + rate // 2) // rate)
        if self.driver == "own":
            return max(1, (self.clock + rate // 2) // rate)
        return max(16, (self.clock + rate // 2) // rate)


class LinkBuffers(Part):
    """Largest payload of a frame, and the rings in which bytes wait while the chip computes, in bytes."""

    frame: Annotated[int, Field(ge=64, le=1024)]
    ring: Annotated[int, Field(ge=128, le=1 << 20)]
    """Of what comes in."""
    send_ring: Annotated[int, Field(ge=16, le=1 << 16)] = 256
    """Of what goes out. An answer that fits costs no time; of a longer one the rest is waited for."""

    @model_validator(mode="after")
    def _ring_fits(self) -> LinkBuffers:
        for name, size in (("ring", self.ring), ("send_ring", self.send_ring)):
            if size & (size - 1):
                raise ValueError(f"{name} = {size}: a power of two is needed")
        if self.ring < 2 * self.frame + 128:
            raise ValueError(f"ring = {self.ring}: two frames of {self.frame} bytes do not fit")
        return self


class Watchdog(Part):
    """A watchdog that the port can start and feed."""

    base: Word
    clock: Hertz


class Qemu(Part):
    """How QEMU emulates the board.

    Under `-icount shift=icount_shift` the counter of `wk_port_ticks` is finer than an
    instruction: `ticks` of its ticks are `instructions` instructions.
    """

    machine: str
    keeps: Literal["memory", "mtd"] | None = None
    """What a file can keep over the end of QEMU: the machine's extra memory, or its serial flash."""
    keeps_bytes: Annotated[int, Field(ge=0, le=1 << 31)] = 0
    """Bytes of that file."""
    serial: Annotated[int, Field(ge=0, le=7)] = 0
    """Which of the machine's serial ports the link is, counted from 0."""
    icount_shift: Annotated[int, Field(ge=0, le=10)]
    instructions: Annotated[int, Field(ge=1)]
    ticks: Annotated[int, Field(ge=1)]

    def to_instructions(self, ticks: int) -> int:
        """Instructions of a difference of two tick counts: exact, as a tick is under half of one."""
        return (2 * ticks * self.instructions + self.ticks) // (2 * self.ticks)


class Flashing(Part):
    """How a programmer writes the board, by what each tool calls it; all of it optional."""

    pyocd_target: Text | None = None
    """pyOCD's target."""
    pyocd_pack: bool = False
    """The target needs `pyocd pack install`."""
    openocd: list[Annotated[str, Field(pattern=r"^[\w./-]+\.cfg$")]] = []
    """OpenOCD's configuration files, the interface first."""
    probe_rs: Text | None = None
    """The chip, as `probe-rs chip list` names it."""
    stflash: bool = False
    """`st-flash` writes it, through an ST-LINK."""
    uf2_family: Word | None = None
    """Family of a UF2 image, for a boot loader that shows itself as a drive."""
    usb: list[Annotated[str, Field(pattern=r"^[0-9a-f]{4}:[0-9a-f]{4}$")]] = []
    """Vendor and product, `0d28:0204`, of the USB serial ports that the board comes with."""

    @model_validator(mode="after")
    def _some_way(self) -> Flashing:
        if not (self.pyocd_target or self.openocd or self.probe_rs or self.stflash or self.uf2_family):
            raise ValueError("pyocd_target, openocd, probe_rs, stflash or uf2_family is needed")
        if self.pyocd_pack and not self.pyocd_target:
            raise ValueError("pyocd_pack: it goes with pyocd_target")
        return self


class Verified(Part):
    """What of a board has been tried, and where."""

    where: Literal["hardware", "qemu", "unicorn", "svd", "compiled"]
    """On silicon; in QEMU or unicorn; addresses and fields against the maker's SVD; or only compiled."""
    what: Text
