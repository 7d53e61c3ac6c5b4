"""OpenOCD, as Debian and others have it."""

from __future__ import annotations

from collections.abc import Sequence

from wagekit.boards import Flashing
from wagekit.toolchain.programmers.base import Job, Probe, Problem, Programmer
from wagekit.toolchain.programmers.usb import debug_probes

_NO_PROBE = "connect one, of the kind that {board}'s board.toml names in flash.openocd: {chip}"


class OpenOcd(Programmer):
    """`openocd -c program`, which erases the sectors that it writes."""

    name = "openocd"
    program = "openocd"
    install = "sudo apt-get install openocd"
    key = "openocd"
    problems = (
        Problem(
            r"unable to find a matching CMSIS-DAP device|no device found|No J-Link device found|"
            r"Error: open failed|could not find or open device",
            "OpenOCD finds no debug probe",
            _NO_PROBE,
        ),
        Problem(
            r"Can't find (\S+)",
            "OpenOCD has no file {1}",
            "a newer OpenOCD may have it; else correct flash.openocd in the board's board.toml",
        ),
        Problem(
            r"invalid command name \"adapter",
            "this OpenOCD cannot choose a probe by its id",
            "version 0.12 or newer can",
        ),
        Problem(
            r"device protected|is protected|write protected|Could not find MEM-AP to control the core|"
            r"secured state|readout protection",
            "the chip of {board} is locked against debuggers",
            "its maker's tool unlocks it, and erases the whole chip, what it has learned too",
        ),
        Problem(
            r"UNEXPECTED idcode: (\S+)|Cannot identify target as an? (\S.*)",
            "another chip is connected than {board} has",
            "is the board the right one, and flash.openocd in its board.toml?",
        ),
        Problem(
            r"does not fit into bank|no flash bank found for address|outside of any (?:flash )?bank|"
            r"exceeds flash bank",
            "the image does not fit the flash that OpenOCD knows of {board}",
            "is the board the right one?",
        ),
        Problem(
            r"init mode failed|Error connecting DP|cannot read IDR|Unable to reset target|"
            r"jtag status contains invalid mode",
            "the probe reaches no chip",
            "is the board powered, are SWDIO, SWCLK and ground connected, and is it a {board}?",
        ),
        Problem(
            r"LIBUSB_ERROR_ACCESS|Permission denied",
            "no permission to open the debug probe",
            "on Linux it needs a udev rule: see docs/flashing.md",
        ),
        Problem(
            r"LIBUSB_ERROR_BUSY|Resource busy|could not claim interface",
            "another program uses the debug probe",
            "end that first: an IDE, a gdb server, another wagekit",
        ),
        Problem(
            r"\*\* Verify Failed \*\*",
            "what OpenOCD read back from {board} differs from the image",
            "write it once more; if it stays, the flash is worn or the supply is weak",
        ),
    )

    def chip(self, flashing: Flashing) -> str | None:
        """See `Programmer.chip`: its configuration files."""
        return " ".join(flashing.openocd) or None

    def commands(self, tool: Sequence[str], job: Job) -> list[list[str]]:
        """See `Programmer.commands`."""
        assert job.board.flash is not None
        command = list(tool)
        for file in job.board.flash.openocd:
            command += ["-f", file]
            if job.probe is not None and file == job.board.flash.openocd[0]:
                command += ["-c", f"adapter serial {{{job.probe}}}"]
        if job.blank is not None:
            command += ["-c", f"program {{{job.blank_file}}} {job.blank.address:#x} verify"]
        return [[*command, "-c", f"program {{{job.image.elf}}} verify reset exit"]]

    def failed(self, output: str) -> bool:
        """It ends with 0 in some versions although programming failed."""
        return "** Programming Finished **" not in output

    def probes(self) -> list[Probe] | None:
        """See `Programmer.probes`: OpenOCD lists none itself."""
        return debug_probes()
