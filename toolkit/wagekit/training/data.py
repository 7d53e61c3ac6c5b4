"""From a data set to what a network takes: encoded, checked, split."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wagekit.datasets import Dataset
from wagekit.datasets.large import blocks, room_for
from wagekit.errors import DataError
from wagekit.spec import Network

TEST_FRACTION = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Encoded samples with labels: `x` int8 `[n, *input.shape]`, `labels` int64 `[n]`."""

    name: str
    x: NDArray[np.int8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.x)

    def first(self, count: int | None) -> Samples:
        """The first `count` samples; all for None."""
        return self if count is None else Samples(self.name, self.x[:count], self.labels[:count])


@dataclass(frozen=True, slots=True)
class Source:
    """Where samples came from, as model files keep it."""

    data: str
    """What `open_dataset` was given."""
    fingerprint: str
    split_seed: int = 0
    test_fraction: float = TEST_FRACTION
    test: str | None = None
    """A data set of its own to test with, where `data` was not split."""

    @classmethod
    def from_dict(cls, values: dict[str, Any], where: str) -> Source:
        """The source that a model file kept; `DataError` names `where`."""
        try:
            return cls(
                str(values["data"]),
                str(values["fingerprint"]),
                int(values["split_seed"]),
                float(values["test_fraction"]),
                values.get("test"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{where}: its data source is damaged: {error}") from error


def encode(net: Network, dataset: Dataset) -> Samples:
    """All samples of a data set as the network takes them.

    `DataError` names data set and network for samples of another shape, labels that are no class
    of the network, and values that the input's encoding does not take.
    """
    wanted = prod(net.input.shape)
    if dataset.sample_size != wanted:
        raise DataError(
            f"{dataset.name}: samples of {_shape(dataset.sample_shape)} = {dataset.sample_size} values, "
            f"but network '{net.name}' takes {_shape(tuple(net.input.shape))} = {wanted}",
            hint="change input.shape in network.toml, or take other data",
        )
    bad = np.flatnonzero(dataset.labels >= len(net.classes))
    if len(bad):
        raise DataError(
            f"{dataset.name}: label {int(dataset.labels[bad[0]])} of sample {int(bad[0])} is not in "
            f"0..{len(net.classes) - 1}: network '{net.name}' has {len(net.classes)} classes"
        )
    raw = dataset.x.reshape(len(dataset), wanted)
    x = room_for((len(raw), *net.input.shape), np.int8)
    try:
        for part in blocks(raw):
            x[part] = net.encode(raw[part], first=part.start)
    except DataError as error:
        raise DataError(f"{dataset.name}: {error.message}", hint=error.hint) from error
    return Samples(dataset.name, x, dataset.labels)


def prepare(
    net: Network, dataset: Dataset, *, split_seed: int = 0, test_fraction: float = TEST_FRACTION
) -> tuple[Samples, Samples]:
    """Train and test part, encoded and checked."""
    train, test = dataset.split(seed=split_seed, test_fraction=test_fraction)
    return encode(net, train), encode(net, test)


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
