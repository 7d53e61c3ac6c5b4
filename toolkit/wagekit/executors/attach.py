"""Opens devices as executors: on a serial port, or in an emulator that is booted for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from wagekit.boards import Board
from wagekit.errors import LinkError, ToolError, WagekitError
from wagekit.executors.base import IntArray
from wagekit.executors.checks import check_masters, check_uint32
from wagekit.executors.device import DeviceExecutor
from wagekit.link import Device, Timing, Transport, open_transport
from wagekit.link.session import LogSink
from wagekit.passes import compile_graph
from wagekit.reference import initial_masters
from wagekit.spec import Network

if TYPE_CHECKING:
    from wagekit.toolchain.firmware import FirmwareImage
    from wagekit.toolchain.qemu import QemuProcess
    from wagekit.toolchain.unicorn_m4 import Machine

QEMU_TIMING = Timing(resend=2.0, resend_limit=8.0, poll=2.0, silence=30.0, stall=180.0)
"""The line to an emulator loses nothing, but is slow where the machine is busy: an emulated UART takes one
byte each time that the scheduler gives it a turn. What is sent again too early only stands in the way."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What the executor of an emulated device is made with."""

    build: Callable[[Sequence[IntArray]], FirmwareImage]
    """A firmware whose frozen layers have the weights of these masters."""
    boot: Callable[[FirmwareImage], Device]
    icount: bool
    """The device's counter counts instructions."""


class EmulatorExecutor(DeviceExecutor):
    """A device in an emulator of our own; the emulator ends with it.

    Loading other frozen weights than those in the flash of a firmware that learns builds the firmware
    anew and boots it: samples that were stored are gone, as after a reset.
    """

    image: FirmwareImage
    """The firmware that runs."""

    def __init__(
        self,
        net: Network,
        bench: Bench,
        masters: Sequence[IntArray],
        *,
        name: str,
        seed: int | None,
        batch: int | None,
        keep: bool,
    ) -> None:
        self._bench = bench
        self.image = bench.build(masters)
        device = bench.boot(self.image)
        super().__init__(
            net,
            device,
            name=name,
            seed=seed,
            batch=batch,
            keep=keep,
            masters=masters,
            counts_time=not bench.icount,
        )

    def load_masters(self, masters: Sequence[ArrayLike], step: int = 0, seed: int | None = None) -> None:
        """Replace all masters, the step and (if given) the seed; all or nothing."""
        checked = check_masters(self._graph, masters)
        if self.hello.trains and not self._same_frozen(checked):
            seed = self.seed if seed is None else seed
            image = self._bench.build(checked)
            self.close()
            self.image, self._device = image, self._bench.boot(image)
            self._stored, self._kept, self._rule = 0, 0, None
            self._retell_health()
        super().load_masters(checked, step, seed)

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


class _UnicornTransport(Transport):
    """The line of a chip in unicorn, which runs in this process."""

    name = "unicorn"

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def read(self, timeout: float) -> bytes:
        """See `Transport.read`."""
        data = self._machine.read(timeout)
        if not data:
            self._check()
        return data

    def write(self, data: bytes) -> None:
        """See `Transport.write`."""
        self._check()
        self._machine.write(data)

    def close(self) -> None:
        """See `Transport.close`."""
        self._machine.stop()

    def _check(self) -> None:
        if self._machine.end:
            raise LinkError(
                f"{self.name}: {self._machine.end}", hint="the same network in QEMU may tell more of a fault"
            )


def open_serial(
    net: Network,
    port: str,
    seed: int | None = None,
    batch: int | None = None,
    *,
    baud: int = 115200,
    keep: bool = False,
    masters: Sequence[ArrayLike] | None = None,
    timing: Timing | None = None,
    on_log: LogSink | None = None,
) -> DeviceExecutor:
    """A device on a serial port, or on any URL that `open_transport` knows; see `DeviceExecutor`."""
    device = Device.open(open_transport(port, baud=baud), timing=timing, on_log=on_log)
    name = f"serial:{port}"
    return DeviceExecutor(net, device, name=name, seed=seed, batch=batch, keep=keep, masters=masters)


