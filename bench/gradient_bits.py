"""The WAGE paper's study of the bit width of gradients, on MNIST with LeNet (the paper: VGG on CIFAR-10).

    python -m bench.gradient_bits                       # all widths, kept in bench/gradient_bits.json
    python -m bench.gradient_bits --bits 8 --seed 4     # more runs, added to those
    python -m bench.gradient_bits --draw                # table and picture only

k_G goes from 2 to 12; the other widths stay 2 (weights), 8 (activations), 8 (errors). k_G is the width of
the stored weights and of their updates: fewer bits are a coarser store, whose step is twice as large for
each bit. As in the paper the learning rate is halved with every bit less, so that a step of the rate
moves the weights about equally far. Runs learn on the host, in C, and have the same bits anywhere.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

from bench.cases import DATA, ROOT
from bench.facts import commit
from bench.tables import Sheet
from wagekit import Bits, Network, open_executor
from wagekit.datasets import read_idx_folder
from wagekit.errors import DataError, WagekitError
from wagekit.passes import compile_graph
from wagekit.training import Plan, Schedule, Streamed, Trainer, evaluate
from wagekit.training.data import encode
from wagekit.writer import write_atomic

WIDTHS = tuple(range(2, 13))
USUAL = 8
"""The paper's k_G, for which `SCHEDULE` is meant."""
SCHEDULE = "default"
FOUND = ROOT / "bench" / "gradient_bits.json"
PAGE = ROOT / "bench" / "gradient_bits.md"
PICTURE = ROOT / "docs" / "images" / "gradient-bits.png"
INK, DIM, LINE = "#1d2733", "#667384", "#a1359b"


@dataclass(frozen=True)
class Job:
    """One training."""

    gradients: int
    seed: int
    """Of initial weights, updates and the order of the samples."""
    samples: int
    """The first so many of MNIST's 60,000."""
    epochs: int
    batch: int


@dataclass(frozen=True)
class Run:
    """What a training came to."""

    job: Job
    errors: int
    """Of the 10,000 test samples."""
    tested: int
    digest: str
    """Of the weights at the end."""
    commit: str

    @property
    def percent(self) -> float:
        """Test error."""
        return 100 * self.errors / self.tested


def network(gradients: int) -> Network:
    """LeNet of the bench with k_G = `gradients`."""
    net = Network.load(ROOT / "bench" / "networks" / "lenet.toml")
    return net.model_copy(update={"bits": Bits(gradients=gradients)})


def schedule(gradients: int) -> str:
    """`SCHEDULE`, halved for every bit below `USUAL` and doubled for every bit above."""
    points = Schedule.parse(SCHEDULE).points
    return ",".join(f"{100 * point.at}%:{point.log2_lr + gradients - USUAL}" for point in points)


def train(job: Job) -> Run:
    """Learn, then classify the whole test part."""
    net = network(job.gradients)
    learn, test = (encode(net, part) for part in read_idx_folder(DATA / "mnist").split())
    learn = learn.first(job.samples)
    plan = Plan.of(
        len(learn), job.batch, epochs=job.epochs, schedule=schedule(job.gradients), order_seed=job.seed
    )
    one = compile_graph(net, job.batch).log2_one
    with open_executor(net, "host", seed=job.seed, batch=job.batch) as host:
        Trainer(host, plan, Streamed(host, learn.x, learn.labels), one).run()
        score = evaluate(host, test.x, test.labels, log2_one=one)
        return Run(job, score.samples - score.correct, score.samples, host.digest(), commit())


def load(path: Path | None = None) -> list[Run]:
    """Runs of earlier calls, from `FOUND` if no path is given."""
    path = path or FOUND
    if not path.is_file():
        return []
    return [Run(**one | {"job": Job(**one["job"])}) for one in json.loads(path.read_text("utf-8"))]


def save(runs: Iterable[Run], path: Path | None = None) -> None:
    """Keep runs, in order of width and seed."""
    lines = (json.dumps(asdict(run)) for run in sorted(runs, key=lambda run: tuple(asdict(run.job).values())))
    write_atomic(path or FOUND, ("[\n" + ",\n".join(lines) + "\n]\n").encode())


def sheet(runs: Sequence[Run]) -> Sheet:
    """Test error by width, in percent."""
    seeds = sorted({run.job.seed for run in runs})
    rows = []
    for width in sorted({run.job.gradients for run in runs}):
        by_seed = {run.job.seed: run.percent for run in runs if run.job.gradients == width}
        cells = [f"{by_seed[seed]:.2f}" if seed in by_seed else "" for seed in seeds]
        rows.append([str(width), f"{mean(by_seed.values()):.2f}", *cells])
    return Sheet(
        "Test error in percent by bits of the gradients",
        ["k_G", "mean", *(f"seed {seed}" for seed in seeds)],
        rows,
    )


