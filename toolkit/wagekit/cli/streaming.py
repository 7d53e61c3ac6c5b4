"""Learns from standard input, sample by sample as they come, and leaves what a training leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from wagekit.cli import by_itself, learning
from wagekit.cli.console import err, note, out, print_json, say
from wagekit.cli.interrupt import Interrupt
from wagekit.cli.learn import DEFAULT_RATES
from wagekit.cli.learning import Stop, every, store_test, tell_failure
from wagekit.cli.places import beat_of, open_place, tell_board, tell_link
from wagekit.cli.run_event import run_event
from wagekit.cli.session import Outputs, leave_report, speed, telling, throughput
from wagekit.cli.sources import Subject, label_column, open_subject, open_test
from wagekit.cli.stdin import stdin_lines
from wagekit.datasets import CsvStream
from wagekit.errors import DataError, UsageError, WagekitError
from wagekit.executors import Executor
from wagekit.ir import Graph
from wagekit.link.learning import LearnState
from wagekit.monitor import Bus, Controls, Evaluation, Log, Run, Story
from wagekit.monitor.events import RunStatus
from wagekit.numerics.learn import ONE, LearnPlan
from wagekit.passes import compile_graph
from wagekit.training import Model, Score, evaluate, save_model
from wagekit.training.by_itself import ByItself, parse_rates
from wagekit.training.data import Samples, encode
from wagekit.training.loop import Emit
from wagekit.training.schedule import NAMED
from wagekit.training.stream import Piece, StreamLearner
from wagekit.training.watch import Watch

ENDS = {
    "samples": "the stream is at its end",
    "accuracy": "the running accuracy was reached",
    "patience": "it got no better",
    "asked": "it was stopped",
}
ANY_RATE = "2"
"""Where a stream's length is not known, and no rate is given."""
_BAD_TOLD = 10
"""So many bad lines are told one by one."""


class Common(Protocol):
    """What the settings of all verbs have; properties, because they are frozen."""

    @property
    def batch(self) -> int: ...  # noqa: D102 (as in their classes)
    @property
    def rule(self) -> str: ...  # noqa: D102
    @property
    def seed(self) -> int | None: ...  # noqa: D102
    @property
    def label(self) -> str | None: ...  # noqa: D102
    @property
    def skip_bad(self) -> bool: ...  # noqa: D102
    @property
    def test(self) -> str | None: ...  # noqa: D102
    @property
    def test_limit(self) -> int | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """All that is to be done, checked before anything is compiled or booted."""

    subject: Subject
    graph: Graph
    how: ByItself
    settings: Common
    test: Samples | None
    test_every: int
    """Samples between two tests; 0 is before and after."""
    health: int | None
    """Steps between two counts of the layers' health; see `learning.every`."""


def train_stdin(
    network: str, where: str, settings: learning.Settings, outputs: Outputs, **options: Any
) -> Result:
    """`train` and `run` with `--data -`: rates by sample, or by share of `--steps`."""
    if settings.epochs is not None or settings.resume:
        option = "--resume" if settings.resume else "--epochs"
        raise UsageError(f"{option}: a stream comes once and has no epochs", hint="--steps limits it")
    options.pop("stream", None)  # samples are sent as they come anyway
    samples = (settings.steps or 0) * settings.batch
    rates = ANY_RATE if settings.schedule == "default" and not samples else settings.schedule
    plan = LearnPlan(rates=_rates("--schedule", NAMED.get(rates, rates), samples), samples=samples)
    return stream(plan_lesson(network, settings, plan, health=settings.health), where, outputs, **options)


def learn_stdin(
    network: str, where: str, settings: by_itself.Settings, outputs: Outputs, **options: Any
) -> Result:
    """`learn` with `--data -`: the host sends each batch as it comes, by the plan that a chip would have."""
    wrong = {"--keep": settings.keep, "--verify": settings.verify, "--train-limit": settings.train_limit}
    for option in (name for name, value in wrong.items() if value):
        raise UsageError(f"{option} needs samples that lie on the chip, not a stream")
    samples = settings.samples or 0
    rates = ANY_RATE if settings.rates == DEFAULT_RATES and not samples else settings.rates
    plan = by_itself.plan_of(settings, _rates("--rates", rates, samples), samples)
    lesson = plan_lesson(network, settings, plan, test_every=settings.test_every, health=settings.health)
    return stream(lesson, where, outputs, **options)


def _rates(option: str, text: str, samples: int) -> tuple[tuple[int, int], ...]:
    """Rates by sample, `(first, log2_lr)`; shares are of `samples`, which must be known for them."""
    if not samples and "%" in text:
        raise UsageError(
            f"{option} {text}: shares of a stream whose length is not known",
            hint="write SAMPLE:LOG2 pairs or one number, or limit the stream with --steps or --samples",
        )
    return parse_rates(text, samples)


