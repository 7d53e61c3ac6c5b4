"""How much a network of the shipped digits minds imperfect cores, and how much learning there makes up for.

    python examples/imperfect/imperfect.py                # all sweeps; minutes
    python examples/imperfect/imperfect.py --sweep adc    # one of them
    python examples/imperfect/imperfect.py --quick        # two strengths, few samples, no picture

A network is trained on the host. For each strength and seed (another chip of the same kind) it is put on
simulated cores and classifies the test samples; then it learns there, with the imperfection
present, and classifies them again. FOLDER (--out) gets imperfect.png and imperfect.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wagekit import Network, WagekitError, open_executor
from wagekit.backends.neuro import Imperfections
from wagekit.cli.sources import open_subject
from wagekit.datasets import load_digits
from wagekit.executors import Executor
from wagekit.passes import compile_graph
from wagekit.training import Plan, Streamed, Trainer

BATCH = 8
HOST_EPOCHS, HOST_RATES = 10, "default"
CHIP_EPOCHS, CHIP_RATES = 4, "0%:2,50%:1,75%:0"
QUICK_SAMPLES = 96


@dataclass(frozen=True)
class Sweep:
    """One imperfection at growing strength."""

    name: str
    title: str
    axis: str
    strengths: tuple[float, ...]
    make: Callable[[float, int], Imperfections]


def stuck(share: float, seed: int) -> Imperfections:
    """A third of the stuck cells at 0, at +1 and at -1 each."""
    return Imperfections(seed, stuck_zero=share / 3, stuck_high=share / 3, stuck_low=share / 3)


def adc(bits: float, seed: int) -> Imperfections:
    """Converters, and the same small noise in every read, so that seeds differ."""
    return Imperfections(seed, adc_bits=int(bits), adc_headroom=3, cycle_variation=0.05)


SWEEPS = (
    Sweep("stuck", "stuck cells", "stuck cells, %", (0, 0.02, 0.05, 0.1, 0.2, 0.3), stuck),
    Sweep("adc", "converters", "bits of the converters", (8, 7, 6, 5, 4, 3), adc),
)


@dataclass(frozen=True)
class Run:
    """One chip."""

    sweep: str
    strength: float
    seed: int
    host: float
    """Accuracy on the host in percent, before anything is imperfect."""
    inferred: float
    """On the chip, with the host's weights."""
    learned: float
    """After learning there."""


@dataclass(frozen=True)
class Data:
    """Codes and labels, for training and for testing."""

    net: Network
    x: Any
    labels: Any
    test_x: Any
    test_labels: Any


def data_of(net: Network, quick: bool) -> Data:
    """The shipped digits, split as everywhere."""
    train, test = load_digits().split()
    n, m = (QUICK_SAMPLES, QUICK_SAMPLES) if quick else (len(train.x), len(test.x))
    return Data(net, net.encode(train.x[:n]), train.labels[:n], net.encode(test.x[:m]), test.labels[:m])


def accuracy(executor: Executor, data: Data) -> float:
    """Percent of the test samples."""
    return 100 * float(np.mean(np.argmax(executor.forward(data.test_x), axis=1) == data.test_labels))


def learn(executor: Executor, data: Data, epochs: int, rates: str) -> None:
    """Some epochs of the training samples, wherever that is."""
    plan = Plan.of(len(data.x), BATCH, epochs=epochs, schedule=rates, first_step=executor.step_count)
    one = compile_graph(data.net, BATCH).log2_one
    Trainer(executor, plan, Streamed(executor, data.x, data.labels), one).run()


def try_chip(masters: Any, data: Data, how: tuple[Sweep, float, int], host: float) -> Run:
    """Infer, learn, infer."""
    sweep, strength, seed = how
    wrong = sweep.make(strength, seed)
    with open_executor(
        data.net, "neuro:tianjic-train", batch=BATCH, masters=masters, imperfections=wrong
    ) as chip:
        inferred = accuracy(chip, data)
        learn(chip, data, CHIP_EPOCHS, CHIP_RATES)
        learned = accuracy(chip, data)
    return Run(sweep.name, strength, seed, host, inferred, learned)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sweep", choices=[sweep.name for sweep in SWEEPS], help="only this one")
    parser.add_argument("--seeds", type=int, default=3, help="chips for each strength (default: 3)")
    parser.add_argument("--network", default="digits-tiny", help="a network for 8x8 digits")
    parser.add_argument("--out", type=Path, default=Path(), metavar="FOLDER", help="for picture and numbers")
    parser.add_argument("--quick", action="store_true", help="the ends of one sweep, one seed, no picture")
    return parser.parse_args()


def main() -> int:
    """Sweep, tell, draw."""
    options = arguments()
    try:
        runs = sweep_all(options)
    except WagekitError as error:
        print(f"error: {error.message}\n{error.hint or ''}".strip(), file=sys.stderr)
        return error.exit_code
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "imperfect.json").write_text(json.dumps([asdict(run) for run in runs]) + "\n", "utf-8")
    if not options.quick:
        from picture import draw

        draw(options.out / "imperfect.png", runs, options.network)
    return 0


def sweep_all(options: argparse.Namespace) -> list[Run]:
    """All runs that were asked for."""
    net = open_subject(options.network).network
    data = data_of(net, options.quick)
    with open_executor(net, "host", batch=BATCH) as host:
        learn(host, data, HOST_EPOCHS, HOST_RATES)
        masters, ideal = host.masters, accuracy(host, data)
    print(f"{net.name}, trained on the host: {ideal:.1f} %", flush=True)
    name = options.sweep or ("stuck" if options.quick else None)
    runs = []
    for sweep in (sweep for sweep in SWEEPS if name in (None, sweep.name)):
        for strength in sweep.strengths[:: len(sweep.strengths) - 1] if options.quick else sweep.strengths:
            for seed in range(1, (1 if options.quick else options.seeds) + 1):
                runs.append(try_chip(masters, data, (sweep, strength, seed), ideal))
                run = runs[-1]
                print(
                    f"{sweep.title} {strength:g}, seed {seed}: {run.inferred:.1f} % inferred, "
                    f"{run.learned:.1f} % after learning there",
                    flush=True,
                )
    return runs


if __name__ == "__main__":
    sys.exit(main())
