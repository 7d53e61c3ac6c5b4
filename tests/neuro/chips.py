"""Chips and networks of these tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wagekit import Conv2d, Dense, Input, MaxPool, Network
from wagekit.backends.neuro import Preset
from wagekit.backends.neuro.preset import preset_from

WIDE: dict[str, Any] = {
    "cores": 1 << 16,
    "mesh_width": 1 << 8,
    "mesh_height": 1 << 8,
    "axons": 1 << 24,
    "neurons": 1 << 24,
    "axons_per_input": 1,
    "memory_bits": 1 << 40,
    "synapse_bits": 1 << 40,
    "weight_bits": 8,
    "activation_bits": 8,
    "error_bits": 16,
    "master_bits": 16,
    "partial_bits": 64,
    "partials": 1 << 20,
    "convolutions": ["shared", "unrolled"],
    "learns": True,
}
TIMING = {"clock_hz": 1_000_000, "synapses_per_cycle": 4, "hop_cycles": 1, "packet_cycles": 1}


def _facts(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: {"value": value, "source": "a test", "confidence": "assumed"}
        for key, value in values.items()
        if value is not None
    }


def chip_values(**limits: Any) -> dict[str, Any]:
    """A preset file with limits that nothing exceeds, but for those given."""
    return {
        "format": 1,
        "name": "chip",
        "summary": "of a test",
        "sources": {},
        "limits": _facts({**WIDE, **limits}),
        "timing": _facts(TIMING),
    }


def chip(**limits: Any) -> Preset:
    return preset_from(chip_values(**limits), "chip.toml")


def dense_net() -> Network:
    return Network(
        name="flat",
        seed=11,
        classes=list("abcdefghijkl"),
        input=Input(shape=[130], encoding="unit"),
        layers=[Dense(units=45), Dense(units=19), Dense(units=12)],
    )


def conv_net() -> Network:
    return Network(
        name="image",
        seed=12,
        classes=list("abcd"),
        input=Input(shape=[9, 8, 3], encoding="unit"),
        layers=[
            Conv2d(filters=12, kernel=3, padding="same"),
            MaxPool(window=2),
            Conv2d(filters=10, kernel=(3, 2), stride=(1, 2), padding="same"),
            Dense(units=14),
            Dense(units=4),
        ],
    )


def noise(net: Network, samples: int, seed: int) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Half of the inputs 0, labels that the inputs tell nothing of."""
    generator = np.random.default_rng(seed)
    x = generator.integers(-127, 128, (samples, *net.input.shape))
    x *= generator.integers(0, 2, x.shape)
    return x.astype(np.int8), generator.integers(0, len(net.classes), samples)
