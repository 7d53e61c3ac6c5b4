"""What `train`, `run` and `demo` have in common: from options to a trained, saved, told model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from wagekit.cli.console import working
from wagekit.cli.places import beat_of, checkpoint_on, tell_board, tell_link
from wagekit.cli.run_event import run_event
from wagekit.cli.sources import Subject, data_spec, open_data, split_parts
from wagekit.errors import DataError, DeviceFaultError, UsageError, WagekitError
from wagekit.executors import Executor, StepResult
from wagekit.executors.base import Rule
from wagekit.executors.device import DeviceExecutor
from wagekit.ir import Graph
from wagekit.link import FirmwareFaultError
from wagekit.monitor.controls import Controls
from wagekit.monitor.events import Control, Fault, Log, Run, RunStatus
from wagekit.passes import compile_graph
from wagekit.spec import Network
from wagekit.training import Model, Plan, Score, Streamed, Trainer, save_model
from wagekit.training.data import TEST_FRACTION, Samples, Source, encode
from wagekit.training.evaluation import score
from wagekit.training.looks import sample_event, weights_event
from wagekit.training.loop import Batch, Emit, Feed
from wagekit.training.memory import Memory, in_effect
from wagekit.version import __version__

DEFAULT_DATA = "digits"
DEFAULT_EPOCHS = 6.0
DEFAULT_HEALTH = 32
BY_HAND = "the rate was changed by hand: this is not what the plan alone gives"
_QUICK_TEST = 2_000
"""Up to so many test samples are classified before the first step too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to train, as the command line says it."""

    data: str | None = None
    label: str | None = None
    batch: int = 8
    epochs: float | None = None
    steps: int | None = None
    schedule: str = "default"
    rule: str = "paper"
    seed: int | None = None
    test_fraction: float = TEST_FRACTION
    test_limit: int | None = None
    """Classify only so many of the test samples."""
    test: str | None = None
    """A data set of its own to test with; then all of `data` is learned."""
    skip_bad: bool = False
    """Of a stream: leave out lines that cannot be used."""
    resume: bool = False
    health: int | None = None
    """Steps between two counts of the layers' health; None: `DEFAULT_HEALTH`, where it can be counted."""


def default_rule(batch: int) -> str:
    """Where none is given. At a batch of 1 trainings with the paper's rule often do not begin to learn."""
    return "error_scaled" if batch == 1 else "paper"


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """All that is to be done, checked before anything is compiled or booted."""

    subject: Subject
    graph: Graph
    plan: Plan
    source: Source
    seed: int
    train: Samples
    test: Samples
    health: int | None = None
    """As in `Settings`."""
    offsets: tuple[tuple[int, int], ...] = ()
    """Changes of the rate by hand that it goes on with; see `Trainer.offsets`."""

    @property
    def network(self) -> Network:
        """What learns."""
        return self.subject.network

    @property
    def store(self) -> int:
        """Samples that a chip needs room for to hold all of them and one batch that is sent."""
        return len(self.train) + len(self.test) + self.plan.batch


@dataclass(slots=True)
class Result:
    """What came of it."""

    finished: bool
    step: int
    digest: str
    score: Score | None
    saved: Path | None = None
    offsets: list[tuple[int, int]] = field(default_factory=list)
    """Changes of the rate by hand: the digest is not that of the plan alone."""


@dataclass(slots=True)
class Stored:
    """Learns from samples that lie on the chip, from slot 0 on."""

    executor: DeviceExecutor
    ahead: bool = True
    """Ask for the next batch while the present one is learned."""

    def steps(self, batches: Iterable[Batch], rule: Rule) -> Iterator[StepResult]:
        """Learn from batches in order; yields what each step reports."""
        numbered = (([int(i) for i in chosen], rate) for chosen, rate in batches)
        if self.ahead:
            yield from self.executor.train_indices(numbered, rule)
        else:
            for indices, rate in numbered:
                yield self.executor.step_indices(indices, rate, rule)


def plan_lesson(subject: Subject, settings: Settings) -> Lesson:
    """Data, graph and plan for a network; every mistake of the user shows here."""
    net, model = subject.network, subject.model
    if settings.resume:
        return _resumed(subject, settings)
    seed = settings.seed if settings.seed is not None else (model.seed if model else net.seed)
    spec = settings.data or DEFAULT_DATA
    dataset = open_data(net, spec, settings.label)
    parts = split_parts(net, dataset, settings.test, settings.label, test_fraction=settings.test_fraction)
    train, test = (encode(net, part) for part in parts)
    plan = Plan.of(
        len(train),
        settings.batch,
        epochs=DEFAULT_EPOCHS if settings.epochs is None else settings.epochs,
        steps=settings.steps,
        schedule=settings.schedule,
        rule=settings.rule,
        order_seed=seed,
        first_step=model.step if model else 0,
    )
    source = Source(
        data_spec(spec),
        dataset.fingerprint(),
        test_fraction=settings.test_fraction,
        test=data_spec(settings.test) if settings.test is not None else None,
    )
    test = test.first(settings.test_limit)
    graph = compile_graph(net, plan.batch)
    return Lesson(subject, graph, plan, source, seed, train, test, settings.health)


