"""`wagekit learn`: let a chip learn by itself."""

from __future__ import annotations

from typing import Annotated

import typer

from wagekit.cli import options as o
from wagekit.cli import web as w

EXAMPLE = "wagekit learn digits.safetensors --data changed.npz"
DEFAULT_RATES = "0:2,15%:3,50%:2,70%:1,85%:0"
"""Slow at first, because a network that is wrong nearly always has large errors; then fast, then fine."""


def learn(
    network: o.NetworkArgument,
    *,
    on: o.On = "qemu:mps2-an386",
    data: o.Data = None,
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples",
            min=0,
            max=2**32 - 1,
            metavar="N",
            help="Stop after so many new samples; 0 is no limit. By default as many as there are to train.",
            show_default=False,
        ),
    ] = None,
    accuracy: Annotated[
        float | None,
        typer.Option(
            "--accuracy",
            min=0,
            max=100,
            metavar="PERCENT",
            help="Stop when the running accuracy reaches so much.",
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            "--patience",
            min=1,
            max=2**32 - 1,
            metavar="N",
            help="Stop after so many samples without a new best running accuracy.",
        ),
    ] = None,
    window: Annotated[
        int,
        typer.Option(
            "--window", min=2, max=1024, help="Samples of the running accuracy: a power of two, 2..1024."
        ),
    ] = 64,
    rates: Annotated[
        str,
        typer.Option(
            "--rates",
            metavar="RATES",
            help="Powers of two by sample, '0:2,300:3'; by share of them, '50%:2'; or one number.",
        ),
    ] = DEFAULT_RATES,
    rule: o.RuleOption = "error_scaled",
    batch: o.Batch = 1,
    order: Annotated[
        str,
        typer.Option("--order", help="in_turn: as the data are; drawn: each at random, some of them twice."),
    ] = "drawn",
    keep: Annotated[
        int,
        typer.Option("--keep", min=0, metavar="N", help="Past samples in the replay store; 0 is off."),
    ] = 0,
    replay: Annotated[
        int,
        typer.Option(
            "--replay", min=0, max=255, metavar="N", help="Steps on kept samples after each step on new ones."
        ),
    ] = 1,
    test_every: Annotated[
        int,
        typer.Option(
            "--test-every", min=0, metavar="N", help="Evaluate every N samples too; 0: before and after."
        ),
    ] = 0,
    seed: o.Seed = None,
    train_limit: Annotated[
        int | None,
        typer.Option("--train-limit", min=1, metavar="N", help="Give it only the first N training samples."),
    ] = None,
    test_fraction: o.TestFraction = 0.2,
    test: o.Test = None,
    test_limit: o.TestLimit = None,
    label: o.Label = None,
    skip_bad: o.SkipBad = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Learn the same on host (or reference) and hold both equal to the bit."
        ),
    ] = False,
    icount: Annotated[
        bool, typer.Option("--icount", help="Count the instructions of a sample (QEMU; slower).")
    ] = False,
    baud: o.Baud = None,
    out: o.Out = None,
    force: o.Force = False,
    events: o.Events = None,
    report: o.ReportFolder = None,
    json: o.Json = False,
    web: w.Web = False,
    web_port: w.WebPort = None,
    host: w.Host = None,
    token: w.Token = None,
) -> None:
    """Give a chip samples and a plan, and let it learn by itself: rates, replay, running accuracy and
    when to stop are its own affair. It is evaluated there before and after.
    """
    from wagekit.cli.by_itself import Settings, learn_network
    from wagekit.cli.session import Outputs

    settings = Settings(
        data=data,
        label=label,
        samples=samples,
        accuracy=accuracy,
        patience=patience,
        window=window,
        rates=rates,
        rule=rule,
        batch=batch,
        order=order,
        keep=keep,
        replay=replay,
        test_every=test_every,
        seed=seed,
        train_limit=train_limit,
        test_fraction=test_fraction,
        test=test,
        test_limit=test_limit,
        skip_bad=skip_bad,
        verify=verify,
    )
    outputs = Outputs(
        model=out,
        events=events,
        report=report,
        json=json,
        force=force,
        web=w.WebOptions.of(web, web_port, host, token),
    )
    learn_network(network, on, settings, outputs, icount=icount, baud=baud)
