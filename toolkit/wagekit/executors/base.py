"""The interface of every place where a network runs."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from wagekit.errors import UsageError
from wagekit.numerics.grids import IntArray

__all__ = ["Executor", "IntArray", "LayerHealth", "LayerStats", "Rule", "StepResult", "state_digest"]

Rule = Literal["paper", "error_scaled"]
HEALTH_EVERY_MAX = 65_535


@dataclass(frozen=True, slots=True)
class LayerStats:
    """What one weight layer reports of one training step."""

    error_exponent: int | None
    """`kappa(M)` of the error at the layer's output; None if `M` was 0 or not computed."""
    gradient_exponent: int | None
    """`kappa(G)` of the layer's gradient; None if `G` was 0 or the layer does not learn."""
    saturated: int
    """Stored (pooled) activations with `|y| == 2**(k_A-1) - 1` over the batch; 0 for the last layer."""


@dataclass(frozen=True, slots=True)
class LayerHealth:
    """How one weight layer fared in one training step; counts, and None for what is not counted."""

    weights: int
    """Their number where the layer learns; else 0, as all that follows about weights."""
    plus: int
    """Masters that the update raised."""
    minus: int
    """Masters that it lowered; the others stayed as they were."""
    clipped: int
    """Masters at the end of their range after the update."""
    nonzero: int
    """Weights, as the forward pass sees them, that are not 0 after it."""
    flipped: int
    """Weights whose sign (-1, 0, 1) it changed."""
    errors: int | None
    """Quantised errors at the layer's stored output over the batch; None where nothing at or below the
    layer learns."""
    zero_errors: int | None
    """Of them, those that are 0."""
    activations: int
    """Stored (pooled) activations over the batch; 0 for the last layer."""
    saturated: int
    """As in `LayerStats`."""
    gradient_exponent: int | None
    """As in `LayerStats`."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one training step on one batch reports."""

    step: int
    """Number of the step just made, from 0: the value that its random numbers used."""
    samples: int
    sum_squared_error: int
    """Exact sum of `e*e` over logits and samples, saturated at `2**64 - 1`."""
    loss: float
    """Mean over samples of `1/2 * sum (o - t)**2` in real units: `sse / (2 * one**2 * samples)`."""
    errors: int
    """Samples whose first largest logit, before the update, is not the label."""
    log2_lr: int
    """Learning rate used, after the rule was applied; -17 stands for anything that changes nothing."""
    layers: tuple[LayerStats, ...]
    health: tuple[LayerHealth, ...] | None = None
    """Of steps that are a multiple of `Executor.health_every`."""


def state_digest(step: int, masters: Sequence[IntArray]) -> str:
    """SHA-256 (hex) over the state of a network.

    Bytes in order: `step` as little-endian uint32, then every layer's masters as
    little-endian int8 or int16 in C order of their OHWI or `[out, in]` layout.
    """
    digest = hashlib.sha256(step.to_bytes(4, "little"))
    for array in masters:
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(np.ascontiguousarray(little).tobytes())
    return digest.hexdigest()


class Executor(ABC):
    """A network that runs somewhere: it infers, learns, and shows its state.

    Inputs are integers on the `k_A` grid, as `Network.encode` makes them, shape
    `[n, height, width, channels]` (or `[n, length, channels]`, `[n, features]` as the
    network's input is declared; equal sizes in C order are accepted). Labels are class
    numbers, shape `[n]`. Use it as a context manager, or call `close`.
    """

    name: str
    """As given to `open_executor`: `reference`, `host`, `qemu:BOARD`, `serial:PORT`,
    `neuro:PRESET`."""
    _health_every = 0

    @property
    def counts_health(self) -> bool:
        """Whether it can count the health of layers."""
        return True

    @property
    def health_every(self) -> int:
        """The health of the layers is counted in steps whose number is a multiple of this, 0..65535; 0, as
        at the start, is never. It changes no bit of what is learned.
        """
        return self._health_every

    @health_every.setter
    def health_every(self, every: int) -> None:
        if not 0 <= every <= HEALTH_EVERY_MAX:
            raise UsageError(f"health_every = {every}: 0 (never) to {HEALTH_EVERY_MAX} steps is allowed")
        self._set_health(every)
        self._health_every = every

    def _set_health(self, every: int) -> None:  # noqa: B027 (not every place has to be told)
        """Tell the place, before it is taken over."""

    def _is_health_due(self, step: int) -> bool:
        return self._health_every > 0 and step % self._health_every == 0

    @property
    @abstractmethod
    def masters(self) -> list[IntArray]:
        """Copies of the stored weights, int8 (`k_G <= 8`) or int16, in network order."""

    @property
    @abstractmethod
    def step_count(self) -> int:
        """Batches learned since initialisation (uint32)."""

    @property
    @abstractmethod
    def seed(self) -> int:
        """Seed of the random numbers of the update (uint32)."""

    @abstractmethod
    def load_masters(self, masters: Sequence[IntArray], step: int = 0, seed: int | None = None) -> None:
        """Replace all masters, the step and (if given) the seed; all or nothing."""

    @abstractmethod
    def step(self, x: IntArray, labels: IntArray, log2_lr: int = 0, rule: Rule = "paper") -> StepResult:
        """Learn from one batch. `log2_lr` lies in -16..15."""

    @abstractmethod
    def forward(self, x: IntArray) -> NDArray[np.int32]:
        """Logits, shape `[n, classes]`; any `n`, in as many pieces as the place needs."""

    def digest(self) -> str:
        """`state_digest` of the present state."""
        return state_digest(self.step_count, self.masters)

    def close(self) -> None:  # noqa: B027 (not every place holds something)
        """Give back what the executor holds; harmless when called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
