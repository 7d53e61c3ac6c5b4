"""Runs a lesson somewhere with everything a user sees and keeps of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from wagekit.cli.console import err, note, out, print_json, say
from wagekit.cli.interrupt import Interrupt
from wagekit.cli.learning import BY_HAND, Lesson, Result, Settings, Stop, learn, plan_lesson
from wagekit.cli.places import open_place
from wagekit.cli.sources import open_subject
from wagekit.cli.stdin import STDIN
from wagekit.cli.web import WebOptions, open_web
from wagekit.errors import DataError, ToolError, UsageError
from wagekit.monitor import (
    Bus,
    Controls,
    Recorder,
    Sink,
    Story,
    TerminalView,
    write_health_picture,
    write_picture,
    write_report,
)
from wagekit.monitor.events import Log
from wagekit.monitor.recorder import check_absent
from wagekit.monitor.recording import check_goes_on, iter_events
from wagekit.monitor.units import si
from wagekit.monitor.web import WebView


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is to be left behind."""

    model: Path | None = None
    events: Path | None = None
    report: Path | None = None
    """A folder."""
    json: bool = False
    force: bool = False
    """Replace a model and a recording that are there."""
    web: WebOptions | None = None
    """Show it in browsers too."""
    going_on: bool = False
    """The model is the one that training goes on from: it is meant to be replaced."""
    resumes: str = ""
    """Fingerprint of the network whose training goes on: a recording of it that is there is added to."""

    def check(self) -> None:
        """UsageError or DataError, before any work, if something cannot be left where it is to be."""
        if self.model is not None and not self.model.absolute().parent.is_dir():
            raise DataError(f"{self.model}: its folder does not exist")
        if self.force:
            return
        if self.model is not None and self.model.exists() and not self.going_on:
            raise UsageError(
                f"{self.model} exists",
                hint=f"--out FILE writes another, --force replaces it, 'wagekit train {self.model} --resume' "
                "goes on with it",
            )
        if self.recording is None:
            return
        if self.resumes:
            check_goes_on(self.recording, self.resumes)
        else:
            check_absent(self.recording)

    @property
    def recording(self) -> Path | None:
        """Where all events are kept, if they are."""
        return self.events or (self.report / "events.jsonl" if self.report else None)


@dataclass(slots=True)
class Telling:
    """The sinks of a run, and what they keep."""

    story: Story = field(default_factory=Story)
    sinks: list[Sink] = field(default_factory=list)
    controls: Controls = field(default_factory=Controls)
    """What is asked for through the views."""
    recorder: Recorder | None = None
    web: WebView | None = None

    def bus(self) -> Bus:
        """Hands events to all sinks; what the web view has to tell itself goes there too."""
        bus = Bus(self.sinks)
        if self.web is not None:
            self.web.tell = bus
        return bus

    def check(self) -> None:
        """`DataError` where the recording lacks something; to be called when all else is done."""
        if self.recorder is not None and self.recorder.problem:
            raise DataError(self.recorder.problem, hint="all else of the run is done and kept")


def telling(outputs: Outputs, console: Console | None = None, *, steered: bool = True) -> Telling:
    """Sinks for a run: terminal, story, a recording and a web view if wanted; keys if it is `steered`."""
    told = Telling()
    if outputs.report is not None:
        make_folder(outputs.report)
    view = TerminalView(console or (err if outputs.json else out), {"": told.controls} if steered else None)
    told.sinks = [view, told.story]
    if outputs.recording is not None:
        told.recorder = Recorder(
            outputs.recording,
            replace=outputs.force,
            append=bool(outputs.resumes) and not outputs.force,
            warn=lambda text: view.handle(Log(level="warning", message=text)),
        )
        told.sinks.append(told.recorder)
    if outputs.web is not None:
        told.web = open_web(outputs.web, {"": told.controls})
        told.sinks.append(told.web)
    return told


def run_network(network: str, where: str, settings: Settings, outputs: Outputs, **options: Any) -> None:
    """Train what NETWORK names, somewhere, and leave its model where it is wanted, or at NAME.safetensors.

    Training that is resumed goes on in its own file.
    """
    if settings.data == STDIN:
        from wagekit.cli.streaming import train_stdin

        train_stdin(network, where, settings, outputs, **options)
        return
    subject = open_subject(network)
    if options.get("loader") is not None:
        options["loader"].before(subject, options.get("baud"))
    lesson = plan_lesson(subject, settings)
    if settings.resume:
        outputs = replace(outputs, resumes=lesson.network.fingerprint())
    if outputs.model is None:
        going_on = settings.resume and subject.path is not None
        default = subject.path if going_on else Path(f"{lesson.network.name}.safetensors")
        outputs = replace(outputs, model=default, going_on=going_on)
    run_lesson(lesson, where, outputs, **options)


