"""What a programmer is: a program that writes a board's flash, and what its messages mean."""

from __future__ import annotations

import re
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from wagekit.boards import Board, Flashing
from wagekit.errors import ToolError, WagekitError
from wagekit.files import write_whole
from wagekit.toolchain.image import Image, Segment

WRITE_TIMEOUT = 300.0
LIST_TIMEOUT = 30.0
UNPLUG = "unplug the board and the probe, plug them in again, and try once more"


@dataclass(frozen=True, slots=True)
class Probe:
    """A debug probe or boot loader that is connected."""

    id: str
    """What `--probe` takes."""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be written, with the files that a programmer may need of it."""

    board: Board
    image: Image
    folder: Path
    """For files that are made for the programmer."""
    probe: str | None = None
    blank: Segment | None = None
    """Erased flash for the checkpoint sectors, if they are to be erased."""

    @property
    def binary(self) -> Path:
        """The image as plain bytes."""
        return self.folder / "firmware.bin"

    @property
    def blank_file(self) -> Path:
        """`blank` as plain bytes."""
        return self.folder / "blank.bin"

    def write_files(self) -> None:
        """Make both files."""
        write_whole(self.binary, self.image.binary())
        if self.blank is not None:
            write_whole(self.blank_file, self.blank.data)


@dataclass(frozen=True, slots=True)
class Problem:
    """A message of a programmer, what it means, and what to do."""

    pattern: str
    """Regular expression; upper and lower case are alike."""
    message: str
    """`{board}`, `{chip}`, `{probe}` and `{1}`, a group of the pattern, are filled in."""
    hint: str


class Programmer(ABC):
    """One program. Commands are made by pure functions; `write` runs them."""

    name: ClassVar[str]
    """What `--with` takes."""
    program: ClassVar[str]
    """Of the path."""
    install: ClassVar[str]
    """How to get it."""
    key: ClassVar[str]
    """What the board's [flash] must have."""
    problems: ClassVar[tuple[Problem, ...]]
    """The first that matches counts."""

    @abstractmethod
    def chip(self, flashing: Flashing) -> str | None:
        """What the program calls the board's chip; None where the board does not tell."""

    @abstractmethod
    def commands(self, tool: Sequence[str], job: Job) -> list[list[str]]:
        """Command lines that write and start a board, in order; `tool` begins each of them."""

    def find(self) -> list[str] | None:
        """How the program is started; None where it is not on this machine."""
        path = shutil.which(self.program)
        return [path] if path else None

    def probes(self) -> list[Probe] | None:
        """What is connected; None where that cannot be known."""
        return None

    def accepts(self, probe: str) -> bool:
        """Whether a probe that it does not list can be used all the same."""
        return False

    def write(self, tool: Sequence[str], job: Job) -> None:
        """Write and start a board; ToolError with one line where that fails."""
        job.write_files()
        for command in self.commands(tool, job):
            code, output = call(command, WRITE_TIMEOUT, self.name)
            if code != 0 or self.failed(output):
                raise self.explain(output, job)

    def failed(self, output: str) -> bool:
        """Whether the output tells a failure that the exit code does not."""
        return False

    def explain(self, output: str, job: Job) -> WagekitError:
        """What went wrong, from the table; without a match the program's last line."""
        chip = self.chip(job.board.flash) if job.board.flash else None
        facts = {"board": job.board.name, "chip": chip or job.board.name, "probe": job.probe or "?"}
        for problem in self.problems:
            found = re.search(problem.pattern, output, re.IGNORECASE)
            if found:
                groups = [found[0], *(part or "?" for part in found.groups())]
                return ToolError(
                    problem.message.format(*groups, **facts), hint=problem.hint.format(*groups, **facts)
                )
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        return ToolError(
            f"{self.name} failed: {lines[-1] if lines else 'no message'}",
            hint=f"it was started as: {' '.join(self.commands([self.program], job)[-1])}",
        )


def call(command: Sequence[str], timeout: float, name: str, hint: str = UNPLUG) -> tuple[int, str]:
    """Exit code and output of a program; ToolError if it does not start, or does not end in time."""
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ToolError(f"{name} did not end within {timeout:.0f} s", hint=hint) from None
    except OSError as error:
        raise ToolError(f"{name} does not start: {error}") from None
    return result.returncode, result.stdout + result.stderr
