"""The real link application, compiled for the host and driven in memory with a clock of its own."""

from __future__ import annotations

import ctypes
import itertools
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.quick import OPTIMISE
from wagekit.backends.mcu import packable, plan_model, render_model
from wagekit.errors import LinkError
from wagekit.link import Transport, checkpoint, render_header
from wagekit.numerics.grids import IntArray
from wagekit.passes import compile_graph
from wagekit.spec import Conv2d, Dense, Input, MaxPool, Network
from wagekit.toolchain.project import render_manifest_header

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
HERE = Path(__file__).resolve().parent / "c"
FLAGS = ["-std=c11", OPTIMISE, "-g", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
RUNS, RESET = -1, -2
TURN_SECONDS = 0.001
FLASH = ROOT / "tests/host_c/store"
"""A flash in memory that is as strict and as unreliable as real ones."""
BUILD = {"wagekit": "0.0-test", "network": 'sm"a\\ll é'}
"""What the firmware tells of its build, beside its compiler."""
FAKE_MODEL = [HERE / "fake_model.c"]


@dataclass(frozen=True)
class Config:
    """Sizes of wk_config.h."""

    frame: int = 64
    ring: int = 256
    store: int = 50 * 22
    flash: bool = True
    """The board has a flash, if only one of no sectors until a test makes it."""
    sensor: bool = False
    """The board has the sensor of memory_sensor.c."""


def write_config(folder: Path, config: Config) -> None:
    """wk_config.h and wk_protocol.h of the board that is memory."""
    values = {
        "WK_BOARD_NAME": '"memory"',
        "WK_FIRMWARE_VERSION": '"0.0-test"',
        "WK_PORT_TICK_HZ": "1000000u",
        "WK_INSTRUCTIONS_PER_TICK_NUMERATOR": "125u",
        "WK_INSTRUCTIONS_PER_TICK_DENOMINATOR": "4u",
        "WK_FRAME_BYTES": f"{config.frame}u",
        "WK_RX_RING_BYTES": f"{config.ring}u",
        "WK_SAMPLE_STORE_BYTES": f"{config.store}u",
        "WK_HAVE_STORE": f"{int(config.flash)}",
        "WK_HAVE_SENSOR": f"{int(config.sensor)}",
    }
    lines = "".join(f"#define {name} {value}\n" for name, value in values.items())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "wk_config.h").write_text(f"#ifndef WK_CONFIG_H\n#define WK_CONFIG_H\n{lines}#endif\n")
    (folder / "wk_manifest.h").write_text(render_manifest_header(bytes(range(32)), BUILD))
    (folder / "wk_protocol.h").write_text(render_header())
    (folder / "wk_store_format.h").write_text(checkpoint.render_format())


def app_sources(*, flash: bool = True) -> list[Path]:
    """C of link and application without main; the store only where there is a flash, as in a project."""
    folders = ("src/link", "src/app", "src/record", "src/learn", *(("src/store",) if flash else ()))
    files = [file for folder in folders for file in (FIRMWARE / folder).glob("*.c")]
    return [*sorted(file for file in files if file.name != "main.c"), FLASH / "sim_flash.c"]


