"""Samples that were recorded, as a data set that the readers open again."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wagekit.datasets import open_dataset
from wagekit.errors import DataError, UsageError
from wagekit.spec import Network
from wagekit.writer import write_atomic

KINDS = (".npz", ".csv")


@dataclass(slots=True)
class SampleFile:
    """Labelled samples of a network on their way into a file: `.npz`, or `.csv`.

    The file has raw values, of which the network's encoding makes what was recorded, class numbers
    and (`.npz`) the names of the classes and the network's fingerprint. It is written whole or not at all.
    """

    path: Path
    network: Network
    append: bool = False
    """Keep the samples that are there."""
    replace: bool = False
    samples: list[NDArray[np.int8]] = field(default_factory=list, init=False)
    """Codes `[*input.shape]` each."""
    labels: list[int] = field(default_factory=list, init=False)
    kept: int = field(default=0, init=False)
    """Samples that were there before."""

    def __post_init__(self) -> None:
        """UsageError or DataError, before anything is recorded, if it cannot be written."""
        if self.path.suffix not in KINDS:
            raise UsageError(f"{self.path}: a data set is {' or '.join(KINDS)}")
        if not self.path.absolute().parent.is_dir():
            raise DataError(f"{self.path}: its folder does not exist")
        if not self.path.exists():
            return
        if self.append:
            self._take_present()
        elif not self.replace:
            raise UsageError(f"{self.path} exists", hint="--append adds to it, --force replaces it")

    def _take_present(self) -> None:
        net = self.network
        dataset = open_dataset(self.path, classes=list(net.classes))
        if dataset.classes != tuple(net.classes):
            raise DataError(
                f"{self.path}: has the classes {', '.join(dataset.classes)}, but network '{net.name}' "
                f"has {', '.join(net.classes)}",
                hint="record into another file",
            )
        codes = net.encode(dataset.x.reshape(len(dataset), -1))
        self.samples = list(codes)
        self.labels = [int(label) for label in dataset.labels]
        self.kept = len(dataset)

    def add(self, codes: NDArray[np.int8], label: int) -> None:
        """One more sample, `[*input.shape]`; `DataError` if its codes cannot be kept as raw values."""
        self.network.decode(codes[np.newaxis])
        self.samples.append(codes)
        self.labels.append(label)

    @property
    def recorded(self) -> int:
        """Samples that are new."""
        return len(self.labels) - self.kept

    def counts(self) -> list[int]:
        """Samples of each class."""
        return [self.labels.count(number) for number in range(len(self.network.classes))]

    def write(self) -> None:
        """Write all samples; nothing if there is none."""
        if not self.labels:
            return
        raw = self.network.decode(np.stack(self.samples))
        labels = np.array(self.labels, np.int64)
        data = self._csv(raw, labels) if self.path.suffix == ".csv" else self._npz(raw, labels)
        try:
            write_atomic(self.path, data)
        except OSError as error:
            raise DataError(f"{self.path}: cannot be written: {error.strerror or error}") from None

    def _npz(self, raw: NDArray[np.generic], labels: NDArray[np.int64]) -> bytes:
        content = io.BytesIO()
        net = self.network
        np.savez_compressed(
            content,
            x=raw,
            labels=labels,
            classes=np.array(net.classes),
            network=np.array(net.fingerprint()),
        )
        return content.getvalue()

    def _csv(self, raw: NDArray[np.generic], labels: NDArray[np.int64]) -> str:
        rows: Sequence[Sequence[object]] = raw.reshape(len(raw), -1).tolist()
        names: Sequence[str] = self.network.classes
        lines = [[f"v{number}" for number in range(len(rows[0]))] + ["label"]]
        lines += [[*map(str, row), names[label]] for row, label in zip(rows, labels, strict=True)]
        return "".join(",".join(line) + "\n" for line in lines)