def _resumed(subject: Subject, settings: Settings) -> Lesson:
    """Go on with the plan that a model file holds, to its end or to a later one."""
    net, model, source = subject.network, subject.model, subject.source
    if model is None or source is None or "plan" not in model.training:
        raise UsageError(f"--resume: {subject.path or net.name} holds no training to go on with")
    plan = Plan.from_dict(model.training["plan"], str(subject.path))
    if settings.epochs is not None or settings.steps is not None:
        longer = Plan.of(plan.samples, plan.batch, epochs=settings.epochs, steps=settings.steps)
        plan = Plan.from_dict(plan.to_dict() | {"total_steps": longer.total_steps}, str(subject.path))
    spec = settings.data or source.data
    dataset = open_data(net, spec, settings.label)
    if dataset.fingerprint() != source.fingerprint:
        raise DataError(
            f"{spec}: not the samples that {subject.path} learned from",
            hint="without --resume a new training begins at its weights, with any data",
        )
    split = {"seed": source.split_seed, "test_fraction": source.test_fraction}
    parts = split_parts(net, dataset, settings.test or source.test, settings.label, **split)
    train, test = (encode(net, part) for part in parts)
    test = test.first(settings.test_limit)
    graph = compile_graph(net, plan.batch)
    offsets = offsets_of(model, str(subject.path))
    return Lesson(subject, graph, plan, source, model.seed, train, test, settings.health, offsets)


def load_state(lesson: Lesson, executor: Executor) -> None:
    """Give the executor the weights of the model file, if there is one."""
    model = lesson.subject.model
    if model is not None:
        executor.load_masters(model.masters, model.step, lesson.seed)


def every(health: int | None, executor: Executor) -> int:
    """Steps between two counts of health; without a wish as by default where they can be counted at all."""
    if health is not None:
        return health
    return DEFAULT_HEALTH if executor.counts_health else 0


@dataclass(frozen=True, slots=True)
class Place:
    """How the samples of a lesson get to where it is learned."""

    feed: Feed
    evaluator: Callable[[], Score] | None = None
    cost: Callable[[], int | None] = lambda: None


def settle(lesson: Lesson, executor: Executor, *, stream: bool = False, count: bool = False) -> Place:
    """Put all samples on the chip if there is room and `stream` does not forbid it.

    With `count` the chip counts the instructions of every step (QEMU with an instruction clock).
    """
    train, test = lesson.train, lesson.test
    if not isinstance(executor, DeviceExecutor):
        return Place(Streamed(executor, train.x, train.labels))

    def cost() -> int | None:
        return executor.counters().instructions if count else None

    if stream or len(train) + len(test) > executor.hello.store_slots:
        return Place(Streamed(executor, train.x, train.labels, ahead=not count), cost=cost)
    with working(f"sending {len(train) + len(test):,} samples to the chip"):
        executor.upload(train.x, train.labels)
        evaluator = store_test(executor, test, len(train), lesson.graph.log2_one)
    return Place(Stored(executor, ahead=not count), evaluator, cost)


def store_test(
    executor: Executor, test: Samples, first: int, log2_one: int, *, spare: int = 0
) -> Callable[[], Score] | None:
    """Put test samples into a chip's store, from slot `first` on; returns what classifies them there.

    None where there is no chip, or less room than for them and `spare` others.
    """
    if not isinstance(executor, DeviceExecutor):
        return None
    end = first + len(test)
    if not len(test) or end + spare > executor.hello.store_slots:
        return None
    executor.upload(test.x, test.labels, first=first)

    def evaluate() -> Score:
        batch = executor.hello.batch
        slots = [range(i, min(i + batch, end)) for i in range(first, end, batch)]
        logits = np.concatenate([executor.device.infer(part) for part in slots])
        return score(logits, test.labels, log2_one)

    return evaluate


