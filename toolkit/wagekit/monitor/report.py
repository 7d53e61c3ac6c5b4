"""The report of a run: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wagekit.errors import DataError
from wagekit.monitor.events import Evaluation, Run
from wagekit.monitor.figure import charts_of
from wagekit.monitor.story import Story
from wagekit.templates import render_html
from wagekit.version import __version__


@dataclass(frozen=True, slots=True)
class Fact:
    """A row of a table, or a card."""

    name: str
    value: str
    code: bool = False


def write_report(path: str | Path, story: Story, *, facts: Mapping[str, list[Fact]] | None = None) -> Path:
    """Write the report; `facts` are further tables by their title. `DataError` if it cannot be written."""
    path = Path(path)
    text = render_html("report/report.html.jinja", **_context(story, facts or {}))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
    return path


def _context(story: Story, facts: Mapping[str, list[Fact]]) -> dict[str, Any]:
    run = story.run
    tests = story.tests
    tables = [{"title": title, "rows": rows} for title, rows in _tables(story).items() if rows]
    tables += [{"title": title, "rows": rows} for title, rows in facts.items()]
    return {
        "version": __version__,
        "title": f"{run.network} on {run.place}" if run else "wagekit run",
        "lead": _lead(run, story),
        "cards": _cards(story),
        "charts": charts_of(story),
        "confusion": _confusion(tests[-1], run) if tests and tests[-1].confusion else None,
        "layers": _layers(story, run),
        "tables": tables,
        "logs": [entry.message for entry in story.logs],
        "fault": _fault(story),
    }


def _lead(run: Run | None, story: Story) -> str:
    if run is None:
        return "No run was recorded."
    end = f"; it {story.end.status}" if story.end and story.end.status != "finished" else ""
    return (
        f"{run.weights:,} weights, {run.train_samples:,} training samples of {run.dataset}, "
        f"batch {run.batch}, rule {run.rule}, schedule {run.schedule}, seed {run.seed}, "
        f"wagekit {run.version}{end}"
    )


def _cards(story: Story) -> list[Fact]:
    cards = []
    if story.tests:
        cards.append(Fact("test accuracy", f"{story.tests[-1].accuracy:.1%}"))
    if story.step is not None:
        cards.append(Fact("steps", f"{story.step.step + 1:,}"))
    if story.learned:
        last = story.learned[-1]
        cards.append(Fact("running accuracy", f"{last.accuracy:.1%}"))
        cards.append(Fact("steps", f"{last.step:,}"))
    if story.samples_learned:
        cards.append(Fact("samples learned", f"{story.samples_learned:,}"))
    resources = story.resources
    if resources is not None:
        if resources.ram is not None:
            cards.append(Fact("bytes of RAM", f"{resources.ram:,}"))
        if resources.flash is not None:
            cards.append(Fact("bytes of flash", f"{resources.flash:,}"))
        if resources.instructions_per_sample is not None:
            cards.append(Fact("instructions to learn a sample", f"{resources.instructions_per_sample:,}"))
        if resources.instructions_per_inference is not None:
            cards.append(Fact("instructions to infer", f"{resources.instructions_per_inference:,}"))
    cards.append(Fact("seconds", f"{story.seconds:,.1f}"))
    return cards


def _confusion(evaluation: Evaluation, run: Run | None) -> dict[str, Any]:
    matrix = evaluation.confusion or ()
    names = run.classes if run and len(run.classes) == len(matrix) else tuple(map(str, range(len(matrix))))
    rows = []
    for name, row in zip(names, matrix, strict=True):
        most = max(sum(row), 1)
        cells = [{"text": str(n) if n else "", "heat": f"{n / most * 0.8:.2f}"} for n in row]
        rows.append({"name": name, "cells": cells})
    return {"classes": names, "rows": rows}


def _layers(story: Story, run: Run | None) -> list[dict[str, str]]:
    if story.step is None:
        return []
    names = run.layers if run else ()
    return [
        {
            "name": names[i] if i < len(names) else str(i),
            "error": _power(layer.error_exponent),
            "gradient": _power(layer.gradient_exponent),
            "saturated": f"{layer.saturated:,}",
        }
        for i, layer in enumerate(story.step.layers)
    ]


def _tables(story: Story) -> dict[str, list[Fact]]:
    memory, link = [], []
    if story.resources is not None:
        found = story.resources
        pairs = (
            ("board", found.board),
            ("RAM in use", _bytes(found.ram, found.ram_limit)),
            ("of it the network", _bytes(found.model_ram, None)),
            ("of it the stack", _bytes(found.stack, None)),
            ("flash in use", _bytes(found.flash, found.flash_limit)),
        )
        memory = [Fact(name, value) for name, value in pairs if value]
    if story.link is not None:
        entry = story.link
        link = [
            Fact("frames sent, received", f"{entry.frames_sent:,}, {entry.frames_received:,}"),
            Fact("sent again", f"{entry.resent:,}"),
            Fact("damaged", f"{entry.bad_frames:,}"),
            Fact("overrun bytes", f"{entry.overruns:,}"),
        ]
    proof = []
    if story.end is not None and story.end.digest:
        proof = [Fact("digest", story.end.digest, True), Fact("network", story.end.fingerprint, True)]
    return {"Memory": memory, "Link": link, "State": proof}


def _fault(story: Story) -> dict[str, Any] | None:
    if story.fault is None:
        return None
    registers = [(name, f"0x{value:08x}") for name, value in story.fault.registers.items()]
    return {"cause": story.fault.cause, "message": story.fault.message, "registers": registers}


def _bytes(count: int | None, limit: int | None) -> str:
    if count is None:
        return ""
    return f"{count:,} bytes" + (f" of {limit:,}" if limit else "")


def _power(exponent: int | None) -> str:
    return "-" if exponent is None else f"2^{exponent}"
