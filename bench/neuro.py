"""How fast the simulator of neuromorphic cores is, counters on: `make bench-neuro` writes bench/neuro.md.

python -m bench.neuro                 # all networks, some minutes
python -m bench.neuro --network mlp --print
"""

from __future__ import annotations

import argparse
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from bench.cases import ROOT, find
from bench.facts import commit, line, processor
from bench.tables import Sheet
from wagekit.errors import WagekitError
from wagekit.executors.neuro import NeuroExecutor
from wagekit.writer import write_atomic

PAGE = ROOT / "bench" / "neuro.md"
PEERS = ROOT / "bench" / "neuro_peers.toml"
PRESET = "tianjic-train"
NETWORKS = ("mlp", "lenet")
INFERENCE_BATCH, TRAINING_BATCH = 128, 32
WARM_STEPS = 20
"""Steps before anything is timed: initial weights are not typical."""
RUNS, SECONDS = 5, 3.0
"""At least so many runs, and until so much processor time has gone by."""
HOW = "Speed is by processor time of this process, which computes on one core; the best of several runs."
WANTED = {"mlp": (1e9, 5000.0)}
"""Nominal synaptic operations a second in inference, and training samples a second."""


@dataclass(frozen=True)
class Speed:
    """What one network reaches."""

    name: str
    cores: int
    operations: int
    """Synaptic operations of an inference, zeros counted."""
    events: float
    """The same where neither input nor weight is 0."""
    inference: float
    """Samples a second."""
    training: float
    """Samples a second."""
    training_operations: int
    """Synaptic operations of a training sample, zeros counted, in all phases."""
    training_events: float
    source: str

    @property
    def nominal_rate(self) -> float:
        """Synaptic operations a second in inference, zeros counted."""
        return self.operations * self.inference

    @property
    def event_rate(self) -> float:
        """Synaptic events a second in inference."""
        return self.events * self.inference


@dataclass(frozen=True)
class Peer:
    """Another simulator, measured earlier."""

    name: str
    low: float
    high: float
    """Synaptic operations a second."""


def measure(name: str) -> Speed:
    """Train a little, then time inference and training of real samples."""
    case = find(name)
    net, samples = case.network(), case.samples()
    take = np.arange(INFERENCE_BATCH) % len(samples.labels)
    x, labels = net.encode(samples.x[take]), samples.labels[take]
    steps = np.arange(WARM_STEPS * TRAINING_BATCH) % len(samples.labels)
    with NeuroExecutor(net, PRESET, batch=TRAINING_BATCH) as chip:
        for chosen in steps.reshape(WARM_STEPS, TRAINING_BATCH):
            chip.step(net.encode(samples.x[chosen]), samples.labels[chosen])
        masters = chip.masters
        few, their = x[:TRAINING_BATCH], labels[:TRAINING_BATCH]
        training = _rate(lambda: chip.step(few, their), TRAINING_BATCH)
        chip.load_masters(masters)
        chip.reset_counters()
        chip.step(few, their)
        learned = chip.counters()
    with NeuroExecutor(net, PRESET, batch=INFERENCE_BATCH) as chip:
        chip.load_masters(masters)
        inference = _rate(lambda: chip.forward(x), INFERENCE_BATCH)
        chip.reset_counters()
        chip.forward(x)
        counted = chip.counters()
        return Speed(
            name=name,
            cores=chip.mapping.cores,
            operations=counted.total("nominal", "forward") // INFERENCE_BATCH,
            events=counted.total("events", "forward") / INFERENCE_BATCH,
            inference=inference,
            training=training,
            training_operations=learned.total("nominal") // TRAINING_BATCH,
            training_events=learned.total("events") / TRAINING_BATCH,
            source=samples.source,
        )


def _rate(action: Callable[[], object], samples: int) -> float:
    action()
    times: list[float] = []
    while len(times) < RUNS or sum(times) < SECONDS:
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return samples / min(times)


def peers() -> list[Peer]:
    """Other simulators, from `PEERS`."""
    values = tomllib.loads(PEERS.read_text("utf-8"))
    return [Peer(one["name"], one["low"], one["high"]) for one in values["peer"]]


