"""What a linked firmware takes: sections, RAM and flash, symbols; read from the ELF and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from wagekit.boards import Board
from wagekit.errors import ToolError


@dataclass(frozen=True, slots=True)
class Section:
    """A section that takes memory on the target."""

    name: str
    address: int
    bytes: int
    stored: bool
    """Its contents come from flash (not zeroed, not left as found)."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function or object."""

    name: str
    address: int
    bytes: int
    kind: str
    """`function` or `object`."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Memory of a firmware, in bytes."""

    sections: tuple[Section, ...]
    symbols: tuple[Symbol, ...]
    """Largest first."""
    flash: int
    """Code, constants and initial values."""
    ram: int
    """All sections in RAM, the reserved stack among them."""
    stack: int

    def symbol(self, name: str) -> Symbol | None:
        """The symbol of that name."""
        return next((symbol for symbol in self.symbols if symbol.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "flash": self.flash,
            "ram": self.ram,
            "stack": self.stack,
            "sections": {section.name: section.bytes for section in self.sections},
        }


def read_sizes(elf: Path, board: Board) -> Sizes:
    """Read an ELF file; ToolError if it is none."""
    try:
        with elf.open("rb") as stream:
            file = ELFFile(stream)
            sections = tuple(_sections(file))
            symbols = tuple(sorted(_symbols(file), key=lambda item: (-item.bytes, item.name)))
    except (OSError, ELFError) as error:
        raise ToolError(f"{elf} is not a firmware: {error}") from None
    ram = board.region("ram")
    in_ram = [item for item in sections if ram.origin <= item.address < ram.origin + ram.size]
    return Sizes(
        sections=sections,
        symbols=symbols,
        flash=sum(item.bytes for item in sections if item.stored),
        ram=sum(item.bytes for item in in_ram),
        stack=sum(item.bytes for item in in_ram if item.name == ".stack"),
    )


def _sections(file: Any) -> list[Section]:
    found = []
    for section in file.iter_sections():
        if section["sh_flags"] & SH_FLAGS.SHF_ALLOC and section["sh_size"]:
            stored = section["sh_type"] != "SHT_NOBITS"
            found.append(Section(section.name, section["sh_addr"], section["sh_size"], stored))
    return found


def _symbols(file: Any) -> list[Symbol]:
    table = file.get_section_by_name(".symtab")
    kinds = {"STT_FUNC": "function", "STT_OBJECT": "object"}
    found = []
    for entry in table.iter_symbols() if table else ():
        kind = kinds.get(entry["st_info"]["type"])
        if kind and entry["st_size"]:
            found.append(Symbol(entry.name, entry["st_value"] & ~1, entry["st_size"], kind))
    return found


_MAP_SECTION = re.compile(r"^(\.[\w.]+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)", re.MULTILINE)
_LLD_HEAD = re.compile(r"^\s*VMA\s+LMA\s+Size\s+Align\s+Out\s+In\s+Symbol$", re.MULTILINE)
_LLD_SECTION = re.compile(r"^\s*[0-9a-f]+\s+[0-9a-f]+\s+([0-9a-f]+)\s+\d+ (\.\S+)$", re.MULTILINE)
"""An output section; what lies in it stands further to the right."""


def map_sections(text: str) -> dict[str, int]:
    """Sizes of the output sections that a linker map lists, GNU ld's or lld's."""
    if _LLD_HEAD.match(text):
        return {name: int(size, 16) for size, name in _LLD_SECTION.findall(text)}
    body = text[text.find("Linker script and memory map") :]
    return {name: int(size, 16) for name, _, size in _MAP_SECTION.findall(body)}


def check_sizes(sizes: Sizes, map_text: str, expected: dict[str, int]) -> None:
    """Hold the ELF against the linker map and against expected sizes of symbols.

    ToolError: they disagree, which means that generator and compiler do not mean the same.
    """
    mapped = map_sections(map_text)
    for section in sizes.sections:
        if mapped.get(section.name) != section.bytes:
            raise ToolError(
                f"section {section.name} has {section.bytes} bytes in the ELF "
                f"and {mapped.get(section.name)} in the linker map"
            )
    for name, size in expected.items():
        symbol = sizes.symbol(name)
        found = symbol.bytes if symbol else None
        if found != size:
            raise ToolError(f"{name} has {found} bytes in the firmware and {size} in the plan")
