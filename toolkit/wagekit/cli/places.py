"""Opens the place a user names, and tells what a chip says of itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wagekit.cli.console import note
from wagekit.cli.loading import DEFAULT_PLACE, Loader
from wagekit.errors import DataError, UsageError
from wagekit.executors import Executor, open_executor
from wagekit.executors.device import DeviceExecutor
from wagekit.link.session import LogSink
from wagekit.monitor.events import Event, Link, Resources
from wagekit.numerics.grids import IntArray, on_grid
from wagekit.spec import Network
from wagekit.training.looks import weights_event
from wagekit.training.memory import Memory

if TYPE_CHECKING:
    from wagekit.toolchain.firmware import FirmwareImage
    from wagekit.training.model import Model


UNICORN = "unicorn"


@dataclass(frozen=True, slots=True)
class Place:
    """An open executor, and the firmware in it if this machine built it."""

    executor: Executor
    image: FirmwareImage | None = None
    counts: bool = False
    """Its counter counts instructions."""


def open_place(
    net: Network,
    where: str,
    *,
    seed: int | None = None,
    batch: int | None = None,
    icount: bool = False,
    baud: int | None = None,
    samples: int | None = None,
    infer_only: bool = False,
    masters: Sequence[IntArray] | None = None,
    health: bool = True,
    on_log: LogSink | None = None,
    keep: bool = False,
    flash: Path | None = None,
    sensor: Path | None = None,
    loader: Loader | None = None,
) -> Place:
    """Open a place that `open_executor` knows; options of other places are refused.

    A firmware that is built for it gets room for `samples` samples, if the board has it; None is
    all room that is left. With `infer_only` it cannot learn and needs less memory, and a chip on a
    serial port stays as it is until `load_to_infer`. `masters` are what will be loaded: a chip that
    learns holds its frozen layers in flash. Without `health` a firmware that is built cannot count it;
    `sensor` is a C file with its sensor. With `keep` a chip stays as it is found. The file `flash` has the
    checkpoints of a chip in QEMU. With a `loader` its board is written first, and `where` is not looked at.
    """
    if loader is not None and not loader.emulated:
        port, image = _written(
            net, loader, masters, batch, samples, baud=baud, training=not infer_only, health=health
        )
        baud = baud or loader.board.uart.baud
        where = f"serial:{port}"
    elif loader is not None:
        where, image = loader.place, None
    else:
        image = None
    if not (icount or flash or loader):
        where = stand_in(where)
    kind, _, target = where.partition(":")
    _refuse(icount and kind != "qemu", "--icount", "qemu:BOARD", where)
    _refuse(flash is not None and kind == UNICORN, "--flash", "qemu:BOARD", where)
    _refuse(baud is not None and kind != "serial", "--baud", "serial:PORT", where)
    _refuse(sensor is not None and kind not in ("qemu", "unicorn"), "--sensor", "qemu:BOARD", where)
    options: dict[str, Any] = {"baud": baud} if baud else {}
    if kind in ("serial", "qemu", "unicorn") and not infer_only:
        options["masters"] = masters
    if kind in ("serial", "qemu", "unicorn"):
        options["on_log"] = on_log
    if kind == "serial":
        options["keep"] = infer_only or keep
    if (kind == "qemu" and target) or kind == "unicorn":
        options |= {"store_limit": _store_limit(net, samples), "training": not infer_only, "health": health}
        options |= {"keep": keep, "sensor": read_sensor(sensor)}
    if kind == "qemu" and target:
        options |= {"icount": icount, "flash": flash, "load": loader is not None}
    executor = open_executor(net, where, seed=seed, batch=batch, **options)
    if image is not None:
        _check_build(executor, image)
    return Place(executor, image or getattr(executor, "image", None), icount)


def stand_in(where: str) -> str:
    """`unicorn` for the M4 board of QEMU where that is not installed but unicorn is; else the place itself.

    It is said, in one line.
    """
    from wagekit.toolchain import qemu, unicorn_m4

    if where != DEFAULT_PLACE or qemu.is_installed() or not unicorn_m4.is_installed():
        return where
    note(f"{qemu.PROGRAM} is not installed: {where} becomes {UNICORN} (board {unicorn_m4.BOARD})")
    return UNICORN


def _written(
    net: Network,
    loader: Loader,
    masters: Sequence[IntArray] | None,
    batch: int | None,
    samples: int | None,
    *,
    baud: int | None,
    training: bool,
    health: bool,
) -> tuple[str, FirmwareImage]:
    """Build the firmware of a real board and write it; its serial port, and what was written."""
    from wagekit.toolchain.firmware import build_usual

    image = build_usual(
        net,
        loader.board,
        batch,
        training=training,
        health=health,
        store_limit=_store_limit(net, samples),
        masters=None if training else masters,
        frozen=masters if training else None,
        baud=baud,
    )
    probe = loader.write(image.elf)
    return loader.find_port(probe, wait=loader.port_wait), image


def _check_build(executor: Executor, image: FirmwareImage) -> None:
    """`LinkError` if another build answers than the one that was written."""
    assert isinstance(executor, DeviceExecutor)
    try:
        executor.device.check_manifest(image.manifest["hash"])
    except BaseException:
        executor.close()
        raise


def _store_limit(net: Network, samples: int | None) -> int | None:
    """Bytes of so many samples on the chip."""
    from wagekit.toolchain.memory import LABEL_BYTES

    return None if samples is None else samples * (prod(net.input.shape) + LABEL_BYTES)


def read_sensor(path: Path | None) -> str | None:
    """The C text of a sensor; `DataError` where it cannot be read."""
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a text file"
        raise DataError(f"{path}: cannot be read: {why}", hint="a C file with wk_app_sense") from None


def load_to_infer(executor: Executor, model: Model) -> None:
    """Load a model's weights where they will only infer.

    A firmware that cannot learn holds weights in its flash, not masters: those on the weights' grid
    stand for them, and give the same logits.
    """
    masters = model.masters
    if isinstance(executor, DeviceExecutor) and not executor.hello.trains:
        bits = model.network.bits
        masters = [on_grid(array, bits.gradients, bits.weights) for array in masters]
    executor.load_masters(masters, model.step, model.seed)


def tell_board(emit: Callable[[Event], None], executor: Executor) -> None:
    """What a chip's firmware takes of its board, where that is known here; nothing for other places."""
    if isinstance(executor, DeviceExecutor):
        image: FirmwareImage | None = getattr(executor, "image", None)
        emit(memory_event(image) if image else Resources(board=executor.hello.board))


