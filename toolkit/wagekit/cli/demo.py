"""`wagekit demo`: everything at once, inside an emulated chip, in less than two minutes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from wagekit.cli import options as o
from wagekit.cli.console import err, out, say, size, table
from wagekit.cli.elsewhere import Elsewhere
from wagekit.errors import MismatchError, ToolError
from wagekit.monitor.chart import bar

if TYPE_CHECKING:
    from wagekit.cli.learning import Lesson, Result
    from wagekit.cli.places import Place
    from wagekit.monitor import Fact, Story
    from wagekit.toolchain.firmware import FirmwareImage

EXAMPLE = "wagekit demo --out demo"
BATCH, EPOCHS = 4, 6.0
EPOCHS_IN_UNICORN = 2.0
"""Fewer, because it is an order of magnitude slower than QEMU."""
SECONDS_AN_EPOCH = {True: 10.0, False: 45.0}
"""Of the whole demo, in QEMU and in unicorn, on two cores with little else to do: said at the begin."""
OTHERS = ("host", "reference")
"""Where the training is repeated, to compare."""
_COUNTED_STEPS = 12
_COUNTED_SAMPLES = 64


@dataclass(frozen=True, slots=True)
class Cost:
    """Instructions for one sample, counted by the emulator's instruction clock."""

    first_steps: int
    """To learn one, at the begin of the training."""
    last_steps: int
    """To learn one with the weights of its end."""
    inference: int


def demo(
    *,
    folder: Annotated[
        Path, typer.Option("--out", metavar="FOLDER", help="Where picture, report, model and recording go.")
    ] = Path("demo"),
    board: o.BoardOption = "mps2-an386",
    epochs: Annotated[
        float | None,
        typer.Option(
            "--epochs",
            min=0.1,
            help=f"Passes over the samples. By default {EPOCHS:g}, in unicorn {EPOCHS_IN_UNICORN:g}.",
            show_default=False,
        ),
    ] = None,
    seed: o.Seed = None,
) -> None:
    """Train digits from scratch inside an emulated Cortex-M4, live, and prove it bit for bit."""
    from wagekit.cli.learning import Settings, plan_lesson
    from wagekit.cli.places import UNICORN, stand_in
    from wagekit.cli.session import Outputs, leave_report, make_folder, telling
    from wagekit.cli.sources import open_subject
    from wagekit.toolchain import unicorn_m4

    began = time.monotonic()
    where = stand_in(f"qemu:{board}")
    counts = where != UNICORN
    _check_tools()
    epochs = epochs or (EPOCHS if counts else EPOCHS_IN_UNICORN)
    make_folder(folder)
    lesson = plan_lesson(open_subject("digits"), Settings(batch=BATCH, epochs=epochs, seed=seed))
    _introduce(lesson, board if counts else unicorn_m4.BOARD, SECONDS_AN_EPOCH[counts] * epochs)
    told = telling(Outputs(report=folder, force=True), steered=False)
    options = ["digits", "--batch", str(BATCH), "--epochs", str(epochs), "--seed", str(lesson.seed)]
    with Elsewhere(OTHERS, options) as elsewhere:
        result = _learn(lesson, where, folder, told.sinks)
        cost = _count(lesson, where, folder) if counts else None
        _say_cost(cost)
        _prove(lesson, where, result, elsewhere)
    story = told.story
    if cost is not None:
        _keep_cost(story, cost, board)
    written = leave_report(folder, story, facts=_facts(cost, result))
    _close(
        result, [*written, folder / "model.safetensors", folder / "events.jsonl"], time.monotonic() - began
    )


def _check_tools() -> None:
    """All tools at the begin, so that nothing is missing in the middle."""
    from wagekit.toolchain.doctor import examine

    for fact in examine():
        if fact.required and fact.found is None:
            raise ToolError(
                fact.problem or f"{fact.name} is missing", hint=f"install it with: {fact.install}"
            )


