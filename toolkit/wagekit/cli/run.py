"""`wagekit run`: learn on a chip, emulated or real."""

from __future__ import annotations

from typing import Annotated

import typer

from wagekit.cli import loading
from wagekit.cli import options as o
from wagekit.cli import web as w
from wagekit.cli.train import Resume

EXAMPLE = "wagekit run digits --on qemu:mps2-an386 --report learned"


def run(
    network: o.NetworkArgument,
    *,
    on: loading.On = None,
    board: loading.BoardOption = None,
    using: loading.With = None,
    probe: loading.ProbeOption = None,
    port: loading.PortOption = None,
    data: o.Data = None,
    epochs: o.Epochs = None,
    steps: o.Steps = None,
    batch: o.Batch = o.DEFAULT_BATCH,
    schedule: o.ScheduleOption = "default",
    rule: o.RuleByBatch = None,
    seed: o.Seed = None,
    test_fraction: o.TestFraction = 0.2,
    test: o.Test = None,
    test_limit: o.TestLimit = None,
    label: o.Label = None,
    skip_bad: o.SkipBad = False,
    resume: Resume = False,
    stream: o.Stream = False,
    icount: Annotated[
        bool, typer.Option("--icount", help="Count the instructions of every step (QEMU; slower).")
    ] = False,
    baud: o.Baud = None,
    out: o.Out = None,
    force: o.Force = False,
    health: o.Health = None,
    events: o.Events = None,
    report: o.ReportFolder = None,
    json: o.Json = False,
    web: w.Web = False,
    web_port: w.WebPort = None,
    host: w.Host = None,
    token: w.Token = None,
) -> None:
    """Boot or attach to a chip, train there, evaluate there, and show it live. --epochs 0 only evaluates.

    With --board the firmware is first written as a programmer does it, and compared.
    """
    from wagekit.cli.learning import Settings, default_rule
    from wagekit.cli.session import Outputs, run_network

    settings = Settings(
        data=data,
        label=label,
        batch=batch,
        epochs=epochs,
        steps=steps,
        schedule=schedule,
        rule=rule or default_rule(batch),
        seed=seed,
        test_fraction=test_fraction,
        test=test,
        test_limit=test_limit,
        skip_bad=skip_bad,
        resume=resume,
        health=health,
    )
    outputs = Outputs(
        model=out,
        events=events,
        report=report,
        json=json,
        force=force,
        web=w.WebOptions.of(web, web_port, host, token),
    )
    loader = loading.loader_of(on, board, using, probe, port)
    where = loading.where_of(on, board)
    run_network(network, where, settings, outputs, stream=stream, icount=icount, baud=baud, loader=loader)
