"""`wagekit learn`: let a chip learn by itself."""

from __future__ import annotations

from typing import Annotated

import typer

from wagekit.cli import loading
from wagekit.cli import options as o
from wagekit.cli import web as w

EXAMPLE = """wagekit learn digits.safetensors --data changed.npz

wagekit learn digits.safetensors --data changed.npz --board nrf52840-dk"""
DEFAULT_RATES = "0:2,15%:3,50%:2,70%:1,85%:0"
"""Slow at first, because a network that is wrong nearly always has large errors; then fast, then fine."""


def learn(
    network: o.NetworkArgument,
    *,
    on: loading.On = None,
    board: loading.BoardOption = None,
    using: loading.With = None,
    probe: loading.ProbeOption = None,
    port: loading.PortOption = None,
    data: o.Data = None,
    samples: o.Samples = None,
    accuracy: o.Accuracy = None,
    patience: o.Patience = None,
    window: o.Window = 64,
    rates: o.Rates = DEFAULT_RATES,
    rule: o.RuleOption = "error_scaled",
    batch: o.Batch = 1,
    order: o.Order = "drawn",
    keep: o.Keep = 0,
    replay: o.Replay = 1,
    test_every: o.TestEvery = 0,
    health: o.Health = None,
    seed: o.Seed = None,
    train_limit: o.TrainLimit = None,
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

    With --board the firmware is first written as a programmer does it, and compared.
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
        health=health,
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
    loader = loading.loader_of(on, board, using, probe, port)
    where = loading.where_of(on, board)
    learn_network(network, where, settings, outputs, icount=icount, baud=baud, loader=loader)
