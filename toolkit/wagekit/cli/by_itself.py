"""From the options of `learn` to a network that learned by itself: watched, compared, saved, told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.text import Text

from wagekit.cli.by_itself_view import facts, say_result
from wagekit.cli.console import err, working
from wagekit.cli.interrupt import Interrupt
from wagekit.cli.learning import BY_HAND, DEFAULT_DATA, Stop, every, tell_failure, tell_held
from wagekit.cli.places import beat_of, checkpoint_on, open_place, tell_board, tell_link
from wagekit.cli.run_event import run_event
from wagekit.cli.session import Outputs, leave_report, telling
from wagekit.cli.sources import Subject, data_spec, open_data, open_subject, split_parts
from wagekit.cli.stdin import STDIN
from wagekit.errors import UsageError, WagekitError
from wagekit.executors import Executor, open_executor
from wagekit.executors.device import DeviceExecutor
from wagekit.ir import Graph
from wagekit.link.learning import LearnState
from wagekit.monitor import Controls, Evaluation, Log, Run, Sample
from wagekit.monitor.events import RunStatus
from wagekit.numerics.learn import ONE, LearnPlan, draw
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
)
from wagekit.training.data import TEST_FRACTION, Samples, Source, encode
from wagekit.training.looks import sample_event, weights_event
from wagekit.training.loop import Emit
from wagekit.training.memory import Memory, in_effect
from wagekit.training.watch import Watch


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
    health: int | None = None
    """Steps between two counts of the layers' health; see `learning.every`."""
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

    def show(self, state: LearnState) -> Sample:
        """The new sample that was learned last."""
        number, count = state.seen - 1, len(self.train)
        index = number % count if self.how.order == "in_turn" else draw(self.how.seed, number, count)
        return sample_event(self.network, state.step - 1, self.train, index)

    def begin(self, executor: Executor) -> None:
        """Give the executor the weights of the model file, if there is one."""
        model = self.subject.model
        if model is not None:
            executor.load_masters(model.masters, model.step, self.how.seed)


@dataclass(slots=True)
class Result:
    """What came of it."""

    saved: Path | None
    state: LearnState = field(init=False)
    digest: str = ""
    tests: list[Evaluation] = field(default_factory=list)
    offsets: list[tuple[int, int]] = field(default_factory=list)
    """Changes of the rates by hand."""
    verified: str | None = None
    """Where the same was learned, with the same bits."""
    instructions: float | None = None
    """Of a new sample, replayed ones included, where they are counted."""


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
    subject = open_subject(network)
    lesson = plan_lesson(subject, settings)
    if outputs.model is None:
        outputs = replace(outputs, model=Path(f"{lesson.network.name}.safetensors"))
    outputs.check()
    if options.get("loader") is not None:
        options["loader"].before(subject, options.get("baud"))
    told = telling(outputs)
    with err.status(Text(f"opening {where}")):
        place = open_place(
            lesson.network,
            where,
            seed=lesson.how.seed,
            batch=lesson.how.batch,
            samples=lesson.store,
            masters=lesson.subject.masters,
            health=settings.health != 0,
            **options,
        )
    with place.executor as executor:
        with told.bus() as bus, Interrupt() as interrupt:
            result = learn(
                lesson,
                executor,
                bus,
                count=place.counts,
                stop=Stop(interrupt, bus),
                controls=told.controls,
                save_to=outputs.model,
            )
        if settings.verify:
            result.verified = _verify(lesson, executor, result)
    if outputs.report is not None:
        leave_report(outputs.report, told.story, facts={"Learning by itself": facts(lesson, result)})
    say_result(lesson, result, told, outputs)
    if result.state.end == "asked":
        raise KeyboardInterrupt
    told.check()


