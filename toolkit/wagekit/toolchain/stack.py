"""How deep the stack of a linked firmware can grow, known without running it.

Who calls whom is read from the disassembled ELF, which has every call that was linked: tail calls,
and those that the compiler makes up. What a function takes is what gcc says of it
(`-fstack-usage`, the `.su` files beside the objects); for assembler and libgcc, of which it says
nothing, the instructions that move the stack pointer are added up.

A bound exists only without recursion, calls through pointers and frames whose size is known at run
time. The firmware of this package has none of them, but for calls of a chip's ROM: those have
functions of their own (`ROM_CALLS`), and what is granted to the ROM counts in their frames.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from wagekit.boards import Board
from wagekit.errors import LimitError, ToolError, WagekitError

VECTORS = "wk_vectors"
RESET = "wk_reset"
FAULT = "wk_fault_entry"
ROM_CALLS = frozenset(("wk_rom_lookup", "wk_rom_run"))
"""Functions that call a chip's ROM, through a pointer, and nothing else through one."""
ROM_BYTES = 256
"""What the functions of a ROM may take of the stack; those of the RP2040 that are called go four deep."""
FRAME_BYTES = 32 + 4
"""What the core pushes when an interrupt comes, and the padding to 8 bytes."""
FLOAT_FRAME_BYTES = 104 + 4
"""The same with the registers of the float unit."""


class UnknownDepthError(WagekitError):
    """The depth of the stack has no bound that can be known."""

    exit_code = LimitError.exit_code