def tell_link(emit: Callable[[Event], None], executor: Executor) -> None:
    """How the link of a chip does, and what its board has used by now; two requests and their answers."""
    if not isinstance(executor, DeviceExecutor):
        return
    hello, counters = executor.hello, executor.counters()
    image: FirmwareImage | None = getattr(executor, "image", None)
    stats = executor.device.session.stats
    emit(
        Link(
            frames_sent=counters.host["sent"],
            frames_received=counters.host["received"],
            resent=counters.host["resent"],
            bad_frames=counters.host["damaged"] + counters.crc_errors,
            overruns=counters.overruns,
            bytes_sent=stats.bytes_sent,
            bytes_received=stats.bytes_received,
            latency=stats.latency(),
            waiting=executor.waiting,
        )
    )
    writes = executor.checkpoint_info().saves if hello.checkpoints else None
    used = image.sizes.stack - counters.stack_free if image else None
    emit(Resources(board=hello.board, checkpoint_writes=writes, stack_used=used))


def checkpoint_on(executor: Executor, memory: Memory) -> Callable[[], str | None] | None:
    """Keeps the present state on a chip that has checkpoints; None elsewhere."""
    if not isinstance(executor, DeviceExecutor) or not executor.hello.checkpoints:
        return None

    def keep() -> None:
        memory.kept.add(executor.save_checkpoint())

    return keep


def beat_of(net: Network, executor: Executor, emit: Callable[[Event], None]) -> Callable[[], None]:
    """What is told every few seconds: of a chip its link and board; elsewhere weights, which need no line."""

    def tell() -> None:
        if isinstance(executor, DeviceExecutor):
            tell_link(emit, executor)
        else:
            emit(weights_event(net, executor.step_count, executor.masters))

    return tell


def memory_event(image: FirmwareImage) -> Resources:
    """What a firmware takes of its board."""
    board = image.board
    return Resources(
        board=board.name,
        ram=image.sizes.ram,
        ram_limit=board.region("ram").size,
        flash=image.sizes.flash,
        flash_limit=board.region("flash").size,
        model_ram=image.plan.ram,
        stack=image.sizes.stack,
    )


def _refuse(wrong: bool, option: str, place: str, where: str) -> None:
    if wrong:
        raise UsageError(f"{option} goes with {place}, not with {where}")
