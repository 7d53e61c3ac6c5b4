"""st-flash of the stlink tools, as Debian and others have them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence

from wagekit.boards import Flashing
from wagekit.toolchain.programmers.base import LIST_TIMEOUT, Job, Probe, Problem, Programmer, call


class StFlash(Programmer):
    """`st-flash write`, which erases the sectors that it writes."""

    name = "st-flash"
    program = "st-flash"
    install = "sudo apt-get install stlink-tools"
    key = "stflash"
    problems = (
        Problem(
            r"Couldn't find (?:any|\d+) ?ST-Link",
            "no ST-LINK is connected",
            "connect one; `st-info --probe` shows them. On Linux it needs a udev rule: see docs/flashing.md",
        ),
        Problem(
            r"unable to claim|probably already in use",
            "another program uses the ST-LINK",
            "end that first: an IDE, a gdb server, another wagekit",
        ),
        Problem(
            r"Could not open USB device .*access error|LIBUSB_ERROR_ACCESS",
            "no permission to open the ST-LINK",
            "on Linux it needs a udev rule: see docs/flashing.md",
        ),
        Problem(
            r"Flash memory is write protected|Flash unlock failed|Failed to unlock flash",
            "the chip of {board} is locked",
            "ST's programmer unlocks it, and erases the whole chip, what it has learned too",
        ),
        Problem(
            r"unknown chip id!? (0x[0-9a-f]+)",
            "the ST-LINK finds a chip that st-flash does not know: id {1}",
            "is it the chip of {board}, powered and connected? A newer st-flash may know it",
        ),
        Problem(
            r"addr too high|addr too low|Unknown memory region|Invalid flash address",
            "the image does not fit the flash of the chip that is connected",
            "is it a {board}?",
        ),
        Problem(
            r"too low for flash writes",
            "the voltage of {board} is too low to write its flash",
            "supply the board, not only the probe",
        ),
        Problem(
            r"Failed to (?:connect|enter SWD|reset|halt)|Can not connect to target",
            "the ST-LINK reaches no chip",
            "is the board powered, are SWDIO, SWCLK, reset and ground connected, and is it a {board}?",
        ),
    )

    def chip(self, flashing: Flashing) -> str | None:
        """See `Programmer.chip`: it finds that out itself."""
        return "the chip" if flashing.stflash else None

    def commands(self, tool: Sequence[str], job: Job) -> list[list[str]]:
        """See `Programmer.commands`."""
        which = [] if job.probe is None else ["--serial", job.probe]
        blank = []
        if job.blank is not None:
            blank = [[*tool, *which, "write", str(job.blank_file), f"{job.blank.address:#x}"]]
        return [*blank, [*tool, "--reset", *which, "write", str(job.binary), f"{job.image.origin:#x}"]]

    def probes(self) -> list[Probe] | None:
        """See `Programmer.probes`."""
        info = shutil.which("st-info")
        return None if info is None else parse_probes(call([info, "--probe"], LIST_TIMEOUT, self.name)[1])


def parse_probes(output: str) -> list[Probe]:
    """What `st-info --probe` tells."""
    return [Probe(found[1], "ST-LINK") for found in re.finditer(r"^\s*serial:\s*(\S+)", output, re.MULTILINE)]
