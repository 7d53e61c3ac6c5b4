"""What a maker's SVD says of registers, and what a C file of ours says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from xml.etree import ElementTree

DEFINE = re.compile(r"^#define (\w+?)(?:\((\w+)\))? +((?:.*\\\n)*.*)$", re.MULTILINE)


@dataclass
class Register:
    """A register, by its address, and the masks of its fields."""

    address: int
    fields: dict[str, int] = field(default_factory=dict)


@dataclass
class Peripheral:
    """A unit of the chip."""

    name: str
    base: int
    interrupts: dict[str, int]
    registers: dict[str, Register]


class Svd:
    """A chip."""

    def __init__(self, text: str) -> None:
        self._root = ElementTree.fromstring(text)

    @cached_property
    def peripherals(self) -> dict[str, Peripheral]:
        """By name; one that is derived has the registers of the other."""
        nodes = {node.findtext("name", ""): node for node in self._root.iter("peripheral")}
        found = {}
        for name, node in nodes.items():
            base = int(node.findtext("baseAddress", "0"), 0)
            origin = node.get("derivedFrom")
            own = node.find("registers")
            registers = own if own is not None else nodes[origin].find("registers") if origin else None
            interrupts = {
                each.findtext("name", ""): int(each.findtext("value", "0"), 0)
                for each in node.findall("interrupt")
            }
            rows = [] if registers is None else list(_registers(registers, base, ""))
            found[name] = Peripheral(name, base, interrupts, dict(rows))
        return found

    def at(self, base: int, like: str) -> Peripheral:
        """The unit at an address; of several the one whose name begins so."""
        return next(
            each for each in self.peripherals.values() if each.base == base and each.name.startswith(like)
        )


def _number(node: ElementTree.Element, key: str, other: str = "0") -> int:
    return int(node.findtext(key, other), 0)


def _registers(parent: ElementTree.Element, base: int, prefix: str) -> Iterator[tuple[str, Register]]:
    for cluster in parent.findall("cluster"):
        for name, offset in _repeated(cluster):
            yield from _registers(cluster, base + offset, f"{prefix}{name}_")
    for node in parent.findall("register"):
        fields = {
            each.findtext("name", ""): ((1 << width) - 1) << low
            for each in node.iter("field")
            for low, width in [_place(each)]
        }
        for name, offset in _repeated(node):
            yield prefix + name, Register(base + offset, fields)


def _repeated(node: ElementTree.Element) -> Iterator[tuple[str, int]]:
    """Names and offsets; of an array one for each element, without brackets."""
    name, offset = node.findtext("name", ""), _number(node, "addressOffset")
    if node.find("dim") is None:
        yield name, offset
        return
    for index in range(_number(node, "dim")):
        yield name.replace("[%s]", "%s") % index, offset + index * _number(node, "dimIncrement")


def _place(node: ElementTree.Element) -> tuple[int, int]:
    """Lowest bit and width of a field, in any of the three ways of writing it."""
    ranges = node.findtext("bitRange")
    if ranges:
        high, low = (int(part) for part in ranges.strip("[]").split(":"))
        return low, high - low + 1
    if node.find("lsb") is not None:
        return _number(node, "lsb"), _number(node, "msb") - _number(node, "lsb") + 1
    return _number(node, "bitOffset"), _number(node, "bitWidth", "1")


def defines(text: str, known: dict[str, int]) -> dict[str, int]:
    """Macros of a C file that are numbers; one with an argument has the value that it has of 1."""
    values = dict(known)
    found = {}
    for name, argument, expression in DEFINE.findall(text):
        words = re.sub(r"/\*.*?\*/", "", expression.replace("\\\n", " "))
        words = re.sub(r"\b(0x[0-9A-Fa-f]+|\d+)[uUlL]+\b", r"\1", words)
        words = words.replace("UINT32_C", "")
        names = {**values, argument: 1} if argument else values
        try:
            value = int(eval(words, {"__builtins__": {}}, names))
        except (NameError, SyntaxError, TypeError, ValueError):
            continue
        values[name] = found[name] = value
    return found