def _title(number: int, text: str) -> None:
    out.print()
    out.print(Text.assemble((f" {number} ", "bold black on cyan"), (f" {text}", "bold")))


def _introduce(lesson: Lesson, board: str, seconds: float) -> None:
    from wagekit import boards

    target = boards.load(board)
    graph = lesson.graph
    out.print(
        Text.assemble(
            ("wagekit demo", "bold cyan"),
            f": a network of {graph.weight_count:,} weights learns {len(lesson.train):,} handwritten "
            f"digits,\nfrom scratch and with integers only, inside an emulated {target.core} ({board}).\n",
            f"It takes about {_roughly(seconds)}; then the host and the reference must hold the same digest.",
        )
    )


def _roughly(seconds: float) -> str:
    """A time in half minutes, which is all that is known of another machine."""
    halves = max(round(seconds / 30), 1)
    return "half a minute" if halves == 1 else "a minute" if halves == 2 else f"{halves / 2:g} minutes"


def _learn(lesson: Lesson, where: str, folder: Path, sinks: list) -> Result:  # type: ignore[type-arg]
    from wagekit.cli.interrupt import Interrupt
    from wagekit.cli.learning import Stop, learn
    from wagekit.cli.places import open_place
    from wagekit.monitor import Bus

    _title(1, "Compile the network to firmware")
    with err.status("generating C, compiling, booting"):
        place = open_place(
            lesson.network, where, seed=lesson.seed, batch=lesson.plan.batch, samples=lesson.store
        )
    with place.executor as executor:
        if place.image:
            out.print(_memory(place.image))
        _title(2, "Learn on the chip, watched over its serial line")
        with Bus(sinks) as bus, Interrupt() as interrupt:
            result = learn(
                lesson,
                executor,
                bus,
                stop=Stop(interrupt, bus),
                save_to=folder / "model.safetensors",
                save_often=False,
            )
        if not result.finished:
            raise KeyboardInterrupt
        _evaluate_there(lesson, place, result)
    return result


def _memory(image: FirmwareImage) -> Table:
    """What the firmware takes, with bars."""
    board, manifest = image.board, image.manifest
    grid = table("", "bytes", "", "", right=("bytes",))
    grid.show_header = False
    for name, used in (("flash", image.sizes.flash), ("RAM", image.sizes.ram)):
        limit = board.region(name.lower()).size
        grid.add_row(
            name, f"{used:,}", Text(bar(used / limit, 24), style="cyan on grey23"), f"of {size(limit)}"
        )
    for name, count in manifest["ram"]["needs"].items():
        grid.add_row(Text(f"  {name}", style="dim"), Text(f"{count:,}", style="dim"))
    return grid


def _evaluate_there(lesson: Lesson, place: Place, result: Result) -> None:
    """One program on the chip goes through all test samples; its count must be the one we saw."""
    from wagekit.executors.device import DeviceExecutor

    executor = place.executor
    assert isinstance(executor, DeviceExecutor) and result.score is not None
    found = executor.evaluate(len(lesson.train), len(lesson.test))
    correct = found.samples - found.errors
    if correct != result.score.correct:
        raise MismatchError(
            f"the chip counts {correct} right answers, its logits give {result.score.correct}"
        )
    out.print(
        Text.assemble(
            f"the chip finds {correct} of {found.samples} digits that it has never seen: ",
            (f"{correct / found.samples:.1%}", "bold green"),
        )
    )


