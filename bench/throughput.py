"""How far transfer and training overlap: `make bench-throughput` writes bench/throughput.md.

python -m bench.throughput                          # all, some minutes; nothing else should run meanwhile
python -m bench.throughput --network digits --steps 10 --runs 1 --print
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from bench.cases import ROOT, find
from bench.facts import commit, line, processor
from bench.paced import PacedTransport
from bench.tables import Sheet
from tests.link.chip import Chip as EmulatedChip
from tests.link.paced import PacedLine
from wagekit import boards
from wagekit.errors import MismatchError, WagekitError
from wagekit.executors.attach import QEMU_TIMING
from wagekit.executors.device import DeviceExecutor
from wagekit.link import Device, open_transport
from wagekit.link.device import Request
from wagekit.toolchain import qemu, unicorn_m4
from wagekit.toolchain.firmware import build_firmware
from wagekit.toolchain.memory import LABEL_BYTES
from wagekit.writer import write_atomic

PAGE = ROOT / "bench" / "throughput.md"
BOARD = "mps2-an386"
BAUDS = (115_200, 1_000_000)
CLOCKS = (16_000_000, 64_000_000, 168_000_000)
"""Instructions a second of chips in virtual time: a microbit's clock, an nRF52840's, an STM32F405's."""
LOG2_LR = 1
RUNS = 5
LIMIT = 1.1
"""A run is to take at most so many times the longer of transfer and computation."""


@dataclass(frozen=True)
class Subject:
    """What is learned, and for how long."""

    case: str
    batch: int
    steps: int
    """In QEMU."""
    virtual_steps: int
    """In virtual time, which takes longer than it is."""


SUBJECTS = (
    Subject("digits", 1, 120, 40),
    Subject("digits", 8, 40, 8),
    Subject("mlp", 1, 40, 30),
    Subject("mlp", 8, 12, 20),
)


@dataclass(frozen=True)
class Times:
    """Seconds for all steps: the best of some runs."""

    subject: Subject
    steps: int
    clock: int | None
    """Instructions a second of the chip; None: as fast as the emulator is."""
    baud: int
    transfer: float
    """Samples, requests and answers over the line, and nothing computed."""
    compute: float
    """By the chip's own counter, from the begin of each step to its end."""
    together: float

    @property
    def ratio(self) -> float:
        """`together` over the longer of both alone."""
        return self.together / max(self.transfer, self.compute)

    @property
    def idle(self) -> float:
        """Share of `together` in which the chip did not compute."""
        return max(0.0, 1 - self.compute / self.together)


Batch = tuple[NDArray[np.int8], NDArray[np.int64]]
Line = PacedTransport | PacedLine


