"""A board: all of `board.toml`, checked against itself, and the C sources that go with it."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, model_validator

from wagekit import resources
from wagekit.boards.cores import Core, Feature, features_problem, features_used
from wagekit.boards.parts import (
    CheckpointSectors,
    Flashing,
    Hertz,
    LinkBuffers,
    MemoryRegion,
    Part,
    Qemu,
    Text,
    Ticks,
    Uart,
    Verified,
    Watchdog,
)
from wagekit.errors import BoardError

FORMAT = 1
FILE = "board.toml"
COMMON = "common"

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=24)]


class Board(Part):
    """Everything that building for, emulating and flashing a board needs to know."""

    format: Literal[1]
    name: Name
    description: str
    core: Core
    features: list[Feature] | None = None
    """What the core has of what is optional; see `core_features`."""
    clock: Hertz | None = None
    """Of the core, on silicon."""
    flags: list[str]
    """Compiler and linker flags that choose the core."""
    optimise: Literal["-O1", "-O2", "-O3", "-Os"] = "-O3"
    sources: Annotated[list[str], Field(min_length=1)]
    """C files of the board's folder, or `common/...` of the package."""
    interrupts: Annotated[int, Field(ge=1, le=240)]
    """Interrupts of the vector table."""
    stack: Annotated[int, Field(ge=512, multiple_of=8)]
    """Bytes of RAM reserved for the stack."""
    memory: list[MemoryRegion]
    checkpoint: list[CheckpointSectors] = Field(default_factory=list)
    ticks: Ticks
    uart: Uart
    link: LinkBuffers
    watchdog: Watchdog | None = None
    qemu: Qemu | None = None
    flash: Flashing | None = None
    references: list[Text] = Field(default_factory=list)
    """Where the numbers come from: manual and section, or QEMU's source."""
    verified: list[Verified] = Field(default_factory=list)
    _folder: Traversable = PrivateAttr()

    @model_validator(mode="after")
    def _consistent(self) -> Board:
        for kind in ("flash", "ram"):
            found = [region.name for region in self.memory if region.kind == kind]
            if len(found) != 1:
                raise ValueError(f"memory: exactly one region of kind {kind} is needed, found {len(found)}")
        names = [region.name for region in self.memory]
        if len(set(names)) != len(names):
            raise ValueError(f"memory: two regions have one name in {', '.join(names)}")
        for name, irq in (("irq", self.uart.irq), ("tx_irq", self.uart.tx_irq or 0)):
            if irq >= self.interrupts:
                raise ValueError(f"uart.{name} = {irq}: below interrupts = {self.interrupts} is allowed")
        if len(self.checkpoint) > 1:
            raise ValueError(f"checkpoint: {len(self.checkpoint)} areas: one is allowed")
        for area in self.checkpoint:
            if area.size % 64 or area.count < 2:
                raise ValueError("checkpoint: two sectors of a multiple of 64 bytes are needed at least")
            if self.code_flash < self.region("flash").size and (
                area.origin < self.region("flash").origin
                or area.origin + area.size * area.count
                != self.region("flash").origin + self.region("flash").size
            ):
                raise ValueError("checkpoint: in the flash of the code its sectors are the last ones")
        if self.stack >= self.region("ram").size:
            raise ValueError(f"stack = {self.stack}: the RAM has {self.region('ram').size} bytes")
        problem = features_problem(self.core, self.flags, self.features)
        if problem:
            raise ValueError(problem)
        return self

    @property
    def core_features(self) -> list[Feature]:
        """What the core has of DSP, float unit and MVE: as stated, else as its flags use it."""
        return self.features if self.features is not None else features_used(self.core, self.flags)

    @property
    def code_flash(self) -> int:
        """Bytes of flash that an image may take: all in front of the checkpoints, where they share it."""
        flash = self.region("flash")
        starts = [area.origin for area in self.checkpoint if _inside(area, flash)]
        return min(starts) - flash.origin if starts else flash.size

    @property
    def folder(self) -> Traversable:
        """Where its `board.toml` was read."""
        return self._folder

    def region(self, kind: str) -> MemoryRegion:
        """The region of kind `flash` or `ram`."""
        return next(region for region in self.memory if region.kind == kind)

    def source_files(self) -> dict[str, str]:
        """Text of every C, assembler and header file of the board, by its name in a project."""
        common = resources.board_files() / COMMON
        files = {f"common/{entry.name}": entry for entry in common.iterdir() if _is_always_used(entry.name)}
        for source in self.sources:
            entry = common / source.removeprefix("common/") if _is_common(source) else self._folder / source
            files[source] = entry
        for entry in self._folder.iterdir():
            if entry.name.endswith(".h"):
                files[entry.name] = entry
        missing = [name for name, entry in files.items() if not entry.is_file()]
        if missing:
            raise BoardError(f"{self._folder}/{FILE}: sources: {missing[0]} does not exist")
        return {name: files[name].read_text(encoding="utf-8") for name in sorted(files)}


def _inside(area: CheckpointSectors, flash: MemoryRegion) -> bool:
    """Whether checkpoints lie in the flash of the code; an area with addresses of its own may not."""
    return area.origin < flash.origin + flash.size and area.origin + area.size * area.count > flash.origin


_ALWAYS = ("wk_startup.S", "wk_mem.S", "wk_port.c", "wk_serial.c", "wk_fault.c")


def _is_always_used(name: str) -> bool:
    return name in _ALWAYS or name.endswith(".h")


def _is_common(source: str) -> bool:
    return source.startswith(f"{COMMON}/")
