"""What the user wrote: network.toml and the Python description of a network, nothing derived."""

from __future__ import annotations

from wagekit.spec.inputs import Bits, Input
from wagekit.spec.layers import Conv1d, Conv2d, Dense, Layer, MaxPool
from wagekit.spec.network import FORMAT, Network
from wagekit.spec.resolve import Resolved

__all__ = [
    "FORMAT",
    "Bits",
    "Conv1d",
    "Conv2d",
    "Dense",
    "Input",
    "Layer",
    "MaxPool",
    "Network",
    "Resolved",
]
