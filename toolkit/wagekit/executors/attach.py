"""Opens devices as executors: on a serial port, or in an emulator that is booted for it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wagekit.boards import Board
from wagekit.errors import LinkError, ToolError, WagekitError
from wagekit.executors.device import DeviceExecutor
from wagekit.link import Device, Timing, Transport, open_transport
from wagekit.link.session import LogSink
from wagekit.spec import Network

if TYPE_CHECKING:
    from wagekit.toolchain.qemu import QemuProcess

QEMU_BATCH = 8
"""Batch that a firmware is built for when none is asked for."""


class QemuExecutor(DeviceExecutor):
    """A device in an emulator of our own; the emulator ends with it."""

    def close(self) -> None:
        """End the firmware and the emulator."""
        try:
            with suppress(WagekitError):  # it may have ended by itself, with a fault that was reported
                self._device.exit(0)
        finally:
            self._device.close()


class _QemuTransport(Transport):
    """The serial line of an emulator; its end is explained by how the emulator ended."""

    def __init__(self, inner: Transport, process: QemuProcess, name: str) -> None:
        self.name = name
        self.process = process
        self._inner = inner

    def read(self, timeout: float) -> bytes:
        """See `Transport.read`."""
        try:
            return self._inner.read(timeout)
        except LinkError as error:
            raise self._explained(error) from error

    def write(self, data: bytes) -> None:
        """See `Transport.write`."""
        try:
            self._inner.write(data)
        except LinkError as error:
            raise self._explained(error) from error

    def close(self) -> None:
        """End the emulator, after a moment to end by itself."""
        self._inner.close()
        self.process.stop()

    def _explained(self, error: LinkError) -> LinkError:
        with suppress(ToolError):
            code = self.process.wait(2.0)
            words = self.process.stderr.strip().splitlines()
            said = f": {words[-1]}" if words else ""
            return LinkError(f"{self.name}: the emulator ended with code {code}{said}", hint=error.hint)
        return error


def open_serial(
    net: Network,
    port: str,
    seed: int | None = None,
    batch: int | None = None,
    *,
    baud: int = 115200,
    keep: bool = False,
    timing: Timing | None = None,
    on_log: LogSink | None = None,
) -> DeviceExecutor:
    """A device on a serial port, or on any URL that `open_transport` knows; see `DeviceExecutor`."""
    device = Device.open(open_transport(port, baud=baud), timing=timing, on_log=on_log)
    return DeviceExecutor(net, device, name=f"serial:{port}", seed=seed, batch=batch, keep=keep)


def open_qemu(
    net: Network,
    board: str | Board,
    seed: int | None = None,
    batch: int | None = None,
    *,
    icount: bool = False,
    flash: Path | str | None = None,
    keep: bool = False,
    timing: Timing | None = None,
    on_log: LogSink | None = None,
    extra: Sequence[str] = (),
    **options: Any,
) -> DeviceExecutor:
    """Build the network's firmware for a board (its name, folder or itself), boot it in QEMU and open it.

    With `icount` the device's counter counts instructions. The file `flash` keeps the checkpoints
    over the end of the emulator (see `qemu.boot`), and with `keep` the device stays as it is after
    its start. `extra` are more options for QEMU's command line. Further options are those of
    `build_firmware`; weights that it packs into flash stay as they are.
    """
    from wagekit import boards
    from wagekit.toolchain import firmware, qemu

    target = board if isinstance(board, Board) else boards.load(board)
    image = firmware.build_firmware(net, target, batch=QEMU_BATCH if batch is None else batch, **options)
    process = qemu.boot(image.elf, target, icount=icount, keep=flash, extra=extra)
    name = f"qemu:{board.name if isinstance(board, Board) else board}"
    try:
        transport = _QemuTransport(open_transport(process.url), process, name)
        device = Device.open(transport, timing=timing, on_log=on_log)
        device.check_manifest(image.manifest["hash"])
        return QemuExecutor(net, device, name=name, seed=seed, batch=batch, keep=keep or image.plan.packed)
    except BaseException:
        process.stop()
        raise
