"""The networks that are measured, and real samples for them."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wagekit import Network
from wagekit.datasets import load_digits, read_idx_folder

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("WAGEKIT_DATA", ROOT.parent / "shared" / "data"))
CIFAR_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
CIFAR_EACH = 16
"""Images of each class that are read."""


@dataclass(frozen=True)
class Samples:
    """Raw samples with labels, and where they come from."""

    x: NDArray[np.generic]
    labels: NDArray[np.int64]
    source: str


@dataclass(frozen=True)
class Case:
    """A network to be measured."""

    name: str
    text: Callable[[], str]
    """Its network.toml."""
    read: Callable[[], Samples | None]
    """Real samples, or None where the data set is not on this machine."""

    def network(self) -> Network:
        """The network."""
        return Network.from_toml(self.text(), f"{self.name}.toml")

    def samples(self) -> Samples:
        """Real samples, else noise that says so."""
        return self.read() or _noise(self.network())


def _noise(net: Network) -> Samples:
    generator = np.random.default_rng(1)
    x = generator.integers(0, 256, (256, *net.input.shape), np.uint8)
    return Samples(x, generator.integers(0, len(net.classes), 256), "noise (data set not found)")


@cache
def digits() -> Samples:
    """Training part of the digits that ship."""
    train, _ = load_digits().split()
    return Samples(train.x, train.labels, "UCI digits")


@cache
def mnist() -> Samples | None:
    """Training part of MNIST."""
    if not (DATA / "mnist").is_dir():
        return None
    train, _ = read_idx_folder(DATA / "mnist").split()
    return Samples(train.x, train.labels, "MNIST")


@cache
def cifar() -> Samples | None:
    """Some CIFAR-10 images of each class, mixed; from JPEG files, so a little lossy."""
    archive = DATA / "cifar10" / "cifar10-jpeg.tar.xz"
    if not archive.is_file():
        return None
    from PIL import Image

    found: dict[str, list[NDArray[np.uint8]]] = {name: [] for name in CIFAR_CLASSES}
    with tarfile.open(archive, "r|xz") as tar:
        for member in tar:
            parts = Path(member.name).parts
            if len(parts) < 3 or parts[-3] != "train" or len(found[parts[-2]]) >= CIFAR_EACH:
                continue
            content = tar.extractfile(member)
            assert content is not None
            found[parts[-2]].append(np.asarray(Image.open(BytesIO(content.read())).convert("RGB")))
            if all(len(images) >= CIFAR_EACH for images in found.values()):
                break
    x = np.stack([found[name][i] for i in range(CIFAR_EACH) for name in CIFAR_CLASSES])
    labels = np.tile(np.arange(len(CIFAR_CLASSES)), CIFAR_EACH)
    return Samples(x, labels, "CIFAR-10 (JPEG)")


def _shipped(name: str) -> Callable[[], str]:
    return lambda: (files("wagekit.cli") / "files" / f"{name}.toml").read_text("utf-8")


def _own(name: str) -> Callable[[], str]:
    return lambda: (ROOT / "bench" / "networks" / f"{name}.toml").read_text("utf-8")


CASES = (
    Case("digits-tiny", _shipped("digits-tiny"), digits),
    Case("digits", _shipped("digits"), digits),
    Case("digits-mlp", _own("digits-mlp"), digits),
    Case("mlp", _own("mlp"), mnist),
    Case("lenet", _own("lenet"), mnist),
    Case("small-cifar", _own("small-cifar"), cifar),
)


def find(name: str) -> Case:
    """The case of that name."""
    return next(case for case in CASES if case.name == name)
