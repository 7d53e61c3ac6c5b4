"""Training steps of a device one after the other, so that the next one's samples travel meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from wagekit.executors.base import StepResult
from wagekit.executors.waiting import Waiting
from wagekit.link import Device
from wagekit.link.codec import Record
from wagekit.link.device import Request
from wagekit.link.health import health_requests
from wagekit.link.session import Ticket

SLOW_SOURCE = 0.1
"""Seconds that the next step may take to come before each result is awaited at once."""


@dataclass(frozen=True, slots=True)
class Step:
    """The requests of a training step."""

    uploads: list[Request]
    """Those that may be sent while the step before runs."""
    begin: list[Request]
    """Those that begin it, in order."""
    reports: bool
    """Whether the answer to the last of them reports the step before."""


@dataclass(slots=True)
class StepStream:
    """Sends the requests of steps, two of them under way, and yields what each step reports."""

    device: Device
    waiting: Waiting
    health_every: Callable[[], int]
    """Steps between two counts of the layers' health, as it is now; 0: never."""
    result: Callable[[Sequence[Record]], StepResult]
    """Of the answers to the questions for a result, and to those behind it."""
    number: int
    """Of the step whose result is asked for next, to know which ones count health."""
    _under_way: deque[tuple[Ticket, bool, bool]] = field(default_factory=deque, init=False)
    """Each with whether its answer belongs to a result, and whether it is the last that does."""
    _answers: list[Record] = field(default_factory=list, init=False)

    def run(self, steps: Iterable[Step]) -> Iterator[StepResult]:
        """Run steps, in order. The next one is taken before the present one's result is yielded, but where
        that takes longer than `SLOW_SOURCE`: then there is nothing to overlap with.
        """
        clock, source = self.device.session.transport.clock, iter(steps)
        is_busy = False
        self.waiting.begin()
        while True:
            asked = clock()
            step = next(source, None)
            if step is None:
                break
            is_slow = clock() - asked > SLOW_SOURCE
            yield from self._begin(step, is_busy)
            is_busy = not is_slow
            if is_slow:
                yield from self._finish()
        if is_busy:
            yield from self._finish()

    def _begin(self, step: Step, is_busy: bool) -> Iterator[StepResult]:
        """Begin a step, and ask for the result of the one before if it `is_busy`."""
        yield from self._submit(step.uploads)
        # What a step counted is there until the next one counts.
        counts_anew = self.health_every() == 1 and self._is_health_due()
        if is_busy and step.reports and not counts_anew:
            yield from self._submit(step.begin[:-1])
            yield from self._submit_result([step.begin[-1]])
            return
        if is_busy:
            yield from self._submit_result(self.device.result_requests())
        yield from self._submit(step.begin)

    def _finish(self) -> Iterator[StepResult]:
        """Wait for the step under way."""
        yield from self._submit_result(self.device.result_requests())
        yield from self._collect(0)

    def _submit(self, requests: Iterable[Request]) -> Iterator[StepResult]:
        for name, values in requests:
            self._under_way.append((self.device.session.submit(name, values), False, False))
            yield from self._collect(1)

    def _submit_result(self, asking: Sequence[Request]) -> Iterator[StepResult]:
        """What reports the present step, with the questions behind it: that ends it."""
        requests = [*asking, *self._questions()]
        self.number = (self.number + 1) & 0xFFFFFFFF
        for place, (name, values) in enumerate(requests, 1):
            ticket = self.device.session.submit(name, values)
            self._under_way.append((ticket, True, place == len(requests)))
            yield from self._collect(1)

    def _questions(self) -> Sequence[Request]:
        """What is asked about the present step beside its result."""
        if self._is_health_due():
            return health_requests(self.device.hello)
        # A step that counts health is not like the others.
        return [("counters", {})] if self.waiting.due() else []

    def _is_health_due(self) -> bool:
        every = self.health_every()
        return every > 0 and self.number % every == 0

    def _collect(self, limit: int) -> Iterator[StepResult]:
        """Wait until no more than `limit` requests are under way."""
        while len(self._under_way) > limit:
            ticket, is_result, is_last = self._under_way.popleft()
            record = self.device.session.wait(ticket)
            if is_result:
                self._answers.append(record)
            if is_last:
                self.waiting.ended()
                answers, self._answers = self._answers, []
                yield self.result(answers)
