"""`wagekit train`: learn on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from wagekit.cli import options as o
from wagekit.cli import web as w

EXAMPLE = "wagekit train digits --epochs 12 --out digits.safetensors"
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on with the training that the model file holds, as if never stopped; a recording of it that "
        "--events or --report names is added to.",
    ),
]


def train(
    network: o.NetworkArgument,
    *,
    data: o.Data = None,
    on: o.On = "host",
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
    """Train a network and save it as a model. A model as NETWORK goes on from its weights."""
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
    run_network(network, on, settings, outputs)
