"""picotool, for the boot loader in the ROM of RP2040 and RP2350."""

from __future__ import annotations

from collections.abc import Sequence

from wagekit.boards import Flashing
from wagekit.toolchain.programmers.base import Job, Probe, Problem, Programmer
from wagekit.toolchain.programmers.usb import boot_loaders

FAMILIES = {0xE48BFF56: "RP2040", 0xE48BFF59: "RP2350"}
"""Of UF2 images, by their numbers, that picotool's chips take."""
_BOOTSEL = "hold BOOTSEL while you plug the board in, then let it go"


class Picotool(Programmer):
    """`picotool load`, which erases the sectors that it writes."""

    name = "picotool"
    program = "picotool"
    install = "sudo apt-get install picotool, where there is one, or from its repository"
    key = "uf2_family"
    problems = (
        Problem(
            r"in BOOTSEL mode, but\s+picotool was unable to connect",
            "no permission to open the board in BOOTSEL mode",
            "on Linux it needs a udev rule: see docs/flashing.md",
        ),
        Problem(
            r"in BOOTSEL mode were found with serial number (\S+?)\.?\s",
            "no board in BOOTSEL mode has the id {1}",
            _BOOTSEL,
        ),
        Problem(
            r"No accessible \S+ devices? in BOOTSEL mode (?:was|were) found|Unable to connect to device",
            "no board in BOOTSEL mode is connected",
            _BOOTSEL,
        ),
        Problem(
            r"Command requires a single",
            "several boards in BOOTSEL mode are connected",
            "--probe ID chooses one by its USB serial number",
        ),
        Problem(
            r"file cannot be loaded (?:onto|into)|command cannot be used with an? (\S+) device",
            "another chip is connected than {board} has",
            "is the board the right one?",
        ),
        Problem(
            r"is too big to fit in (?:flash|partition) size|contained an invalid memory range",
            "the image does not fit the flash of the board that is connected",
            "is it a {board}?",
        ),
        Problem(
            r"permission failure",
            "the flash of {board} is locked",
            "`picotool info -a` tells more; unlocking may erase what it has learned",
        ),
        Problem(
            r"The device contents did not match the file",
            "what picotool read back from {board} differs from the image",
            "write it once more; if it stays, the flash is worn",
        ),
    )

    def chip(self, flashing: Flashing) -> str | None:
        """See `Programmer.chip`."""
        return FAMILIES.get(flashing.uf2_family or 0)

    def commands(self, tool: Sequence[str], job: Job) -> list[list[str]]:
        """See `Programmer.commands`."""
        which = [] if job.probe is None else ["--ser", job.probe]
        blank = []
        if job.blank is not None:
            at = ["-t", "bin", "-o", f"{job.blank.address:#x}"]
            blank = [[*tool, "load", "-v", str(job.blank_file), *at, *which]]
        return [*blank, [*tool, "load", "-v", "-x", str(job.image.elf), "-t", "elf", *which]]

    def probes(self) -> list[Probe] | None:
        """See `Programmer.probes`."""
        return boot_loaders()
