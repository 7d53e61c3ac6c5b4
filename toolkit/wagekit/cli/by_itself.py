"""From the options of `learn` to a network that learned by itself: watched, compared, saved, told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.text import Text

from wagekit.cli.console import err, note, out, print_json, say
from wagekit.cli.interrupt import Interrupt
from wagekit.cli.learning import DEFAULT_DATA, Stop, tell_failure
from wagekit.cli.places import Place, open_place, tell_device
from wagekit.cli.session import Outputs, Telling, leave_report, telling
from wagekit.cli.sources import Subject, data_spec, open_data, open_subject, split_parts
from wagekit.cli.stdin import STDIN
from wagekit.errors import UsageError, WagekitError
from wagekit.executors import Executor, open_executor
from wagekit.executors.device import DeviceExecutor
from wagekit.ir import Graph
from wagekit.link.learning import LearnState
from wagekit.monitor import Bus, Evaluation, Fact, Run
from wagekit.numerics.learn import ONE, LearnPlan
from wagekit.passes import compile_graph
from wagekit.spec import Network
from wagekit.training import Model, evaluate, save_model
from wagekit.training.by_itself import (
    Anywhere,
    ByItself,
    Learner,
    OnChip,
    check_room,
    compare,
    parse_rates,
    watch,
)
from wagekit.training.data import TEST_FRACTION, Samples, Source, encode
from wagekit.training.loop import Emit
from wagekit.version import __version__

ENDS = {
    "samples": "all samples were learned",
    "accuracy": "the running accuracy was reached",
    "patience": "it got no better",
    "asked": "it was stopped",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to learn, as the command line says it."""

    data: str | None
    label: str | None
    samples: int | None
    accuracy: float | None
    """Percent."""
    patience: int | None
    window: int
    rates: str
    rule: str
    batch: int
    order: str
    keep: int
    replay: int
    test_every: int
    seed: int | None
    train_limit: int | None
    test_fraction: float = TEST_FRACTION
    test_limit: int | None
    test: str | None = None
    """A data set of its own to test with; then all of `data` is learned."""
    skip_bad: bool = False
    """Of a stream: leave out lines that cannot be used."""
    verify: bool


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """All that is to be done, checked before anything is compiled or booted."""

    subject: Subject
    graph: Graph
    how: ByItself
    settings: Settings
    source: Source
    train: Samples
    test: Samples

    @property
    def network(self) -> Network:
        """What learns."""
        return self.subject.network

    @property
    def store(self) -> int:
        """Samples that a chip needs room for."""
        return len(self.train) + len(self.test) + self.how.keep + self.how.batch

    @property
    def pause(self) -> int:
        """Samples between two evaluations: whole steps, so that a pause changes no bit."""
        batch = self.how.batch
        return -(-self.settings.test_every // batch) * batch

    def begin(self, executor: Executor) -> None:
        """Give the executor the weights of the model file, if there is one."""
        model = self.subject.model
        if model is not None:
            executor.load_masters(model.masters, model.step, self.how.seed)


@dataclass(slots=True)
class Result:
    """What came of it."""

    state: LearnState
    digest: str
    tests: list[Evaluation] = field(default_factory=list)
    verified: str | None = None
    """Where the same was learned, with the same bits."""
    instructions: float | None = None
    """Of a new sample, replayed ones included, where they are counted."""
    saved: Path | None = None


def plan_lesson(subject: Subject, settings: Settings) -> Lesson:
    """Data, graph and plan; every mistake of the user shows here."""
    net, model = subject.network, subject.model
    source = subject.source
    spec = settings.data or (source.data if source else DEFAULT_DATA)
    dataset = open_data(net, spec, settings.label)
    parts = split_parts(net, dataset, settings.test, settings.label, test_fraction=settings.test_fraction)
    train, test = (encode(net, part) for part in parts)
    train, test = train.first(settings.train_limit), test.first(settings.test_limit)
    seed = settings.seed if settings.seed is not None else (model.seed if model else net.seed)
    samples = len(train) if settings.samples is None else settings.samples
    how = ByItself(
        plan=plan_of(settings, parse_rates(settings.rates, samples or len(train)), samples),
        batch=settings.batch,
        rule=settings.rule,  # type: ignore[arg-type]
        order=settings.order,  # type: ignore[arg-type]
        seed=seed,
        keep=settings.keep,
        replay=settings.replay,
    )
    source = Source(
        data_spec(spec),
        dataset.fingerprint(),
        test_fraction=settings.test_fraction,
        test=data_spec(settings.test) if settings.test is not None else None,
    )
    return Lesson(subject, compile_graph(net, how.batch), how, settings, source, train, test)


def plan_of(settings: Settings, rates: Sequence[tuple[int, int]], samples: int) -> LearnPlan:
    """How to learn and when to stop; `UsageError` for a window that is no power of two."""
    window = settings.window
    if window & (window - 1):
        raise UsageError(f"--window {window}: a power of two is allowed, as 32, 64 or 128")
    return LearnPlan(
        rates=rates,
        window_log2=window.bit_length() - 1,
        samples=samples,
        accuracy=round(ONE * (settings.accuracy or 0) / 100),
        patience=settings.patience or 0,
    )


def learn_network(network: str, where: str, settings: Settings, outputs: Outputs, **options: Any) -> None:
    """Let what NETWORK names learn by itself somewhere; leaves its model at NAME.safetensors by default."""
    if settings.data == STDIN:
        from wagekit.cli.streaming import learn_stdin

        learn_stdin(network, where, settings, outputs, **options)
        return
    lesson = plan_lesson(open_subject(network), settings)
    if outputs.model is None:
        outputs = replace(outputs, model=Path(f"{lesson.network.name}.safetensors"))
    outputs.check()
    told = telling(outputs)
    with err.status(Text(f"opening {where}")):
        place = open_place(
            lesson.network,
            where,
            seed=lesson.how.seed,
            batch=lesson.how.batch,
            samples=lesson.store,
            masters=lesson.subject.masters,
            **options,
        )
    with place.executor as executor:
        with Bus(told.sinks) as bus, Interrupt() as interrupt:
            result = learn(lesson, executor, bus, place=place, stop=Stop(interrupt, bus))
        if outputs.model is not None:
            save_model(outputs.model, _model(lesson, executor))
            result.saved = outputs.model
        if settings.verify:
            result.verified = _verify(lesson, executor, result.state)
    if outputs.report is not None:
        leave_report(outputs.report, told.story, facts={"Learning by itself": _facts(lesson, result)})
    _say(lesson, result, told, outputs)
    if result.state.end == "asked":
        raise KeyboardInterrupt
    told.check()


def learn(
    lesson: Lesson,
    executor: Executor,
    emit: Emit,
    *,
    place: Place,
    stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Evaluate, learn to the end of the plan or until `stop`, evaluate."""
    tests: list[Evaluation] = []
    spent = 0

    def test(state: LearnState) -> None:
        nonlocal spent
        if place.counts and isinstance(executor, DeviceExecutor) and state.seen:
            spent += executor.counters().instructions or 0
        if len(lesson.test):
            tests.append(examine(state))
            emit(tests[-1])

    try:
        lesson.begin(executor)
        learner, examine = _settle(lesson, executor)
        emit(_run(lesson, executor, "started"))
        test(learner.state())
        state = watch(
            learner,
            samples=len(lesson.train),
            limit=lesson.how.plan.samples,
            emit=emit,
            stop=stop,
            pause=lesson.pause,
            at_pause=test,
        )
        test(state)
        result = Result(state, executor.digest(), tests)
        result.instructions = spent / state.seen if spent else None
        tell_device(emit, executor, place)
        status = "stopped" if state.end == "asked" else "finished"
        emit(_run(lesson, executor, status, result.digest))
    except WagekitError as error:
        tell_failure(emit, lesson.network, executor, error)
        raise
    return result


Examine = Callable[[LearnState], Evaluation]


def _settle(lesson: Lesson, executor: Executor) -> tuple[Learner, Examine]:
    """Put the samples on the chip, if it is one; who learns, and how it is evaluated."""
    train, test, how = lesson.train, lesson.test, lesson.how

    def evaluation(state: LearnState, correct: int, loss: float) -> Evaluation:
        epoch = state.seen / len(train)
        return Evaluation(step=state.step, epoch=epoch, samples=len(test), correct=correct, loss=loss)

    def elsewhere(state: LearnState) -> Evaluation:
        score = evaluate(executor, test.x, test.labels, log2_one=lesson.graph.log2_one)
        return evaluation(state, score.correct, score.loss)

    def on_chip(state: LearnState) -> Evaluation:
        assert isinstance(executor, DeviceExecutor)
        found = executor.evaluate(len(train), len(test))
        return evaluation(state, found.samples - found.errors, found.loss)

    if not isinstance(executor, DeviceExecutor):
        return Anywhere(executor, how, train.x, train.labels), elsewhere
    whole = check_room(how, executor.hello.store_slots, len(train), len(test), executor.name)
    with err.status(f"sending {len(train) + len(test) * whole:,} samples to the chip"):
        executor.upload(train.x, train.labels)
        if whole and len(test):
            executor.upload(test.x, test.labels, first=len(train))
    return OnChip(executor, how, len(train)), on_chip if whole else elsewhere


def _verify(lesson: Lesson, executor: Executor, state: LearnState) -> str:
    """Learn the same on `host` (`reference` for what `host` learned); `MismatchError` if it differs."""
    where = "reference" if executor.name == "host" else "host"
    how = lesson.how
    other = open_executor(lesson.network, where, seed=how.seed, batch=how.batch)
    with err.status(Text(f"learning the same on {where}")), other as twin:
        lesson.begin(twin)
        compare(executor, state, Anywhere(twin, how, lesson.train.x, lesson.train.labels))
    return where


def _model(lesson: Lesson, executor: Executor) -> Model:
    """What was learned, and how."""
    training = {"by_itself": lesson.how.to_dict(), "source": asdict(lesson.source)}
    return Model(lesson.network, executor.masters, executor.step_count, executor.seed, training)


def _run(lesson: Lesson, executor: Executor, status: Any, digest: str = "") -> Run:
    how, graph = lesson.how, lesson.graph
    return Run(
        status=status,
        network=lesson.network.name,
        place=executor.name,
        fingerprint=lesson.network.fingerprint(),
        seed=executor.seed,
        weights=graph.weight_count,
        layers=tuple(layer.name for layer in graph.layers),
        classes=graph.classes,
        dataset=lesson.source.data,
        train_samples=len(lesson.train),
        test_samples=len(lesson.test),
        batch=how.batch,
        first_step=executor.step_count,
        steps_per_epoch=-(-len(lesson.train) // how.batch),
        rule=how.rule,
        schedule=lesson.settings.rates,
        version=__version__,
        digest=digest,
    )


# What people and scripts see.


def _facts(lesson: Lesson, result: Result) -> list[Fact]:
    state, how = result.state, lesson.how
    kept = f"{state.stored:,} of {how.keep:,} samples, {how.replay} replayed after each new step"
    facts = [
        Fact("ended because", ENDS[state.end]),
        Fact("new samples", f"{state.seen:,}, {state.wrong:,} of them wrong before they were learned"),
        Fact("best running accuracy", f"{state.best / ONE:.1%} at sample {state.best_at:,}"),
        Fact("order", how.order),
        Fact("replay store", kept if how.keep else "off"),
    ]
    if result.instructions is not None:
        facts.append(Fact("instructions a new sample", f"{result.instructions:,.0f}"))
    if result.verified:
        facts.append(Fact("same bits as on", result.verified))
    return facts


def _to_dict(lesson: Lesson, result: Result, seconds: float) -> dict[str, Any]:
    state, tests = result.state, result.tests
    return {
        "finished": state.end != "asked",
        "end": state.end,
        "samples": state.seen,
        "wrong": state.wrong,
        "running_accuracy": state.accuracy,
        "best_accuracy": state.best / ONE,
        "best_at": state.best_at,
        "stored": state.stored,
        "step": state.step,
        "digest": result.digest,
        "test_samples": len(lesson.test),
        "test_accuracy_before": tests[0].accuracy if tests else None,
        "test_accuracy": tests[-1].accuracy if tests else None,
        "tests": [[round(test.epoch * len(lesson.train)), test.accuracy] for test in tests],
        "instructions_per_sample": result.instructions,
        "verified": result.verified,
        "seconds": round(seconds, 3),
        "model": str(result.saved) if result.saved else None,
    }


def _say(lesson: Lesson, result: Result, told: Telling, outputs: Outputs) -> None:
    seconds = told.story.seconds
    if outputs.json:
        print_json(_to_dict(lesson, result, seconds))
        return
    state, tests = result.state, result.tests
    say(
        f"{state.seen:,} samples ({seconds:.1f} s): {ENDS[state.end]}; running accuracy "
        f"{state.accuracy:.1%}, best {state.best / ONE:.1%} at sample {state.best_at:,}"
    )
    if tests:
        out.print(
            f"[bold]{tests[-1].accuracy:.1%}[/] of {len(lesson.test):,} test samples right, "
            f"{tests[0].accuracy:.1%} before"
        )
    if result.instructions is not None:
        say(f"{result.instructions:,.0f} instructions a new sample")
    say(f"digest {result.digest}" + (f", the same on {result.verified}" if result.verified else ""))
    if result.saved:
        say(f"saved  {result.saved}")
    if outputs.report:
        say(f"report {outputs.report / 'report.html'}")
    if state.end == "asked":
        note("stopped by hand; what was learned is kept")
