"""probe-rs, from its own installer or cargo."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wagekit.boards import Flashing
from wagekit.toolchain.programmers.base import LIST_TIMEOUT, Job, Probe, Problem, Programmer, call


class ProbeRs(Programmer):
    """`probe-rs download`, which erases the sectors that it writes, and `probe-rs reset`."""

    name = "probe-rs"
    program = "probe-rs"
    install = "cargo install probe-rs-tools --locked, or the installer of probe.rs"
    key = "probe_rs"
    problems = (
        Problem(
            r"No connected probes were found|No probes? (?:was|were) found",
            "no debug probe is connected",
            "connect one; `probe-rs list` shows them. On Linux it needs a udev rule: see docs/flashing.md",
        ),
        Problem(
            r"probe (?:was )?not found|Failed to open (?:the debug )?probe",
            "probe-rs cannot open the debug probe {probe}",
            "`probe-rs list` shows the ids; another program may use it, or a udev rule is missing",
        ),
        Problem(
            r"\d+ probes were found",
            "several debug probes are connected",
            "--probe ID chooses one: `probe-rs list` shows them",
        ),
        Problem(
            r"lacked the permission to do so|(?:core|device) is locked",
            "the chip of {board} is locked against debuggers",
            "unlock it yourself, if you want that: probe-rs erase --chip {chip} --allow-erase-all; "
            "it erases the whole chip, what it has learned too",
        ),
        Problem(
            r"chip '.*?' was not found in",
            "probe-rs does not know the chip {chip}",
            "`probe-rs chip list` shows them; correct flash.probe_rs in board.toml, or update probe-rs",
        ),
        Problem(
            r"No flash memory contains the entire requested memory range",
            "the image does not fit the flash that probe-rs knows of {chip}",
            "is the board the right one, and flash.probe_rs in its board.toml?",
        ),
        Problem(
            r"verification failed",
            "what probe-rs read back from {board} differs from the image",
            "write it once more; if it stays, the flash is worn or the supply is weak",
        ),
        Problem(
            r"Connecting to the chip was unsuccessful|Target device did not respond",
            "the probe reaches no {chip}",
            "is the board powered, are SWDIO, SWCLK and ground connected, and is it a {board}?",
        ),
    )

    def chip(self, flashing: Flashing) -> str | None:
        """See `Programmer.chip`."""
        return flashing.probe_rs

    def commands(self, tool: Sequence[str], job: Job) -> list[list[str]]:
        """See `Programmer.commands`."""
        assert job.board.flash is not None
        chip = str(self.chip(job.board.flash))
        which = ["--non-interactive", "--chip", chip]
        if job.probe is not None:
            which += ["--probe", job.probe]
        # While its flash algorithm runs, an RP2040 reads as 0: verifying would always fail.
        verify = [] if chip.upper().startswith("RP2040") else ["--verify"]
        blank = []
        if job.blank is not None:
            at = ["--binary-format", "bin", "--base-address", f"{job.blank.address:#x}"]
            blank = [[*tool, "download", *which, *verify, *at, str(job.blank_file)]]
        download = [*tool, "download", *which, *verify, str(job.image.elf)]
        return [*blank, download, [*tool, "reset", *which]]

    def probes(self) -> list[Probe] | None:
        """See `Programmer.probes`."""
        tool = self.find()
        return None if tool is None else parse_probes(call([*tool, "list"], LIST_TIMEOUT, self.name)[1])


_ENTRY = re.compile(r"^\[\d+\]: (?P<name>.*?) -- (?P<id>\S+)", re.MULTILINE)
_OLD_ENTRY = re.compile(
    r"^\[\d+\]: (?P<name>.*?) \(VID: (?P<vid>\w+), PID: (?P<pid>\w+)(?:, Serial: (?P<serial>[^,)]+))?",
    re.MULTILINE,
)


def parse_probes(output: str) -> list[Probe]:
    """What `probe-rs list` tells, of new and old versions; ids as its `--probe` takes them."""
    new = [Probe(found["id"], found["name"]) for found in _ENTRY.finditer(output)]
    old = [
        Probe(":".join(part for part in (found["vid"], found["pid"], found["serial"]) if part), found["name"])
        for found in _OLD_ENTRY.finditer(output)
    ]
    return new or old
