"""What the host knows of a run on a device, to take it up again where it was broken off."""

from __future__ import annotations

from dataclasses import dataclass, field

from wagekit.monitor.events import Control, Event, Learned, Step
from wagekit.training.model import Model

AHEAD = 2
"""Steps that a device may have made without having told them: one under way, one behind it."""


@dataclass(slots=True)
class Memory:
    """Filled while a run goes on."""

    model: Model | None = None
    """The newest state that the host has."""
    offsets: list[tuple[int, int]] = field(default_factory=list)
    """Changes of the rate by hand; see `Trainer.offsets` and `Watch.offsets`."""
    paused: bool = False
    """Somebody holds the run; that outlives a device that is lost."""
    told: int = 0
    """Steps since initialisation, as far as the device told them."""
    by_itself: bool = False
    """The device learns by itself, so that it may have gone on without us."""
    kept: set[int] = field(default_factory=set)
    """Steps of the checkpoints that the device saved during this run."""
    strange: set[int] = field(default_factory=set)
    """Steps of checkpoints that were on the device before."""

    def note(self, event: Event) -> None:
        """An event of the run."""
        if isinstance(event, Step):
            self.told = event.step + 1
        elif isinstance(event, Learned):
            self.told = event.step
        elif isinstance(event, Control) and event.action in ("pause", "resume"):
            self.paused = event.action == "pause"

    def keep(self, model: Model) -> None:
        """The host has read the present state."""
        self.model = model

    def trusts(self, step: int) -> bool:
        """Whether a device at this step, found again, is where this run left it, or at a checkpoint of it."""
        if step in self.kept:
            return True
        if step == 0 or step in self.strange or step < self.told:
            return False
        return self.by_itself or step <= self.told + AHEAD


def in_effect(offsets: list[tuple[int, int]], at: int) -> int:
    """What is added to log2 of the rate at step (or sample) `at`."""
    return next((offset for first, offset in reversed(offsets) if first <= at), 0)


def changed(offsets: list[tuple[int, int]], at: int, offset: int) -> None:
    """From `at` on `offset` is added; later changes are forgotten."""
    offsets[:] = [entry for entry in offsets if entry[0] < at]
    if in_effect(offsets, at) != offset:
        offsets.append((at, offset))
