"""The library itself: the generated network, the runtime, and an example that checks itself.

Nothing of a board is in it: clock, serial port and main belong to the tool that takes the folder.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wagekit.backends.mcu import Plan, plan_model
from wagekit.errors import LimitError, UsageError
from wagekit.ir import Graph
from wagekit.numerics.grids import IntArray
from wagekit.passes import compile_graph
from wagekit.reference import Randomness, graph_weights, initial_masters, learn, run_forward
from wagekit.spec import Network
from wagekit.toolchain.exports.contents import (
    KEY,
    LEARNED_RATE,
    LEARNED_STEPS,
    Contents,
    Expected,
    ExportOptions,
    Sample,
)
from wagekit.toolchain.exports.formats import FORMATS
from wagekit.toolchain.firmware import weights_in_flash
from wagekit.writer import write_folder

MOST_AUTHOR = 50
"""Characters of an author that PlatformIO takes."""
_VERSION = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}")


@dataclass(frozen=True, slots=True)
class Export:
    """The files of an export, by their paths in its folder."""

    files: dict[str, str]
    plan: Plan
    facts: dict[str, Any]
    """What its manifest says beside version and files."""


def export_library(
    net: Network,
    folder: Path | str,
    form: str,
    sample: Sample,
    *,
    masters: Sequence[IntArray] | None = None,
    step: int = 0,
    seed: int | None = None,
    options: ExportOptions | None = None,
    force: bool = False,
) -> Path:
    """Write `render_export` as a folder, at once, with a manifest; the manifest's path.

    What was exported there before gives way. `UsageError` where the folder holds anything else;
    with `force` that stays, but for files of the same names.
    """
    export = render_export(net, form, sample, masters=masters, step=step, seed=seed, options=options)
    return write_folder(Path(folder), export.files, facts=export.facts, key=KEY, force=force)


def render_export(
    net: Network,
    form: str,
    sample: Sample,
    *,
    masters: Sequence[IntArray] | None = None,
    step: int = 0,
    seed: int | None = None,
    options: ExportOptions | None = None,
) -> Export:
    """The library for one of `FORMATS`; the same inputs give the same bytes.

    `masters` are built in: None is the initial ones, which only a library that learns can do with.
    An example that learns begins at `step`, with the `seed` of the update's random numbers (None: the
    network's). `UsageError` for options that make no sense, `LimitError` for more RAM than allowed.
    """
    options = options or ExportOptions()
    _check(net, form, options, masters)
    graph = compile_graph(net, batch=options.batch, training=options.learning)
    known = list(masters or initial_masters(graph, net.seed))
    constants, packed = weights_in_flash(graph, net.seed, known)
    plan = plan_model(
        graph, memory_limit=options.memory_limit, prefer=options.prefer, packed=packed, health=False
    )
    if options.memory_limit is not None and plan.ram > options.memory_limit:
        raise LimitError(
            f"network '{plan.name}' needs {plan.ram:,} bytes of RAM, {options.memory_limit:,} are allowed",
            hint="a smaller batch, or a library that only infers, needs less",
        )
    start = Randomness(net.seed if seed is None else seed, step)
    contents = Contents(
        net=net,
        form=form,
        options=options,
        plan=plan,
        constants=constants,
        sample=sample,
        start=start,
        expected=_expect(graph, known, sample, start),
    )
    return Export(contents.files(), plan, contents.facts())


def _check(net: Network, form: str, options: ExportOptions, masters: Sequence[IntArray] | None) -> None:
    if form not in FORMATS:
        raise UsageError(f"export as {form!r}: {', '.join(FORMATS)} are allowed")
    if not _VERSION.fullmatch(options.version):
        raise UsageError(f"version {options.version!r}: three numbers are allowed, such as 1.0.0")
    if not options.author.strip() or not options.author.isprintable() or len(options.author) > MOST_AUTHOR:
        raise UsageError(f"author {options.author!r}: 1 to {MOST_AUTHOR} printable characters are allowed")
    if not options.url.isprintable() or not re.fullmatch(r"https?://\S+", options.url):
        raise UsageError(f"URL {options.url!r}: an address that begins with https:// is allowed")
    if masters is None and not options.learning:
        raise UsageError(
            f"network '{net.name}' has learned nothing: a library that only infers needs weights",
            hint="export a model file: `wagekit train` makes one",
        )


def _expect(graph: Graph, masters: list[IntArray], sample: Sample, start: Randomness) -> Expected:
    """Run what the example runs, with the reference."""
    codes = sample.codes.reshape((1, *graph.input.shape))
    labels = np.array([sample.label], np.uint16)

    def logits() -> list[int]:
        return [int(v) for v in run_forward(graph, graph_weights(graph, masters), codes).logits[0]]

    first = logits()
    if not graph.training:
        return Expected(first, [])
    for number in range(LEARNED_STEPS):
        randomness = Randomness(start.seed, (start.step + number) & 0xFFFFFFFF)
        masters = learn(
            graph, masters, codes, labels, randomness=randomness, log2_lr=LEARNED_RATE, rule="error_scaled"
        ).masters
    return Expected(first, logits())