def learn(
    lesson: Lesson,
    executor: Executor,
    emit: Emit,
    *,
    stop: Callable[[], bool] = lambda: False,
    controls: Controls | None = None,
    save_to: Path | None = None,
    save_often: bool = True,
    stream: bool = False,
    count: bool = False,
    memory: Memory | None = None,
    loaded: bool = False,
) -> Result:
    """Train to the end of the plan, or until `stop`; evaluate and save at the end in both cases.

    What is asked for through `controls` is done between two steps. The model is saved after every
    epoch too if `save_often`.
    What is needed to take it up again goes to `memory`; with `loaded` the executor is where it is to begin.
    """
    memory = memory or Memory(offsets=list(lesson.offsets))
    result = Result(False, executor.step_count, "", None)

    def save(at: Executor) -> None:
        model = model_of(lesson, at, trainer.offsets)
        memory.keep(model)
        if save_to is not None:
            save_model(save_to, model)
            result.saved = save_to
        emit(weights_event(lesson.network, model.step, model.masters))

    try:
        if not loaded:
            load_state(lesson, executor)
        executor.health_every = every(lesson.health, executor)
        place = settle(lesson, executor, stream=stream, count=count)
        emit(_run_event(lesson, executor, "started"))
        tell_board(emit, executor)
        _tell_offsets(memory.offsets, executor.step_count, emit)
        trainer = Trainer(
            executor,
            lesson.plan,
            place.feed,
            lesson.graph.log2_one,
            emit=emit,
            test=(lesson.test.x, lesson.test.labels),
            save=save,
            save_every=lesson.plan.steps_per_epoch if save_often else 0,
            stop=stop,
            evaluator=place.evaluator,
            cost=place.cost,
            controls=controls or Controls(),
            offsets=memory.offsets,
            checkpoint=checkpoint_on(executor, memory),
            show=lambda step, index: sample_event(lesson.network, step, lesson.train, index),
            beat=beat_of(lesson.network, executor, emit),
            paused=tell_held(memory, emit),
        )
        if lesson.plan.total_steps and len(lesson.test) <= _QUICK_TEST:
            trainer.evaluate(executor.step_count)
        result.finished = trainer.run()
        result.score, result.offsets = trainer.score, trainer.offsets
        result.step, result.digest = executor.step_count, executor.digest()
        tell_link(emit, executor)
        if trainer.offsets:
            emit(Log(level="warning", message=BY_HAND))
        emit(_run_event(lesson, executor, "finished" if result.finished else "stopped", result.digest))
    except WagekitError as error:
        tell_failure(emit, lesson.network, executor, error)
        raise
    return result


def tell_held(memory: Memory, emit: Emit) -> bool:
    """Whether the run was paused before its device was lost; then that is told anew, for it still holds."""
    if memory.paused:
        emit(Control(action="pause", by="monitor"))
    return memory.paused


def _tell_offsets(offsets: list[tuple[int, int]], step: int, emit: Emit) -> None:
    """What a training that goes on has of changes by hand."""
    offset = in_effect(offsets, step)
    if offset:
        emit(Log(level="warning", message=f"goes on with {offset:+d} on the rate, by hand"))
        emit(Control(action="rate", value=offset, by="model file"))


def model_of(lesson: Lesson, executor: Executor, offsets: Sequence[tuple[int, int]] = ()) -> Model:
    """The executor's state with all that is needed to go on."""
    training: dict[str, Any] = {"plan": lesson.plan.to_dict(), "source": asdict(lesson.source)}
    if offsets:
        training["by_hand"] = [list(entry) for entry in offsets]
    return Model(lesson.network, executor.masters, executor.step_count, executor.seed, training)


def offsets_of(model: Model, where: str) -> tuple[tuple[int, int], ...]:
    """Changes of the rate by hand that a model file tells of; `DataError` names `where`."""
    try:
        return tuple((int(step), int(offset)) for step, offset in model.training.get("by_hand", ()))
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: its changes of the rate by hand are damaged: {error}") from error


def tell_failure(emit: Emit, network: Network, executor: Executor, error: WagekitError) -> None:
    """The events of a run that an error ends."""
    line = error.message.splitlines()[0]
    if isinstance(error, DeviceFaultError):
        report = error.report if isinstance(error, FirmwareFaultError) else None
        cause, registers = (report.cause, report.registers) if report else ("fault", {})
        emit(Fault(cause=cause, registers=registers, message=line))
    emit(
        Run(
            status="failed",
            network=network.name,
            place=executor.name,
            fingerprint=network.fingerprint(),
            version=__version__,
            message=line,
        )
    )


def _run_event(lesson: Lesson, executor: Executor, status: RunStatus, digest: str = "") -> Run:
    plan = lesson.plan
    return run_event(
        status,
        lesson.network,
        lesson.graph,
        executor,
        dataset=lesson.source.data,
        train_samples=len(lesson.train),
        test_samples=len(lesson.test),
        batch=plan.batch,
        first_step=executor.step_count if status == "started" else plan.first_step,
        steps=plan.end_step,
        steps_per_epoch=plan.steps_per_epoch,
        rule=plan.rule,
        schedule=plan.schedule,
        digest=digest,
    )


@dataclass(slots=True)
class Stop:
    """Asks whether to stop, and says once that it will."""

    asked: Callable[[], bool]
    emit: Emit
    told: bool = False

    def __call__(self) -> bool:
        """Whether to stop."""
        if self.asked() and not self.told:
            self.told = True
            self.emit(Log(level="warning", message="stopping; Ctrl-C once more stops at once"))
        return self.told
