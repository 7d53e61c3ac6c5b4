"""USB devices of this machine, for programmers that list none themselves (Linux; elsewhere unknown)."""

from __future__ import annotations

from pathlib import Path

from wagekit.toolchain.programmers.base import Probe

SYSFS = Path("/sys/bus/usb/devices")
_STLINK = {
    ("0483", product) for product in ("3744", "3748", "374b", "374d", "374e", "374f", "3752", "3753", "3754")
}
_JLINK = "1366"
_BOOT_LOADERS = {("2e8a", "0003"): "RP2040 in BOOTSEL mode", ("2e8a", "000f"): "RP2350 in BOOTSEL mode"}


def debug_probes(root: Path | None = None) -> list[Probe] | None:
    """Debug probes by their serial numbers; None where this system does not tell."""
    found = _devices(root or SYSFS)
    if found is None:
        return None
    return [
        Probe(serial, product)
        for vendor, number, serial, product in found
        if (vendor, number) in _STLINK or vendor == _JLINK or "CMSIS-DAP" in product
    ]


def boot_loaders(root: Path | None = None) -> list[Probe] | None:
    """Boards whose boot loader in ROM waits; None where this system does not tell."""
    found = _devices(root or SYSFS)
    if found is None:
        return None
    return [
        Probe(serial, _BOOT_LOADERS[vendor, number])
        for vendor, number, serial, _ in found
        if (vendor, number) in _BOOT_LOADERS
    ]


def _devices(root: Path) -> list[tuple[str, str, str, str]] | None:
    """Vendor, product number, serial number and name of every device."""
    if not root.is_dir():
        return None
    found = []
    for folder in sorted(root.iterdir()):
        vendor, number, serial, product = (
            _text(folder / name) for name in ("idVendor", "idProduct", "serial", "product")
        )
        if vendor:
            found.append((vendor, number, serial, product))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