def open_qemu(
    net: Network,
    board: str | Board,
    seed: int | None = None,
    batch: int | None = None,
    *,
    icount: bool = False,
    flash: Path | str | None = None,
    load: bool = False,
    keep: bool = False,
    masters: Sequence[ArrayLike] | None = None,
    timing: Timing | None = None,
    on_log: LogSink | None = None,
    extra: Sequence[str] = (),
    **options: Any,
) -> EmulatorExecutor:
    """Build the network's firmware for a board (its name, folder or itself), boot it in QEMU and open it.

    With `icount` the device's counter counts instructions. The file `flash` keeps the checkpoints
    over the end of the emulator (see `qemu.boot`), and with `keep` the device stays as it is after
    its start. It begins with `masters`, by default the initial ones. With `load` the firmware is not
    given to QEMU but written into the empty machine over its gdb stub, as a programmer does it, and
    compared. `extra` are more options for QEMU's command line. Further options are those of
    `build_usual`; what only infers (`training=False`) gets `masters` packed into flash.
    """
    from wagekit import boards
    from wagekit.toolchain import firmware, qemu
    from wagekit.toolchain.flash import flash_qemu

    target = board if isinstance(board, Board) else boards.load(board)
    name = f"qemu:{board.name if isinstance(board, Board) else board}"
    infers = masters is not None and not options.get("training", True)

    def build(weights: Sequence[IntArray]) -> FirmwareImage:
        known: dict[str, Any] = {"masters" if infers else "frozen": weights}
        return firmware.build_usual(net, target, batch, **known, **options)

    def boot(image: FirmwareImage) -> Device:
        start = flash_qemu if load else qemu.boot
        process = start(image.elf, target, icount=icount, keep=flash, extra=extra)
        try:
            transport = _QemuTransport(open_transport(process.url), process, name)
            device = Device.open(transport, timing=timing or QEMU_TIMING, on_log=on_log)
            device.check_manifest(image.manifest["hash"])
        except BaseException:
            process.stop()
            raise
        return device

    bench = Bench(build, boot, icount)
    begin = _first_masters(net, seed, masters)
    return EmulatorExecutor(net, bench, begin, name=name, seed=seed, batch=batch, keep=keep or infers)


def open_unicorn(
    net: Network,
    seed: int | None = None,
    batch: int | None = None,
    *,
    keep: bool = False,
    masters: Sequence[ArrayLike] | None = None,
    timing: Timing | None = None,
    on_log: LogSink | None = None,
    **options: Any,
) -> EmulatorExecutor:
    """Build the network's firmware for the board of unicorn, start it in this process and open it.

    As `open_qemu`, without what unicorn lacks: a count of instructions, checkpoints, the report of a fault.
    """
    from wagekit.toolchain import firmware, unicorn_m4

    board = unicorn_m4.load_board()
    unicorn_m4.version()
    infers = masters is not None and not options.get("training", True)

    def build(weights: Sequence[IntArray]) -> FirmwareImage:
        known: dict[str, Any] = {"masters" if infers else "frozen": weights}
        return firmware.build_usual(net, board, batch, **known, **options)

    def boot(image: FirmwareImage) -> Device:
        machine = unicorn_m4.Machine(image.elf, board)
        try:
            device = Device.open(_UnicornTransport(machine), timing=timing or QEMU_TIMING, on_log=on_log)
            device.check_manifest(image.manifest["hash"])
        except BaseException:
            machine.stop()
            raise
        return device

    bench = Bench(build, boot, icount=False)
    begin = _first_masters(net, seed, masters)
    return EmulatorExecutor(net, bench, begin, name="unicorn", seed=seed, batch=batch, keep=keep or infers)


def _first_masters(net: Network, seed: int | None, masters: Sequence[ArrayLike] | None) -> list[IntArray]:
    """What a device begins with: `masters`, or the initial ones of the seed."""
    graph = compile_graph(net, training=False)
    start = net.seed if seed is None else check_uint32(seed, "seed")
    return list(initial_masters(graph, start) if masters is None else check_masters(graph, masters))
