"""Trains a few networks with address and undefined-behaviour sanitizers; run by test_sanitized.

It is a program of its own, because the address sanitizer must be loaded before Python is.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from wagekit import Bits, Conv1d, Conv2d, Dense, Input, MaxPool, Network
from wagekit.executors.host import HostExecutor
from wagekit.executors.reference import ReferenceExecutor
from wagekit.spec import Layer

FLAGS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def networks() -> list[Network]:
    image: list[Layer] = [
        Conv2d(filters=5, kernel=(3, 4), padding="same", stride=(1, 2)),
        MaxPool(window=(3, 2)),
        Conv2d(filters=9, kernel=2, padding=1, relu=False),
        Dense(units=7),
        Dense(units=3),
    ]
    signal: list[Layer] = [
        Conv1d(filters=4, kernel=5, padding="same"),
        MaxPool(window=2),
        Conv1d(filters=3, kernel=3, stride=2, frozen=True),
        Dense(units=3),
    ]
    wide = Bits(weights=8, activations=8, gradients=16, errors=16)
    narrow = Bits(weights=2, activations=3, gradients=2, errors=2)
    image_shape, signal_shape = (7, 9, 2), (19, 3)
    return [
        _network(image_shape, image, Bits()),
        _network(image_shape, image, wide),
        _network(signal_shape, signal, narrow),
        _network(signal_shape, signal, wide),
        _network((11,), [Dense(units=3)], Bits()),
    ]


def _network(shape: tuple[int, ...], layers: list[Layer], bits: Bits) -> Network:
    return Network(
        name="checked",
        input=Input(shape=shape, encoding="unit"),
        classes=["a", "b", "c"],
        layers=layers,
        bits=bits,
    )


def main() -> int:
    """Run all, or with `few` as first argument two plans of each network.

    The sanitizers end the process at the first finding.
    """
    generator = np.random.default_rng(1)
    few = sys.argv[1:] == ["few"]
    flags = (*FLAGS, "-O0" if few else "-O1")
    for number, net in enumerate(networks()):
        hidden = range(sum(layer.type != "max_pool" for layer in net.layers) - 1)
        tiles = {"stored_rows": dict.fromkeys(range(len(hidden) + 1), 1), "recompute_activations": hidden}
        choices: list[tuple[int, dict[str, Any]]] = [
            (3, {"recompute": False}),
            (3, tiles),
            (1, {}),
            (3, tiles | {"max_slice": 1000}),
        ]
        for batch, choice in [choices[(number + i) % 4] for i in range(2)] if few else choices:
            host = HostExecutor(net, 1, batch, extra=flags, **choice)
            reference = ReferenceExecutor(net, seed=1)
            for rate in (15, 0, -16):
                high = net.input_limit
                x = generator.integers(-high, high + 1, (batch, *net.input.shape)).astype(np.int8)
                labels = generator.integers(0, 3, batch)
                for rule in ("paper", "error_scaled"):
                    same = host.step(x, labels, rate, rule) == reference.step(x, labels, rate, rule)
                    if not same or host.digest() != reference.digest():
                        return 3
    sys.stdout.write("all clean\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
