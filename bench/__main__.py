"""`make bench`: measure, print, and write bench/results.md (when nothing was left out)."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from bench import beside, learning
from bench.cases import CASES, ROOT
from bench.facts import commit, line, processor
from bench.health import SUBJECTS as HEALTH_SUBJECTS
from bench.health import HealthCost, health_sheet, measure_health
from bench.learning import Inferred, Learned, measure_inference, measure_learning
from bench.measure import RULE, STEPS, WARM_STEPS, OnBoard, OnHost, measure, measure_host
from bench.peers import load
from bench.tables import COLUMNS, sheets
from wagekit.errors import WagekitError
from wagekit.toolchain.firmware import USUAL_BATCH
from wagekit.writer import write_atomic

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
it, the network has its weights, buffers and state. A layer's gradient, or a part, is
computed twice where there is no room to store it; that costs instructions. Where a network does not fit, the
tables say how many bytes the board lacks. The host's seconds are processor time of one core.

In the tables by layer, *error* is computing, masking and quantising the errors at the layer's output and
sending them to its input, *gradient* the products for its weights, *update* the rest.

Figures of others (`bench/peers.toml`) were measured earlier with QEMU and gcc 12.2 at -O3, not by this bench.
Beside them learning is the mean of the first {learning.STEPS} steps from the initial weights of seed 1,
rule `{learning.RULE}`, rate 1, and RAM is weights, buffers and state, without stack and link.
*Only infers* is a firmware that cannot learn, its weights packed in flash, 2 bits each.
"""


@dataclass
class Found:
    """All that was measured."""

    boards: list[OnBoard] = field(default_factory=list)
    hosts: list[OnHost] = field(default_factory=list)
    inferred: list[Inferred] = field(default_factory=list)
    learned: list[Learned] = field(default_factory=list)
    health: list[HealthCost] = field(default_factory=list)


def main(arguments: Sequence[str]) -> int:
    """Measure what was asked for; without options everything, which takes a while."""
    options = _options(arguments)
    console = Console(width=200 if not sys.stdout.isatty() else None)
    head = _head() if options.output else ""
    try:
        found = _measure(options, console)
        peers = beside.sheets(load(), found.boards, found.inferred, found.learned)
    except WagekitError as error:
        print(f"bench: {error.message}", error.hint or "", sep="\n", file=sys.stderr)
        return error.exit_code
    tables = [*peers, *sheets(found.boards, found.hosts)]
    if found.health:
        tables.append(health_sheet(found.health))
    for table in tables:
        table.show(console)
    if options.output:
        text = "\n".join([head, *(table.markdown() for table in tables)])
        write_atomic(Path(options.output), text.encode())
        console.print(f"written: {options.output}")
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--network", action="append", choices=names, help="only this one; may be repeated")
    parser.add_argument(
        "--board", action="append", choices=list(COLUMNS), help="only this one; may be repeated"
    )
    parser.add_argument("--batch", action="append", type=int, help=f"instead of 1 and {USUAL_BATCH}")
    parser.add_argument("--jobs", type=int, default=1, help="firmwares that are measured at a time")
    parser.add_argument("--no-peers", action="store_true", help="leave out the tables beside others")
    parser.add_argument("--no-host", action="store_true", help="leave out the host executor")
    parser.add_argument(
        "--output", help="write the tables here (default, if nothing is left out: bench/results.md)"
    )
    options = parser.parse_args(arguments)
    left_out = options.network or options.board or options.batch or options.no_host or options.no_peers
    if options.output is None and not left_out:
        options.output = str(RESULTS)
    options.network = options.network or names
    options.board = options.board or list(COLUMNS)
    options.batch = options.batch or [1, USUAL_BATCH]
    return options


def _measure(options: argparse.Namespace, console: Console) -> Found:
    cases = [case for case in CASES if case.name in options.network]
    tasks: list[tuple[str, Callable[..., object], tuple[object, ...]]] = [
        (f"{case.name}, batch {batch}, on {board}", measure, (case.name, board, batch))
        for case in cases
        for batch in options.batch
        for board in options.board
    ]
    if not options.no_peers:
        tasks += _beside_others(options)
    tasks += [
        (f"health of {one.case}, on {board}", measure_health, (one, board))
        for one in HEALTH_SUBJECTS
        for board in learning.BOARDS
        if one.case in options.network and board in options.board
    ]
    found = Found()
    with ProcessPoolExecutor(options.jobs) as pool:
        waiting = [(what, pool.submit(action, *arguments)) for what, action, arguments in tasks]
        for what, future in waiting:
            console.print(f"{what} ...", highlight=False)
            _put(found, future.result())
    if not options.no_host:
        found.hosts = [measure_host(case) for case in cases]
    return found


def _beside_others(
    options: argparse.Namespace,
) -> list[tuple[str, Callable[..., object], tuple[object, ...]]]:
    """What is measured for the tables beside others."""
    known = {network for _, network in load().inference}
    alone = [name for name in options.network if name in known]
    boards = [board for board in learning.CORES if board in options.board]
    subjects = [subject for subject in learning.SUBJECTS if subject.case in options.network]
    return [
        *(
            (f"{name}, inference only, on {board}", measure_inference, (name, board))
            for name in alone
            for board in boards
        ),
        *(
            (f"{one.case}, {learning.STEPS} steps of {one.batch}, on {board}", measure_learning, (one, board))
            for one in subjects
            for board in learning.BOARDS
            if board in options.board
        ),
    ]


def _put(found: Found, result: object) -> None:
    if isinstance(result, OnBoard):
        found.boards.append(result)
    elif isinstance(result, Inferred):
        found.inferred.append(result)
    elif isinstance(result, Learned):
        found.learned.append(result)
    elif isinstance(result, HealthCost):
        found.health.append(result)


def _head() -> str:
    samples = ", ".join(f"{case.name}: {case.samples().source}" for case in CASES)
    facts = {
        "commit": commit(),
        "cross compiler": line("arm-none-eabi-gcc", "--version"),
        "host compiler": line("gcc", "--version"),
        "emulator": line("qemu-system-arm", "--version"),
        "host": f"{processor()}, {platform.system()}",
        "samples": samples,
    }
    lines = [f"- {name}: {value}" for name, value in facts.items()]
    return "\n".join(["# Measurements", "", "Made by `make bench`.", "", *lines, "", NOTES])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
