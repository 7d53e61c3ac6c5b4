"""Classes that arrive one pair after the other: what a chip forgets, and what a replay store saves.

    python examples/drift/continual.py --on host
    python examples/drift/continual.py --on qemu:mps2-an386 --quick

From its first weights the network learns 0 and 1, then 2 and 3, and so on, STAGE samples of each, at batch 1
and without ever seeing an older pair again but for what lies in its replay store. FOLDER (--out) gets
continual.png and continual.json. On a chip each run is repeated on the host: both must hold the same digest.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from worlds import Samples, before

from wagekit import Network, WagekitError, open_executor
from wagekit.cli.sources import open_subject
from wagekit.executors import Executor
from wagekit.executors.device import DeviceExecutor
from wagekit.executors.learning import Reservoir, learn
from wagekit.numerics.learn import Learning, LearnPlan

PAIRS = ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9))
STAGE, QUICK_STAGE = 400, 25
PLAN = LearnPlan(rates=((0, 3),))
STORES = ((0, 0), (20, 1), (50, 1), (200, 1), (200, 3))
"""Capacity, and steps on old samples after each new one."""
QUICK_STORES = ((10, 1),)


@dataclass
class Run:
    """All pairs, with one replay store."""

    place: str
    capacity: int
    steps: int
    seed: int
    accuracy: list[list[float]] = field(default_factory=list)
    """After each pair: percent of held-out samples of this and every earlier pair."""
    digest: str = ""


def by_pair(samples: Samples) -> list[Samples]:
    """The samples of each pair of classes."""
    chosen = [np.isin(samples.labels, pair) for pair in PAIRS]
    return [Samples(samples.x[which], samples.labels[which]) for which in chosen]


def on_chip(
    executor: DeviceExecutor, run: Run, train: list[Samples], test: list[Samples], stage: int
) -> None:
    """The chip keeps all samples, draws, learns, replays and counts by itself."""
    parts = [*train, *test]
    firsts = np.cumsum([0, *(len(part.x) for part in parts)])
    for part, first in zip(parts, firsts, strict=False):
        executor.upload(part.x, part.labels, first=int(first))
    executor.keep_samples(run.capacity, run.steps, seed=run.seed)
    executor.plan_learning(PLAN)
    for number, part in enumerate(train):
        executor.learn(int(firsts[number]), len(part.x), order="drawn", seed=run.seed, limit=stage)
        places = [(int(firsts[len(train) + i]), len(test[i].x)) for i in range(number + 1)]
        wrong = [executor.evaluate(first, count).errors / count for first, count in places]
        run.accuracy.append([100 * (1 - share) for share in wrong])


def anywhere(executor: Executor, run: Run, train: list[Samples], test: list[Samples], stage: int) -> None:
    """The same over any executor."""
    learning, reservoir = Learning(PLAN), Reservoir.of(run.capacity, run.steps, seed=run.seed)
    for number, part in enumerate(train):
        learn(
            executor,
            part.x,
            part.labels,
            learning,
            order="drawn",
            seed=run.seed,
            limit=stage,
            reservoir=reservoir,
        )
        answers = [np.argmax(executor.forward(seen.x), axis=1) for seen in test[: number + 1]]
        right = [np.mean(got == seen.labels) for got, seen in zip(answers, test, strict=False)]
        run.accuracy.append([100 * float(share) for share in right])


def go(net: Network, run: Run, stage: int) -> Run:
    """One run from the network's first weights."""
    train, test = (by_pair(part) for part in before(net))
    with open_executor(net, run.place, seed=run.seed, batch=1) as executor:
        if isinstance(executor, DeviceExecutor):
            on_chip(executor, run, train, test, stage)
        else:
            anywhere(executor, run, train, test, stage)
        run.digest = executor.digest()
    return run


def words(capacity: int, steps: int) -> str:
    """A store, for people."""
    return f"{capacity} kept, {steps} replayed" if capacity else "nothing kept"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--on", default="host", help="host, reference, qemu:BOARD or serial:PORT")
    parser.add_argument("--seeds", type=int, default=1, help="runs with seeds 1 to this")
    parser.add_argument("--out", type=Path, default=Path(), metavar="FOLDER", help="for picture and numbers")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_STAGE} samples a pair, no picture")
    return parser.parse_args()


def main() -> int:
    """Learn, draw, tell."""
    options = arguments()
    stage = QUICK_STAGE if options.quick else STAGE
    net = open_subject("digits").network
    runs = []
    try:
        for capacity, steps in QUICK_STORES if options.quick else STORES:
            for seed in range(1, options.seeds + 1):
                run = go(net, Run(options.on, capacity, steps, seed), stage)
                same = ""
                if options.on != "host":
                    twin = go(net, Run("host", capacity, steps, seed), stage)
                    if twin.digest != run.digest:
                        raise RuntimeError(f"{options.on} holds {run.digest}, host {twin.digest}")
                    same = ", digest equal to host's"
                end = ", ".join(f"{share:.1f}" for share in run.accuracy[-1])
                print(f"{words(capacity, steps)}: at the end {end} %{same}", flush=True)
                runs.append(run)
    except WagekitError as error:
        print(f"error: {error.message}\n{error.hint or ''}".strip(), file=sys.stderr)
        return error.exit_code
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "continual.json").write_text(json.dumps([asdict(run) for run in runs]) + "\n", "utf-8")
    if not options.quick:
        from picture import draw_continual

        draw_continual(options.out / "continual.png", runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
