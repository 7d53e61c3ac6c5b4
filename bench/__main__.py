"""`make bench`: measure, print, and write bench/results.md (when nothing was left out)."""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench.cases import CASES, ROOT, Case
from bench.measure import RULE, STEPS, WARM_STEPS, OnBoard, OnHost, measure, measure_host
from bench.tables import COLUMNS, sheets
from wagekit.errors import WagekitError
from wagekit.executors.attach import QEMU_BATCH

RESULTS = ROOT / "bench" / "results.md"

NOTES = f"""\
Instruction counts come from QEMU's instruction clock, for this compiler and these samples; they are not
cycles. A count is what the network's program executes from its begin to its end, and reading the counter
once a slice; the link's own work is not in it, but interrupts of the serial port that fall into a slice
are, so two runs differ by some 0.02 %. Training is the
mean of {STEPS} steps after {WARM_STEPS} steps from the initial weights, rule `{RULE}`, rate 1.
How many errors and activations are zero, and are skipped, depends on the samples. The column M0 is
ARMv6-M code on the machine of the M3.

RAM is the firmware's static data and the stack that was really used, the sample store not counted. Of
it, the network has its weights, buffers and state. A layer's gradient is computed twice where there is no
room to store it; that costs instructions. Where a network does not fit, the tables say how many bytes
the board lacks. The host's seconds are processor time of one core.

In the tables by layer, *error* is computing, masking and quantising the errors at the layer's output and
sending them to its input, *gradient* the products for its weights, *update* the rest.
"""


def main(arguments: Sequence[str]) -> int:
    """Measure what was asked for; without options everything, which takes a while."""
    options = _options(arguments)
    console = Console(width=200 if not sys.stdout.isatty() else None)
    try:
        found, hosts = _measure(options, console)
    except WagekitError as error:
        print(f"bench: {error.message}", error.hint or "", sep="\n", file=sys.stderr)
        return error.exit_code
    tables = sheets(found, hosts)
    for table in tables:
        table.show(console)
    if options.output:
        text = "\n".join([_head(), *(table.markdown() for table in tables)])
        Path(options.output).write_text(text, encoding="utf-8")
        console.print(f"written: {options.output}")
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--network", action="append", choices=names, help="only this one; may be repeated")
    parser.add_argument(
        "--board", action="append", choices=list(COLUMNS), help="only this one; may be repeated"
    )
    parser.add_argument("--batch", action="append", type=int, help=f"instead of 1 and {QEMU_BATCH}")
    parser.add_argument("--no-host", action="store_true", help="leave out the host executor")
    parser.add_argument(
        "--output", help="write the tables here (default, if nothing is left out: bench/results.md)"
    )
    options = parser.parse_args(arguments)
    if options.output is None and not arguments:
        options.output = str(RESULTS)
    options.network = options.network or names
    options.board = options.board or list(COLUMNS)
    options.batch = options.batch or [1, QEMU_BATCH]
    return options


def _measure(options: argparse.Namespace, console: Console) -> tuple[list[OnBoard], list[OnHost]]:
    cases: list[Case] = [case for case in CASES if case.name in options.network]
    found: list[OnBoard] = []
    for case in cases:
        for batch in options.batch:
            for board in options.board:
                console.print(f"{case.name}, batch {batch}, on {board} ...", highlight=False)
                found.append(measure(case, board, batch))
    hosts = [] if options.no_host else [measure_host(case) for case in cases]
    return found, hosts


def _head() -> str:
    dirty = _line(
        "git", "-C", str(ROOT), "status", "--porcelain", "--", "firmware", "codegen", "toolkit", "boards"
    )
    commit = _line("git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD") + (
        " with changes" if dirty else ""
    )
    samples = ", ".join(f"{case.name}: {case.samples().source}" for case in CASES)
    facts = {
        "commit": commit,
        "cross compiler": _line("arm-none-eabi-gcc", "--version"),
        "host compiler": _line("gcc", "--version"),
        "emulator": _line("qemu-system-arm", "--version"),
        "host": f"{_cpu()}, {platform.system()}",
        "samples": samples,
    }
    lines = [f"- {name}: {value}" for name, value in facts.items()]
    return "\n".join(["# Measurements", "", "Made by `make bench`.", "", *lines, "", NOTES])


def _line(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return "not there"
    return done.stdout.splitlines()[0] if done.stdout else ""


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
