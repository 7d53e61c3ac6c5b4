"""A network that was trained on the host meets a changed world on a chip, and learns on, sample by sample.

    python examples/drift/drift.py --on host
    python examples/drift/drift.py --on host --seeds 10       # the table of docs/drift.md
    python examples/drift/drift.py --on qemu:mps2-an386       # about a quarter of an hour

For each change of worlds.py: accuracy on held-out samples before the change, after it, and while the chip
learns by itself from a stream of changed samples (batch 1, rule error_scaled), with all layers and with the
first one frozen. It keeps some of what it saw and learns that again (--keep). FOLDER (--out) gets
drift.png (of the first seed) and drift.json. On a chip each run is repeated on the host: both must hold the
same digest.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from worlds import WORLDS, Samples, World, before, frozen_first, pretrain, samples, stream

from wagekit import Network, WagekitError, open_executor
from wagekit.cli.sources import open_subject
from wagekit.executors import Executor
from wagekit.executors.device import DeviceExecutor
from wagekit.executors.learning import Reservoir, learn
from wagekit.numerics.learn import ONE, Learning, LearnPlan
from wagekit.training import frozen_on_grid

RATES = ((0, 2), (300, 3), (1000, 2), (1400, 1), (1700, 0))
"""From a sample on, the learning rate is 2 to that power: slow first, then fast, then fine."""
KEPT, REPLAYED = 200, 1
"""Samples in the replay store, and steps on them after each new one."""
STEPS, EVERY, PIECE = 2000, 200, 50
"""Samples that are learned, after how many the accuracy is measured, and how many are sent at once."""
FROZEN = (0, 1)
QUICK_STEPS, QUICK_EVERY, QUICK_TEST = 60, 30, 60
MARGIN = 5
"""Points below the accuracy before the change that count as come back."""


@dataclass
class Run:
    """One change, learned once."""

    world: str
    frozen: int
    place: str
    seed: int
    before: float
    """Accuracy on the held-out samples of the world before, in percent."""
    steps: list[int] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    """On the held-out samples of the changed world, in percent."""
    running: list[tuple[int, float]] = field(default_factory=list)
    """Samples seen, and the running accuracy that the learner keeps: each sample before it is learned."""
    digest: str = ""


def accuracy(executor: Executor, test: Samples) -> float:
    """Percent of held-out samples; a chip counts by itself over what lies in its store."""
    if isinstance(executor, DeviceExecutor):
        return 100 - 100 * executor.evaluate(0, len(test.x)).errors / len(test.x)
    return 100 * float(np.mean(np.argmax(executor.forward(test.x), axis=1) == test.labels))


@dataclass(frozen=True)
class Lesson:
    """What is deployed, and what it meets."""

    masters: list[Any]
    step: int
    train: Samples
    test: Samples


Piece = Callable[[Samples], float]
"""Learns some samples; the running accuracy after them, in percent."""


def on_chip(executor: DeviceExecutor, lesson: Lesson, how: LearnPlan, plan: Options, seed: int) -> Piece:
    """The chip has the held-out samples and the replay store; the stream comes piece by piece."""
    behind = len(lesson.test.x)
    executor.upload(lesson.test.x, lesson.test.labels)
    executor.keep_samples(plan.keep, REPLAYED, seed)
    executor.plan_learning(how)

    def piece(new: Samples) -> float:
        executor.upload(new.x, new.labels, first=behind)
        return 100 * executor.learn(behind, len(new.x), limit=len(new.x)).accuracy

    return piece


def anywhere(executor: Executor, how: LearnPlan, plan: Options, seed: int) -> Piece:
    """The same over any executor."""
    learning, reservoir = Learning(how), Reservoir.of(plan.keep, REPLAYED, seed)

    def piece(new: Samples) -> float:
        learn(executor, new.x, new.labels, learning, limit=len(new.x), reservoir=reservoir)
        return 100 * learning.running / ONE

    return piece


def go(net: Network, run: Run, lesson: Lesson, plan: Options) -> Run:
    """Deploy the weights to `run.place`, and let it learn from the stream."""
    order = stream(plan.steps, len(lesson.train.x), run.seed)
    how = LearnPlan(rates=RATES, samples=plan.steps)
    masters, _ = frozen_on_grid(net, lesson.masters)
    with open_executor(net, run.place, batch=1, masters=masters) as executor:
        executor.load_masters(masters, lesson.step, run.seed)
        if isinstance(executor, DeviceExecutor):
            piece = on_chip(executor, lesson, how, plan, run.seed)
        else:
            piece = anywhere(executor, how, plan, run.seed)
        for first in range(0, plan.steps + 1, plan.piece):
            if first % plan.every == 0:
                run.steps.append(first)
                run.accuracy.append(accuracy(executor, lesson.test))
            if first < plan.steps:
                which = order[first : first + plan.piece]
                right = piece(Samples(lesson.train.x[which], lesson.train.labels[which]))
                run.running.append((first + len(which), right))
        run.digest = executor.digest()
    return run


def try_world(net: Network, world: World, plan: Options) -> list[Run]:
    """All runs of one change; RuntimeError if the chip's bits are not the host's."""
    known_train, known_test = before(net, world.new)
    masters, step = pretrain(net, known_train)
    with open_executor(net, "host", batch=1) as executor:
        executor.load_masters(masters)
        was = accuracy(executor, known_test)
    train, test = samples(net, world)
    lesson = Lesson(masters, step, train, Samples(test.x[: plan.test], test.labels[: plan.test]))
    runs = []
    for count, seed in product(plan.frozen, plan.seeds):
        deployed = frozen_first(net, count)
        run = go(deployed, Run(world.name, count, plan.on, seed, was), lesson, plan)
        same = ""
        if plan.on != "host":
            twin = go(deployed, Run(world.name, count, "host", seed, was), lesson, plan)
            if (twin.digest, twin.running) != (run.digest, run.running):
                raise RuntimeError(f"{world.name}: {plan.on} holds {run.digest}, host {twin.digest}")
            same = ", digest equal to host's"
        print(
            f"{world.title}; {frozen_words(count)}, seed {seed}: was {was:.1f} %, fell to "
            f"{run.accuracy[0]:.1f} %, after {plan.steps} samples {run.accuracy[-1]:.1f} %{same}",
            flush=True,
        )
        runs.append(run)
    if len(plan.seeds) > 1:
        for count in plan.frozen:
            print(summary(world, count, [run for run in runs if run.frozen == count]))
    return runs


def summary(world: World, count: int, runs: list[Run]) -> str:
    """Mean and lowest of several seeds."""
    ends = [run.accuracy[-1] for run in runs]
    back = sum(end >= run.before - MARGIN for end, run in zip(ends, runs, strict=True))
    return (
        f"= {world.title}; {frozen_words(count)}: {np.mean(ends):.1f} % on average, "
        f"lowest {min(ends):.1f} %, {back} of {len(runs)} within {MARGIN} points"
    )


def frozen_words(count: int) -> str:
    """What is frozen, for people."""
    return {0: "all layers learn", 1: "first layer frozen"}[count]


@dataclass(frozen=True)
class Options:
    """The command line."""

    on: str
    worlds: list[World]
    seeds: range
    out: Path
    keep: int
    quick: bool

    @property
    def steps(self) -> int:
        """Samples that are learned."""
        return QUICK_STEPS if self.quick else STEPS

    @property
    def every(self) -> int:
        """Samples between two measurements."""
        return QUICK_EVERY if self.quick else EVERY

    @property
    def piece(self) -> int:
        """Samples that are sent at once."""
        return QUICK_EVERY if self.quick else PIECE

    @property
    def test(self) -> int | None:
        """Held-out samples; all if None."""
        return QUICK_TEST if self.quick else None

    @property
    def frozen(self) -> tuple[int, ...]:
        """First layers that are frozen, a run each."""
        return FROZEN[-1:] if self.quick else FROZEN


def arguments() -> Options:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--on", default="host", help="host, reference, qemu:BOARD or serial:PORT")
    parser.add_argument("--world", choices=[world.name for world in WORLDS], help="only this change")
    parser.add_argument("--seed", type=int, default=1, help="of updates, order of samples and replay")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="runs with N seeds, from --seed on")
    parser.add_argument("--keep", type=int, default=KEPT, metavar="N", help="samples kept; 0 replays nothing")
    parser.add_argument("--out", type=Path, default=Path(), metavar="FOLDER", help="for picture and numbers")
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_STEPS} samples of one change, no picture"
    )
    given = parser.parse_args()
    wanted = given.world or ("inverted" if given.quick else None)
    worlds = [world for world in WORLDS if wanted in (None, world.name)]
    seeds = range(given.seed, given.seed + given.seeds)
    return Options(given.on, worlds, seeds, given.out, given.keep, given.quick)


def main() -> int:
    """Learn, draw, tell."""
    plan = arguments()
    net = open_subject("digits").network
    try:
        runs = [run for world in plan.worlds for run in try_world(net, world, plan)]
    except WagekitError as error:
        print(f"error: {error.message}\n{error.hint or ''}".strip(), file=sys.stderr)
        return error.exit_code
    plan.out.mkdir(parents=True, exist_ok=True)
    (plan.out / "drift.json").write_text(json.dumps([asdict(run) for run in runs]) + "\n", "utf-8")
    if not plan.quick:
        from picture import draw

        draw(plan.out / "drift.png", [run for run in runs if run.seed == plan.seeds[0]], plan.on)
    return 0


if __name__ == "__main__":
    sys.exit(main())
