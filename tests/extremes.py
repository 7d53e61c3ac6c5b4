"""Networks and states that drive sums to the ends of their types, where drawn networks never come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wagekit import Bits, Conv2d, Dense, Input, Network
from wagekit.executors.base import IntArray
from wagekit.ir import Graph
from wagekit.numerics import code_dtype, masters_from_weights
from wagekit.passes import compile_graph


@dataclass(frozen=True)
class Extreme:
    """A network with weights chosen for every layer, and one batch of equal inputs."""

    name: str
    net: Network
    weights: tuple[Callable[[tuple[int, ...]], NDArray[np.int64]], ...]
    x: int
    samples: int
    small: bool = field(default=True)
    """Small enough for the plain-Python oracle."""

    def graph(self) -> Graph:
        return compile_graph(self.net, self.samples)

    def masters(self) -> list[IntArray]:
        bits = self.net.bits
        shapes = [layer.weights.shape for layer in self.graph().layers]
        return [
            masters_from_weights(make(shape), bits.gradients, bits.weights).astype(code_dtype(bits.gradients))
            for make, shape in zip(self.weights, shapes, strict=True)
        ]

    def batch(self) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
        x = np.full((self.samples, *self.net.input.shape), self.x, np.int8)
        return x, np.zeros(self.samples, np.int64)


def _all(value: int) -> Callable[[tuple[int, ...]], NDArray[np.int64]]:
    return lambda shape: np.full(shape, value, np.int64)


def _apart(value: int) -> Callable[[tuple[int, ...]], NDArray[np.int64]]:
    """Class 0 gets `value` everywhere, the others its negative."""

    def make(shape: tuple[int, ...]) -> NDArray[np.int64]:
        result = np.full(shape, -value, np.int64)
        result[0] = value
        return result

    return make


def _net(shape: list[int], bits: Bits, *layers: Conv2d | Dense) -> Network:
    return Network(
        name="extreme",
        seed=1,
        input=Input(shape=shape, encoding="unit"),
        classes=["a", "b"],
        bits=bits,
        layers=[*layers, Dense(units=2)],
    )


EXTREMES = (
    # Every position has the same largest error, so the sum over positions leaves int32.
    Extreme(
        "gradient beyond int32",
        _net([24, 24, 1], Bits(gradients=16, errors=16), Conv2d(filters=1, kernel=1)),
        (_all(1), _apart(1)),
        x=126,
        samples=5,
    ),
    # 800 equal errors of 16 bits times the largest 8-bit weight.
    Extreme(
        "raw error beyond int32",
        _net([2], Bits(weights=8, gradients=16, errors=16), Dense(units=2), Dense(units=800)),
        (_all(32), _all(127), _apart(1)),
        x=64,
        samples=2,
    ),
    # acc = 2^31 - 8: adding half of the shift's divisor would wrap an int32.
    Extreme(
        "accumulator at the top of int32",
        _net([116, 86, 113], Bits(weights=5, gradients=8), Dense(units=1)),
        (_all(15), _apart(1)),
        x=127,
        samples=1,
        small=False,
    ),
    Extreme(
        "accumulator at the bottom of int32",
        _net([116, 86, 113], Bits(weights=5, gradients=8), Dense(units=1, relu=False)),
        (_all(-15), _apart(1)),
        x=127,
        samples=1,
        small=False,
    ),
    # 2-bit errors and weights of 8 bits: the other end of the widths.
    Extreme(
        "coarsest errors",
        _net([6, 6, 1], Bits(weights=8, activations=3, gradients=16, errors=2), Conv2d(filters=2, kernel=3)),
        (_all(40), _apart(90)),
        x=3,
        samples=3,
    ),
)