def plan_lesson(
    network: str, settings: Common, plan: LearnPlan, *, test_every: int = 0, health: int | None = None
) -> Lesson:
    """Network, plan and test samples; every mistake of the user but those on stdin shows here."""
    subject = open_subject(network)
    net, model = subject.network, subject.model
    seed = settings.seed if settings.seed is not None else (model.seed if model else net.seed)
    how = ByItself(plan, settings.batch, settings.rule, "in_turn", seed)  # type: ignore[arg-type]
    test = None
    if settings.test is not None:
        test = encode(net, open_test(net, settings.test, settings.label)).first(settings.test_limit)
    return Lesson(subject, compile_graph(net, how.batch), how, settings, test, test_every, health)


@dataclass(slots=True)
class Result:
    """What came of it."""

    state: LearnState
    digest: str
    tests: list[Evaluation] = field(default_factory=list)
    bad: int = 0
    """Lines that were left out."""
    failure: DataError | None = None
    """A line that could not be used ended the stream."""
    saved: Path | None = None
    offsets: list[tuple[int, int]] = field(default_factory=list)
    """Changes of the rate by hand; see `Watch.offsets`."""


def stream(lesson: Lesson, where: str, outputs: Outputs, **options: Any) -> Result:
    """Learn from stdin somewhere; leaves a model at NAME.safetensors by default.

    A Ctrl-C, and a line that cannot be used, end it when all that was learned is saved.
    """
    net, how, test = lesson.subject.network, lesson.how, lesson.test
    if outputs.model is None:
        outputs = replace(outputs, model=Path(f"{net.name}.safetensors"))
    outputs.check()
    told = telling(outputs)
    with err.status(Text(f"opening {where}")):
        place = open_place(
            net,
            where,
            seed=how.seed,
            batch=how.batch,
            samples=(len(test) if test else 0) + 2 * how.batch,
            masters=lesson.subject.masters,
            **options,
        )
    with place.executor as executor:
        with Bus(told.sinks) as bus, Interrupt() as interrupt:
            result = learn(lesson, executor, bus, controls=told.controls, stop=Stop(interrupt, bus))
        if outputs.model is not None:
            training: dict[str, Any] = {"stream": how.to_dict()}
            if result.offsets:
                training["by_hand"] = [list(entry) for entry in result.offsets]
            model = Model(net, executor.masters, executor.step_count, executor.seed, training)
            save_model(outputs.model, model)
            result.saved = outputs.model
    if outputs.report is not None:
        leave_report(outputs.report, told.story)
    if result.failure is not None:
        kept = f"what was learned is in {result.saved}; --skip-bad leaves such lines out"
        raise DataError(result.failure.message, hint=kept)
    _say(lesson, result, told.story, outputs)
    if result.state.end == "asked":
        raise KeyboardInterrupt
    told.check()
    return result


