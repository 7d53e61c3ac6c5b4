"""The order of the work: stages with a barrier behind each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wagekit.backends.neuro.mapping import Mapping, Phase

Action = Literal["forward", "output_error", "error", "gradient", "maximum", "update"]


@dataclass(frozen=True, slots=True)
class Stage:
    """What some cores do between two barriers, for a whole batch."""

    phase: Phase
    layer: int
    action: Action
    cores: tuple[int, ...]


def schedule(mapping: Mapping) -> tuple[Stage, ...]:
    """All stages of a training step, or of an inference where the mapping only infers."""
    stages = [Stage("forward", m.index, "forward", _cores(mapping, m.index)) for m in mapping.layers]
    if not mapping.training:
        return tuple(stages)
    last = len(mapping.layers) - 1
    stages.append(Stage("error", last, "output_error", tuple(r.core for r in mapping.layers[-1].roots)))
    for layer in reversed(mapping.graph.layers):
        if layer.sends_error:
            stages.append(Stage("error", layer.index, "error", _cores(mapping, layer.index)))
    learning = [layer.index for layer in reversed(mapping.graph.layers) if layer.learns]
    stages += [Stage("gradient", index, "gradient", _cores(mapping, index)) for index in learning]
    stages += [
        Stage("maximum", index, "maximum", tuple(o.core for o in mapping.layers[index].owners))
        for index in learning
    ]
    stages += [Stage("update", index, "update", _cores(mapping, index)) for index in learning]
    return tuple(stages)


def _cores(mapping: Mapping, layer: int) -> tuple[int, ...]:
    return tuple(tile.core for tile in mapping.layers[layer].tiles)
