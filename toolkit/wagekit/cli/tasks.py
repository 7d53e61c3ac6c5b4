"""What `wagekit monitor` does on every place: the plan of `run`, or that of `learn`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from wagekit.cli import by_itself as alone
from wagekit.cli import learning
from wagekit.cli.places import Place, open_place
from wagekit.cli.sources import Subject
from wagekit.ir import Graph
from wagekit.monitor import Controls
from wagekit.reference import initial_masters
from wagekit.training import Model
from wagekit.training.loop import Emit
from wagekit.training.memory import Memory


@dataclass(frozen=True, slots=True)
class Training:
    """Batches that the host sends or asks for, one after the other."""

    lesson: learning.Lesson
    begin: Model
    stream: bool = False
    baud: int | None = None
    bauds: Mapping[str, int] = field(default_factory=dict)
    """By place, where `baud` is None: what a board's own serial port has."""
    by_itself: bool = False

    @classmethod
    def of(
        cls,
        lesson: learning.Lesson,
        *,
        stream: bool,
        baud: int | None,
        bauds: Mapping[str, int] | None = None,
    ) -> Training:
        """The task of a lesson."""
        begin = _begin(lesson.subject, lesson.graph, lesson.seed)
        return cls(lesson, begin, stream, baud, bauds or {})

    def open(self, where: str, *, keep: bool, flash: Path | None) -> Place:
        """See `worker.Task.open`."""
        lesson = self.lesson
        return open_place(
            lesson.network,
            where,
            seed=lesson.seed,
            batch=lesson.plan.batch,
            baud=_baud(where, self.baud, self.bauds),
            samples=lesson.store,
            masters=lesson.subject.masters,
            health=lesson.health != 0,
            keep=keep,
            flash=flash,
        )

    def learn(
        self,
        place: Place,
        emit: Emit,
        *,
        stop: Callable[[], bool],
        controls: Controls,
        memory: Memory,
        save_to: Path | None,
        loaded: bool,
        goes_on: bool,
    ) -> bool:
        """See `worker.Task.learn`."""
        return learning.learn(
            self.lesson,
            place.executor,
            emit,
            stop=stop,
            controls=controls,
            save_to=save_to,
            stream=self.stream,
            memory=memory,
            loaded=loaded,
        ).finished


@dataclass(frozen=True, slots=True)
class ByItself:
    """Chips that learn by themselves, asked a few times a second how it goes."""

    lesson: alone.Lesson
    begin: Model
    baud: int | None = None
    bauds: Mapping[str, int] = field(default_factory=dict)
    """See `Training.bauds`."""
    by_itself: bool = True

    @classmethod
    def of(
        cls, lesson: alone.Lesson, *, baud: int | None, bauds: Mapping[str, int] | None = None
    ) -> ByItself:
        """The task of a lesson."""
        return cls(lesson, _begin(lesson.subject, lesson.graph, lesson.how.seed), baud, bauds or {})

    def open(self, where: str, *, keep: bool, flash: Path | None) -> Place:
        """See `worker.Task.open`."""
        lesson = self.lesson
        return open_place(
            lesson.network,
            where,
            seed=lesson.how.seed,
            batch=lesson.how.batch,
            baud=_baud(where, self.baud, self.bauds),
            samples=lesson.store,
            masters=lesson.subject.masters,
            health=lesson.settings.health != 0,
            keep=keep,
            flash=flash,
        )

    def learn(
        self,
        place: Place,
        emit: Emit,
        *,
        stop: Callable[[], bool],
        controls: Controls,
        memory: Memory,
        save_to: Path | None,
        loaded: bool,
        goes_on: bool,
    ) -> bool:
        """See `worker.Task.learn`."""
        result = alone.learn(
            self.lesson,
            place.executor,
            emit,
            stop=stop,
            controls=controls,
            save_to=save_to,
            memory=memory,
            loaded=loaded,
            goes_on=goes_on,
        )
        return result.state.end != "asked"


def _baud(where: str, named: int | None, bauds: Mapping[str, int]) -> int | None:
    """Of a serial port; None elsewhere, and where nothing else than the usual is known."""
    return (named or bauds.get(where)) if where.startswith("serial:") else None


def _begin(subject: Subject, graph: Graph, seed: int) -> Model:
    """The state that a lesson begins with."""
    if subject.model is not None:
        return replace(subject.model, seed=seed)
    return Model(subject.network, initial_masters(graph, seed), 0, seed)
