"""Learning by itself on the device, as calls: plan, replay store, and how it goes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from wagekit.link import schema
from wagekit.link.codec import Value
from wagekit.link.session import Session

RULES = ("paper", "error_scaled")
"""Learning-rate rules, in the order of their numbers."""
ORDERS = ("in_turn", "drawn")
"""Orders of learning by itself, in the order of their numbers."""
ENDS = ("goes_on", "samples", "accuracy", "patience", "asked")
"""Why learning by itself ended, in the order of their numbers."""

_RATE = struct.Struct("<Ib")
"""From this sample on, log2 of the learning rate."""


@dataclass(frozen=True, slots=True)
class LearnState:
    """How learning by itself goes."""

    active: bool
    end: str
    """One of `ENDS`."""
    log2_lr: int
    """Of the next step, before the rule."""
    seen: int
    """New samples learned since the plan was given."""
    wrong: int
    """Of them, those classified wrongly before they were learned."""
    running: int
    """Running accuracy of new samples before they were learned, in 2**-20ths."""
    best: int
    """Its largest value since the first window was full."""
    best_at: int
    """`seen` when it was reached."""
    stored: int
    """Samples in the reservoir."""
    step: int
    replay_first: int = 0
    """Slot of the reservoir's first place."""
    replay_capacity: int = 0
    """Its places; 0 if it is off."""

    @property
    def accuracy(self) -> float:
        """Running accuracy, 0..1."""
        return self.running / (1 << 20)


class Learner:
    """The requests about learning from the device's own store."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def plan(
        self, rates: Sequence[tuple[int, int]], window_log2: int, samples: int, accuracy: int, patience: int
    ) -> None:
        """How `learn` learns and when it stops, counted from now; see the message of this name."""
        values: dict[str, Value] = {
            "window_log2": window_log2,
            "samples": samples,
            "accuracy": accuracy,
            "patience": patience,
            "rates": _packed(rates),
        }
        self.session.call("learn_plan", values)

    def rates(self, rates: Sequence[tuple[int, int]]) -> None:
        """Other rates for the plan, whose count goes on; waits for a `learn` under way."""
        self.session.call("learn_rates", {"rates": _packed(rates)})

    def replay(self, first: int, capacity: int, steps: int, seed: int) -> None:
        """Keep a reservoir in the store's slots from `first` on; a capacity of 0 is off."""
        self.session.call("replay", {"first": first, "capacity": capacity, "steps": steps, "seed": seed})

    def learn(
        self,
        first: int,
        count: int,
        *,
        batch: int = 1,
        order: str = "in_turn",
        rule: str = "error_scaled",
        seed: int = 0,
        limit: int = 0,
    ) -> None:
        """Begin to learn stored samples; `state` tells how it goes; `Device.state` waits for the end."""
        values: dict[str, Value] = {
            "first": first,
            "count": count,
            "batch": batch,
            "order": ORDERS.index(order),
            "rule": RULES.index(rule),
            "seed": seed,
            "limit": limit,
        }
        self.session.call("learn", values)

    def stop(self) -> None:
        """End learning and its plan after the step under way."""
        self.session.call("learn_stop")

    def pause(self) -> None:
        """End learning after the step under way; its plan stays, and `learn` goes on with it."""
        self.session.call("learn_pause")

    def state(self) -> LearnState:
        """How learning goes; does not wait for it."""
        record = self.session.call("learn_state")
        numbers = {f.name: record.int(f.name) for f in schema.find("learn_state").reply or ()}
        active, end = bool(numbers.pop("active")), ENDS[numbers.pop("end")]
        return LearnState(active=active, end=end, **numbers)


def _packed(rates: Sequence[tuple[int, int]]) -> bytes:
    return b"".join(_RATE.pack(first, log2_lr) for first, log2_lr in rates)
