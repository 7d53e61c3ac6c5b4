"""The rings of the serial port, with a device whose interrupts come wherever they may."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import cffi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wagekit import resources
from wagekit.executors.host import declarations
from wagekit.toolchain.host import build_library
from wagekit.writer import firmware_files

HERE = Path(__file__).resolve().parent / "serial"
FLAGS = ("-std=gnu11", "-O1", "-g", "-fPIC", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
SANITIZE = ("-fsanitize=undefined", "-fno-sanitize-recover=all")
RX_RING, TX_RING = 32, 16


@cache
def library(shared: bool) -> tuple[Any, Any]:
    """wk_serial.c beside a device in memory; `shared`: one interrupt for both directions."""
    common = resources.board_files() / "common"
    files = {path.name: path.read_text("utf-8") for path in sorted(HERE.iterdir())}
    files |= {name: (common / name).read_text("utf-8") for name in ("wk_serial.c", "wk_board.h")}
    files |= firmware_files(("include/wagekit",))
    # An emulated wait for an interrupt is no instruction of this machine.
    files["wk_serial.c"] = files["wk_serial.c"].replace('"dsb\\n\\twfi"', '""')
    files["include/wk_config.h"] = (
        f"#define WK_RX_RING_BYTES {RX_RING}u\n#define WK_TX_RING_BYTES {TX_RING}u\n"
        f"#define WK_UART_IRQ 0\n#define WK_UART_TX_IRQ {0 if shared else 1}\n"
    )
    ffi = cffi.FFI()
    ffi.cdef(declarations(files["device.h"]))
    return ffi, ffi.dlopen(str(build_library(files, flags=FLAGS, extra=SANITIZE)))


class Port:
    """The rings, the device and what went through them."""

    def __init__(
        self, shared: bool, depth: int, edge: bool, pace: int, seed: int = 0, one: bool = False
    ) -> None:
        self.ffi, self.lib = library(shared)
        self.lib.device_begin(depth, edge, one, pace, seed)
        self.lib.wk_serial_init()
        self.read(10**6)  # rings and counters are those of the port before: empty
        self.lib.wk_serial_flush()
        self.lib.device_begin(depth, edge, one, pace, seed)
        self.lib.wk_serial_init()
        self.written = self.fed = self.got = b""

    def write(self, data: bytes) -> None:
        self.written += data
        self.lib.wk_port_write(data, len(data))

    def feed(self, data: bytes) -> None:
        self.fed += data[: self.lib.device_feed(data, len(data))]

    def read(self, size: int, meanwhile: bytes = b"") -> bytes:
        """Bytes may come while others are looked at."""
        place, got = self.ffi.new("const uint8_t **"), b""
        while len(got) < size and (count := self.lib.wk_port_received(place, 1)):
            self.feed(meanwhile)
            meanwhile = b""
            piece = bytes(self.ffi.buffer(place[0], min(count, size - len(got))))
            self.lib.wk_port_release(len(piece))
            got += piece
        return got

    @property
    def sent(self) -> bytes:
        buffer = self.ffi.new("uint8_t[]", 65536)
        return bytes(self.ffi.buffer(buffer, self.lib.device_sent(buffer, len(buffer))))


def of(kind: str, most: int) -> st.SearchStrategy[tuple[str, int]]:
    return st.tuples(st.just(kind), st.integers(1, most))


ACTIONS = st.lists(
    st.one_of(of("write", 2 * TX_RING), of("feed", 2 * RX_RING), of("read", RX_RING), of("pass", TX_RING)),
    min_size=2,
    max_size=60,
)


@settings(max_examples=300)
@given(
    st.booleans(),
    st.sampled_from([1, 2, 16]),
    st.booleans(),
    st.booleans(),
    st.integers(1, 9),
    st.integers(0, 99),
    ACTIONS,
)
def test_no_byte_is_lost_or_changes_place(
    shared: bool, depth: int, edge: bool, one: bool, pace: int, seed: int, actions: list[tuple[str, int]]
) -> None:
    port = Port(shared, depth, edge, pace, seed, one)
    number = 0
    for kind, size in actions:
        data = bytes((number + i) % 251 for i in range(size))
        number += size
        if kind == "write":
            port.write(data)
        elif kind == "feed":
            port.feed(data)
        elif kind == "read":
            port.got += port.read(size, meanwhile=data)
        else:
            port.lib.device_pass(size)
        assert port.written.startswith(port.sent)
    port.got += port.read(RX_RING)
    port.lib.device_pass(TX_RING + depth)  # nothing but interrupts
    port.got += port.read(RX_RING)
    assert port.got == port.fed
    assert port.sent == port.written


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("edge", [True, False])
@pytest.mark.parametrize("depth", [1, 16])
def test_what_fits_the_ring_is_not_waited_for(shared: bool, edge: bool, depth: int) -> None:
    """No byte leaves meanwhile, and all leave later, by interrupts alone."""
    port = Port(shared, depth, edge, pace=0)
    data = bytes(range(TX_RING + depth))
    port.write(data)
    assert not port.lib.device_was_waited_for()
    assert port.sent == b""
    port.lib.device_pass(len(data))
    assert port.sent == data
    port.write(data + b"!")
    assert port.lib.device_was_waited_for(), "the simulation sees it when the ring is too small"


@pytest.mark.parametrize("shared", [True, False])
def test_flush_needs_no_interrupt(shared: bool) -> None:
    """As when a fault is reported: they are masked then."""
    port = Port(shared, 1, edge=True, pace=3)
    port.lib.wk_nvic_disable(0)
    port.lib.wk_nvic_disable(1)
    port.write(bytes(range(100)))
    port.lib.wk_serial_flush()
    assert port.sent == bytes(range(100))