class Chip:
    """An emulated chip at the end of a paced line, and the batches that it learns."""

    def __init__(self, subject: Subject, steps: int, clock: int | None, stack: ExitStack) -> None:
        """In QEMU, or with a `clock` in virtual time."""
        case, board = find(subject.case), boards.load(BOARD if clock is None else unicorn_m4.BOARD)
        net, samples = case.network(), case.samples()
        take = np.arange(steps * subject.batch) % len(samples.labels)
        codes, labels = net.encode(samples.x[take]), samples.labels[take]
        self.batches: list[Batch] = [
            (codes[at : at + subject.batch], labels[at : at + subject.batch])
            for at in range(0, len(codes), subject.batch)
        ]
        store = 2 * subject.batch * (codes[0].size + LABEL_BYTES)
        image = build_firmware(net, board, batch=subject.batch, store_limit=store)
        self.line: Line
        if clock is None:
            process = stack.enter_context(qemu.boot(image.elf, board))
            self.line = PacedTransport(open_transport(process.url))
            device = Device.open(self.line, timing=QEMU_TIMING)
        else:
            emulated = EmulatedChip(image.elf, board, clock)
            turn = emulated.turn_time
            self.line = PacedLine(emulated, slice_time=turn, turn_time=turn)
            device = Device.open(self.line)
        self.executor = stack.enter_context(
            DeviceExecutor(net, device, name=board.name, batch=subject.batch, counts_time=False)
        )
        self.begin = self.executor.masters
        self.digest = ""
        """Of what is learned; each run must have it."""

    def timed(self, baud: int, action: Callable[[], object]) -> float:
        """Seconds that an action takes on a line of that speed."""
        self.line.pace(baud)
        start = self.line.clock()
        action()
        spent = self.line.clock() - start
        self.line.pace(None)
        return spent

    def compute(self) -> float:
        """Learn all batches without limit of the line; seconds by the chip's counter."""
        self._restart()
        ticks = 0
        for x, labels in self.batches:
            self.executor.step(x, labels, LOG2_LR)
            ticks += self.executor.counters().program_ticks
        self._check()
        return ticks / self.executor.hello.tick_hz

    def transfer(self, baud: int) -> float:
        """Send what a run sends, but nothing that computes.

        Where a request brings the samples of its step, that is one that stores them: two bytes longer, but
        with a shorter answer, because it reports nothing.
        """
        device = self.executor.device

        def requests() -> Iterator[Request]:
            for x, labels in self.batches:
                yield from device.upload_requests(0, x.reshape(len(x), -1), labels.astype(np.uint16))
                if not device.streams(len(x)):
                    yield device.rule_request(LOG2_LR, "paper")  # as long as the one that begins a step
                    yield from device.result_requests()

        return self.timed(baud, lambda: device.session.run_all(requests()))

    def together(self, baud: int) -> float:
        """Learn all batches as they come over the line."""
        self._restart()
        work = [(x, labels, LOG2_LR) for x, labels in self.batches]
        spent = self.timed(baud, lambda: list(self.executor.train_stream(work)))
        self._check()
        return spent

    def _restart(self) -> None:
        self.executor.load_masters(self.begin, 0)

    def _check(self) -> None:
        digest = self.executor.digest()
        self.digest = self.digest or digest
        if digest != self.digest:
            raise MismatchError(f"{self.executor.name}: two runs of the same steps gave different weights")


def measure(
    subject: Subject, clock: int | None, bauds: Sequence[int], runs: int = 1, steps: int | None = None
) -> list[Times]:
    """Each speed of the line with one network, all on one chip; virtual time needs one run only."""
    steps = steps or (subject.steps if clock is None else subject.virtual_steps)
    found = []
    with ExitStack() as stack:
        chip = Chip(subject, steps, clock, stack)
        compute = min(chip.compute() for _ in range(runs))
        for baud in bauds:
            transfer = min(chip.transfer(baud) for _ in range(runs))
            together = min(chip.together(baud) for _ in range(runs))
            found.append(Times(subject, steps, clock, baud, transfer, compute, together))
    return found


def sheet(title: str, found: Sequence[Times]) -> Sheet:
    """What was measured, a row a network, batch, chip and speed of the line."""
    rows = [
        [
            f"{one.subject.case}, batch {one.subject.batch}, {one.steps} steps",
            "QEMU" if one.clock is None else f"{one.clock / 1e6:g} MHz",
            f"{one.baud:,}",
            *(f"{seconds:.3f}" for seconds in (one.transfer, one.compute, one.together)),
            f"{one.ratio:.2f}",
            f"{one.idle:.0%}",
            f"{one.steps * one.subject.batch / one.together:,.0f}",
        ]
        for one in found
    ]
    alone = ["transfer alone, s", "compute alone, s", "together, s"]
    head = ["network", "chip", "baud", *alone, "ratio", "chip did not compute", "samples/s"]
    return Sheet(title, head, rows)


def verdict(found: Sequence[Times]) -> str:
    """Whether what this project holds itself to is reached at each speed of the line, and where not."""
    lines = []
    for baud in sorted({one.baud for one in found}):
        rows = [one for one in found if one.baud == baud]
        most = max(one.ratio for one in rows)
        missed = ", ".join(
            f"{one.subject.case} batch {one.subject.batch}"
            + ("" if one.clock is None else f" with {one.clock / 1e6:g} MHz")
            for one in rows
            if one.ratio > LIMIT
        )
        judged = f"missed by {missed}" if missed else "reached"
        lines.append(
            f"- {baud:,} baud, at most {LIMIT} times the longer of both alone: {judged} ({most:.2f})"
        )
    return "\n".join(lines)


