"""What may happen to a sensor after the network was trained: four changed worlds of the 8x8 digits.

A change is fixed by numbers from the counter generator, so it is the same on every machine and with every
library version.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wagekit import Network, open_executor
from wagekit.datasets import load_digits, permutation
from wagekit.numerics import words
from wagekit.passes import compile_graph
from wagekit.training import Plan, Streamed, Trainer

Images = NDArray[np.int64]
"""`[n, 8, 8]`, pixels 0..16."""
WHITE = 16
HOT, DEAD = 2, 2
"""Pixels of the worn sensor that are always white, and always black."""
NOISE_TRAIN, NOISE_TEST = 1, 2
PRETRAINING_EPOCHS = 6


@dataclass(frozen=True)
class Samples:
    """Codes as a network takes them, with labels."""

    x: NDArray[np.int8]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class World:
    """A change: what it does to images, and classes that did not exist before it."""

    name: str
    title: str
    change: Callable[[Images, int], Images]
    new: tuple[int, ...] = ()


def same(images: Images, _: int) -> Images:
    """Nothing changes."""
    return images


def rotated(images: Images, _: int) -> Images:
    """The camera was mounted on its side."""
    return np.rot90(images, axes=(1, 2))


def inverted(images: Images, _: int) -> Images:
    """Dark became bright."""
    return WHITE - images


def worn_sensor(images: Images, noise: int) -> Images:
    """Half of the contrast is lost to a glare, some pixels are stuck, the others are off by one at random."""
    flat = images.reshape(len(images), -1) // 2 + 6
    off = words(noise, 0, flat.size).reshape(flat.shape) % 3
    flat = np.clip(flat + off.astype(np.int64) - 1, 0, WHITE)
    stuck = permutation(flat.shape[1], 1)[: HOT + DEAD]
    flat[:, stuck[:HOT]] = WHITE
    flat[:, stuck[HOT:]] = 0
    return flat.reshape(images.shape)


WORLDS = (
    World("rotated", "turned by 90 degrees", rotated),
    World("inverted", "inverted", inverted),
    World("sensor", f"noise, {HOT + DEAD} pixels stuck", worn_sensor),
    World("classes", "7, 8 and 9 are new", same, (7, 8, 9)),
)


def frozen_first(net: Network, count: int) -> Network:
    """The network with its first `count` weight layers frozen."""
    description: dict[str, Any] = net.to_dict()
    for layer in [entry for entry in description["layers"] if entry["type"] != "max_pool"][:count]:
        layer["frozen"] = True
    return Network.from_dict(description)


@cache
def digits() -> tuple[tuple[Images, NDArray[np.int64]], tuple[Images, NDArray[np.int64]]]:
    """Images and labels: training part and held-out part."""
    parts = load_digits().split(seed=0, test_fraction=0.2)
    train, test = ((part.x.reshape(-1, 8, 8).astype(np.int64), part.labels) for part in parts)
    return train, test


def samples(net: Network, world: World) -> tuple[Samples, Samples]:
    """Training and held-out samples of a world, changed the same way."""
    (train, train_labels), (test, test_labels) = digits()
    return (
        Samples(_codes(net, world.change(train, NOISE_TRAIN)), train_labels),
        Samples(_codes(net, world.change(test, NOISE_TEST)), test_labels),
    )


def before(net: Network, new: tuple[int, ...] = ()) -> tuple[Samples, Samples]:
    """Training and held-out samples before the change: upright, without the classes that are new."""
    upright = samples(net, World("upright", "upright", same))
    known = [~np.isin(part.labels, new) for part in upright]
    train, test = (Samples(part.x[k], part.labels[k]) for part, k in zip(upright, known, strict=True))
    return train, test


def pretrain(net: Network, train: Samples) -> tuple[list[Any], int]:
    """Masters and step after training on the host, in batches of 8."""
    plan = Plan.of(len(train.x), 8, epochs=PRETRAINING_EPOCHS, schedule="default")
    with open_executor(net, "host", batch=plan.batch) as executor:
        one = compile_graph(net, plan.batch).log2_one
        Trainer(executor, plan, Streamed(executor, train.x, train.labels), one).run()
        return executor.masters, executor.step_count


def stream(count: int, samples_there: int, seed: int) -> NDArray[np.int64]:
    """Numbers of the samples that the chip sees one after the other: passes in random order."""
    passes = range(-(-count // samples_there))
    return np.concatenate([permutation(samples_there, seed, number) for number in passes])[:count]


def _codes(net: Network, images: Images) -> NDArray[np.int8]:
    return net.encode(images.reshape(len(images), -1))
