"""The most instructions that a firmware executes in a row with all interrupts masked.

Read from the disassembled ELF: every path from a `cpsid i` to where PRIMASK is written again, with
what is called on the way. Start-up, faults and the end of a firmware stay masked for good: there no
interrupt is waited for any more, or yet. A chip that runs from the flash that it writes masks while
it does: that time is the flash's, and no number of instructions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from wagekit.errors import LimitError, WagekitError
from wagekit.toolchain import stack

FOR_GOOD = frozenset(
    ("wk_reset", "wk_fault_entry", "wk_fault", "wk_assert_failed", "wk_port_reset", "wk_port_exit")
)
"""Functions that mask and do not come back."""

WRITES_FLASH = frozenset(("wk_rom_run",))
"""Functions that mask until the flash, in which the handlers lie, has erased or programmed."""

_ENDS = re.compile(r"^(bx\tlr|pop.*\bpc\b|ldmia.*\bpc\b|ldr.*\bpc, \[sp\])")
_TARGET = re.compile(r"\b([0-9a-f]+) <")


class UnknownTimeError(WagekitError):
    """There is a loop while interrupts are masked."""

    exit_code = LimitError.exit_code


@dataclass(slots=True)
class _Code:
    """The instructions of a firmware by address, with the next address of each."""

    text: dict[int, str] = field(default_factory=dict)
    following: dict[int, int] = field(default_factory=dict)
    owner: dict[int, str] = field(default_factory=dict)


def longest_masked(elf: Path, objdump: str) -> dict[str, int]:
    """Instructions by the function that masks; a wait for an interrupt (`wfi`) ends by one.

    `UnknownTimeError`: a loop or a call through a pointer while masked.
    """
    return scan(stack.listing(elf, objdump))


def scan(lines: list[str]) -> dict[str, int]:
    """The same from the lines of a disassembly."""
    code = _read(lines)
    found: dict[str, int] = {}
    for address, text in code.text.items():
        owner = code.owner[address]
        if text.startswith("cpsid") and owner not in FOR_GOOD | WRITES_FLASH:
            length = _longest(code, code.following[address], owner, ())
            found[owner] = max(found.get(owner, 0), length)
    return found


def _read(lines: list[str]) -> _Code:
    code = _Code()
    for _, name, body in stack.bodies(lines):
        instructions = [(at, f"{operation}\t{rest}") for at, operation, rest in body if operation[0] != "."]
        for number, (at, text) in enumerate(instructions):
            code.text[at] = text
            code.owner[at] = name
            if number + 1 < len(instructions):
                code.following[at] = instructions[number + 1][0]
    return code


def _longest(code: _Code, at: int, owner: str, path: tuple[int, ...], *, called: bool = False) -> int:
    """Instructions from `at` until the function returns, or unmasks what it masked itself.

    What a `called` one restores is still masked.
    """
    if at in path:
        raise UnknownTimeError(f"{owner} loops at {at:x} while interrupts are masked")
    text = code.text[at]
    unmasks = not called and re.match(r"^(msr\tPRIMASK|cpsie)", text)
    if unmasks or _ENDS.match(text):
        return 1
    cost = 1
    if re.match(r"^bl\t", text):
        cost += _longest(code, _target(text), f"{owner} > {code.owner[_target(text)]}", (), called=True)
    elif re.match(r"^(blx|bx)\t", text):
        raise UnknownTimeError(f"{owner} calls through a pointer while interrupts are masked")
    following = _next(code, at, text)
    return cost + max(_longest(code, to, owner, (*path, at), called=called) for to in following)


def _next(code: _Code, at: int, text: str) -> Iterator[int]:
    operation = re.split(r"[.\t]", text, maxsplit=1)[0]
    jumps = re.match(r"^(b|cbn?z|b(eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le))$", operation)
    if jumps:
        yield _target(text)
    if operation != "b":
        yield code.following[at]


def _target(text: str) -> int:
    found = _TARGET.search(text)
    assert found is not None
    return int(found[1], 16)
