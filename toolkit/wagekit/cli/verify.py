"""`wagekit verify`: several places side by side, held equal to the bit."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.text import Text

from wagekit.cli import options as o
from wagekit.cli.console import done, err, print_json, say
from wagekit.cli.interrupt import Interrupt
from wagekit.errors import UsageError

if TYPE_CHECKING:
    from wagekit.executors import Executor

EXAMPLE = "wagekit verify digits --on reference --on host --on qemu:mps2-an386 --steps 50"
Samples = tuple[NDArray[np.int8], NDArray[np.int64]]


def verify(
    network: o.NetworkArgument,
    *,
    on: Annotated[
        list[str] | None,
        typer.Option("--on", metavar="PLACE", help="A place; repeatable. By default reference and host."),
    ] = None,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Steps to learn.")] = 20,
    batch: o.Batch = 8,
    data: Annotated[str, typer.Option("--data", metavar="DATA", help="A data set, or random.")] = "digits",
    schedule: o.ScheduleOption = "default",
    rule: o.RuleOption = "paper",
    seed: o.Seed = None,
    every: Annotated[
        int, typer.Option("--every", min=1, help="Compare all weights every so many steps, and at the end.")
    ] = 1,
    label: o.Label = None,
    json: o.Json = False,
) -> None:
    """Learn the same batches in several places and hold results, weights and logits equal.

    The first difference ends it: step, layer, tensor, index and both values.
    """
    from wagekit.cli.places import open_place
    from wagekit.cli.sources import both_parts, open_subject
    from wagekit.training import Batches, Plan

    places = on or ["reference", "host"]
    if len(places) < 2:
        raise UsageError("one place has nothing to be compared with", hint="give --on twice or more")
    subject = open_subject(network)
    net, model = subject.network, subject.model
    start = seed if seed is not None else (model.seed if model else net.seed)
    (x, labels), _ = both_parts(net, data, label, start)
    first = model.step if model else 0
    plan = Plan(len(x), batch, steps, schedule, rule, start, first)  # type: ignore[arg-type]
    with ExitStack() as stack:
        executors: list[Executor] = []
        for where in places:
            with err.status(Text(f"opening {where}")):
                place = open_place(net, where, seed=start, batch=batch, masters=subject.masters)
                executor = stack.enter_context(place.executor)
            if model is not None:
                executor.load_masters(model.masters, model.step, start)
            executors.append(executor)
        made = _compare(executors, Batches(plan), (x, labels), every)
        digest = executors[0].digest()
    if json:
        print_json({"equal": True, "steps": made, "digest": digest, "places": places})
        return
    done(f"{made:,} steps at batch {batch}: {', '.join(places)} hold the same bits")
    say(f"digest {digest}")
    if made < steps:
        raise KeyboardInterrupt


def _compare(executors: list[Executor], batches: Any, samples: Samples, every: int) -> int:
    """Learn and compare; returns the steps made. `MismatchError` names the first difference."""
    from wagekit.executors.divergence import first_divergence, logits_divergence

    x, labels = samples
    plan = batches.plan
    first_divergence(plan.first_step, executors)
    made = 0
    with Interrupt() as stop, err.status("") as status:
        for step in range(plan.first_step, plan.end_step):
            if stop():
                break
            chosen = batches.indices(step)
            rate = batches.log2_lr(step)
            results = [e.step(x[chosen], labels[chosen], rate, plan.rule) for e in executors]
            made += 1
            whole = made % every == 0 or step == plan.end_step - 1
            first_divergence(step, executors, results, masters=whole)
            status.update(f"step {made:,} of {plan.total_steps:,}: loss {results[0].loss:.4f}, all equal")
    some = x[: plan.batch]
    logits_divergence(executors, [e.forward(some) for e in executors], plan.first_step + made)
    return made
