"""How far transfer and training overlap in QEMU: `make bench-throughput` writes bench/throughput.md.

python -m bench.throughput                          # all, some minutes; nothing else should run meanwhile
python -m bench.throughput --network digits --steps 10 --runs 1 --print
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from bench.cases import ROOT, find
from bench.facts import commit, line, processor
from bench.paced import PacedTransport
from bench.tables import Sheet
from wagekit import boards
from wagekit.errors import MismatchError, WagekitError
from wagekit.executors.attach import QEMU_TIMING
from wagekit.executors.device import DeviceExecutor
from wagekit.link import Device, open_transport
from wagekit.link.device import Request
from wagekit.toolchain import qemu
from wagekit.toolchain.firmware import build_firmware
from wagekit.toolchain.memory import LABEL_BYTES
from wagekit.writer import write_atomic

PAGE = ROOT / "bench" / "throughput.md"
BOARD = "mps2-an386"
BAUDS = (115_200, 1_000_000)
LOG2_LR = 1
RUNS = 3
LIMIT = 1.1
"""A run is to take at most so many times the longer of transfer and computation."""


@dataclass(frozen=True)
class Subject:
    """What is learned, and for how long."""

    case: str
    batch: int
    steps: int


SUBJECTS = (Subject("digits", 1, 120), Subject("digits", 8, 40), Subject("mlp", 1, 40), Subject("mlp", 8, 12))


@dataclass(frozen=True)
class Times:
    """Seconds for all steps: the best of some runs."""

    subject: Subject
    baud: int
    transfer: float
    """Samples, requests and answers over the line, and nothing computed."""
    compute: float
    """By the chip's own counter."""
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


class Chip:
    """An emulated chip at the end of a paced line, and the batches that it learns."""

    def __init__(self, subject: Subject, stack: ExitStack) -> None:
        case, board = find(subject.case), boards.load(BOARD)
        net, samples = case.network(), case.samples()
        take = np.arange(subject.steps * subject.batch) % len(samples.labels)
        codes, labels = net.encode(samples.x[take]), samples.labels[take]
        self.batches: list[Batch] = [
            (codes[at : at + subject.batch], labels[at : at + subject.batch])
            for at in range(0, len(codes), subject.batch)
        ]
        store = 2 * subject.batch * (codes[0].size + LABEL_BYTES)
        image = build_firmware(net, board, batch=subject.batch, store_limit=store)
        process = stack.enter_context(qemu.boot(image.elf, board))
        self.line = PacedTransport(open_transport(process.url))
        device = Device.open(self.line, timing=QEMU_TIMING)
        name = f"qemu:{BOARD}"
        self.executor = stack.enter_context(DeviceExecutor(net, device, name=name, batch=subject.batch))
        self.begin = self.executor.masters
        self.digest = ""
        """Of what is learned; each run must have it."""

    def timed(self, baud: int, action: Callable[[], object]) -> float:
        """Seconds that an action takes on a line of that speed."""
        self.line.pace(baud)
        start = time.perf_counter()
        action()
        spent = time.perf_counter() - start
        self.line.pace(None)
        return spent

    def compute(self) -> float:
        """Learn all batches without limit of the line; seconds by the chip's counter."""
        self._restart()
        ticks = 0
        for x, labels in self.batches:
            self.executor.step(x, labels, LOG2_LR)
            ticks += self.executor.counters().compute_ticks
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


def measure(subject: Subject, bauds: Sequence[int], runs: int, steps: int | None = None) -> list[Times]:
    """Each speed of the line with one network, all on one chip."""
    if steps is not None:
        subject = Subject(subject.case, subject.batch, steps)
    found = []
    with ExitStack() as stack:
        chip = Chip(subject, stack)
        compute = min(chip.compute() for _ in range(runs))
        for baud in bauds:
            transfer = min(chip.transfer(baud) for _ in range(runs))
            together = min(chip.together(baud) for _ in range(runs))
            found.append(Times(subject, baud, transfer, compute, together))
    return found


def sheet(found: Sequence[Times]) -> Sheet:
    """What was measured, a row a network, batch and speed."""
    rows = [
        [
            f"{one.subject.case}, batch {one.subject.batch}, {one.subject.steps} steps",
            f"{one.baud:,}",
            *(f"{seconds:.2f}" for seconds in (one.transfer, one.compute, one.together)),
            f"{one.ratio:.2f}",
            f"{one.idle:.0%}",
            f"{one.subject.steps * one.subject.batch / one.together:,.0f}",
        ]
        for one in found
    ]
    alone = ["transfer alone, s", "compute alone, s", "together, s"]
    head = ["network", "baud", *alone, "ratio", "chip did not compute", "samples/s"]
    return Sheet("Transfer and training together", head, rows)


def verdict(found: Sequence[Times]) -> str:
    """Whether what this project holds itself to is reached, and where not."""
    over = [one for one in found if one.ratio > LIMIT]
    missed = ", ".join(f"{one.subject.case} batch {one.subject.batch} at {one.baud:,} baud" for one in over)
    return f"- at most {LIMIT} times the longer of both alone: " + (
        f"missed by {missed}" if over else "reached"
    )


def page(found: Sequence[Times]) -> str:
    """The table with what it was made with."""
    facts = {
        "commit": commit(),
        "cross compiler": line("arm-none-eabi-gcc", "--version"),
        "emulator": line("qemu-system-arm", "--version"),
        "host": processor(),
        "chip": f"{BOARD} in QEMU",
        "samples": ", ".join(
            sorted({f"{one.subject.case}: {find(one.subject.case).samples().source}" for one in found})
        ),
    }
    head = "\n".join(f"- {name}: {value}" for name, value in facts.items())
    return f"""\
# Throughput

Made by `make bench-throughput`.

{head}

The host holds bytes back in both directions as a serial line of that speed would; the chip computes as
fast as the emulator does, which is not how fast a real one is. *Transfer alone* sends samples, requests and
answers of a run and computes nothing. *Compute alone* is by the chip's own counter. *Together* is a run that
streams; it ends with the same weights each time. *Ratio* is together over the longer of both alone. Each is
the best of {RUNS} runs.

At 1,000,000 baud a byte has 10 us on the line, and the emulator needs more than twice that for it, on the
processor that computes. What is no line's time cannot overlap with computing; in virtual time, with the
same C, it does at that speed too: docs/data.md.

{verdict(found)}

{sheet(found).markdown()}"""


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
    parser.add_argument("--steps", type=int, help="learn only so many")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"take the best of so many, by default {RUNS}")
    parser.add_argument("--print", action="store_true", help="write no page")
    options = parser.parse_args(arguments)
    console = Console(width=160 if not sys.stdout.isatty() else None)
    found: list[Times] = []
    try:
        for subject in SUBJECTS:
            if subject.case in (options.network or names):
                console.print(f"{subject.case}, batch {subject.batch} ...", highlight=False)
                found += measure(subject, options.baud or BAUDS, options.runs, options.steps)
    except WagekitError as error:
        print(f"bench: {error.message}", error.hint or "", sep="\n", file=sys.stderr)
        return error.exit_code
    sheet(found).show(console)
    print(verdict(found))
    if not (options.print or options.network or options.baud or options.steps or options.runs != RUNS):
        write_atomic(Path(PAGE), page(found).encode())
        print(f"written: {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