def sheets(found: Sequence[Speed], others: Sequence[Peer]) -> list[Sheet]:
    """Speed of each network, and the first one's beside others."""
    inference = [
        [
            one.name,
            str(one.cores),
            f"{one.operations:,}",
            f"{one.events:,.0f}",
            f"{one.inference:,.0f}",
            _short(one.nominal_rate),
            _short(one.event_rate),
        ]
        for one in found
    ]
    training = [
        [
            one.name,
            f"{one.training_operations:,}",
            f"{one.training_events:,.0f}",
            f"{one.training:,.0f}",
            _short(one.training_operations * one.training),
            _short(one.training_events * one.training),
        ]
        for one in found
    ]
    a_sample, a_second = ["operations", "events"], ["samples/s", "operations/s", "events/s"]
    return [
        Sheet(
            f"Inference, batch {INFERENCE_BATCH}",
            ["network", "cores", *(f"{what} a sample" for what in a_sample), *a_second],
            inference,
        ),
        Sheet(
            f"Training, batch {TRAINING_BATCH}, all phases",
            ["network", *(f"{what} a sample" for what in a_sample), *a_second],
            training,
        ),
        *(_beside(one, others) for one in found if one.name in WANTED),
    ]


def _beside(one: Speed, others: Sequence[Peer]) -> Sheet:
    ours = f"wagekit, {one.name}"
    rows = [[ours, _short(one.nominal_rate), _short(one.event_rate), "1", "1"]]
    for peer in others:
        ends = sorted({peer.low, peer.high})
        rows.append(
            [
                peer.name,
                " to ".join(map(_short, ends)),
                "",
                " to ".join(f"{one.nominal_rate / end:,.0f}" for end in reversed(ends)),
                " to ".join(f"{one.event_rate / end:,.0f}" for end in reversed(ends)),
            ]
        )
    head = ["simulator", "operations/s", "events/s", "ours / theirs by operations", "by our events"]
    return Sheet("Inference beside other simulators", head, rows)


def verdicts(found: Sequence[Speed]) -> list[str]:
    """What this project holds itself to, and whether it is reached."""
    lines = []
    for one in found:
        if one.name in WANTED:
            operations, samples = WANTED[one.name]
            for what, value, limit in (
                ("synaptic operations a second in inference", one.nominal_rate, operations),
                ("training samples a second", one.training, samples),
            ):
                verdict = "reached" if value >= limit else "missed"
                lines.append(f"- {one.name}: at least {_short(limit)} {what}: {_short(value)}, {verdict}")
    return lines


def _short(value: float) -> str:
    for factor, unit in ((1e9, " G"), (1e6, " M")):
        if value >= factor:
            return f"{value / factor:,.3g}{unit}"
    return f"{value:,.0f}"


def page(found: Sequence[Speed]) -> str:
    """The tables with what they were made with."""
    samples = ", ".join(f"{one.name}: {one.source}" for one in found)
    facts = {
        "commit": commit(),
        "compiler": line("cc", "--version"),
        "processor": f"{processor()}, one core of it",
        "chip": f"`{PRESET}`, counters on",
        "samples": samples,
        "weights": f"after {WARM_STEPS} steps of {TRAINING_BATCH} from the initial ones",
    }
    head = "\n".join(f"- {name}: {value}" for name, value in facts.items())
    tables = "\n".join(sheet.markdown() for sheet in sheets(found, peers()))
    return f"""\
# Speed of the neuromorphic cores

Made by `make bench-neuro`.

{head}

{HOW}
An *operation* is a product of an input (or an error) and a weight, zeros counted; an *event* is one where
neither is 0. Errors and gradients count too in training. Nothing that is zero is computed or sent, so how
fast it is depends on samples and weights.

{chr(10).join(verdicts(found))}

{tables}
Other simulators (`bench/neuro_peers.toml`) were measured earlier on a machine of this kind, not by this
bench. They count synaptic operations of spikes on networks of their own, so both ratios stand there: by our
operations, and by our events, the stricter one.
"""


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and write the page when nothing was left out."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.neuro",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--network", action="append", choices=NETWORKS, help="only this one; may be repeated")
    parser.add_argument("--print", action="store_true", help="write no page")
    options = parser.parse_args(arguments)
    console = Console(width=160 if not sys.stdout.isatty() else None)
    try:
        found = [measure(name) for name in options.network or NETWORKS]
    except WagekitError as error:
        print(f"bench: {error.message}", error.hint or "", sep="\n", file=sys.stderr)
        return error.exit_code
    for sheet in sheets(found, peers()):
        sheet.show(console)
    print(*verdicts(found), sep="\n")
    if not options.print and not options.network:
        write_atomic(Path(PAGE), page(found).encode())
        print(f"written: {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