@dataclass(frozen=True, slots=True)
class StackDepth:
    """The deepest that the stack can grow, in bytes."""

    main: int
    """From reset on, without interrupts."""
    interrupt: int
    """Of the worst handler, with the frame of the core. All handlers have one priority."""
    fault: int
    """Of the report of a fault. The program is over by then: it is not part of `total`."""
    main_path: tuple[str, ...]
    """The deepest chain of calls."""
    interrupt_path: tuple[str, ...]

    @property
    def total(self) -> int:
        """The deepest main with the worst interrupt on top of it."""
        return self.main + self.interrupt

    def to_dict(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "total": self.total,
            "main": self.main,
            "interrupt": self.interrupt,
            "fault": self.fault,
            "main_path": list(self.main_path),
            "interrupt_path": list(self.interrupt_path),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> StackDepth:
        """What `to_dict` wrote."""
        paths = (tuple(values["main_path"]), tuple(values["interrupt_path"]))
        return cls(values["main"], values["interrupt"], values["fault"], *paths)


@dataclass(slots=True)
class Function:
    """A function of the firmware."""

    name: str
    frame: int = 0
    """Bytes of its own: what gcc says, else the sum of what the instructions take."""
    calls: set[int] = field(default_factory=set)
    """Addresses of functions that run on top of its frame."""
    jumps: set[int] = field(default_factory=set)
    """Addresses of functions that it ends in: its frame is gone by then."""
    doubt: str = ""
    """Why nothing is known of it, for a message."""


def measure(elf: Path, objects: Path, board: Board, objdump: str) -> StackDepth:
    """The depth of a firmware whose `.su` files lie below `objects`.

    `UnknownDepthError` names the function that recurs, calls through a pointer or has a frame
    without a fixed size; ToolError: the disassembler fails.
    """
    functions = disassemble(elf, objdump)
    apply_usage(functions, read_usage(objects))
    vectors, names = _vectors(elf)
    graph = _Graph(functions)
    frame = FRAME_BYTES if _is_soft(board) else FLOAT_FRAME_BYTES
    main, main_path = graph.depth(names[RESET])
    fault, _ = graph.depth(names[FAULT])
    handlers = {address for address in vectors if address in functions} - {names[RESET], names[FAULT]}
    worst = max((graph.depth(address) for address in handlers), default=(0, ()))
    interrupt = frame + worst[0] if handlers else 0
    return StackDepth(main, interrupt, frame + fault, main_path, worst[1])


def check(depth: StackDepth, board: Board, firmware: str) -> None:
    """LimitError if the stack can outgrow what the board reserves, or the report of a fault half of it."""
    if depth.total > board.stack:
        raise LimitError(
            f"{firmware}: the stack can grow to {depth.total} bytes ({depth.main} and {depth.interrupt} of "
            f"interrupts); board {board.name} reserves stack = {board.stack}",
            hint=f"deepest: {' > '.join(depth.main_path)}; raise stack in board.toml",
        )
    # A fault in the lower half of the stack is reported from its top, one in the upper half on top of it.
    if depth.fault > board.stack // 2:
        raise LimitError(
            f"{firmware}: the report of a fault needs {depth.fault} bytes of stack; half of the "
            f"stack = {board.stack} that board {board.name} reserves is there for it",
            hint="raise stack in board.toml",
        )


def _is_soft(board: Board) -> bool:
    return "-mfloat-abi=soft" in board.flags or board.core in ("cortex-m0", "cortex-m0plus", "cortex-m3")


class _Graph:
    """Depths of functions, each computed once."""

    def __init__(self, functions: dict[int, Function]) -> None:
        self.functions = functions
        self.known: dict[int, tuple[int, tuple[str, ...]]] = {}
        self.under_way: list[int] = []

    def depth(self, address: int) -> tuple[int, tuple[str, ...]]:
        """Bytes, and the deepest chain of calls."""
        if address in self.known:
            return self.known[address]
        function = self.functions[address]
        if address in self.under_way:
            circle = [self.functions[item].name for item in self.under_way[self.under_way.index(address) :]]
            raise UnknownDepthError(
                f"the depth of the stack is unknown: {' > '.join([*circle, function.name])} is recursive",
                hint="write it as a loop",
            )
        if function.doubt:
            raise UnknownDepthError(f"the depth of the stack is unknown: {function.name} {function.doubt}")
        self.under_way.append(address)
        below: list[tuple[int, tuple[str, ...]]] = [(function.frame, ())]
        below += [self._on(function.frame, callee) for callee in sorted(function.calls)]
        below += [self._on(0, callee) for callee in sorted(function.jumps)]
        self.under_way.pop()
        deepest, path = max(below, key=lambda item: item[0])
        self.known[address] = deepest, (function.name, *path)
        return self.known[address]

    def _on(self, frame: int, callee: int) -> tuple[int, tuple[str, ...]]:
        deep, path = self.depth(callee)
        return frame + deep, path


# What gcc says.


def read_usage(objects: Path) -> dict[str, tuple[int, bool]]:
    """Bytes of each function's frame and whether their number is fixed, by name, from `.su` files.

    Functions of one name in several files count as the largest of them.
    """
    usage: dict[str, tuple[int, bool]] = {}
    for path in sorted(objects.rglob("*.su")):
        for line in path.read_text(encoding="utf-8").splitlines():
            where, size, kind = line.split("\t")
            name = where.rsplit(":", 1)[-1]
            before, fixed = usage.get(name, (0, True))
            usage[name] = max(before, int(size)), fixed and kind in ("static", "dynamic,bounded")
    return usage


def apply_usage(functions: dict[int, Function], usage: Mapping[str, tuple[int, bool]]) -> None:
    """Replace the frames that gcc knows. A clone (`name.part.0`) has the frame of its own disassembly."""
    for function in functions.values():
        if function.name not in usage:
            continue
        function.frame, fixed = usage[function.name]
        if not fixed:
            function.doubt = "has a frame whose size is known at run time only"


# What the instructions say.

_HEAD = re.compile(r"^([0-9a-f]+) <([^>]+)>:$")
_LINE = re.compile(r"^\s*([0-9a-f]+):\t(\S+)\s*([^@;]*)")
_TARGET = re.compile(r"\b([0-9a-f]+) <")
_BRANCHES = re.compile(r"^(b|bl|cbn?z|b(eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le))(\.[nw])?$")
_PUSHES = re.compile(r"^(push|stmdb|stmfd|vpush|vstmdb)(\.w)?$")
_WRITES_PC = re.compile(r"^(mov|add|adds|ldr)(\.[nw])?$")


def disassemble(elf: Path, objdump: str) -> dict[int, Function]:
    """All functions by address, with frames and calls as their instructions have them."""
    return read_listing(listing(elf, objdump))


def listing(elf: Path, objdump: str) -> list[str]:
    """The disassembly of a firmware, line by line; ToolError if there is none."""
    try:
        result = subprocess.run(
            [objdump, "-d", "--no-show-raw-insn", str(elf)],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolError(f"{objdump} does not disassemble {elf}: {error}") from None
    return result.stdout.splitlines()


def read_listing(lines: Iterable[str]) -> dict[int, Function]:
    """The functions of a listing of objdump.

    A label within a function is one of its own, and what comes before it runs into it.
    """
    found = list(bodies(lines))
    functions = {start: Function(name, ROM_BYTES if name in ROM_CALLS else 0) for start, name, _ in found}
    for number, (start, _, body) in enumerate(found):
        following = found[number + 1][0] if number + 1 < len(found) else None
        _read_body(functions, start, body, following)
    return functions


def bodies(lines: Iterable[str]) -> Iterator[tuple[int, str, list[tuple[int, str, str]]]]:
    """Address, name and instructions (address, operation, operands) of every function of a listing."""
    body: list[tuple[int, str, str]] = []
    head: tuple[int, str] | None = None
    for line in lines:
        if found := _HEAD.match(line):
            if head:
                yield *head, body
            head, body = (int(found[1], 16), found[2]), []
        elif head and (found := _LINE.match(line)):
            body.append((int(found[1], 16), found[2], found[3].strip()))
    if head:
        yield *head, body


def _read_body(
    functions: dict[int, Function], start: int, body: list[tuple[int, str, str]], following: int | None
) -> None:
    function = functions[start]
    end = body[-1][0] + 1 if body else start
    for _, operation, operands in body:
        if operation.startswith("."):
            continue
        function.frame += _taken(operation, operands)
        function.doubt = function.doubt or _doubt(function.name, operation, operands)
        target = _TARGET.search(operands) if _BRANCHES.match(operation) else None
        if target is None:
            continue
        at = int(target[1], 16)
        # Within a long function the M0 jumps by `bl`; but a `bl` to the start calls it again.
        if not start <= at < end or (at == start and _is_link(operation)):
            callees = function.calls if _is_link(operation) else function.jumps
            callee = _containing(functions, at)
            if callee is None:
                function.doubt = f"branches to {target[1]}, where no function is"
            else:
                callees.add(callee)
    instructions = [item for item in body if not item[1].startswith(".")]
    if following is not None and instructions and _falls_through(instructions[-1], body[-1]):
        function.jumps.add(following)


def _is_link(operation: str) -> bool:
    return operation.split(".", maxsplit=1)[0] == "bl"


def _containing(functions: dict[int, Function], address: int) -> int | None:
    before = [start for start in functions if start <= address]
    return max(before) if before else None


def _falls_through(last: tuple[int, str, str], end: tuple[int, str, str]) -> bool:
    """Whether the last instruction goes on with what stands behind it. A call may never return."""
    _, operation, operands = last
    if last != end or operation in ("nop", "nop.w") or _is_link(operation):
        return False
    leaves = operation.split(".", maxsplit=1)[0] in ("b", "bx", "udf", "bkpt")
    return not leaves and "pc" not in operands


def _taken(operation: str, operands: str) -> int:
    """Bytes by which an instruction lowers the stack pointer."""
    if _PUSHES.match(operation):
        if operation.startswith("stm") and not operands.startswith("sp!"):
            return 0
        registers = operands[operands.index("{") + 1 : operands.index("}")]
        return sum(_width(item.strip()) for item in registers.split(","))
    if found := re.match(r"^sp, (?:sp, )?#(\d+)", operands):
        return int(found[1]) if operation in ("sub", "sub.w", "subw") else 0
    if operation.startswith("str") and (found := re.search(r"\[sp, #-(\d+)\]!", operands)):
        return int(found[1])
    return 0


def _width(item: str) -> int:
    """Bytes of a register, or of a range of them, in a list."""
    first, _, last = item.partition("-")
    count = int(last[1:]) - int(first[1:]) + 1 if last else 1
    return count * (8 if first.startswith("d") else 4)


def _doubt(name: str, operation: str, operands: str) -> str:
    """Why an instruction makes calls or frame unknown; empty if it does not.

    gcc jumps within a function by `mov pc`, `tbb` and `tbh` only, never to another one, and
    returns by `ldr pc, [sp], #4` where it kept nothing but the return address.
    """
    base = operation.split(".", maxsplit=1)[0]
    if base == "blx" and name in ROM_CALLS:
        return ""
    if base == "blx" or (base == "bx" and operands != "lr"):
        return "calls through a pointer"
    writes_pc = _WRITES_PC.match(operation) and operands.startswith("pc,")
    if writes_pc and base != "mov" and not operands.startswith("pc, [sp], #"):
        return "calls through a pointer"
    if operands.startswith("sp,") and base in ("mov", "sub", "add", "subw", "addw"):
        sets = base == "mov" and name in (RESET, FAULT)  # where the stack begins
        if not sets and not re.match(r"^sp, (?:sp, )?#\d+", operands):
            return "has a frame whose size is known at run time only"
    return ""


def _vectors(elf: Path) -> tuple[list[int], dict[str, int]]:
    """Addresses of all handlers in the vector table, and of the functions by name."""
    with elf.open("rb") as stream:
        file: Any = ELFFile(stream)
        symbols = list(file.get_section_by_name(".symtab").iter_symbols())
        starts = {symbol.name: symbol["st_value"] & ~1 for symbol in symbols}
        missing = [name for name in (VECTORS, RESET, FAULT) if name not in starts]
        if missing:
            raise ToolError(f"{elf} has no symbol {missing[0]}")
        code = [symbol["st_value"] & ~1 for symbol in symbols if symbol["st_info"]["type"] == "STT_FUNC"]
        first = starts[VECTORS]
        end = min(address for address in code if address > first)
        text = file.get_section_by_name(".text")
        table = text.data()[first - text["sh_addr"] : end - text["sh_addr"]]
    words = [int.from_bytes(table[at : at + 4], "little") for at in range(4, len(table) - 3, 4)]
    return sorted({word & ~1 for word in words if word}), starts
