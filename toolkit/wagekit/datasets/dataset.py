"""The one type that every reader returns and every training run takes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wagekit.datasets.large import blocks, gather
from wagekit.datasets.order import permutation
from wagekit.errors import DataError, UsageError

SPLIT_STREAM = 0x5350_4C54
"""Word that keeps the order of the split apart from every other use of the same seed."""

Raw = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Raw samples with their labels.

    `x` is `[n, ...]`, integers or floats as the file had them (`Network.encode` makes codes of
    them); `labels` are class numbers, int64 `[n]`, in `0 .. len(classes)-1`. The last `test_count`
    samples are the test part where the data set's authors chose one.
    """

    name: str
    x: Raw
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    test_count: int = 0

    def __post_init__(self) -> None:
        if len(self.x) != len(self.labels):
            raise DataError(f"{self.name}: {len(self.x)} samples but {len(self.labels)} labels")
        if len(self.x) == 0:
            raise DataError(f"{self.name}: no samples")
        if self.x.dtype.kind not in "iuf":
            raise DataError(f"{self.name}: samples of type {self.x.dtype}; numbers are needed")
        check_labels(self.labels, len(self.classes), self.name)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.x.shape[1:])

    @property
    def sample_size(self) -> int:
        """Values in one sample."""
        return prod(self.sample_shape)

    def take(self, indices: NDArray[np.int64], name: str | None = None) -> Dataset:
        """The samples with these indices, in this order."""
        return replace(
            self, name=name or self.name, x=gather(self.x, indices), labels=self.labels[indices], test_count=0
        )

    def split(
        self, *, seed: int = 0, test_fraction: float = 0.2, stratified: bool = True
    ) -> tuple[Dataset, Dataset]:
        """Train and test part, the same on every machine and with every library version.

        Where the data set has a test part of its own (`test_count`), that one is kept and the
        arguments are ignored. Otherwise a permutation that only depends on `seed` and the number of
        samples is cut: per class if `stratified`, so that both parts hold every class alike.
        """
        if self.test_count:
            cut = len(self) - self.test_count
            train, test = np.arange(cut), np.arange(cut, len(self))
        else:
            train, test = self._cut(seed, test_fraction, stratified)
        return self.take(train, f"{self.name}/train"), self.take(test, f"{self.name}/test")

    def _cut(
        self, seed: int, fraction: float, stratified: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if not 0.0 < fraction < 1.0:
            raise UsageError(f"test fraction {fraction} is not between 0 and 1")
        order = permutation(len(self), seed, SPLIT_STREAM)
        groups = [order]
        if stratified:
            drawn = self.labels[order]
            groups = [order[drawn == label] for label in range(len(self.classes))]
        counts = [round(len(group) * fraction) for group in groups]
        test = np.sort(np.concatenate([g[:n] for g, n in zip(groups, counts, strict=True)]))
        train = np.sort(np.concatenate([g[n:] for g, n in zip(groups, counts, strict=True)]))
        if not len(train) or not len(test):
            raise UsageError(
                f"{self.name}: a test fraction of {fraction} leaves {len(train)} training and {len(test)} "
                f"test samples of {len(self)}"
            )
        return train, test

    def fingerprint(self) -> str:
        """SHA-256 (hex) over types, shapes and values of samples and labels."""
        digest = hashlib.sha256()
        for array in (self.x, self.labels):
            dtype = array.dtype.newbyteorder("<")
            digest.update(f"{dtype.str}{array.shape}".encode())
            for part in blocks(array):
                digest.update(array[part].astype(dtype, copy=False).tobytes())
        return digest.hexdigest()


def check_labels(labels: NDArray[Any], classes: int, where: str) -> None:
    """Refuse labels that are not one integer a sample in `0 .. classes-1`, naming the first."""
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(
            f"{where}: labels of type {labels.dtype} and shape {list(labels.shape)}; "
            "one class number a sample is needed"
        )
    bad = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(bad):
        index = int(bad[0])
        raise DataError(
            f"{where}: label {int(labels[index])} of sample {index} is not in 0..{classes - 1}",
            hint=f"the data set has {classes} classes; check the label column or the class names",
        )


def numbered(labels: NDArray[Any], where: str, classes: int | None = None) -> tuple[str, ...]:
    """Names `0, 1, ..` for labels that are class numbers: as many as given, or as occur."""
    if classes is not None:
        return tuple(str(number) for number in range(classes))
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not len(labels):
        check_labels(labels, 1, where)
        return ("0",)
    top = int(labels.max())
    if top > 65_535 or int(labels.min()) < 0:
        bad = top if top > 65_535 else int(labels.min())
        raise DataError(f"{where}: label {bad} of sample {int(np.argmax(labels == bad))} is not in 0..65535")
    return tuple(str(number) for number in range(top + 1))
