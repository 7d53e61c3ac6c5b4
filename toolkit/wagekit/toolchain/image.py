"""What a firmware puts into the flash: its pieces, and whether they keep clear of the checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from wagekit.boards import Board, CheckpointSectors
from wagekit.errors import LimitError, ToolError, UsageError

ERASED = 0xFF
"""A byte of erased flash."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes that a programmer writes from `address` on."""

    address: int
    data: bytes

    @property
    def end(self) -> int:
        """First address behind it."""
        return self.address + len(self.data)


@dataclass(frozen=True, slots=True)
class Image:
    """What an ELF file loads, by address."""

    elf: Path
    segments: tuple[Segment, ...]
    vectors: int
    """Address of the vector table."""

    @property
    def origin(self) -> int:
        """The lowest address."""
        return self.segments[0].address

    def binary(self) -> bytes:
        """All from `origin` on, gaps filled as erased flash is."""
        data = bytearray([ERASED]) * (self.segments[-1].end - self.origin)
        for piece in self.segments:
            data[piece.address - self.origin : piece.end - self.origin] = piece.data
        return bytes(data)


def read_image(elf: Path) -> Image:
    """Read a firmware. UsageError: it is not there. ToolError: it is none of ours."""
    if not elf.is_file():
        raise UsageError(f"firmware {elf} does not exist")
    try:
        with elf.open("rb") as stream:
            file: Any = ELFFile(stream)
            table = file.get_section_by_name(".symtab")
            symbols = table.get_symbol_by_name("wk_vectors") if table else None
            segments = [
                Segment(part["p_paddr"], part.data())
                for part in file.iter_segments()
                if part["p_type"] == "PT_LOAD" and part["p_filesz"]
            ]
    except (OSError, ELFError) as error:
        raise ToolError(f"{elf} is not a firmware: {error}") from None
    if not symbols or not segments:
        raise ToolError(
            f"{elf} has no vector table wk_vectors", hint="`wagekit build` makes firmware that has one"
        )
    segments.sort(key=lambda piece: piece.address)
    return Image(elf, tuple(segments), int(symbols[0]["st_value"]))


def check_image(image: Image, board: Board) -> None:
    """LimitError where a piece lies outside the board's flash, or over its sectors for checkpoints."""
    flash = board.region("flash")
    for piece in image.segments:
        place = f"{image.elf}: its bytes {_span(piece.address, len(piece.data))} lie"
        if piece.address < flash.origin or piece.end > flash.origin + flash.size:
            raise LimitError(
                f"{place} outside the flash of {board.name}, {_span(flash.origin, flash.size)}",
                hint=f"it is too large, or of another board: wagekit build NETWORK --board {board.name}",
            )
        for area in board.checkpoint:
            size = area.size * area.count
            if piece.address < area.origin + size and piece.end > area.origin:
                raise LimitError(
                    f"{place} over the checkpoint sectors of {board.name}, {_span(area.origin, size)}",
                    hint="a firmware built for this board file keeps clear of them: build it again",
                )


def _span(origin: int, size: int) -> str:
    return f"{origin:#x}..{origin + size - 1:#x}"


def blank_area(board: Board) -> Segment | None:
    """The board's checkpoint sectors as erased flash; None where it has none that a programmer reaches."""
    area = reachable_area(board)
    return None if area is None else Segment(area.origin, bytes([ERASED]) * (area.size * area.count))


def reachable_area(board: Board) -> CheckpointSectors | None:
    """The checkpoint sectors, where they lie in the processor's memory; those of a serial flash do not."""
    for area in board.checkpoint:
        if any(
            region.origin <= area.origin
            and area.origin + area.size * area.count <= region.origin + region.size
            for region in board.memory
        ):
            return area
    return None
