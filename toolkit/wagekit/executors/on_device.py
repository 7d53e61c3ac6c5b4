"""What a chip does on its own: samples in its store, learning by itself, checkpoints, counters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wagekit.errors import LimitError, UsageError
from wagekit.executors.base import Executor, LayerHealth, Rule
from wagekit.executors.checks import check_batch, check_inputs, check_labels, check_rule, check_uint32
from wagekit.executors.health import health_of
from wagekit.executors.learning import Order
from wagekit.ir import Graph
from wagekit.link import CheckpointReport, Counters, Device, Hello
from wagekit.link.kept import LEVELS
from wagekit.link.learning import LearnState
from wagekit.numerics.learn import LearnPlan

Keep = Literal["network", "learning", "samples"]
"""What a checkpoint has."""


class OnDevice(Executor):
    """The part of a chip's executor that asks it to do things by itself.

    `upload` stores samples on the device once; learning by itself draws from them.
    """

    _device: Device
    _graph: Graph
    _batch: int
    """Largest that may be learned."""
    _stored: int
    """Slots at the store's start that hold uploaded samples."""
    _kept: int
    """Slots at its end that hold the replay store."""
    _rule: tuple[int, Rule] | None
    """Rate and rule that the device was told last."""

    @property
    def device(self) -> Device:
        """The device behind it, for what only devices can do."""
        return self._device

    @property
    def hello(self) -> Hello:
        """What the firmware says of itself."""
        return self._device.hello

    @property
    def counts_health(self) -> bool:
        """Whether the firmware can count the health of layers."""
        return self.hello.health

    def _set_health(self, every: int) -> None:
        if self.hello.health:
            self._device.set_health(every)
        elif every:
            raise LimitError(
                f"{self.name}: the firmware cannot count the health of layers",
                hint="build it with training and without --no-health",
            )

    def _retell_health(self) -> None:
        """Tell a firmware that has just been opened or restarted."""
        if self.hello.health:
            self._device.set_health(self.health_every)

    def health(self) -> tuple[int, tuple[LayerHealth, ...]] | None:
        """The last step that counted the health of the layers, and what it counted; None: there is none.

        It may be asked while the device learns by itself.
        """
        report = self._device.health() if self.hello.health else None
        return None if report is None else (report.step, health_of(self._graph, report))

    def _check_trains(self) -> None:
        if not self.hello.trains:
            raise LimitError(
                f"{self.name}: the firmware was built to infer only", hint="build it with training"
            )

    def _room(self) -> int:
        """Slots of the store that `upload` did not take; LimitError if there are none."""
        room = self.hello.store_slots - self._kept - self._stored
        if room < 1:
            raise LimitError(
                f"{self.name}: all {self.hello.store_slots} slots of the sample store hold uploaded samples; "
                f"none is left for samples that are sent",
                hint="upload fewer samples, or train and evaluate by index",
            )
        return room

    # Samples that stay on the device.

    def upload(self, x: ArrayLike, labels: ArrayLike, first: int = 0) -> None:
        """Store samples with their labels from slot `first` on, for `step_indices` and `evaluate`."""
        inputs = check_inputs(self._graph, x)
        classes = check_labels(self._graph, labels, len(inputs))
        end = first + len(inputs)
        room = self.hello.store_slots - self._kept
        if first < 0 or end > room:
            raise LimitError(
                f"{self.name}: samples {first}..{end - 1} do not fit the {room} slots of the sample store",
                hint="upload them in parts, or send them with step",
            )
        self._device.upload(first, inputs.reshape(len(inputs), -1), classes)
        self._stored = max(self._stored, end)

    def _check_slot(self, slot: int) -> int:
        if not 0 <= slot < self._stored:
            raise LimitError(
                f"{self.name}: sample {slot} is not in the store, which has samples 0..{self._stored - 1}",
                hint="upload the samples first",
            )
        return slot

    def sense(self) -> NDArray[np.int8]:
        """A sample of the device's own sensor, `[1, *input.shape]` on the grid of the activations."""
        if not self.hello.senses:
            raise LimitError(
                f"{self.name}: the firmware has no sensor",
                hint="build it with one, a C file with wk_app_sense: --sensor FILE.c",
            )
        self._room()
        slot = self._stored
        self._device.sense(slot)
        codes, _ = self._device.read_sample(slot)
        return check_inputs(self._graph, codes[np.newaxis])

    # Learning by itself.

    def plan_learning(self, plan: LearnPlan) -> None:
        """Give the device a plan for `learn`; its count begins at 0."""
        self._check_trains()
        self._device.learner.plan(plan.rates, plan.window_log2, plan.samples, plan.accuracy, plan.patience)

    def keep_samples(self, capacity: int, steps: int = 1, seed: int = 0) -> None:
        """Keep a reservoir of `capacity` learned samples at the store's end, empty now; 0 is off.

        After each step on new samples `learn` makes `steps` on samples drawn from it.
        """
        first = self.hello.store_slots - capacity
        if capacity < 0 or first < self._stored:
            raise LimitError(
                f"{self.name}: a replay store of {capacity} samples does not fit: {self._stored} of the "
                f"{self.hello.store_slots} slots of the sample store hold uploaded samples",
                hint="make it smaller, or upload fewer samples",
            )
        if not 0 <= steps <= 255:
            raise LimitError(f"{self.name}: {steps} replay steps are not in 0..255")
        self._device.learner.replay(first, capacity, steps, check_uint32(seed, "seed"))
        self._kept = capacity

    def begin_learning(
        self,
        first: int,
        count: int,
        *,
        batch: int = 1,
        rule: Rule = "error_scaled",
        order: Order = "in_turn",
        seed: int = 0,
        limit: int = 0,
    ) -> None:
        """Let the device begin to learn `count` stored samples from slot `first` on by itself.

        `learning` tells how it goes. It ends with the plan, or `limit` samples later (0: no limit).
        """
        self._check_trains()
        check_batch(batch, self._batch)
        check_batch(count, None)
        self._check_slot(first)
        self._check_slot(first + count - 1)
        seed, limit = check_uint32(seed, "seed"), check_uint32(limit, "limit")
        self._device.learner.learn(
            first, count, batch=batch, order=order, rule=check_rule(rule), seed=seed, limit=limit
        )

    def learning(self) -> LearnState:
        """How learning by itself goes, without waiting for its end."""
        return self._device.learner.state()

    def change_rates(self, rates: Sequence[tuple[int, int]]) -> None:
        """Give the plan of learning by itself other rates; its count goes on."""
        self._device.learner.rates(rates)

    def pause_learning(self) -> None:
        """End learning by itself after the step under way; `begin_learning` goes on with its plan."""
        self._device.learner.pause()

    def stop_learning(self) -> None:
        """End learning by itself, and its plan, after the step under way."""
        self._device.learner.stop()

    def learn(
        self,
        first: int,
        count: int,
        *,
        batch: int = 1,
        rule: Rule = "error_scaled",
        order: Order = "in_turn",
        seed: int = 0,
        limit: int = 0,
    ) -> LearnState:
        """`begin_learning`, and wait for the end.

        It is what `wagekit.executors.learning.learn` does, equal to the bit.
        """
        self.begin_learning(first, count, batch=batch, rule=rule, order=order, seed=seed, limit=limit)
        self._device.state()  # answered when the device has come to the end
        return self.learning()

    # Checkpoints.

    def save_checkpoint(self, *, wait: bool = True) -> int:
        """Save what was learned on the device; the step that was saved. See `Device.save_checkpoint`."""
        return self._device.save_checkpoint(wait=wait)

    def load_checkpoint(self) -> int:
        """Go back to the newest checkpoint on the device; its step."""
        self._rule = None
        step = self._device.load_checkpoint()
        self._kept = self._device.learner.state().replay_capacity
        return step

    def checkpoint_info(self) -> CheckpointReport:
        """Checkpoints on the device, their costs since reset, and the policy."""
        return self._device.checkpoint_info()

    def reset(self) -> Hello:
        """Restart the chip: what it says then; it has the newest checkpoint, if there is one."""
        self._rule = None
        self._stored = 0
        hello = self._device.reset()
        self._retell_health()
        self._kept = self._device.learner.state().replay_capacity
        return hello

    def set_policy(
        self, *, every: int = 0, improvement: float = 0.0, spacing: int = 0, keep: Keep = "learning"
    ) -> None:
        """When the device saves by itself (all 0: never), and what.

        `every` so many steps; when an evaluation on the device has a share of errors that is lower
        than the best by `improvement` (0..1); and never twice within `spacing` seconds.

        `keep` says what a checkpoint has: the network alone; also how `learn` stands, with the replay
        store (`learning`); or also the samples that are being learned: then the device goes on with
        them at its next start (`samples`). RefusedError `large` if such a record would not fit a slot.
        """
        if keep not in LEVELS:
            raise UsageError(f"keep = {keep!r}: one of {', '.join(LEVELS)} is allowed")
        check_uint32(every, "every")
        check_uint32(spacing, "spacing")
        if not 0 <= improvement <= 1:
            raise UsageError(f"improvement = {improvement}: a share of 0..1 is allowed")
        parts = max(1, round(improvement * 65536)) if improvement else 0
        self._device.set_policy(every=every, improvement=parts, spacing=spacing, keep=keep)

    def ticks(self) -> int:
        """The device's counter, `hello.tick_hz` a second."""
        return self.counters().ticks

    def counters(self) -> Counters:
        """Counters of the last program and of the link."""
        return self._device.counters()

    def close(self) -> None:
        """Close the port; the device goes on and keeps its network."""
        self._device.close()
