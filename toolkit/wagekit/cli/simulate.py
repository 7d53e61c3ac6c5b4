"""`wagekit simulate`: a network on simulated neuromorphic cores, proved and priced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from wagekit.cli import options as o
from wagekit.cli.chip_view import Refused
from wagekit.cli.console import done, err, note, print_json, say
from wagekit.errors import UsageError

if TYPE_CHECKING:
    from wagekit.backends.neuro import MappingOptions
    from wagekit.cli.sources import Subject
    from wagekit.executors.simulation import Batch, Chip, Simulation, Start

EXAMPLE = "wagekit simulate digits --preset tianjic-train --preset loihi --report chips"


def simulate(
    network: o.NetworkArgument,
    *,
    preset: Annotated[
        list[str] | None,
        typer.Option(
            "--preset",
            metavar="PRESET",
            help="tianjic-train, tianjic, loihi, truenorth, or a file of your own (.toml); repeatable. "
            "By default tianjic-train.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", metavar="DATA", help="A data set, or random. By default what fits.", show_default=False
        ),
    ] = None,
    label: o.Label = None,
    samples: Annotated[int, typer.Option("--samples", min=1, help="Test samples to infer.")] = 64,
    steps: Annotated[int, typer.Option("--steps", min=0, help="Steps to learn, where the chip learns.")] = 10,
    batch: o.Batch = 8,
    seed: o.Seed = None,
    axons: Annotated[
        int | None, typer.Option("--axons", min=1, help="Most inputs of a core. By default what fits.")
    ] = None,
    neurons: Annotated[
        int | None, typer.Option("--neurons", min=1, help="Most neurons of a core. By default what fits.")
    ] = None,
    convolution: Annotated[
        str | None, typer.Option("--convolution", help="shared or unrolled. By default the preset's.")
    ] = None,
    reduction: Annotated[
        str, typer.Option("--reduction", help="Partial sums: direct to the root, or a chain.")
    ] = "direct",
    gradient: Annotated[str, typer.Option("--gradient", help="stored, or recomputed.")] = "stored",
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FOLDER", help="Leave report.html and pictures (PNG) there."),
    ] = None,
    json: o.Json = False,
) -> None:
    """Lay a network out on neuromorphic cores, infer and learn there, hold every bit equal to the reference,
    and tell what it would cost.

    Energy and time rest on constants that are published, secondary (†) or assumed (*); nothing was
    measured on a chip.
    """
    from wagekit.cli.sources import open_subject

    layout = _options(axons, neurons, convolution, reduction, gradient)
    if report is not None:
        from wagekit.cli.session import make_folder
        from wagekit.monitor.mesh import check_matplotlib

        check_matplotlib()
        make_folder(report)
    chips = [_chip(name) for name in dict.fromkeys(preset or ["tianjic-train"])]
    subject = open_subject(network)
    start = _start(subject, seed)
    train, (codes, labels) = _samples(subject, start, data, label)
    batches = _batches(start, train, steps, batch)
    some = (codes[:samples], labels[:samples])
    results = [_run(subject, chip, (start, some, batches), layout) for chip in chips]
    found = [one for one in results if not isinstance(one, Refused)]
    refused = [one for one in results if isinstance(one, Refused)]
    if not found:
        _refuse(refused)
    if report is not None:
        _report(report, found, refused)
    if json:
        _print_json(subject, found, refused)
    else:
        _show(found, refused)
    if report is not None:
        (note if json else done)(f"report: {report / 'report.html'}")


def _options(
    axons: int | None, neurons: int | None, convolution: str | None, reduction: str, gradient: str
) -> MappingOptions:
    from wagekit.backends.neuro import MappingOptions

    for option, value, allowed in (
        ("--convolution", convolution, ("shared", "unrolled")),
        ("--reduction", reduction, ("direct", "chain")),
        ("--gradient", gradient, ("stored", "recomputed")),
    ):
        if value is not None and value not in allowed:
            raise UsageError(f"{option} {value}: one of {', '.join(allowed)} is allowed")
    choices: dict[str, Any] = {"convolution": convolution, "reduction": reduction, "gradient": gradient}
    return MappingOptions(axons=axons, neurons=neurons, **choices)


def _chip(name: str) -> Chip:
    from wagekit.backends.neuro import load_costs, load_preset
    from wagekit.executors.simulation import Chip

    own = Path(name) if name.endswith(".toml") else None
    preset = load_preset(name)
    return Chip(preset, load_costs(preset, own), own)


def _start(subject: Subject, seed: int | None) -> Start:
    from wagekit.executors.simulation import Start

    net, model = subject.network, subject.model
    if model is None:
        return Start(seed=net.seed if seed is None else seed)
    return Start(model.masters, model.step, model.seed if seed is None else seed)


def _samples(subject: Subject, start: Start, data: str | None, label: str | None) -> tuple[Any, Any]:
    """What to learn and what to infer: as asked, else what the model knows, digits, or noise that says so."""
    from wagekit.cli.sources import both_parts

    net = subject.network
    what = data or (subject.source.data if subject.source else None)
    if what is None:
        what = "digits" if net.input.shape == (8, 8, 1) else "random"
        if what == "random":
            note("no --data: the samples are random, so counts are not those of real ones")
    return both_parts(net, what, label, start.seed)


def _batches(start: Start, samples: tuple[Any, Any], steps: int, batch: int) -> list[Batch]:
    """What is learned, in the order and with the rates of `train`."""
    from wagekit.training import Batches, Plan

    if not steps:
        return []
    codes, labels = samples
    plan = Plan(len(codes), batch, steps, "default", "paper", start.seed, start.step)
    order = Batches(plan)
    numbers = [(order.indices(n), order.log2_lr(n)) for n in range(plan.first_step, plan.end_step)]
    return [(codes[chosen], labels[chosen], rate) for chosen, rate in numbers]


def _run(
    subject: Subject, chip: Chip, work: tuple[Start, tuple[Any, Any], list[Batch]], layout: MappingOptions
) -> Simulation | Refused:
    from wagekit.backends.neuro import MappingError
    from wagekit.executors.simulation import simulate as run

    with err.status(Text(f"simulating {subject.network.name} on {chip.preset.name}")):
        try:
            return run(subject.network, chip, *work, options=layout)
        except MappingError as error:
            return Refused(chip.preset.name, error)


def _refuse(refused: list[Refused]) -> None:
    """Nothing fits: one line for each limit of each preset."""
    from wagekit.errors import LimitError

    lines = [f"{one.preset}: {violation}" for one in refused for violation in one.error.violations]
    hints = dict.fromkeys(one.error.hint for one in refused if one.error.hint)
    raise LimitError("\n".join(lines), hint="\n".join(hints) or None)


def _show(found: list[Simulation], refused: list[Refused]) -> None:
    from wagekit.backends.neuro.constants import LEGEND
    from wagekit.cli.chip_tables import show, show_comparison

    for number, one in enumerate(found):
        if number:
            say("")
        show(one)
        steps = one.training.counters.steps if one.training else 0
        learned = f" and {steps:,} steps of training" if steps else ""
        done(f"equal to the reference to the bit: {one.inference.counters.samples:,} inferences{learned}")
        if one.learned_correct is not None:
            say(f"right: {one.correct:,} samples before training, {one.learned_correct:,} after")
        say(f"digest {one.digest}")
    if len(found) + len(refused) > 1:
        show_comparison(found, refused)
    say(f"\n{LEGEND}")


def _print_json(subject: Subject, found: list[Simulation], refused: list[Refused]) -> None:
    from wagekit.cli.chip_view import refused_dict, simulation_dict

    chips = [simulation_dict(one) for one in found] + [refused_dict(one) for one in refused]
    print_json({"network": subject.network.name, "chips": chips})


def _report(folder: Path, found: list[Simulation], refused: list[Refused]) -> None:
    from wagekit.cli.chip_report import write_report

    with err.status(Text("drawing")):
        write_report(folder, found, refused)
