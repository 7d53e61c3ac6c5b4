"""What a user means by NETWORK, MODEL and DATA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wagekit.cli.console import note
from wagekit.datasets import Dataset, open_dataset
from wagekit.errors import DataError, NetworkError
from wagekit.numerics import grid_limit, layer_key, words
from wagekit.numerics.grids import IntArray
from wagekit.spec import Network
from wagekit.training.data import Source, prepare
from wagekit.training.frozen import frozen_on_grid
from wagekit.training.model import Model, load_model

SHIPPED = ("digits", "digits-tiny")
RANDOM_STREAM = 0x5645_5249
"""Word that keeps the samples of `random` apart from every other use of the seed."""
_RANDOM_SAMPLES = 256
Samples = tuple[NDArray[np.int8], NDArray[np.int64]]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A network, with its learned state if it came from a model file."""

    network: Network
    model: Model | None = None
    path: Path | None = None

    @property
    def masters(self) -> Sequence[IntArray] | None:
        """Masters of the model, if there is one."""
        return self.model.masters if self.model else None

    @property
    def source(self) -> Source | None:
        """The data that the model learned from."""
        if self.model is None or "source" not in self.model.training:
            return None
        return Source.from_dict(self.model.training["source"], str(self.path))


def shipped_network(name: str) -> str:
    """Text of a network.toml that ships."""
    return (files("wagekit.cli") / "files" / f"{name}.toml").read_text(encoding="utf-8")


def open_subject(what: str) -> Subject:
    """A network by the name it ships under, or from a network.toml, its folder, or a model file."""
    path = Path(what).expanduser()
    if path.is_dir():
        path = path / "network.toml"
        return Subject(Network.load(path), path=path)
    if path.is_file():
        if path.suffix == ".toml":
            return Subject(Network.load(path), path=path)
        return _open_model(path)
    if what in SHIPPED:
        return Subject(Network.from_toml(shipped_network(what), f"{what}.toml"))
    raise NetworkError(
        f"{what}: no such file, and no network that ships ({', '.join(SHIPPED)})",
        hint="`wagekit new` writes an example network.toml",
    )


def _open_model(path: Path) -> Subject:
    """A model; masters of its frozen layers on the grid of weights, where every place can hold them."""
    model = load_model(path)
    masters, moved = frozen_on_grid(model.network, model.masters)
    if moved:
        names = ", ".join(moved)
        note(f"{path}: frozen {names}: masters put on the grid of weights; the weights are the same")
        model = replace(model, masters=masters)
    return Subject(model.network, model, path)


def open_model(what: str) -> Subject:
    """A model file; a mere description is refused, for it has learned nothing."""
    path = Path(what).expanduser()
    if not path.is_file():
        raise DataError(f"{what}: no such model file", hint="`wagekit train digits` makes one")
    subject = open_subject(what)
    if subject.model is None:
        raise DataError(
            f"{what}: describes a network but holds no weights", hint=f"train it first: wagekit train {what}"
        )
    return subject


def open_data(net: Network, what: str, label: str | None = None) -> Dataset:
    """A data set whose class names, where it has any, are those of the network."""
    return open_dataset(what, label=label_column(label), classes=list(net.classes))


def label_column(label: str | None) -> str | int | None:
    """A label column as the command line names it: a number is an index."""
    return int(label) if label is not None and label.lstrip("-").isdigit() else label


def open_test(net: Network, what: str, label: str | None = None) -> Dataset:
    """A data set that is there to test: its test part where its authors chose one, else all of it."""
    dataset = open_data(net, what, label)
    return dataset.split()[1] if dataset.test_count else dataset


def split_parts(
    net: Network, dataset: Dataset, test: str | None, label: str | None, **split: Any
) -> tuple[Dataset, Dataset]:
    """Train and test part: those of a split, or with a data set `test` all of `dataset` and that one."""
    if test is None:
        return dataset.split(**split)
    train = dataset.split()[0] if dataset.test_count else dataset
    return train, open_test(net, test, label)


def data_spec(what: str) -> str:
    """How a model file names its data: files by their absolute path, so that it is found again."""
    return str(Path(what).expanduser().resolve()) if Path(what).expanduser().exists() else what


def both_parts(net: Network, what: str, label: str | None, seed: int) -> tuple[Samples, Samples]:
    """Codes and labels of a data set's training and test part; for `random` what the counter draws, twice."""
    if what == "random":
        drawn = _random(net, seed)
        return drawn, drawn
    train, test = prepare(net, open_data(net, what, label))
    return (train.x, train.labels), (test.x, test.labels)


def _random(net: Network, seed: int) -> Samples:
    shape = (_RANDOM_SAMPLES, *net.input.shape)
    high = grid_limit(net.bits.activations)
    drawn = words(layer_key(seed, RANDOM_STREAM, 0), 0, int(np.prod(shape)))
    x = (drawn % np.uint32(2 * high + 1)).astype(np.int64) - high
    classes = words(layer_key(seed, RANDOM_STREAM, 1), 0, _RANDOM_SAMPLES) % np.uint32(len(net.classes))
    return x.reshape(shape).astype(np.int8), classes.astype(np.int64)
