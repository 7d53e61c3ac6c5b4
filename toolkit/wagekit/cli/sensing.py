"""From a chip's sensor to a data set: sensed, shown, labelled, learned, kept."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from wagekit.cli.console import err, note, out, print_json, say, table
from wagekit.cli.interrupt import Interrupt
from wagekit.cli.places import open_place
from wagekit.cli.predict import show_sample
from wagekit.cli.sources import open_subject
from wagekit.cli.stdin import stdin_lines
from wagekit.errors import UsageError
from wagekit.executors.device import DeviceExecutor
from wagekit.passes import compile_graph
from wagekit.spec import Network
from wagekit.training import Model, save_model
from wagekit.training.recording import SampleFile

DEFAULT_COUNT = 100
"""Samples with one label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to record, as the command line says it."""

    label: str | None
    count: int | None
    append: bool
    learn: Path | None
    rate: int
    force: bool

    @property
    def limit(self) -> int | None:
        """Samples to record; None: until the user ends it."""
        return self.count if self.count or self.label is None else DEFAULT_COUNT


def class_number(net: Network, text: str) -> int | None:
    """A class by name, or else by number; None if it is neither."""
    if text in net.classes:
        return list(net.classes).index(text)
    number = int(text) if text.isdecimal() else -1
    return number if 0 <= number < len(net.classes) else None


def record_samples(
    network: str, where: str, path: Path, settings: Settings, *, json: bool = False, **options: Any
) -> None:
    """Record until there are enough, or a Ctrl-C; what there is then is written."""
    subject = open_subject(network)
    net = subject.network
    label = None
    if settings.label is not None:
        label = class_number(net, settings.label)
        if label is None:
            raise UsageError(f"--label {settings.label}: no class of '{net.name}': {', '.join(net.classes)}")
    if settings.learn is not None and settings.learn.exists() and not settings.force:
        raise UsageError(f"{settings.learn} exists", hint="--force replaces it")
    file = SampleFile(path, net, append=settings.append, replace=settings.force)
    if not where.startswith(("qemu:", "serial:")):
        raise UsageError(
            f"--on {where}: only a chip has a sensor", hint="qemu:BOARD or serial:PORT is allowed"
        )
    with err.status(Text(f"opening {where}")):
        place = open_place(net, where, batch=1, masters=subject.masters, **options)
    with place.executor as executor, Interrupt() as stop:
        assert isinstance(executor, DeviceExecutor)
        if subject.model is not None:
            executor.load_masters(subject.model.masters, subject.model.step, subject.model.seed)
        try:
            _record(executor, file, settings, label, stop)
        finally:
            file.write()
        if settings.learn is not None:
            training = {"recorded": {"file": str(path), "rate": settings.rate}}
            save_model(
                settings.learn, Model(net, executor.masters, executor.step_count, executor.seed, training)
            )
    _say(file, settings, json)
    if stop():
        raise KeyboardInterrupt


def _record(
    executor: DeviceExecutor,
    file: SampleFile,
    settings: Settings,
    label: int | None,
    stop: Callable[[], bool],
) -> None:
    ask = None if label is not None else _Asking(executor, file.network, stop)
    limit = settings.limit
    while not stop() and (limit is None or file.recorded < limit):
        codes = executor.sense()[0]
        chosen = label
        if ask is not None:
            chosen = ask(codes, file.recorded)
            if ask.ended:
                return
        if chosen is None:
            continue
        file.add(codes, chosen)
        if settings.learn is not None:
            executor.step(codes[np.newaxis], np.array([chosen]), settings.rate, "error_scaled")
        if ask is None and err.is_terminal and file.recorded % 10 == 0:
            err.print(Text(f"{file.recorded:,} samples", style="dim"), end="\r")


class _Asking:
    """Shows each sample, with what the network takes it for, and asks for its class."""

    def __init__(self, executor: DeviceExecutor, net: Network, stop: Callable[[], bool]) -> None:
        self._executor = executor
        self._net = net
        self._one = 2.0 ** compile_graph(net, training=False).log2_one
        self._lines: Iterator[str] = stdin_lines(stop)
        self.ended = False
        names = ", ".join(
            name if name == str(number) else f"{number} {name}" for number, name in enumerate(net.classes)
        )
        note(f"classes: {names}; an empty line leaves a sample out, q ends")

    def __call__(self, codes: NDArray[np.int8], number: int) -> int | None:
        """The class, or None for a sample that is to be left out, and at the end."""
        logits = self._executor.forward(codes[np.newaxis])[0]
        show_sample(self._net, f"sample {number}", None, codes, logits / self._one)
        while True:
            err.print(Text("class? "), end="")
            line = next(self._lines, None)
            answer = None if line is None else line.strip()
            if not sys.stdin.isatty():
                err.print()
            if answer in (None, "q"):
                self.ended = True
                return None
            if not answer:
                return None
            chosen = class_number(self._net, answer)
            if chosen is not None:
                return chosen
            note(f"'{answer}' is no class")


def _say(file: SampleFile, settings: Settings, json: bool) -> None:
    counts = dict(zip(file.network.classes, file.counts(), strict=True))
    if json:
        print_json(
            {
                "file": str(file.path) if file.labels else None,
                "recorded": file.recorded,
                "samples": len(file.labels),
                "classes": counts,
                "model": str(settings.learn) if settings.learn else None,
            }
        )
        return
    if not file.labels:
        note("nothing was recorded")
        return
    kept = f", {file.kept:,} were there before" if file.kept else ""
    say(f"{file.recorded:,} samples recorded{kept}: {file.path}")
    grid = table("class", "samples", right=("samples",))
    for name, count in counts.items():
        grid.add_row(Text(name), f"{count:,}")
    out.print(grid)
    if settings.learn:
        say(f"saved  {settings.learn}")
