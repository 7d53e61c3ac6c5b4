"""Serial ports of this machine, found by the USB ids of the boards that bring them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from serial.tools import list_ports

from wagekit.errors import LinkError, UsageError


@dataclass(frozen=True, slots=True)
class Port:
    """A serial port."""

    device: str
    """What is opened: /dev/ttyACM0, COM3."""
    usb: str | None
    """Vendor and product, `0d28:0204`; None where it is not on USB."""
    serial: str | None
    """Serial number of its USB device."""
    description: str

    def __str__(self) -> str:
        words = [self.device, self.usb or "", self.description]
        return "  ".join(word for word in words if word and word != "n/a")


def ports() -> list[Port]:
    """All serial ports, by name."""
    found = []
    for item in list_ports.comports():
        usb = None if item.vid is None or item.pid is None else f"{item.vid:04x}:{item.pid:04x}"
        found.append(Port(item.device, usb, item.serial_number, item.description or ""))
    return sorted(found, key=lambda port: port.device)


def find_port(
    board: str,
    usb: Sequence[str],
    *,
    probe: str | None = None,
    wait: float = 0.0,
    listing: Callable[[], list[Port]] = ports,
) -> str:
    """The serial port of a board, by the USB ids in its board.toml; `--port` says another.

    Where a probe wrote the board, the port of that probe is meant. A port that is only now coming up
    is waited for, so many seconds. UsageError names the ports where it is not clear which is meant,
    LinkError where there is none.
    """
    end = time.monotonic() + wait
    while True:
        present = listing()
        fitting = [port for port in present if port.usb in usb]
        if fitting or time.monotonic() >= end or not usb:
            break
        time.sleep(0.2)
    if probe is not None and any(_same(port, probe) for port in fitting):
        fitting = [port for port in fitting if _same(port, probe)]
    if len(fitting) == 1:
        return fitting[0].device
    if fitting:
        raise UsageError(f"{len(fitting)} serial ports could be that of {board}", hint=_choose(fitting))
    if not usb and present:
        raise UsageError(
            f"board {board} brings no serial port of its own: which one is it connected to?",
            hint=_choose(present),
        )
    why = f" with the USB id {' or '.join(usb)}" if usb else ""
    hint = "is the cable plugged in? It must carry data, not only power"
    if present:
        hint = _choose(present, "these ports are there, should it be one of them:")
    raise LinkError(f"there is no serial port of {board}{why}", hint=hint)


def _same(port: Port, probe: str) -> bool:
    return bool(port.serial) and str(port.serial).lower() in probe.lower()


def _choose(found: Sequence[Port], words: str = "choose one:") -> str:
    return "\n".join([words, *(f"--port {port}" for port in found)])