def page(virtual: Sequence[Times], emulated: Sequence[Times]) -> str:
    """The tables with what they were made with."""
    facts = {
        "commit": commit(),
        "cross compiler": line("arm-none-eabi-gcc", "--version"),
        "emulators": f"{unicorn_m4.version()}; {line('qemu-system-arm', '--version')}",
        "host": processor(),
        "samples": ", ".join(
            sorted({f"{one.subject.case}: {find(one.subject.case).samples().source}" for one in emulated})
        ),
    }
    head = "\n".join(f"- {name}: {value}" for name, value in facts.items())
    return f"""\
# Throughput

Made by `make bench-throughput`.

{head}

*Transfer alone* sends samples, requests and answers of a run and computes nothing. *Compute alone* is by the
chip's own counter, from the begin of each step to its end, while nothing travels. *Together* is a run that
streams; it ends with the same weights each time. *Ratio* is together over the longer of both alone.

## In virtual time

The firmware of {unicorn_m4.BOARD}, instruction by instruction, on chips that execute one instruction in each
cycle: bytes come and go when a line of that speed would bring them, and the host takes no time. What the chip
does for each byte counts, but the emulator has no interrupts: the firmware takes what came when it looks. On
a board without a FIFO the interrupt of each byte costs some 60 cycles more. No figure depends on the machine
that made them.

{verdict(virtual)}

{sheet("Virtual time", virtual).markdown(heading=False)}

## In QEMU

The firmware of {BOARD} in real time: the host holds bytes back in both directions as a line would; the chip
computes as fast as QEMU does, which is faster than any of this size. Each is the best of {RUNS} runs.

These figures tell how long runs in QEMU take, and judge nothing: they vary with the machine by a fifth.
QEMU's serial port takes one byte at a time, about 25 us each, and the thread that computes waits for QEMU's
lock once for each. That is time of the emulator, not of a line, and it cannot overlap with computing.

{sheet("QEMU", emulated).markdown(heading=False)}"""


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and write the page when nothing was left out."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.throughput",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = sorted({subject.case for subject in SUBJECTS})
    parser.add_argument("--network", action="append", choices=names, help="only this one; may be repeated")
    parser.add_argument("--baud", action="append", type=int, help=f"instead of {BAUDS[0]} and {BAUDS[1]}")
    parser.add_argument("--clock", action="append", type=int, help="instructions a second in virtual time")
    parser.add_argument("--steps", type=int, help="learn only so many")
    parser.add_argument(
        "--runs", type=int, default=RUNS, help=f"take the best of so many in QEMU, by default {RUNS}; 0: none"
    )
    parser.add_argument("--print", action="store_true", help="write no page")
    options = parser.parse_args(arguments)
    console = Console(width=160 if not sys.stdout.isatty() else None)
    virtual: list[Times] = []
    emulated: list[Times] = []
    bauds = options.baud or BAUDS
    subjects = [subject for subject in SUBJECTS if subject.case in (options.network or names)]
    # The fastest chips wait longest for the line, and waiting is computed too.
    chips = list(product(subjects, sorted(options.clock or CLOCKS, reverse=True)))
    try:
        with ProcessPoolExecutor() as pool:
            console.print(f"{len(chips)} chips in virtual time ...", highlight=False)
            work = [pool.submit(measure, *chip, bauds, 1, options.steps) for chip in chips]
            for done in work:
                virtual += done.result()
        for subject in subjects if options.runs else []:
            console.print(f"{subject.case}, batch {subject.batch}, in QEMU ...", highlight=False)
            emulated += measure(subject, None, bauds, options.runs, options.steps)
    except WagekitError as error:
        print(f"bench: {error.message}", error.hint or "", sep="\n", file=sys.stderr)
        return error.exit_code
    sheet("Virtual time", virtual).show(console)
    print(verdict(virtual))
    if emulated:
        sheet("QEMU", emulated).show(console)
    whole = options.runs == RUNS and not (options.network or options.baud or options.clock or options.steps)
    if whole and not options.print:
        write_atomic(Path(PAGE), page(virtual, emulated).encode())
        print(f"written: {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
