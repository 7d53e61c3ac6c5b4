"""Boards: what `board.toml` says about a target, checked, and where its C sources are.

A board is a folder with a `board.toml` and C files. The packaged ones are found by name; a
board of one's own is given by the path of its folder (or of its `board.toml`), and may use the
drivers that come with the package as `common/...`.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from wagekit import resources
from wagekit.errors import BoardError

FORMAT = 1
FILE = "board.toml"
COMMON = "common"

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=24)]
Word = Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
Size = Annotated[int, Field(ge=1, le=1 << 32)]
Hertz = Annotated[int, Field(ge=1, le=4_000_000_000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class MemoryRegion(_Part):
    """A piece of the address space. Exactly one region is `flash`, exactly one is `ram`."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    kind: Literal["flash", "ram", "extra"]
    origin: Word
    size: Size


class CheckpointSectors(_Part):
    """Erasable sectors that a firmware may keep its state in: `count` of `size` bytes from `origin`."""

    origin: Word
    size: Size
    count: Annotated[int, Field(ge=1)]


class Ticks(_Part):
    """The counter behind `wk_port_ticks`, on silicon."""

    hz: Hertz


class Uart(_Part):
    """The serial port of the link."""

    driver: Literal["cmsdk", "stm32", "nrf51", "16550"]
    base: Word
    irq: Annotated[int, Field(ge=0, le=239)]
    clock: Hertz
    baud: Annotated[int, Field(ge=1200, le=10_000_000)]
    tx_pin: Annotated[int, Field(ge=0, le=255)] = 0
    rx_pin: Annotated[int, Field(ge=0, le=255)] = 0

    def divisor(self, baud: int | None = None) -> int:
        """What the driver writes into its baud rate register."""
        rate = baud or self.baud
        if self.driver == "nrf51":  # a fraction of 2**32, of which the upper 20 bits count
            return (((rate << 32) // self.clock) + 0x800) & 0xFFFFF000
        return max(16, (self.clock + rate // 2) // rate)


class LinkBuffers(_Part):
    """Largest payload of a frame, and the ring that receives while the chip computes, in bytes."""

    frame: Annotated[int, Field(ge=64, le=1024)]
    ring: Annotated[int, Field(ge=128, le=1 << 20)]

    @model_validator(mode="after")
    def _ring_fits(self) -> LinkBuffers:
        if self.ring & (self.ring - 1):
            raise ValueError(f"ring = {self.ring}: a power of two is needed")
        if self.ring < 2 * self.frame + 128:
            raise ValueError(f"ring = {self.ring}: two frames of {self.frame} bytes do not fit")
        return self


class Watchdog(_Part):
    """A watchdog that the port can start and feed."""

    base: Word
    clock: Hertz


class Qemu(_Part):
    """How QEMU emulates the board.

    Under `-icount shift=icount_shift` the counter of `wk_port_ticks` is finer than an
    instruction: `ticks` of its ticks are `instructions` instructions.
    """

    machine: str
    keeps: Literal["memory", "mtd"] | None = None
    """What a file can keep over the end of QEMU: the machine's extra memory, or its serial flash."""
    keeps_bytes: Annotated[int, Field(ge=0, le=1 << 30)] = 0
    """Bytes of that file."""
    icount_shift: Annotated[int, Field(ge=0, le=10)]
    instructions: Annotated[int, Field(ge=1)]
    ticks: Annotated[int, Field(ge=1)]

    def to_instructions(self, ticks: int) -> int:
        """Instructions of a difference of two tick counts: exact, as a tick is under half of one."""
        return (2 * ticks * self.instructions + self.ticks) // (2 * self.ticks)


class Flashing(_Part):
    """How a probe writes the board: pyOCD's target, and whether that needs `pyocd pack install`."""

    pyocd_target: str
    pyocd_pack: bool = False


class Board(_Part):
    """Everything that building for, emulating and flashing a board needs to know."""

    format: Literal[1]
    name: Name
    description: str
    core: Literal["cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33"]
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
    checkpoint: list[CheckpointSectors] = []
    ticks: Ticks
    uart: Uart
    link: LinkBuffers
    watchdog: Watchdog | None = None
    qemu: Qemu | None = None
    flash: Flashing | None = None
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
        if self.uart.irq >= self.interrupts:
            raise ValueError(f"uart.irq = {self.uart.irq}: below interrupts = {self.interrupts} is allowed")
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
        return self

    @property
    def code_flash(self) -> int:
        """Bytes of flash that an image may take: all in front of the checkpoints, where they share it."""
        flash = self.region("flash")
        starts = [area.origin for area in self.checkpoint if _inside(area, flash)]
        return min(starts) - flash.origin if starts else flash.size

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


def available() -> list[str]:
    """Names of the packaged boards, sorted."""
    root = resources.board_files()
    return sorted(entry.name for entry in root.iterdir() if entry.is_dir() and (entry / FILE).is_file())


def load(name_or_path: str | Path) -> Board:
    """The board of that name, or of the folder (or `board.toml`) at that path.

    BoardError: unknown, unreadable or wrong; the message names file, key, value and what is allowed.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, str) and "/" not in text and not text.endswith(".toml"):
        if text not in available():
            raise _unknown(text)
        folder: Traversable = resources.board_files() / text
        return _read(folder, f"boards/{text}/{FILE}")
    path = Path(name_or_path)
    if path.name.endswith(".toml"):
        if path.name != FILE:
            raise BoardError(f"{path}: the file of a board is named {FILE}")
        path = path.parent
    if not (path / FILE).is_file():
        raise BoardError(
            f"{path / FILE} does not exist",
            hint=f"give a folder with a {FILE}, or one of: {', '.join(available())}",
        )
    return _read(path, str(path / FILE))


def _unknown(name: str) -> BoardError:
    known = available()
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    guess = f" (did you mean {' or '.join(close)}?)" if close else ""
    return BoardError(
        f"unknown board {name!r}{guess}; known: {', '.join(known)}",
        hint="a board of your own is given by the path of its folder, with a slash",
    )


def _read(folder: Traversable, source: str) -> Board:
    try:
        values = tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BoardError(f"{source}: {error}") from None
    if values.get("format") != FORMAT:
        raise BoardError(
            f"{source}: format = {values.get('format')!r}: {FORMAT} is allowed",
            hint="this version of wagekit reads board files of format 1",
        )
    try:
        board = Board.model_validate(values)
    except ValidationError as error:
        raise BoardError(_explain(error, source)) from None
    board._folder = folder
    return board


def _explain(error: ValidationError, source: str) -> str:
    """The first problem, in one line: file, key, value, what is allowed. A misspelt key comes before
    the key that is missing because of it.
    """
    problems = error.errors(include_url=False)
    problems.sort(key=lambda details: details["type"] != "extra_forbidden")
    line = f"{source}: {_problem(problems[0])}"
    if len(problems) > 1:
        line += f" (and {len(problems) - 1} more)"
    return line


def _problem(details: ErrorDetails) -> str:
    key = _key(details["loc"])
    kind = details["type"]
    if kind == "extra_forbidden":
        known = _known_keys(details["loc"][:-1])
        close = difflib.get_close_matches(str(details["loc"][-1]), known, n=1)
        guess = f" (did you mean {close[0]}?)" if close else ""
        return f"{key} is not a known key{guess}; allowed: {', '.join(known)}"
    if kind == "missing":
        return f"{key} is missing"
    if kind == "value_error":
        text = str(details["ctx"]["error"])
        return f"{key}.{text}" if key else text
    message = details["msg"][:1].lower() + details["msg"][1:]
    return f"{key} = {_short(details['input'])}: {message}"


def _key(location: Sequence[int | str]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _known_keys(location: Sequence[int | str]) -> list[str]:
    parts: dict[str, type[BaseModel]] = {
        "memory": MemoryRegion,
        "checkpoint": CheckpointSectors,
        "ticks": Ticks,
        "uart": Uart,
        "link": LinkBuffers,
        "watchdog": Watchdog,
        "qemu": Qemu,
        "flash": Flashing,
    }
    return list((parts[str(location[0])] if location else Board).model_fields)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