def learn(
    lesson: Lesson,
    executor: Executor,
    emit: Emit,
    *,
    controls: Controls,
    stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Test, learn to the end of stream or plan or until `stop`, test."""
    net, model = lesson.subject.network, lesson.subject.model
    tests: list[Evaluation] = []
    try:
        if model is not None:
            executor.load_masters(model.masters, model.step, lesson.how.seed)
        executor.health_every = every(lesson.health, executor)
        examine = _examiner(lesson, executor)

        def test(state: LearnState) -> None:
            if examine is not None:
                tests.append(_evaluation(state, examine()))
                emit(tests[-1])

        def ended() -> bool:  # asked while no line comes too
            watch.idle()
            return stop()

        lines = _lines(lesson, ended, emit)
        failures: list[DataError] = []
        learner = StreamLearner(executor, lesson.how, _pieces(lines, failures), emit, stop)
        emit(_run(lesson, executor, "started"))
        tell_board(emit, executor)
        test(learner.state())
        watch = Watch(
            learner,
            lesson.how,
            0,
            emit,
            stop,
            controls,
            every=-(-lesson.test_every // lesson.how.batch) * lesson.how.batch,
            examine=test if examine is not None else None,
            beat=beat_of(net, executor, emit),
        )
        state = watch.run()
        if state.seen:
            test(state)
        if lines.bad:
            emit(Log(level="warning", message=f"{lines.bad:,} lines were left out"))
        tell_link(emit, executor)
        result = Result(state, executor.digest(), tests, lines.bad, next(iter(failures), None))
        result.offsets = watch.offsets
        emit(_end(lesson, executor, result))
    except WagekitError as error:
        tell_failure(emit, net, executor, error)
        raise
    return result


def _lines(lesson: Lesson, stop: Callable[[], bool], emit: Emit) -> CsvStream:
    """The samples of stdin, encoded."""
    net, settings = lesson.subject.network, lesson.settings

    def encode(values: NDArray[Any]) -> NDArray[Any]:
        wanted = int(np.prod(net.input.shape))
        if len(values) != wanted:
            raise DataError(f"{len(values)} values, but network '{net.name}' takes {wanted}")
        return net.encode(values[np.newaxis])

    def bad(error: DataError) -> None:
        if lines.bad <= _BAD_TOLD:
            more = "; more are only counted" if lines.bad == _BAD_TOLD else ""
            emit(Log(level="warning", message=f"left out: {error.message}{more}"))

    lines = CsvStream(
        stdin_lines(stop),
        net.classes,
        label=label_column(settings.label),
        check=encode,
        on_bad=bad if settings.skip_bad else None,
    )
    return lines


def _pieces(lines: CsvStream, failures: list[DataError]) -> Iterator[Piece]:
    """Its samples; a line that cannot be used ends them, so that what was learned can be kept."""
    try:
        for codes, label in lines:
            yield codes, np.array([label], np.int64)
    except DataError as error:
        failures.append(error)


def _examiner(lesson: Lesson, executor: Executor) -> Callable[[], Score] | None:
    """Classifies the test samples, where the executor is a chip and has room from its store."""
    test, log2_one = lesson.test, lesson.graph.log2_one
    if test is None or not len(test):
        return None
    stored = store_test(executor, test, 0, log2_one, spare=lesson.how.batch)
    return stored or (lambda: evaluate(executor, test.x, test.labels, log2_one=log2_one))


def _evaluation(state: LearnState, score: Score) -> Evaluation:
    return Evaluation(
        step=state.step,
        epoch=0.0,
        samples=score.samples,
        correct=score.correct,
        loss=score.loss,
        confusion=score.confusion,
    )


def _run(lesson: Lesson, executor: Executor, status: RunStatus, digest: str = "") -> Run:
    how = lesson.how
    return run_event(
        status,
        lesson.subject.network,
        lesson.graph,
        executor,
        dataset="stdin",
        test_samples=len(lesson.test) if lesson.test else 0,
        batch=how.batch,
        first_step=executor.step_count,
        rule=how.rule,
        schedule=",".join(f"{first}:{log2_lr}" for first, log2_lr in how.plan.rates),
        digest=digest,
    )


def _end(lesson: Lesson, executor: Executor, result: Result) -> Run:
    status: RunStatus = (
        "failed" if result.failure else "stopped" if result.state.end == "asked" else "finished"
    )
    message = result.failure.message if result.failure else ""
    return replace(_run(lesson, executor, status, result.digest), message=message)


def _to_dict(result: Result, story: Story) -> dict[str, Any]:
    state, tests = result.state, result.tests
    return {
        "finished": state.end != "asked",
        "end": state.end,
        "samples": state.seen,
        "wrong": state.wrong,
        "running_accuracy": state.accuracy,
        "best_accuracy": state.best / ONE,
        "best_at": state.best_at,
        "left_out": result.bad,
        "step": state.step,
        "digest": result.digest,
        "test_samples": tests[-1].samples if tests else 0,
        "test_accuracy_before": tests[0].accuracy if tests else None,
        "test_accuracy": tests[-1].accuracy if tests else None,
        "seconds": round(story.seconds, 3),
        **speed(story),
        "model": str(result.saved) if result.saved else None,
    }


def _say(lesson: Lesson, result: Result, story: Story, outputs: Outputs) -> None:
    if outputs.json:
        print_json(_to_dict(result, story))
        return
    state, tests = result.state, result.tests
    say(
        f"{state.seen:,} samples ({story.seconds:.1f} s): {ENDS[state.end]}; running accuracy "
        f"{state.accuracy:.1%}, best {state.best / ONE:.1%} at sample {state.best_at:,}"
    )
    if state.seen:
        say(f"{1 - state.wrong / state.seen:.1%} of all were right before they were learned")
    if tests:
        out.print(
            f"[bold]{tests[-1].accuracy:.1%}[/] of {tests[-1].samples:,} test samples right, "
            f"{tests[0].accuracy:.1%} before"
        )
    if story.samples_learned and story.seconds:
        say(f"speed  {throughput(story)}")
    say(f"digest {result.digest}")
    if result.saved:
        say(f"saved  {result.saved}")
    if outputs.report:
        say(f"report {outputs.report / 'report.html'}")
    if state.end == "asked":
        note("stopped by hand; what was learned is kept")
