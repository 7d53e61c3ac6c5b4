"""A network on a device, and what a test may hold it to."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Self

from wagekit.cli.learning import Lesson, load_state, settle
from wagekit.cli.places import Place
from wagekit.errors import MismatchError, UsageError
from wagekit.executors import Executor, StepResult, open_executor
from wagekit.executors.device import DeviceExecutor
from wagekit.executors.divergence import compare_arrays, compare_masters, compare_results, first_divergence
from wagekit.monitor import Evaluation, Story
from wagekit.monitor.events import Event
from wagekit.reference import initial_masters
from wagekit.testing.failing import curve_text, fail, log_text, readable
from wagekit.training import Batches, evaluate
from wagekit.training.loop import Batch, step_event

DIGEST_LEAST = 8
"""Hex digits of a digest that a test must give."""


class DeviceUnderTest:
    """Learns as its plan says, and checks what comes of it. A context manager: it ends the device.

    All checks end the test with a text that shows what was wanted, what is, the learning curve and the
    device's log. Step numbers are counted from the begin of the plan.
    """

    def __init__(self, lesson: Lesson, place: Place, log: deque[str]) -> None:
        self.lesson = lesson
        self.place = place
        self.executor: Executor = place.executor
        self.story = Story()
        """What it told so far (`wagekit.monitor`)."""
        self._log = log
        self._results: list[StepResult] = []
        self._batches = Batches(lesson.plan)
        load_state(lesson, self.executor)
        self.executor.health_every = lesson.health or 0
        self._settled = settle(lesson, self.executor, count=place.counts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the device; harmless when called twice."""
        self.executor.close()

    # Learning.

    @property
    def steps(self) -> int:
        """Steps of the plan that were learned."""
        return len(self._results)

    @property
    def digest(self) -> str:
        """SHA-256 over step and weights, 64 hex digits."""
        with self._readable():
            return self.executor.digest()

    def train(self, until: int | None = None) -> Self:
        """Learn to step `until`, by default to the end of the plan; nothing where it is there already."""
        plan = self.lesson.plan
        until = plan.total_steps if until is None else until
        with self._readable():
            if not 0 <= until <= plan.total_steps:
                raise UsageError(f"step {until} is not within the plan's {plan.total_steps}: give more steps")
            first = plan.first_step

            def batches() -> Iterator[Batch]:
                for step in range(first + self.steps, first + until):
                    yield self._batches.indices(step), self._batches.log2_lr(step)

            for result in self._settled.feed.steps(batches(), plan.rule):
                self._results.append(result)
                self._tell(step_event(result, plan.epoch(result.step + 1), self._settled.cost()))
        return self

    def accuracy(self) -> float:
        """Share of the test samples that it finds now, 0..1."""
        plan, test = self.lesson.plan, self.lesson.test
        step = plan.first_step + self.steps
        with self._readable():
            if not len(test):
                raise UsageError("there are no test samples", hint="test_fraction=0.2 keeps a fifth of them")
            known = self.story.tests[-1] if self.story.tests else None
            if known is None or known.step != step:
                if self._settled.evaluator is not None:
                    score = self._settled.evaluator()
                else:
                    score = evaluate(self.executor, test.x, test.labels, log2_one=self.lesson.graph.log2_one)
                known = Evaluation(
                    step=step,
                    epoch=plan.epoch(step),
                    samples=score.samples,
                    correct=score.correct,
                    loss=score.loss,
                    confusion=score.confusion,
                )
                self._tell(known)
        return known.accuracy

    # Checks.

    def assert_accuracy(self, at_least: float, after: int | None = None) -> None:
        """The share of test samples found is at least this (0..1) after so many steps, by default at the
        plan's end. It learns up to there first.
        """
        self.assert_curve({self.lesson.plan.total_steps if after is None else after: at_least})

    def assert_curve(self, at_least: Mapping[int, float]) -> None:
        """The same for several steps: `{100: 0.5, 400: 0.85}`."""
        missed = []
        for step, wanted in sorted(at_least.items()):
            if step < self.steps:
                with self._readable():
                    raise UsageError(f"step {step} has passed: {self.steps} steps are learned already")
            found = self.train(step).accuracy()
            if found < wanted:
                missed.append(
                    f"test accuracy after {step:,} steps is {found:.1%}, wanted is {wanted:.1%} or more"
                )
        if missed:
            self._fail("\n".join(missed))

    def assert_digest(self, wanted: str) -> None:
        """Step and weights have this digest; its first digits are enough, 8 or more."""
        found = self.digest
        with self._readable():
            if len(wanted) < DIGEST_LEAST or not set(wanted.lower()) <= set("0123456789abcdef"):
                raise UsageError(f"digest {wanted!r}: {DIGEST_LEAST} to 64 hex digits are needed")
        if not found.startswith(wanted.lower()):
            self._fail(
                f"after {self.steps:,} steps the digest is another\n  found:  {found}\n  wanted: {wanted}\n"
                'assert_equal("reference") tells whether it is right all the same'
            )

    def assert_equal(self, to: str = "reference") -> None:
        """Another place, which learns the same steps now, reports the same and ends with the same weights
        and logits, to the bit. The first difference is told: step, layer, tensor, index, both values.
        """
        lesson, plan = self.lesson, self.lesson.plan
        train = lesson.train
        with self._readable():
            other = open_executor(lesson.network, to, seed=lesson.seed, batch=plan.batch)
            names = (self.executor.name, other.name)
            with other:
                load_state(lesson, other)
                other.health_every = self.executor.health_every
                for mine in self._results:
                    chosen, rate = self._batches.indices(mine.step), self._batches.log2_lr(mine.step)
                    theirs = other.step(train.x[chosen], train.labels[chosen], rate, plan.rule)
                    if found := compare_results(mine.step, names, mine, theirs):
                        self._fail(f"{names[0]} and {names[1]} differ; the first difference is\n  {found}")
                difference = self._difference(other, names)
                again = self._side_by_side(other) if difference and "masters" in difference else None
        if again:
            self._fail(f"{names[0]} and {names[1]} differ; the first difference is\n  {again}")
        if difference:
            self._fail(
                f"{names[0]} and {names[1]} differ after {self.steps:,} steps, though all that both told of "
                f"these is the same\n  {difference}\n"
                "learned again side by side both are equal: did it begin with the network's own weights?"
            )

    def assert_ram(self, at_most: int) -> None:
        """The firmware takes at most so many bytes of RAM: data and the reserved stack."""
        self._assert_size("RAM", at_most)

    def assert_flash(self, at_most: int) -> None:
        """The firmware takes at most so many bytes of flash."""
        self._assert_size("flash", at_most)

    def assert_instructions(
        self, *, per_sample: float | None = None, per_inference: float | None = None
    ) -> None:
        """At most so many instructions to learn a sample, as mean of all steps learned, and to classify one.

        The device must count them: `icount=True`.
        """
        with self._readable():
            if not self.place.counts:
                raise UsageError("instructions are not counted", hint="open the device with icount=True")
            if per_sample is not None and not self._results:
                raise UsageError("nothing was learned yet", hint="call train first")
        if per_sample is not None:
            self._assert_cost("to learn a sample", self.story.instructions_per_sample or 0.0, per_sample)
        if per_inference is not None:
            with self._readable():
                found = self._inference()
            self._assert_cost("to classify a sample", found, per_inference)

    # Inside.

    def _difference(self, other: Executor, names: tuple[str, str]) -> str | None:
        """First weight or logit that differs now."""
        step, some = self.executor.step_count, self.lesson.train.x[: self.lesson.plan.batch]
        found = compare_masters(step, names, self.executor.masters, other.masters)
        if found is None:
            logits = self.executor.forward(some), other.forward(some)
            found = compare_arrays(step, names, "logits", *logits)
        return str(found) if found else None

    def _side_by_side(self, other: Executor) -> str | None:
        """Learn all again in both places, with all weights compared after every step: the first difference.

        The device holds afterwards what it held before.
        """
        lesson, plan, model = self.lesson, self.lesson.plan, self.lesson.subject.model
        start = model.masters if model else initial_masters(lesson.graph, lesson.seed)
        both, kept, step = [self.executor, other], self.executor.masters, self.executor.step_count
        try:
            for executor in both:
                executor.load_masters(start, plan.first_step, lesson.seed)
            for result in self._results:
                chosen, rate = self._batches.indices(result.step), self._batches.log2_lr(result.step)
                x, labels = lesson.train.x[chosen], lesson.train.labels[chosen]
                told = [executor.step(x, labels, rate, plan.rule) for executor in both]
                first_divergence(result.step, both, told)
        except MismatchError as error:
            return error.message
        finally:
            self.executor.load_masters(kept, step, lesson.seed)
        return None

    def _assert_cost(self, what: str, found: float, wanted: float) -> None:
        if found > wanted:
            self._fail(f"{found:,.0f} instructions {what}, wanted are {wanted:,.0f} or fewer")

    def _inference(self) -> float:
        """Instructions to classify a sample, mean of a batch."""
        executor, some = self.executor, self.lesson.train.x[: self.lesson.plan.batch]
        assert isinstance(executor, DeviceExecutor)
        executor.forward(some)
        return (executor.counters().instructions or 0) / len(some)

    def _assert_size(self, what: str, wanted: int) -> None:
        image = self.place.image
        with self._readable():
            if image is None:
                raise UsageError(
                    f"the firmware on {self.executor.name} was not built here: its size is not known"
                )
        assert image is not None
        found = image.sizes.ram if what == "RAM" else image.sizes.flash
        if found > wanted:
            parts = [f"    {count:9,}  {name}" for name, count in image.manifest["ram"]["needs"].items()]
            shown = "\n".join(["", "RAM by use", *parts]) if what == "RAM" else ""
            self._fail(f"the firmware takes {found:,} bytes of {what}, wanted are {wanted:,} or fewer{shown}")

    def _tell(self, event: Event) -> None:
        self.story.handle(event)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        with readable(self._sections):
            yield

    def _fail(self, what: str) -> None:
        fail(what, self._sections())

    def _sections(self) -> list[str]:
        plan = self.lesson.plan
        return [
            f"{self.lesson.network.name} on {self.executor.name}, seed {self.lesson.seed}, "
            f"batch {plan.batch}, {self.steps:,} of {plan.total_steps:,} steps learned",
            curve_text(self.story),
            log_text(list(self._log)),
        ]