def compile_c(
    out: Path, sources: Iterable[Path], includes: Iterable[Path], extra: Iterable[str] = (), cc: str = "gcc"
) -> Path:
    """Compile and link; the compiler's words are the failure's message."""
    paths = [f"-I{path}" for path in includes]
    command = [cc, *FLAGS, *extra, *paths, *map(str, sources), "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


def build_app(
    folder: Path, config: Config, model: Iterable[Path] = (), model_includes: Iterable[Path] = ()
) -> Path:
    """A shared library of the application on the board that is memory."""
    write_config(folder, config)
    sources = [*app_sources(flash=config.flash), HERE / "memory_port.c", *(model or FAKE_MODEL)]
    sources += [HERE / "memory_sensor.c"] if config.sensor else []
    includes = [folder, *(model_includes or [HERE]), HERE, FIRMWARE / "include"]
    return compile_c(folder / "app.so", sources, includes, ["-shared", "-fPIC"])


class Board:
    """One board: its own copy of the library has its own memory."""

    _numbers = itertools.count()

    def __init__(self, library: Path) -> None:
        copy = library.with_name(f"{library.stem}-{next(self._numbers)}.so")
        shutil.copy(library, copy)
        self._lib = ctypes.CDLL(str(copy))
        copy.unlink()
        self._buffer = ctypes.create_string_buffer(1 << 18)
        self.waiting = bytearray()
        self.reset()

    def reset(self) -> None:
        self._lib.board_reset()

    def new_flash(self, sectors: int, sector_bytes: int, word_bytes: int = 4, seed: int = 1) -> None:
        """Give the board a flash with random contents; it finds it at its next reset."""
        self._lib.sim_flash_new(sectors, sector_bytes, word_bytes, 0, 1, seed)

    def flash(self, size: int) -> ctypes.Array[ctypes.c_char]:
        """What lies in the flash: assign to its `raw` to change it."""
        self._lib.sim_flash_memory.restype = ctypes.c_void_p
        return (ctypes.c_char * size).from_address(self._lib.sim_flash_memory())

    def cut(self, operation: int, mode: int = 1) -> None:
        """The power of the flash goes at this operation, counted from now on from 1; 1: in its midst."""
        self._lib.sim_flash_cut(operation, mode, 0)

    @property
    def dead(self) -> bool:
        """The power has gone."""
        return bool(self._lib.sim_flash_dead())

    def stick(self, address: int, bit: int, value: int) -> None:
        """A bit of the flash that always reads `value`; 2 mends all such bits."""
        self._lib.sim_flash_stick(address, bit, value)

    def power_on(self) -> None:
        self._lib.sim_flash_power_on()
        self.waiting.clear()
        self.take()
        self.reset()

    def feed(self, data: bytes) -> None:
        self._lib.board_feed(data, len(data))

    def turn(self, seconds: float = TURN_SECONDS) -> int:
        """Give the ring what fits, and let the main loop turn once; RUNS or how it ended.

        Before that its clock goes on by so much.
        """
        self._lib.board_pass(round(seconds * 1e6))
        room = self._lib.board_room()
        self.feed(bytes(self.waiting[:room]))
        del self.waiting[:room]
        return int(self._lib.board_turn())

    @property
    def computed(self) -> bool:
        """Whether the latest turn had a slice to compute."""
        return bool(self._lib.board_computed())

    @property
    def room(self) -> int:
        """Bytes that the ring still takes."""
        return int(self._lib.board_room())

    @property
    def overruns(self) -> int:
        """Bytes lost since reset because the ring was full."""
        return int(self._lib.board_overruns())

    def take(self) -> bytes:
        count = self._lib.board_take(self._buffer, len(self._buffer))
        return self._buffer.raw[:count]

    def fault(self) -> None:
        self._lib.board_fault()

    def log(self, text: str) -> None:
        self._lib.board_log(text.encode())


class MemoryTransport(Transport):
    """The wire to a board; its clock only moves while somebody waits."""

    def __init__(self, board: Board) -> None:
        self.name = "memory"
        self.board = board
        self.now = 0.0
        self.pulled = False
        self.deaf = False
        """The board's processor stands still."""
        self.closed = False

    def read(self, timeout: float) -> bytes:
        end = self.now + timeout
        while True:
            if data := self.board.take():
                return data
            self._check()
            if self.deaf:
                self.now = end
                return b""
            state = self.board.turn()
            self.now += TURN_SECONDS
            if self.board.dead:
                raise LinkError(f"{self.name}: the power is gone")
            if state == RESET:
                self.board.reset()
            elif state != RUNS and not (data := self.board.take()):
                raise LinkError(f"{self.name}: the board ended with code {state}")
            elif state != RUNS:
                return data
            if self.now >= end:
                return self.board.take()

    def write(self, data: bytes) -> None:
        self._check()
        self.board.waiting += data

    def clock(self) -> float:
        return self.now

    def close(self) -> None:
        self.closed = True

    def _check(self) -> None:
        if self.pulled:
            raise LinkError(f"{self.name}: the connection is gone (pulled)")


def small_network() -> Network:
    """A convolutional network of a few hundred weights, its input in both directions of the grid."""
    return Network(
        name="small",
        input=Input(shape=(6, 5, 1), encoding="centered"),
        classes=["a", "b", "c"],
        layers=[
            Conv2d(filters=4, kernel=3, padding="same"),
            MaxPool(window=2),
            Dense(units=9),
            Dense(units=3),
        ],
        seed=5,
    )


def render_network(
    net: Network, folder: Path, batch: int, masters: Sequence[IntArray] | None = None, health: bool = True
) -> tuple[list[Path], list[Path]]:
    """C sources and include folders of a network's generated code, written into `folder`.

    With `masters` frozen layers lie in flash, as in a firmware.
    """
    graph = compile_graph(net, batch)
    packed = packable(graph, masters) if masters else frozenset[int]()
    constants = [masters[i] if masters and i in packed else None for i in range(len(graph.layers))]
    for name, text in render_model(plan_model(graph, packed=packed, health=health), constants).items():
        (folder / name).write_text(text)
    sources = [*(FIRMWARE / "src/kernels").glob("*.c"), *(FIRMWARE / "src/train").glob("*.c")]
    return [folder / "wk_model.c", *sorted(sources)], [FIRMWARE / "src"]