def page(runs: Sequence[Run]) -> str:
    """The table with what was done."""
    job = runs[0].job
    commits = ", ".join(sorted({run.commit for run in runs}))
    tested = runs[0].tested
    seeds = ", ".join(map(str, sorted({run.job.seed for run in runs})))
    return f"""\
# How many bits gradients need

Made by `python -m bench.gradient_bits`, which says what is varied and why.

- network: LeNet (bench/networks/lenet.toml), k_W = 2, k_A = 8, k_E = 8
- data: the first {job.samples:,} training samples of MNIST; error over all {tested:,} test samples
- training: {job.epochs} epochs, batch {job.batch}, rule `paper`, seeds {seeds}
- rate at k_G = {USUAL}: schedule `{schedule(USUAL)}` (log2); every bit less halves it
- place: `host`, wagekit at commit {commits}

{sheet(runs).markdown()}
![test error over k_G](../docs/images/gradient-bits.png)
"""


def draw(runs: Sequence[Run], path: Path = PICTURE) -> None:
    """A point a run, a line through the means."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    figure = Figure(figsize=(7.2, 4.2), dpi=130, facecolor="white")
    FigureCanvasAgg(figure)
    axis: Any = figure.subplots()
    widths = sorted({run.job.gradients for run in runs})
    means = [mean(run.percent for run in runs if run.job.gradients == width) for width in widths]
    axis.plot(widths, means, color=LINE, linewidth=1.8, label="mean")
    axis.plot(
        [run.job.gradients for run in runs],
        [run.percent for run in runs],
        color=LINE,
        alpha=0.45,
        marker="o",
        markersize=5,
        linestyle="none",
        label="one training",
    )
    axis.set_yscale("log")
    plain = FuncFormatter(lambda value, _: f"{value:g}")
    axis.yaxis.set_major_formatter(plain)
    axis.yaxis.set_minor_formatter(plain)
    axis.tick_params(labelsize=8, colors=DIM, which="both")
    axis.set_xticks(widths)
    axis.grid(True, which="both", color="#e6eaee", linewidth=0.8)
    axis.set_xlabel("bits of gradients and stored weights, k_G", fontsize=9, color=DIM)
    axis.set_ylabel("test error, %", fontsize=9, color=DIM)
    axis.legend(frameon=False, fontsize=9)
    job = runs[0].job
    axis.set_title(
        f"LeNet on MNIST: {_setting(job)}",
        fontsize=11,
        fontweight="bold",
        color=INK,
        loc="left",
    )
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})


def main(arguments: Sequence[str]) -> int:
    """Learn what is not there yet, then print, write and draw."""
    options = _options(arguments)
    try:
        runs = load()
        if not options.draw:
            runs = _learn(options, runs)
        if not runs:
            raise DataError(f"{FOUND}: no runs are there", hint="leave out --draw")
    except WagekitError as error:
        print(f"gradient_bits: {error.message}", error.hint or "", sep="\n", file=sys.stderr)
        return error.exit_code
    PAGE.write_text(page(runs), encoding="utf-8")
    draw(runs)
    print(sheet(runs).markdown(), f"written: {PAGE}, {PICTURE}", sep="\n")
    return 0


def _learn(options: argparse.Namespace, runs: list[Run]) -> list[Run]:
    if not (DATA / "mnist").is_dir():
        raise DataError(
            f"{DATA / 'mnist'}: MNIST is not there", hint="WAGEKIT_DATA names the folder that holds mnist/"
        )
    wanted = [
        Job(bits, seed, options.samples, options.epochs, options.batch)
        for seed in options.seed
        for bits in options.bits
    ]
    for job in {run.job for run in runs}:
        if replace(job, gradients=0, seed=0) != replace(wanted[0], gradients=0, seed=0):
            raise DataError(
                f"{FOUND.name} holds runs with {_setting(job)}, not with {_setting(wanted[0])}",
                hint="learn with those settings, or move the file away",
            )
    done = {run.job for run in runs}
    with ProcessPoolExecutor(options.jobs) as pool:
        for run in pool.map(train, [job for job in wanted if job not in done]):
            print(f"k_G {run.job.gradients}, seed {run.job.seed}: {run.percent:.2f} %", flush=True)
            runs = [*runs, run]
            save(runs)
    return runs


def _setting(job: Job) -> str:
    return f"{job.samples:,} samples, {job.epochs} epochs, batch {job.batch}"


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.gradient_bits",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--bits", type=int, nargs="+", default=list(WIDTHS), choices=WIDTHS, help="widths (default: 2 to 12)"
    )
    parser.add_argument("--seed", type=int, nargs="+", default=[1], help="seeds (default: 1)")
    parser.add_argument("--samples", type=int, default=60_000, help="first so many training samples")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--draw", action="store_true", help="learn nothing, draw what was kept")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
