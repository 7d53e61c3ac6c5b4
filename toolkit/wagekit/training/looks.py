"""What a display shows of a network while it learns: its weights as counts, a sample that it learned."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np

from wagekit.executors.base import IntArray
from wagekit.monitor.events import Sample, Weights
from wagekit.numerics import master_limit
from wagekit.spec import Network
from wagekit.training.data import Samples

BINS = 256
"""Counts of a layer at most."""


def weights_event(net: Network, step: int, masters: Sequence[IntArray]) -> Weights:
    """How many masters of each layer have which value, over the range that masters may have."""
    limit = master_limit(net.bits.gradients, net.bits.weights)
    width = -(-(2 * limit + 1) // BINS)
    bins = 2 * limit // width + 1
    counts = (
        np.bincount((array.astype(np.int64).ravel() + limit) // width, minlength=bins) for array in masters
    )
    return Weights(step=step, low=-limit, bin=width, counts=tuple(tuple(c.tolist()) for c in counts))


def sample_event(net: Network, step: int, samples: Samples, index: int) -> Sample:
    """A training sample that was learned in step `step`."""
    codes = np.ascontiguousarray(samples.x[index], np.int8)
    return Sample(
        step=step,
        label=int(samples.labels[index]),
        shape=tuple(net.input.shape),
        bits=net.bits.activations,
        codes=base64.b64encode(codes.tobytes()).decode("ascii"),
    )