def learn(
    lesson: Lesson,
    executor: Executor,
    emit: Emit,
    *,
    stop: Callable[[], bool] = lambda: False,
    controls: Controls | None = None,
    save_to: Path | None = None,
    count: bool = False,
    memory: Memory | None = None,
    loaded: bool = False,
    goes_on: bool = False,
) -> Result:
    """Evaluate, learn to the end of the plan or until `stop`, evaluate, save; see `learning.learn`.

    With `goes_on` the executor is a chip that has begun with the plan.
    """
    controls, memory = controls or Controls(), memory or Memory()
    result = Result(save_to)
    spent = 0

    def test(state: LearnState) -> None:
        if len(lesson.test):
            result.tests.append(examine(state))
            emit(result.tests[-1])

    def rested() -> None:
        nonlocal spent
        if count and isinstance(executor, DeviceExecutor):
            spent += executor.counters().instructions or 0

    def save() -> None:
        model = _model(lesson, executor, watch.offsets)
        memory.keep(model)
        if save_to is not None:
            save_model(save_to, model)
        emit(weights_event(lesson.network, model.step, model.masters))

    try:
        if not loaded:
            lesson.begin(executor)
        executor.health_every = every(lesson.settings.health, executor)
        learner, examine = _settle(lesson, executor, controls, goes_on)
        emit(_run(lesson, executor, "started"))
        tell_board(emit, executor)
        watch = Watch(
            learner,
            lesson.how,
            len(lesson.train),
            emit,
            stop,
            controls,
            every=lesson.pause,
            examine=test if len(lesson.test) else None,
            checkpoint=checkpoint_on(executor, memory) or (save if save_to else None),
            rested=rested,
            show=lesson.show,
            beat=beat_of(lesson.network, executor, emit),
            paused=tell_held(memory, emit),
            offsets=memory.offsets,
            offset=in_effect(memory.offsets, learner.state().seen) if goes_on else 0,
        )
        test(learner.state())
        result.state = watch.run()
        test(result.state)
        save()
        result.digest, result.offsets = executor.digest(), watch.offsets
        result.instructions = spent / result.state.seen if spent else None
        tell_link(emit, executor)
        if watch.offsets:
            emit(Log(level="warning", message=BY_HAND))
        status: RunStatus = "stopped" if result.state.end == "asked" else "finished"
        emit(_run(lesson, executor, status, result.digest))
    except WagekitError as error:
        tell_failure(emit, lesson.network, executor, error)
        raise
    return result


Examine = Callable[[LearnState], Evaluation]


def _settle(lesson: Lesson, executor: Executor, controls: Controls, goes_on: bool) -> tuple[Learner, Examine]:
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
    with working(f"sending {len(train) + len(test) * whole:,} samples to the chip"):
        executor.upload(train.x, train.labels)
        if whole and len(test):
            executor.upload(test.x, test.labels, first=len(train))
    return OnChip(executor, how, len(train), controls.wait, goes_on), on_chip if whole else elsewhere


def _verify(lesson: Lesson, executor: Executor, result: Result) -> str:
    """Learn the same on `host` (`reference` for what `host` learned); `MismatchError` if it differs."""
    where = "reference" if executor.name == "host" else "host"
    how = lesson.how
    other = open_executor(lesson.network, where, seed=how.seed, batch=how.batch)
    with err.status(Text(f"learning the same on {where}")), other as twin:
        lesson.begin(twin)
        learner = Anywhere(twin, how, lesson.train.x, lesson.train.labels)
        compare(executor, result.state, learner, result.offsets)
    return where


def _model(lesson: Lesson, executor: Executor, offsets: Sequence[tuple[int, int]]) -> Model:
    """What was learned, and how."""
    training: dict[str, Any] = {"by_itself": lesson.how.to_dict(), "source": asdict(lesson.source)}
    if offsets:
        training["by_hand"] = [list(entry) for entry in offsets]
    return Model(lesson.network, executor.masters, executor.step_count, executor.seed, training)


def _run(lesson: Lesson, executor: Executor, status: RunStatus, digest: str = "") -> Run:
    how = lesson.how
    return run_event(
        status,
        lesson.network,
        lesson.graph,
        executor,
        dataset=lesson.source.data,
        train_samples=len(lesson.train),
        test_samples=len(lesson.test),
        batch=how.batch,
        first_step=executor.step_count,
        steps_per_epoch=-(-len(lesson.train) // how.batch),
        rule=how.rule,
        schedule=lesson.settings.rates,
        digest=digest,
    )
