"""pyOCD: from PyPI, for CMSIS-DAP, ST-LINK and J-Link probes."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence

from wagekit.boards import Flashing
from wagekit.toolchain.programmers.base import LIST_TIMEOUT, Job, Probe, Problem, Programmer, call

UNLOCK = "it erases the whole chip, what it has learned too"


class PyOcd(Programmer):
    """`pyocd load`, from this Python's packages. It never erases a chip as a whole."""

    name = "pyocd"
    program = "pyocd"
    install = "pip install 'wagekit[flash]'"
    key = "pyocd_target"
    problems = (
        Problem(
            r"No connected debug probe matches unique ID '(.*?)'",
            "no debug probe has the id {1}",
            "`pyocd list` shows the ids",
        ),
        Problem(
            r"No available debug probes|No connected debug probes|No target device available",
            "no debug probe is connected",
            "connect one; `pyocd list` shows them. On Linux it needs a udev rule: see docs/flashing.md",
        ),
        Problem(
            r"More than one debug probe matches",
            "several debug probes match the id {probe}",
            "give more of the id: `pyocd list` shows them",
        ),
        Problem(
            r"Target type (\S+) not recognized",
            "pyOCD does not know the target {1}",
            "install its pack with: pyocd pack install {1}",
        ),
        Problem(
            r"APPROTECT enabled: not automatically unlocking|is in (?:a )?secure state|device is locked|"
            r"unable to unlock device|read.?out protection",
            "the chip of {board} is locked against debuggers",
            f"unlock it yourself, if you want that: pyocd erase --mass -t {{chip}}; {UNLOCK}",
        ),
        Problem(
            r"Attempt to add data \((\S+)\) outside|no memory region defined for address (\S+)|"
            r"is not contained within region",
            "the image does not fit the flash that pyOCD knows of {chip}",
            "is the board the right one, and flash.pyocd_target in its board.toml?",
        ),
        Problem(
            r"No ACK|SWD/JTAG communication failure|Unexpected ACK|no cores were discovered",
            "the probe reaches no chip",
            "is the board powered, are SWDIO, SWCLK and ground connected, and is it a {board}?",
        ),
        Problem(
            r"Access denied|insufficient permissions|LIBUSB_ERROR_ACCESS",
            "no permission to open the debug probe",
            "on Linux it needs a udev rule: see docs/flashing.md",
        ),
        Problem(
            r"LIBUSB_ERROR_BUSY|Resource busy|already in use|exclusive access",
            "another program uses the debug probe",
            "end that first: an IDE, a gdb server, another wagekit",
        ),
    )

    def chip(self, flashing: Flashing) -> str | None:
        """See `Programmer.chip`."""
        return flashing.pyocd_target

    def find(self) -> list[str] | None:
        """It is started as a module: its script may not be on the path."""
        return [sys.executable, "-m", "pyocd"] if importlib.util.find_spec("pyocd") else super().find()

    def commands(self, tool: Sequence[str], job: Job) -> list[list[str]]:
        """See `Programmer.commands`. Without auto_unlock=False pyOCD would erase a locked chip unasked."""
        assert job.board.flash is not None
        command = [*tool, "load", "-W", "-t", str(self.chip(job.board.flash)), "-e", "sector"]
        command += ["-O", "auto_unlock=False"]
        if job.probe is not None:
            command += ["-u", job.probe]
        blank = [[*command, "--no-reset", f"{job.blank_file}@{job.blank.address:#x}"]] if job.blank else []
        return [*blank, [*command, str(job.image.elf)]]

    def probes(self) -> list[Probe] | None:
        """See `Programmer.probes`."""
        tool = self.find()
        return (
            None
            if tool is None
            else parse_probes(call([*tool, "json", "--probes"], LIST_TIMEOUT, self.name)[1])
        )


def parse_probes(output: str) -> list[Probe] | None:
    """What `pyocd json --probes` tells."""
    try:
        found = json.loads(output[output.find("{") :])
        return [Probe(str(item["unique_id"]), str(item.get("info", ""))) for item in found["boards"]]
    except (ValueError, KeyError, TypeError):
        return None
