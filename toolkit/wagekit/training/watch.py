"""Watches a network that learns by itself: tells how it goes, and does what is asked for meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from wagekit.link import RefusedError
from wagekit.link.learning import LearnState
from wagekit.monitor.controls import Command, Controls
from wagekit.monitor.events import Control, Event, Log
from wagekit.numerics import LOG2_LR_MAX, LOG2_LR_MIN
from wagekit.training.by_hand import ByHand
from wagekit.training.by_itself import ByItself, Learner, learned_event
from wagekit.training.loop import BEAT_EVERY, SHOW_EVERY, Emit, health_event
from wagekit.training.memory import changed, in_effect

_REST_LOOK = 0.05
"""Seconds after which a chip that was told to rest is asked whether it does."""


@dataclass(slots=True)
class Watch:
    """Lets `learner` learn to the end of its plan, or until `stop` or a command ends it."""

    learner: Learner
    lesson: ByItself
    samples: int
    """Make an epoch."""
    emit: Emit
    stop: Callable[[], bool] = lambda: False
    controls: Controls = field(default_factory=Controls)
    every: int = 0
    """After so many samples learning rests and `examine` is called; 0: never."""
    examine: Callable[[LearnState], None] | None = None
    """Evaluates, and says so."""
    checkpoint: Callable[[], str | None] | None = None
    """Keeps the present state; None, or why it cannot."""
    rested: Callable[[], None] = lambda: None
    """Called each time that learning has come to rest."""
    show: Callable[[LearnState], Event] | None = None
    """The event that shows the sample that was learned last."""
    beat: Callable[[], None] | None = None
    """As in `Trainer`."""
    offsets: list[tuple[int, int]] = field(default_factory=list)
    """Changes of the rates by hand: from so many samples on so much is added to log2 of the plan's rate."""
    offset: int = 0
    """The one that is in effect at the learner when this begins."""
    paused: bool = False
    """As in `Trainer`; a chip that goes on is brought to rest first."""
    _shown: float = field(default=-SHOW_EVERY, init=False)
    _asked: float = field(default=-SHOW_EVERY, init=False)
    _counted: int = field(default=-1, init=False)
    """The latest step whose health was told."""
    _beaten: float = field(default_factory=time.monotonic, init=False)

    def run(self) -> LearnState:
        """Learn; how it stands at the end."""
        learner = self.learner
        hand = ByHand(self.controls, self.emit, {}, self.stop, self.idle, self.paused)
        hand.actions = {"rate": self._move_rates, "evaluate": self._evaluate, "checkpoint": self._keep}
        state = self._tell(learner.state())
        if self.paused and state.end == "goes_on":
            state = self._hold(hand, state)
        while state.end == "goes_on":
            asked = False
            self._apply_offset(state.seen)
            left = self._left(state.seen)
            for state in learner.learn(left):
                self._tell(state)
                self.idle()
                asked = asked or (hand.waits and self._interrupt(hand))
            self.rested()
            if hand.ended():
                learner.stop()
            if asked or hand.ended():  # it went on behind what it told last
                state = self._tell(learner.state())
            if state.end != "goes_on":
                return state
            if self.examine is not None and self.every and state.seen % self.every == 0:
                self.examine(state)
            hand.obey()
            if hand.ended():
                learner.stop()
                return self._tell(learner.state())
        return state

    def _hold(self, hand: ByHand, state: LearnState) -> LearnState:
        """It was paused before: wait until it may go on; how it stands then."""
        resting = not state.active or self._interrupt(hand)
        while resting and self.learner.state().active:  # the step under way
            self.controls.wait(_REST_LOOK)
        hand.obey()
        if hand.ended():
            self.learner.stop()
        return self._tell(self.learner.state())

    def _left(self, seen: int) -> int:
        """Samples to the next evaluation or change of the rates; 0: there is none."""
        marks = [first for first, _ in self.offsets if first > seen]
        if self.every:
            marks.append(seen + self.every - seen % self.every)
        return min(marks) - seen if marks else 0

    def _apply_offset(self, seen: int) -> None:
        offset = in_effect(self.offsets, seen)
        if offset != self.offset:
            self.learner.move_rates(offset)
            self.offset = offset

    def _interrupt(self, hand: ByHand) -> bool:
        """Bring it to rest, so that what is asked for can be done; whether it rests."""
        try:
            if hand.ended():
                self.learner.stop()
            else:
                self.learner.pause()
        except RefusedError as error:
            if error.code != "unknown":
                raise
            return self._without_pause(hand)
        return True

    def _without_pause(self, hand: ByHand) -> bool:
        """A firmware from before there was a pause can only be stopped."""
        why = "this firmware cannot pause while it learns by itself; build and flash it again"
        for command in self.controls.take():
            if command.action == "stop":
                hand.stopped = True
                self.learner.stop()
                self.emit(Control(action="stop", by=command.by))
                return True
            self.emit(Log(level="warning", message=f"{command.action}: {why}"))
        return False

    def _tell(self, state: LearnState) -> LearnState:
        self.emit(learned_event(state, self.samples, self.lesson.plan.samples))
        now = time.monotonic()
        if self.show is not None and state.seen and now - self._shown >= SHOW_EVERY:
            self._shown = now
            self.emit(self.show(state))
        if not state.active or now - self._asked >= SHOW_EVERY:
            self._asked = now
            self._tell_health()
        return state

    def _tell_health(self) -> None:
        found = self.learner.health()
        if found is not None and found[0] != self._counted:
            self._counted = found[0]
            self.emit(health_event(*found))

    def idle(self) -> None:
        """Call `beat` where it is time to; also for whoever makes the learner wait."""
        if self.beat is not None and time.monotonic() - self._beaten >= BEAT_EVERY:
            self.beat()
            self._beaten = time.monotonic()

    # By hand.

    def _move_rates(self, command: Command) -> int:
        seen = self.learner.state().seen
        rate = [log2_lr for first, log2_lr in self.lesson.plan.rates if seen >= first][-1]
        offset = min(max(command.value or 0, LOG2_LR_MIN - rate), LOG2_LR_MAX - rate)
        changed(self.offsets, seen, offset)
        return offset

    def _evaluate(self, _: Command) -> str | None:
        if self.examine is None:
            return "there are no test samples"
        self.examine(self.learner.state())
        return None

    def _keep(self, _: Command) -> str | None:
        return "there is no file to save to" if self.checkpoint is None else self.checkpoint()