def run_lesson(
    lesson: Lesson, where: str, outputs: Outputs, *, stream: bool = False, **options: Any
) -> Result:
    """Open the place, train, save, report; a Ctrl-C ends with KeyboardInterrupt once all is saved."""
    outputs.check()
    told = telling(outputs)
    with err.status(Text(f"opening {where}")):
        place = open_place(
            lesson.network,
            where,
            seed=lesson.seed,
            batch=lesson.plan.batch,
            samples=lesson.store,
            masters=lesson.subject.masters,
            health=lesson.health != 0,
            **options,
        )
    with place.executor as executor, told.bus() as bus, Interrupt() as interrupt:
        result = learn(
            lesson,
            executor,
            bus,
            stop=Stop(interrupt, bus),
            controls=told.controls,
            save_to=outputs.model,
            stream=stream,
            count=place.counts,
        )
    if outputs.report is not None:
        leave_report(outputs.report, _whole_story(told, outputs))
    _say(lesson, result, told.story, outputs)
    if not result.finished:
        kept = f"; go on with: wagekit train {result.saved} --resume" if result.saved else ""
        note(f"stopped at step {result.step:,} of {lesson.plan.end_step:,}{kept}")
        raise KeyboardInterrupt
    told.check()
    return result


def _whole_story(told: Telling, outputs: Outputs) -> Story:
    """With what an earlier run left in the recording that this one went on with."""
    if not outputs.resumes or outputs.recording is None:
        return told.story
    return Story.of(iter_events(outputs.recording))


def leave_report(folder: Path, story: Story, **more: Any) -> list[Path]:
    """Report and pictures in a folder; without matplotlib a remark takes the pictures' place."""
    written = [write_report(folder / "report.html", story, **more)]
    return written + leave_pictures(folder, story)


def leave_pictures(folder: Path, story: Story, prefix: str = "") -> list[Path]:
    """The curves and, where it was counted, the health of the layers."""
    try:
        curves = write_picture(folder / f"{prefix}learning.png", story)
        health = write_health_picture(folder / f"{prefix}health.png", story)
    except ToolError as error:
        note(f"no picture: {error.message}; {error.hint}")
        return []
    return [curves, health] if health else [curves]


def make_folder(folder: Path) -> None:
    """Make a folder for results; `DataError` where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made: {error.strerror or error}") from error


def _say(lesson: Lesson, result: Result, story: Story, outputs: Outputs) -> None:
    score = result.score
    if outputs.json:
        print_json(
            {
                "finished": result.finished,
                "step": result.step,
                "digest": result.digest,
                "by_hand": [list(entry) for entry in result.offsets],
                "test_samples": score.samples if score else 0,
                "test_accuracy": score.accuracy if score else None,
                "test_loss": score.loss if score else None,
                "seconds": round(story.seconds, 3),
                **speed(story),
                "model": str(result.saved) if result.saved else None,
            }
        )
        return
    if score:
        out.print(
            f"[bold]{score.accuracy:.1%}[/] of {score.samples:,} test samples right "
            f"after step {result.step:,} ({story.seconds:.1f} s)"
        )
    if story.samples_learned and story.seconds:
        say(f"speed  {throughput(story)}")
    say(f"digest {result.digest}")
    if result.offsets:
        note(BY_HAND)
    if result.saved:
        say(f"saved  {result.saved}")
    if outputs.report:
        say(f"report {outputs.report / 'report.html'}")


def speed(story: Story) -> dict[str, float | None]:
    """How fast it learned, and what went over the line, for scripts; None where there is no line."""
    link = story.link
    share = link.waiting if link else None
    return {
        "samples_per_second": round(story.samples_learned / (story.seconds or 1.0), 1),
        "bytes_sent": link.bytes_sent if link else None,
        "bytes_received": link.bytes_received if link else None,
        "waiting": None if share is None else round(share, 4),
    }


def throughput(story: Story) -> str:
    """Samples a second over the whole run, and what went over the line where there is one."""
    words = f"{story.samples_learned / story.seconds:,.0f} samples/s"
    link = story.link
    if link is None:
        return words
    sent, received = (si(count / story.seconds, "B/s") for count in (link.bytes_sent, link.bytes_received))
    answer = f", an answer after {si(link.latency, 's')}" if link.latency else ""
    waited = ""
    if link.waiting is not None:
        waited = f"; the chip waited for data, or sent, {link.waiting:.0%} of the time"
    return f"{words}; over the line {sent} to the chip, {received} back{answer}{waited}"
