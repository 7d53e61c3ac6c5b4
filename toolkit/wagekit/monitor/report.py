"""The report of a run: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wagekit.files import write_whole
from wagekit.monitor.events import Evaluation, Run
from wagekit.monitor.figure import chart
from wagekit.monitor.plots import health_plots, layer_name, learning_plots, link_plots, weight_plots
from wagekit.monitor.story import Mark, Stories, Story
from wagekit.templates import render_html
from wagekit.version import __version__


@dataclass(frozen=True, slots=True)
class Fact:
    """A row of a table, or a card."""

    name: str
    value: str
    code: bool = False


def write_report(
    path: str | Path, told: Story | Stories, *, facts: Mapping[str, list[Fact]] | None = None
) -> Path:
    """Write the report of one device or of several, a section each.

    `facts` are further tables of a single one, by their title. `DataError` if it cannot be written.
    """
    path = Path(path)
    stories = (
        [(name, story) for name, story in told if _says_something(story)]
        if isinstance(told, Stories)
        else [("", told)]
    )
    several = len(stories) > 1
    context = {
        "version": __version__,
        "title": f"{len(stories)} devices" if several else _title(stories[0][1] if stories else Story()),
        "comparison": [_row(name, story) for name, story in stories] if several else [],
        "sections": [_section(name, story, facts or {}) for name, story in stories],
    }
    write_whole(path, render_html("report/report.html.jinja", **context))
    return path


def _says_something(story: Story) -> bool:
    """Whether there is more than remarks of the program that watched."""
    return bool(story.run or story.resources or story.fault or len(story.links))


def _section(name: str, story: Story, facts: Mapping[str, list[Fact]]) -> dict[str, Any]:
    run, tests = story.run, story.tests
    tables = [{"title": title, "rows": rows} for title, rows in _tables(story).items() if rows]
    tables += [{"title": title, "rows": rows} for title, rows in facts.items()]
    return {
        "name": name,
        "lead": (f"{_title(story)}: " if name else "") + _lead(run, story),
        "cards": _cards(story),
        "learning": [chart(plot) for plot in learning_plots(story)],
        "health": [chart(plot) for plot in health_plots(story)],
        "weights": [chart(plot) for plot in weight_plots(story)],
        "link": [chart(plot) for plot in link_plots(story)],
        "confusion": _confusion(tests[-1], run) if tests and tests[-1].confusion else None,
        "layers": _layers(story),
        "marks": [_mark(story, mark) for mark in story.marks],
        "tables": tables,
        "logs": [entry.message for entry in story.logs],
        "fault": _fault(story),
    }


def _title(story: Story) -> str:
    return f"{story.run.network} on {story.run.place}" if story.run else "wagekit run"


def _row(name: str, story: Story) -> list[str]:
    """A device in the table that compares them."""
    status = story.end.status if story.end else "faulted" if story.fault else "not ended"
    return [
        name,
        _title(story),
        f"{story.tests[-1].accuracy:.1%}" if story.tests else "-",
        f"{story.samples_learned:,}",
        f"{story.seconds:,.1f}",
        status,
    ]


def _mark(story: Story, mark: Mark) -> dict[str, Any]:
    where = f"sample {mark.seen:,}" if story.learned else f"step {mark.step:,}"
    seconds = mark.time - (story.started or 0.0)
    return {"seconds": f"{seconds:,.1f} s", "where": where, "text": mark.text, "fault": mark.fault}


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


def _layers(story: Story) -> list[dict[str, str]]:
    if story.step is None:
        return []
    return [
        {
            "name": layer_name(story, i),
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
            ("most of the stack that was used", _bytes(found.stack_used, found.stack)),
            ("flash in use", _bytes(found.flash, found.flash_limit)),
            (
                "checkpoints written",
                "" if found.checkpoint_writes is None else f"{found.checkpoint_writes:,}",
            ),
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
        if entry.bytes_sent or entry.bytes_received:
            link.append(Fact("bytes sent, received", f"{entry.bytes_sent:,}, {entry.bytes_received:,}"))
        if entry.latency is not None:
            link.append(Fact("latency", f"{entry.latency * 1000:.1f} ms"))
        if entry.waiting is not None:
            link.append(Fact("chip waited or sent", f"{entry.waiting:.0%} of the training"))
    link += [Fact(f"events that {where} did not get", f"{count:,}") for where, count in story.dropped.items()]
    proof = []
    if story.end is not None and story.end.digest:
        proof = [Fact("digest", story.end.digest, True), Fact("network", story.end.fingerprint, True)]
    if story.run is not None:
        origin = {"firmware": story.run.manifest, "commit": story.run.commit}
        proof += [Fact(name, value, True) for name, value in origin.items() if value]
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


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _power(exponent: int | None) -> str:
    return "-" if exponent is None else f"2^{exponent}"
