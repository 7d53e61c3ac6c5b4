"""Opens the devices of a test module, and closes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from wagekit.cli.learning import Settings, plan_lesson
from wagekit.cli.places import open_place
from wagekit.cli.sources import Subject, open_subject
from wagekit.errors import ToolError
from wagekit.spec import Network
from wagekit.testing.device import DeviceUnderTest
from wagekit.testing.failing import LOG_LINES, readable

LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error"}
DEFAULT_PLACE = "qemu:mps2-an386"


class OpenDevice(Protocol):
    """What the fixture `wagekit_device` is."""

    def __call__(
        self,
        network: str | Path | Network,
        *,
        on: str = DEFAULT_PLACE,
        icount: bool = False,
        samples: int | None = None,
        **settings: Any,
    ) -> DeviceUnderTest:
        """See `Devices.open`."""


class Devices:
    """The devices of one test module. A context manager."""

    def __init__(self, folder: Path, skip: Callable[[str], None]) -> None:
        self._folder = folder
        self._skip = skip
        """Called with a reason where a tool is missing; does not return."""
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def open(
        self,
        network: str | Path | Network,
        *,
        on: str = DEFAULT_PLACE,
        icount: bool = False,
        samples: int | None = None,
        **settings: Any,
    ) -> DeviceUnderTest:
        """Build a network's firmware, boot it and get it ready to learn.

        `network` is a network.toml, its folder, a model file, one that ships, or a `Network`. `on` is a
        place as `wagekit run --on` takes it; with `icount` an emulated chip counts instructions. The chip
        gets room for `samples` samples, by default for all of them if the board has it.
        `settings` are those of `wagekit run`: `data`, `label`, `batch`, `epochs` or `steps`, `schedule`,
        `rule`, `seed`, `test_fraction`, `test_limit`. Where a tool is missing the test is skipped.
        """
        with readable():
            check_tools(on, self._skip)
            subject = Subject(network) if isinstance(network, Network) else open_subject(self._path(network))
            for name in ("data", "test"):
                if settings.get(name) is not None:
                    settings[name] = self._path(settings[name])
            lesson = plan_lesson(subject, Settings(**settings))
            log: deque[str] = deque(maxlen=LOG_LINES)
            place = open_place(
                lesson.network,
                on,
                seed=lesson.seed,
                batch=lesson.plan.batch,
                samples=lesson.store if samples is None else samples,
                masters=subject.masters,
                icount=icount,
                on_log=lambda level, text: log.append(f"{LEVELS.get(level, level)}: {text}"),
            )
            self._open.enter_context(place.executor)
            return DeviceUnderTest(lesson, place, log)

    def _path(self, name: str | Path) -> str:
        """A path of the test's folder, or what it is otherwise."""
        beside = self._folder / name
        return str(beside if beside.exists() else name)


def check_tools(on: str, skip: Callable[[str], None]) -> None:
    """Call `skip` with a reason where a tool is missing that this place needs."""
    from wagekit.toolchain import cross, host, qemu

    needed: dict[str, tuple[Callable[[], object], ...]] = {
        "qemu": (cross.find_compiler, qemu.version),
        "host": (host.find_compiler,),
        "neuro": (host.find_compiler,),
    }
    for find in needed.get(on.partition(":")[0], ()):
        try:
            find()
        except ToolError as error:
            skip(error.message + (f"; {error.hint}" if error.hint else ""))