def _count(lesson: Lesson, where: str, folder: Path) -> Cost:
    """Instructions, on a second chip whose clock counts them."""
    from wagekit.cli.places import open_place
    from wagekit.executors.device import DeviceExecutor
    from wagekit.training import Batches, load_model

    _title(3, "Count instructions")
    batches, plan = Batches(lesson.plan), lesson.plan
    train = lesson.train

    def learned(executor: DeviceExecutor, first: int) -> int:
        total = 0
        for step in range(first, first + _COUNTED_STEPS):
            chosen = batches.indices(step)
            executor.step(train.x[chosen], train.labels[chosen], batches.log2_lr(step), plan.rule)
            total += executor.counters().instructions or 0
        return round(total / (_COUNTED_STEPS * plan.batch))

    with err.status("booting a chip whose clock counts instructions"):
        place = open_place(
            lesson.network, where, seed=lesson.seed, batch=plan.batch, samples=lesson.store, icount=True
        )
        with place.executor as executor:
            assert isinstance(executor, DeviceExecutor)
            first = learned(executor, 0)
            model = load_model(folder / "model.safetensors")
            executor.load_masters(model.masters, model.step, model.seed)
            last = learned(executor, max(plan.total_steps - _COUNTED_STEPS, 0))
            executor.upload(train.x[:_COUNTED_SAMPLES], train.labels[:_COUNTED_SAMPLES])
            executor.evaluate(0, _COUNTED_SAMPLES)
            inference = (executor.counters().instructions or 0) / _COUNTED_SAMPLES
    return Cost(first, last, round(inference))


def _say_cost(cost: Cost | None) -> None:
    if cost is None:
        _title(3, "Count instructions")
        out.print("left out: only QEMU has a clock that counts them")
        return
    grid = table("for one sample", "instructions", right=("instructions",))
    grid.add_row("infer", f"{cost.inference:,}")
    grid.add_row("learn, at the begin", f"{cost.first_steps:,}")
    grid.add_row("learn, at the end", f"{cost.last_steps:,}")
    out.print(grid)


def _prove(lesson: Lesson, where: str, result: Result, elsewhere: Elsewhere) -> None:
    """Hold the digest against those of the host's C and of the reference, which learned meanwhile."""
    _title(4, f"Prove it: the same {lesson.plan.total_steps:,} steps elsewhere")
    grid = table("", "place", "digest of all weights")
    grid.show_header = False
    digests = {where: result.digest}
    for place in OTHERS:
        with err.status(f"waiting for the same training on {place}"):
            digests[place] = elsewhere.digest(place)
    names = {where: "the chip", "host": "C on this machine", "reference": "NumPy reference"}
    for place, digest in digests.items():
        equal = digest == result.digest
        mark = ("✓", "green") if equal else ("✗", "bold red")
        out.print(Text.assemble(mark, f"   {names[place]:<18}  {digest}"), soft_wrap=True)
    for place, digest in digests.items():
        if digest != result.digest:
            raise MismatchError(
                f"after {result.step} steps {place} has {digest[:12]}, {where} has {result.digest[:12]}",
                hint=f"find the step with: wagekit verify digits --on {place} --on {where} --batch {BATCH}",
            )


def _keep_cost(story: Story, cost: Cost, board: str) -> None:
    from wagekit.monitor import Resources

    story.handle(
        Resources(
            time=story.latest or time.time(),
            board=board,
            instructions_per_sample=cost.last_steps,
            instructions_per_inference=cost.inference,
        )
    )


def _facts(cost: Cost | None, result: Result) -> dict[str, list[Fact]]:
    from wagekit.monitor import Fact

    counted = {}
    if cost is not None:
        counted["Instructions for one sample"] = [
            Fact("infer", f"{cost.inference:,}"),
            Fact("learn, at the begin", f"{cost.first_steps:,}"),
            Fact("learn, at the end", f"{cost.last_steps:,}"),
        ]
    return counted | {
        "Proof": [
            Fact("the same digest", "chip, C on the host, NumPy reference"),
            Fact("after", f"{result.step:,} steps"),
        ],
    }


def _close(result: Result, written: list[Path], seconds: float) -> None:
    assert result.score is not None
    out.print()
    out.print(
        Text.assemble(
            ("Done", "bold green"),
            f" in {seconds:.0f} s: {result.score.accuracy:.1%} test accuracy, the same bits in three places.",
        )
    )
    for path in written:
        say(f"  {path}")
