"""Several workers under one view: from places to what came of them."""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wagekit import boards
from wagekit.cli.console import err, out, print_json, say, table
from wagekit.cli.interrupt import Interrupt
from wagekit.cli.session import make_folder
from wagekit.cli.web import WebOptions, join, open_web
from wagekit.cli.worker import RETRY, Task, Worker
from wagekit.errors import BoardError, DataError, UsageError
from wagekit.executors.open import PLACES
from wagekit.monitor import Bus, Controls, FleetView, Log, Recorder, Sink, Stories
from wagekit.monitor.recorder import check_absent

LOOK = 0.1
"""Seconds after which the main thread looks for a Ctrl-C and for those that are done."""
PATIENCE = 20.0
"""Seconds that a place has to end in order when it is asked to."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is to be left behind."""

    models: Path | None = None
    """A folder."""
    events: Path | None = None
    json: bool = False
    force: bool = False
    web: WebOptions | None = None
    """Show it in browsers too."""


def sources_of(places: Sequence[str]) -> list[str]:
    """Names of the places in events, no two the same: the second of its kind gets `#2`.

    `UsageError` for what is no place, and for a port that is named twice.
    """
    kinds = {place.partition(":")[0] for place in PLACES}
    seen: Counter[str] = Counter()
    names = []
    for place in places:
        kind, _, target = place.partition(":")
        if kind not in kinds or bool(target) != any(known.startswith(f"{kind}:") for known in PLACES):
            raise UsageError(f"cannot learn on '{place}'", hint=f"allowed: {', '.join(PLACES)}")
        seen[place] += 1
        if kind == "serial" and seen[place] > 1:
            raise UsageError(f"{place} is named twice: a port has one device")
        names.append(place if seen[place] == 1 else f"{place}#{seen[place]}")
    return names


def run_fleet(task: Task, places: Sequence[str], outputs: Outputs, *, retry: float = RETRY) -> None:
    """Learn on all places at once; shows, records and saves. The first failure is raised at the end."""
    names = sources_of(places)
    web = None if outputs.web is None else open_web(outputs.web)
    if outputs.events is not None and not outputs.force:
        check_absent(outputs.events)
    if outputs.models is not None:
        make_folder(outputs.models)
    controls: dict[str, Controls] = {}
    view = FleetView(err if outputs.json else out, controls)
    view.expect(names)
    recorder = _recorder(outputs, view)
    sinks: list[Sink] = [view, *([recorder] if recorder else [])]
    stopping = threading.Event()
    gates = {place: threading.Lock() for place in places}
    with tempfile.TemporaryDirectory(prefix="wagekit-fleet-") as folder:
        with Bus(sinks) as bus, Interrupt() as interrupt:
            if web is not None:
                join(web, bus, controls)
            workers = [
                Worker(
                    task,
                    name,
                    place,
                    bus.of(name),
                    stopping,
                    retry,
                    gate=gates[place],
                    flash=_flash(place, Path(folder) / f"{number}.flash"),
                    save_to=outputs.models / f"{_file_name(name)}.safetensors" if outputs.models else None,
                )
                for number, (name, place) in enumerate(zip(names, places, strict=True))
            ]
            controls.update({worker.source: worker.controls for worker in workers})
            _supervise(workers, stopping, interrupt, bus)
        _say(workers, view.stories, outputs)
    if recorder is not None and recorder.problem:
        raise DataError(recorder.problem, hint="all else of the run is done and kept")
    failures = [worker.failure for worker in workers if worker.failure is not None]
    if failures:
        raise failures[0]
    if stopping.is_set():
        raise KeyboardInterrupt


def _supervise(workers: list[Worker], stopping: threading.Event, interrupt: Interrupt, bus: Bus) -> None:
    """Start all, and wait for their ends; Ctrl-C stops them all, a second one leaves them."""
    for worker in workers:
        worker.start()
    while not all(worker.done for worker in workers):
        if interrupt() and not stopping.is_set():
            stopping.set()
            bus(Log(level="warning", message="stopping; Ctrl-C once more stops at once"))
        for worker in workers:
            worker.thread.join(LOOK / len(workers))


def _recorder(outputs: Outputs, view: FleetView) -> Recorder | None:
    if outputs.events is None:
        return None
    return Recorder(
        outputs.events,
        replace=outputs.force,
        warn=lambda text: view.handle(Log(level="warning", message=text)),
    )


def _flash(place: str, file: Path) -> Path | None:
    """Where an emulated chip keeps its checkpoints, so that they outlive the emulator."""
    kind, _, board = place.partition(":")
    if kind != "qemu":
        return None
    try:
        emulated = boards.load(board).qemu
    except BoardError:
        return None  # opening the place tells why
    return file if emulated is not None and emulated.keeps is not None else None


def _file_name(source: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-._" else "-" for letter in source)


def _say(workers: list[Worker], stories: Stories, outputs: Outputs) -> None:
    if outputs.json:
        print_json([_to_dict(worker, stories) for worker in workers])
        return
    grid = table("place", "end", "step", "test", "digest", right=("step", "test"))
    for worker in workers:
        found = _to_dict(worker, stories)
        accuracy = found["test_accuracy"]
        grid.add_row(
            worker.source,
            "finished" if worker.finished else "failed" if worker.failure else "stopped",
            f"{found['step']:,}",
            "-" if accuracy is None else f"{accuracy:.1%}",
            found["digest"][:16],
        )
    out.print(grid)
    if outputs.models is not None:
        say(f"models in {outputs.models}")
    if outputs.events is not None:
        say(f"events in {outputs.events}")


def _to_dict(worker: Worker, stories: Stories) -> dict[str, Any]:
    story = stories[worker.source]
    tests = story.tests
    return {
        "source": worker.source,
        "finished": worker.finished,
        "step": worker.memory.told,
        "digest": story.end.digest if story.end else "",
        "by_hand": [list(entry) for entry in worker.memory.offsets],
        "test_accuracy": tests[-1].accuracy if tests else None,
        "events": worker.events,
        "error": worker.failure.message if worker.failure else None,
    }
