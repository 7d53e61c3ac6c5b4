"""The C project of a firmware: every file that it needs to build by itself, without Python.

Makefile CMakeLists.txt toolchain.cmake board.ld     how to build it
include/ src/                                        the static runtime
board/                                               startup, drivers and board file
generated/                                           wk_config.h, and for a network wk_model.*
app/                                                 C files of a firmware of one's own
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wagekit import templates
from wagekit.boards import Board
from wagekit.link import checkpoint
from wagekit.toolchain import cross
from wagekit.version import __version__
from wagekit.writer import RUNTIME, firmware_files

_BUILD_FILES = ("Makefile", "CMakeLists.txt", "toolchain.cmake", "board.ld")
MANIFEST_HEADER = "generated/wk_manifest.h"
_COMPILED = (".c", ".S")
STACK_PAINT = 0xC5C5C5C5


@dataclass(frozen=True, slots=True)
class Settings:
    """What a firmware is configured with beside its board."""

    name: str
    """Of the firmware, for people."""
    store: int = 0
    """Bytes of the sample store."""
    baud: int | None = None
    """Of the serial line; None for the board's."""
    watchdog_ms: int = 0
    """Time-out of the watchdog; 0 leaves it off."""
    optimise: str | None = None
    """None for the board's."""
    checkpoints: bool = True
    """The firmware uses the sectors that its board sets aside for them."""
    sensor: bool = False
    """It has a sensor of its own: wk_app_sense."""


def render(board: Board, settings: Settings, sources: Mapping[str, str]) -> dict[str, str]:
    """All files of a project: `sources` (by path in the project), the board's, and the build files."""
    files = dict(sources)
    files.update({f"board/{name}": text for name, text in board.source_files().items()})
    files["generated/wk_config.h"] = templates.render(
        "mcu/wk_config.h.jinja", version=__version__, board=board.name, groups=_config(board, settings)
    )
    context = _build_context(board, settings, _compiled(files))
    for name in _BUILD_FILES:
        files[name] = templates.render(f"mcu/{name}.jinja", **context)
    return files


def render_manifest_header(digest: bytes, facts: Mapping[str, str]) -> str:
    """The header that puts the manifest's hash (32 bytes) and lines `key=value` into the image."""
    return templates.render(
        "mcu/wk_manifest.h.jinja",
        version=__version__,
        hash=[f"0x{byte:02x}" for byte in digest],
        lines=[templates.quoted(f"{key}={value}") for key, value in facts.items()],
    )


def _compiled(files: Mapping[str, str]) -> list[str]:
    """What the build files name; C files of the folder `app` they find by themselves."""
    return sorted(name for name in files if name.endswith(_COMPILED) and not name.startswith("app/"))


def runtime_files(*more: str) -> dict[str, str]:
    """The static C files that a generated network needs, and those in `more` folders of `firmware/`."""
    return firmware_files((*RUNTIME, *more))


def store_files() -> dict[str, str]:
    """The checkpoint store: its C files, the check sum that it shares with the link, and its format."""
    files = firmware_files(("src/store",))
    checksum = "src/link/crc32.c"
    files[checksum] = firmware_files(("src/link",))[checksum]
    files["generated/wk_store_format.h"] = checkpoint.render_format()
    return files


def _build_context(board: Board, settings: Settings, sources: list[str]) -> dict[str, Any]:
    return {
        "version": __version__,
        "name": settings.name,
        "board": board.name,
        "optimise": settings.optimise or board.optimise,
        "core_flags": board.flags,
        "include_folders": cross.INCLUDE_FOLDERS,
        "includes": [f"-I{folder}" for folder in cross.INCLUDE_FOLDERS],
        "c_flags": cross.C_FLAGS,
        "link_flags": cross.LINK_FLAGS,
        "sources": sources,
        "flash": board.region("flash").name.upper(),
        "ram": board.region("ram").name.upper(),
        "stack": board.stack,
        "half_stack": board.stack // 2,
        "regions": [
            {
                "name": region.name.upper(),
                "attributes": "rx" if region.kind == "flash" else "rw",
                "origin": f"0x{region.origin:08x}",
                "size": f"0x{board.code_flash if region.kind == 'flash' else region.size:x}",
            }
            for region in board.memory
        ],
    }


def _config(board: Board, settings: Settings) -> list[dict[str, Any]]:
    """Groups of macros. What the assembler reads too are plain numbers without a suffix."""
    uart, qemu, watchdog = board.uart, board.qemu, board.watchdog
    area = board.checkpoint[0] if board.checkpoint else None
    watchdog_ticks = settings.watchdog_ms * watchdog.clock // 1000 if watchdog else 0
    return [
        _group(
            "Who this is",
            WK_BOARD_NAME=f'"{board.name}"',
            WK_FIRMWARE_VERSION=f'"{__version__}"',
        ),
        _group(
            "Link: largest payload of a frame, receive and transmit ring, sample store, in bytes",
            WK_FRAME_BYTES=f"{board.link.frame}u",
            WK_RX_RING_BYTES=f"{board.link.ring}u",
            WK_TX_RING_BYTES=f"{board.link.send_ring}u",
            WK_SAMPLE_STORE_BYTES=f"{settings.store}u",
        ),
        _group(
            "Counter; under QEMU with an instruction clock so many ticks are so many instructions",
            WK_PORT_TICK_HZ=f"{board.ticks.hz}u",
            WK_INSTRUCTIONS_PER_TICK_NUMERATOR=f"{qemu.instructions if qemu else 0}u",
            WK_INSTRUCTIONS_PER_TICK_DENOMINATOR=f"{qemu.ticks if qemu else 1}u",
        ),
        _group(
            "Sectors for checkpoints",
            WK_HAVE_STORE=int(settings.checkpoints and area is not None),
            WK_FLASH_ORIGIN=f"0x{area.origin if area else 0:08x}u",
            WK_FLASH_SECTORS=f"{area.count if area else 0}u",
            WK_FLASH_SECTOR_BYTES=f"{area.size if area else 0}u",
        ),
        _group("A sensor of its own", WK_HAVE_SENSOR=int(settings.sensor)),
        _group(
            "Port",
            WK_UART_BASE=f"0x{uart.base:08x}u",
            WK_UART_IRQ=uart.irq,
            WK_UART_TX_IRQ=uart.irq if uart.tx_irq is None else uart.tx_irq,
            WK_UART_DIVISOR=f"{uart.divisor(settings.baud)}u",
            WK_UART_TX_PIN=f"{uart.tx_pin}u",
            WK_UART_RX_PIN=f"{uart.rx_pin}u",
            WK_WATCHDOG_BASE=f"0x{watchdog.base if watchdog else 0:08x}u",
            WK_WATCHDOG_TICKS=f"{watchdog_ticks}u",
            WK_IRQ_COUNT=board.interrupts,
            WK_STACK_BYTES=board.stack,
            WK_STACK_PAINT=f"0x{STACK_PAINT:08x}",
        ),
    ]


def _group(title: str, **macros: str | int) -> dict[str, Any]:
    return {"title": title, "entries": [{"name": k, "value": v} for k, v in macros.items()]}
