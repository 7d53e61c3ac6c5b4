"""`wagekit monitor`: learn on several places at once, and watch them together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wagekit.cli import options as o
from wagekit.cli import web as w
from wagekit.cli.learn import DEFAULT_RATES

EXAMPLE = """wagekit monitor digits --on qemu:mps2-an386 --port /dev/ttyACM0 --events run.jsonl

wagekit monitor digits --board nrf52840-dk --board nucleo-f446re"""
_ITSELF = "Devices that learn by themselves"


def monitor(
    network: o.NetworkArgument,
    *,
    on: Annotated[
        list[str] | None,
        typer.Option(
            "--on",
            metavar="PLACE",
            help="reference, host, qemu:BOARD, unicorn, serial:PORT, neuro:PRESET; again for more places.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        list[str] | None,
        typer.Option("--port", metavar="PORT", help="The same as --on serial:PORT.", show_default=False),
    ] = None,
    board: Annotated[
        list[str] | None,
        typer.Option(
            "--board",
            metavar="BOARD",
            help="A board that has its firmware (a name, a folder or its board.toml): its port is found by "
            "its USB ids; one that is no real board runs in QEMU. Again for more boards.",
            show_default=False,
        ),
    ] = None,
    retry: Annotated[
        float,
        typer.Option(
            "--retry", min=0, metavar="SECONDS", help="Try a place that failed again after so long; 0: never."
        ),
    ] = 2.0,
    data: o.Data = None,
    epochs: o.Epochs = None,
    steps: o.Steps = None,
    batch: Annotated[
        int | None,
        typer.Option(
            "--batch",
            min=1,
            help=f"Samples in one step of learning. By default {o.DEFAULT_BATCH}, by itself 1.",
            show_default=False,
        ),
    ] = None,
    schedule: o.ScheduleOption = "default",
    rule: Annotated[
        str | None,
        typer.Option(
            "--rule",
            help="paper or error_scaled. By default error_scaled at batch 1 and by itself, else paper.",
            show_default=False,
        ),
    ] = None,
    seed: o.Seed = None,
    test_fraction: o.TestFraction = 0.2,
    test: o.Test = None,
    test_limit: o.TestLimit = None,
    label: o.Label = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the training that the model file holds.")
    ] = False,
    health: o.Health = None,
    stream: o.Stream = False,
    by_itself: Annotated[
        bool,
        typer.Option(
            "--by-itself",
            help="Let devices learn by themselves, as `wagekit learn` does, and only ask how it goes.",
            rich_help_panel=_ITSELF,
        ),
    ] = False,
    samples: o.Samples = None,
    rates: o.Rates = DEFAULT_RATES,
    order: o.Order = "drawn",
    keep: o.Keep = 0,
    test_every: o.TestEvery = 0,
    train_limit: o.TrainLimit = None,
    baud: o.Baud = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FOLDER", help="Leave the model of each place there.", show_default=False
        ),
    ] = None,
    force: o.Force = False,
    events: o.Events = None,
    json: o.Json = False,
    web: w.Web = False,
    web_port: w.WebPort = None,
    host: w.Host = None,
    token: w.Token = None,
) -> None:
    """Learn on several places at once, each in its own time, and watch them together.

    A device that fails, restarts or is unplugged does not disturb the others. It is tried again until
    it is back, and goes on from its newest state.
    """
    from wagekit.cli import by_itself as alone
    from wagekit.cli import learning
    from wagekit.cli.fleet import Outputs, run_fleet
    from wagekit.cli.loading import place_of_board
    from wagekit.cli.sources import open_subject
    from wagekit.cli.tasks import ByItself, Training
    from wagekit.errors import UsageError

    outputs = Outputs(out, events, json, force, w.WebOptions.of(web, web_port, host, token))
    found = [place_of_board(name) for name in board or []]
    places = [*(on or []), *(f"serial:{name}" for name in port or []), *(place for place, _ in found)]
    bauds = {place: own for place, own in found if own is not None}
    if not places:
        raise UsageError("nothing to watch", hint="name places with --on PLACE, --port PORT or --board BOARD")
    if data == "-":
        raise UsageError("--data -: several places cannot share one stdin", hint="name a file")
    subject = open_subject(network)
    task: ByItself | Training
    if by_itself:
        settings = alone.Settings(
            data=data,
            label=label,
            samples=samples,
            accuracy=None,
            patience=None,
            window=64,
            rates=rates,
            rule=rule or "error_scaled",
            batch=batch or 1,
            order=order,
            keep=keep,
            replay=1,
            test_every=test_every,
            health=health,
            seed=seed,
            train_limit=train_limit,
            test_fraction=test_fraction,
            test=test,
            test_limit=test_limit,
            verify=False,
        )
        task = ByItself.of(alone.plan_lesson(subject, settings), baud=baud, bauds=bauds)
    else:
        plan = learning.Settings(
            data=data,
            label=label,
            batch=batch or o.DEFAULT_BATCH,
            epochs=epochs,
            steps=steps,
            schedule=schedule,
            rule=rule or learning.default_rule(batch or o.DEFAULT_BATCH),
            seed=seed,
            test_fraction=test_fraction,
            test=test,
            test_limit=test_limit,
            resume=resume,
            health=health,
        )
        task = Training.of(learning.plan_lesson(subject, plan), stream=stream, baud=baud, bauds=bauds)
    run_fleet(task, places, outputs, retry=retry)
