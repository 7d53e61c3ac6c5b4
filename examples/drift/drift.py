"""A network that was trained on the host meets a changed world on a chip, and learns on, sample by sample.

    python examples/drift/drift.py --on host
    python examples/drift/drift.py --on qemu:mps2-an386       # about a quarter of an hour

For each change of worlds.py: accuracy on held-out samples before the change, after it, and while the chip
learns from a stream of changed samples (batch 1, rule error_scaled), with all layers and with the first
one frozen. FOLDER (--out) gets drift.png and drift.json. On a chip each run is repeated on the host: both
must hold the same digest.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from worlds import WORLDS, Samples, World, before, frozen_first, pretrain, samples, stream

from wagekit import Network, WagekitError, open_executor
from wagekit.cli.sources import open_subject
from wagekit.executors import Executor
from wagekit.executors.device import DeviceExecutor
from wagekit.training import Streamed, frozen_on_grid

RATES = ((0, 2), (300, 3), (1000, 2), (1600, 1))
"""From a sample on, the learning rate is 2 to that power: slow first, then fast, then fine."""
STEPS, EVERY = 2000, 200
FROZEN = (0, 1)
QUICK_STEPS, QUICK_EVERY, QUICK_TEST = 60, 30, 60


@dataclass
class Run:
    """One change, learned once."""

    world: str
    frozen: int
    place: str
    before: float
    """Accuracy on the held-out samples of the world before, in percent."""
    steps: list[int] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    """On the held-out samples of the changed world, in percent."""
    wrong: list[int] = field(default_factory=list)
    """Of each sample: 1 if it was classified wrongly before the chip learned it."""
    digest: str = ""


def rate(step: int) -> int:
    """The exponent of the learning rate at a sample."""
    return [log2_lr for first, log2_lr in RATES if first <= step][-1]


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


def learn(net: Network, run: Run, lesson: Lesson, plan: argparse.Namespace) -> Run:
    """Deploy the weights to `run.place`, and let it learn from the stream."""
    order = stream(plan.steps, len(lesson.train.x), plan.seed)
    masters, _ = frozen_on_grid(net, lesson.masters)
    with open_executor(net, run.place, batch=1, masters=masters) as executor:
        executor.load_masters(masters, lesson.step, plan.seed)
        if isinstance(executor, DeviceExecutor):
            executor.upload(lesson.test.x, lesson.test.labels)
        feed = Streamed(executor, lesson.train.x, lesson.train.labels)
        for first in range(0, plan.steps + 1, plan.every):
            run.steps.append(first)
            run.accuracy.append(accuracy(executor, lesson.test))
            numbers = range(first, min(first + plan.every, plan.steps))
            batches = ((order[number : number + 1], rate(number)) for number in numbers)
            run.wrong += [result.errors for result in feed.steps(batches, "error_scaled")]
        run.digest = executor.digest()
    return run


def try_world(net: Network, world: World, plan: argparse.Namespace) -> list[Run]:
    """All runs of one change; RuntimeError if the chip's bits are not the host's."""
    known_train, known_test = before(net, world.new)
    masters, step = pretrain(net, known_train)
    with open_executor(net, "host", batch=1) as executor:
        executor.load_masters(masters)
        was = accuracy(executor, known_test)
    train, test = samples(net, world)
    lesson = Lesson(masters, step, train, Samples(test.x[: plan.test], test.labels[: plan.test]))
    runs = []
    for count in plan.frozen:
        deployed = frozen_first(net, count)
        run = learn(deployed, Run(world.name, count, plan.on, was), lesson, plan)
        same = ""
        if plan.on != "host":
            twin = learn(deployed, Run(world.name, count, "host", was), lesson, plan)
            if twin.digest != run.digest:
                raise RuntimeError(f"{world.name}: {plan.on} holds {run.digest}, host {twin.digest}")
            same = ", digest equal to host's"
        print(
            f"{world.title}; {frozen_words(count)}: was {was:.1f} %, fell to {run.accuracy[0]:.1f} %, "
            f"after {plan.steps} samples {run.accuracy[-1]:.1f} %{same}",
            flush=True,
        )
        runs.append(run)
    return runs


def frozen_words(count: int) -> str:
    """What is frozen, for people."""
    return {0: "all layers learn", 1: "first layer frozen"}[count]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--on", default="host", help="host, reference, qemu:BOARD or serial:PORT")
    parser.add_argument("--world", choices=[world.name for world in WORLDS], help="only this change")
    parser.add_argument("--seed", type=int, default=1, help="of updates and order of samples")
    parser.add_argument("--out", type=Path, default=Path(), metavar="FOLDER", help="for picture and numbers")
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_STEPS} samples of one change, no picture"
    )
    options = parser.parse_args()
    options.steps = QUICK_STEPS if options.quick else STEPS
    options.every = QUICK_EVERY if options.quick else EVERY
    options.test = QUICK_TEST if options.quick else None
    options.frozen = FROZEN[-1:] if options.quick else FROZEN
    options.world = options.world or ("inverted" if options.quick else None)
    return options


def main() -> int:
    """Learn, draw, tell."""
    plan = arguments()
    net = open_subject("digits").network
    try:
        worlds = [world for world in WORLDS if plan.world in (None, world.name)]
        runs = [run for world in worlds for run in try_world(net, world, plan)]
    except WagekitError as error:
        print(f"error: {error.message}\n{error.hint or ''}".strip(), file=sys.stderr)
        return error.exit_code
    plan.out.mkdir(parents=True, exist_ok=True)
    (plan.out / "drift.json").write_text(json.dumps([asdict(run) for run in runs]) + "\n", "utf-8")
    if not plan.quick:
        from picture import draw

        draw(plan.out / "drift.png", runs, plan.on)
    return 0


if __name__ == "__main__":
    sys.exit(main())
