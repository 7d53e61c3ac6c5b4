"""What becomes of a chip's learned weights when a firmware is written onto it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from wagekit.cli.console import done, note, working
from wagekit.cli.options import DEFAULT_BAUD
from wagekit.errors import LinkError, UsageError

if TYPE_CHECKING:
    from wagekit.boards import Board
    from wagekit.cli.sources import Subject
    from wagekit.executors.device import DeviceExecutor
    from wagekit.training.model import Model


@contextmanager
def open_chip(subject: Subject, on: str, flash: Path | None, baud: int | None) -> Iterator[DeviceExecutor]:
    """The chip as it is, with the network of `subject`; a chip with another is refused."""
    from wagekit.executors import open_executor
    from wagekit.executors.device import DeviceExecutor

    kind, _, target = on.partition(":")
    if kind not in ("serial", "qemu") or not target:
        raise UsageError(f"--on {on}: serial:PORT or qemu:BOARD is allowed: only chips have checkpoints")
    if flash is not None and kind != "qemu":
        raise UsageError(f"--flash goes with qemu:BOARD, not with {on}")
    if baud is not None and kind != "serial":
        raise UsageError(f"--baud goes with serial:PORT, not with {on}")
    options: dict[str, Any] = {"baud": baud} if baud else {}
    if flash is not None:
        options["flash"] = flash
    with open_executor(subject.network, on, keep=True, masters=subject.masters, **options) as executor:
        assert isinstance(executor, DeviceExecutor)
        if flash is not None and executor.hello.in_flash:
            _tell_foreign(executor, flash)
        yield executor


def _tell_foreign(chip: DeviceExecutor, flash: Path) -> None:
    """Say that checkpoints are not seen because they belong to other frozen weights, or another network."""
    found = chip.checkpoint_info()
    if found.newest is None and "foreign" in found.slots:
        note(
            f"{flash}: holds a checkpoint of another network, or of one with other frozen weights; "
            "give the model that was pushed instead of its network"
        )


def pull_model(subject: Subject, chip: DeviceExecutor, path: Path) -> Model:
    """Write what a chip has learned into a model file; with the plan of the subject's training, if any."""
    from wagekit.training.model import Model, save_model

    training = subject.model.training if subject.model else {}
    model = Model(subject.network, chip.masters, chip.step_count, chip.seed, training)
    save_model(path, model)
    return model


@dataclass(frozen=True, slots=True)
class Keeping:
    """What a user wants for the checkpoints of a chip that is written."""

    pull: Path | None = None
    """Save what the chip has learned into this model file first."""
    keep: bool = False
    """Keep the sectors without asking."""
    erase: bool = False
    """Erase the sectors."""

    def check(self, board: Board, subject: Subject | None) -> None:
        """UsageError, before anything is done, for wishes that cannot be met."""
        if self.keep and self.erase:
            raise UsageError("--keep and --erase-checkpoints: one of them is allowed")
        if not board.checkpoint and (self.erase or self.pull):
            option = "--erase-checkpoints" if self.erase else "--pull"
            raise UsageError(f"{option}: board {board.name} keeps no checkpoints")
        if self.pull is not None and subject is None:
            raise UsageError(
                "--pull needs the network that the chip has learned",
                hint="give NETWORK or MODEL, not an ELF; or: wagekit checkpoint pull NETWORK --on PLACE",
            )
        if self.pull is not None and self.pull.exists():
            raise UsageError(f"{self.pull} exists", hint="--pull FILE writes a file that is not there yet")

    def matters(self, board: Board, subject: Subject | None) -> bool:
        """Whether the chip has to be looked at before it is written: to save it, or to ask a person."""
        if subject is None or not board.checkpoint:
            return False
        return self.pull is not None or (not self.keep and sys.stdin.isatty())

    def before(self, subject: Subject, where: str, flash: Path | None, baud: int | None) -> None:
        """Save what the chip at `where` has learned, if that is wanted or a person at a terminal says so."""
        if self.pull is not None:
            _pull(subject, where, self.pull, flash, baud)
            return
        found = _look(where, flash, baud)
        if found is not None:
            self._ask(subject, found, where, flash, baud)

    def _ask(self, subject: Subject, found: _Found, where: str, flash: Path | None, baud: int | None) -> None:
        fate = (
            "will be erased" if self.erase else "stay, until a firmware of another network writes over them"
        )
        note(f"{found.words}; its checkpoint sectors {fate}")
        if found.fingerprint not in (None, subject.network.fingerprint()):
            typer.confirm("It is another network than this one. Go on without saving it?", abort=True)
            return
        path = _free(Path(f"{subject.network.name}-pulled.safetensors"))
        if typer.confirm(f"Save what it has learned in {path} first?", default=True):
            _pull(subject, where, path, flash, baud)


@dataclass(frozen=True, slots=True)
class _Found:
    """A checkpoint that is there."""

    words: str
    fingerprint: str | None
    """Of the network that is on the chip; None where that is not known."""


def _look(where: str, flash: Path | None, baud: int | None) -> _Found | None:
    """Whether there is anything to lose: in the file of an emulated flash, or on a chip that answers."""
    kind, _, target = where.partition(":")
    if kind == "qemu":
        blank = flash is None or not flash.is_file() or not flash.read_bytes().strip(b"\xff")
        return None if blank else _Found(f"{flash} is not blank", None)
    from wagekit.link import Device, open_transport

    try:
        with working("looking what the chip has learned"):
            device = Device.open(open_transport(target, baud=baud or DEFAULT_BAUD))
    except LinkError:
        return None  # another program's firmware, or none: nothing of ours to lose
    try:
        if not device.hello.checkpoints:
            return None
        info = device.checkpoint_info()
        if info.newest is None:
            return None
        return _Found(
            f"{target} holds checkpoint {info.sequence:,} of step {info.step:,}", device.hello.fingerprint
        )
    finally:
        device.close()


def _pull(subject: Subject, where: str, path: Path, flash: Path | None, baud: int | None) -> None:
    with open_chip(subject, where, flash, baud) as chip:
        if not chip.hello.restored and not chip.step_count:
            raise UsageError(
                f"{where} has learned nothing of {subject.network.name} that could be saved",
                hint="answer n, or leave --pull out, and the firmware is written without saving anything",
            )
        model = pull_model(subject, chip, path)
    done(f"saved {path}: step {model.step:,}, digest {model.digest()[:12]}")


def _free(path: Path) -> Path:
    """A name that is not taken yet."""
    number, free = 2, path
    while free.exists():
        free = path.with_stem(f"{path.stem}-{number}")
        number += 1
    return free
