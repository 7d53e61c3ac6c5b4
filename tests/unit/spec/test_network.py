"""Descriptions: reading, writing, equality, fingerprint, shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import networks
from wagekit import Bits, Conv1d, Conv2d, Dense, Input, MaxPool, Network
from wagekit.errors import NetworkError
from wagekit.spec import Layer
from wagekit.spec.resolve import resolve

DIGITS = """
format = 1
name = "digits"
seed = 3
classes = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]

[input]
shape = [8, 8, 1]
encoding = "unit"

[bits]
weights = 2

[[layers]]
type = "conv2d"
filters = 16
kernel = 3
padding = "same"

[[layers]]
type = "max_pool"
window = 2

[[layers]]
type = "dense"
units = 10
"""


def small(**changes: Any) -> Network:
    fields: dict[str, Any] = {
        "name": "small",
        "input": Input(shape=[6, 5, 2], encoding="unit"),
        "classes": ["a", "b"],
        "layers": [Conv2d(filters=3, kernel=3), MaxPool(window=2), Dense(units=2)],
    }
    return Network(**(fields | changes))


def test_toml_and_python_describe_the_same() -> None:
    net = Network.from_toml(DIGITS)
    same = Network(
        name="digits",
        seed=3,
        classes=[str(i) for i in range(10)],
        input=Input(shape=[8, 8, 1], encoding="unit"),
        layers=[Conv2d(filters=16, kernel=3, padding="same"), MaxPool(window=2), Dense(units=10)],
    )
    assert net == same
    assert hash(net) == hash(same)
    assert net.bits == Bits(weights=2, activations=8, gradients=8, errors=8)


@given(networks(trainable=False))
def test_text_reads_back_to_an_equal_network(net: Network) -> None:
    assert Network.from_toml(net.to_toml()) == net
    assert Network.from_dict(net.to_dict()) == net


@given(st.lists(st.text(min_size=1, max_size=9), min_size=2, max_size=40, unique=True))
def test_any_printable_class_name_survives(names: list[str]) -> None:
    names = [name for name in names if name.strip() and name.isprintable()] + ['"\\', "[x]\u00e9\U0001f600"]
    names = list(dict.fromkeys(names))
    net = small(classes=names, layers=[Dense(units=len(names))])
    assert list(Network.from_toml(net.to_toml()).classes) == names


def test_affine_survives() -> None:
    net = small(
        input=Input(shape=[2, 2], encoding="affine", offset=[5, -9], multiplier=3, shift=0),
        layers=[Dense(units=2)],
    )
    assert Network.from_toml(net.to_toml()) == net
    assert net.input.per_channel("offset") == (5, -9)
    assert net.input.per_channel("multiplier") == (3, 3)


def test_save_and_load(tmp_path: Path) -> None:
    net = small()
    net.save(tmp_path / "network.toml")
    assert Network.load(tmp_path / "network.toml") == net
    assert (tmp_path / "network.toml").read_text().endswith("\n")


def test_networks_are_frozen() -> None:
    net = small()
    with pytest.raises(Exception, match="frozen"):
        net.seed = 3
    assert net.replace(seed=3).seed == 3
    assert net.seed == 0
    with pytest.raises(NetworkError, match="seed = -1"):
        net.replace(seed=-1)


def test_fingerprint_ignores_name_seed_and_spelling() -> None:
    net = small()
    same = small(
        name="other",
        seed=9,
        layers=[
            Conv2d(filters=3, kernel=[3, 3], stride=(1, 1), padding=0, relu=True),
            MaxPool(window=(2, 2)),
            Dense(units=2, relu=False),
        ],
    )
    assert net.fingerprint() == same.fingerprint()
    assert len(net.fingerprint()) == 64
    affine = Input(shape=[4], encoding="affine", offset=1, multiplier=2, shift=3)
    spelled = Input(shape=[4], encoding="affine", offset=[1] * 4, multiplier=[2] * 4, shift=[3] * 4)
    dense = [Dense(units=2)]
    assert small(input=affine, layers=dense).fingerprint() == small(input=spelled, layers=dense).fingerprint()


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": ["b", "a"]},
        {"bits": Bits(errors=9)},
        {"input": Input(shape=[6, 5, 2], encoding="centered")},
        {"input": Input(shape=[6, 6, 2], encoding="unit")},
        {"layers": [Conv2d(filters=3, kernel=3, frozen=True), MaxPool(window=2), Dense(units=2)]},
        {"layers": [Conv2d(filters=3, kernel=3, relu=False), MaxPool(window=2), Dense(units=2)]},
        {"layers": [Conv2d(filters=3, kernel=3, stride=2), MaxPool(window=2), Dense(units=2)]},
        {"layers": [Conv2d(filters=3, kernel=3, padding=1), MaxPool(window=2), Dense(units=2)]},
        {"layers": [Conv2d(filters=3, kernel=3), MaxPool(window=(2, 1)), Dense(units=2)]},
        {"layers": [Conv2d(filters=3, kernel=3), Dense(units=2)]},
        {"layers": [Conv2d(filters=4, kernel=3), MaxPool(window=2), Dense(units=2)]},
    ],
)
def test_fingerprint_sees_what_changes_bits(changes: dict[str, Any]) -> None:
    assert small(**changes).fingerprint() != small().fingerprint()


def test_fingerprint_is_stable() -> None:
    """Firmware in the field carries it: change it only with the format's number."""
    assert small().fingerprint() == "eb15e3d949f23fc5495c1c08e5b101a1bab786c55b26daa3fd05bee4c61fbf7e"


@pytest.mark.parametrize(
    ("layer", "shape", "product", "pads"),
    [
        (Conv2d(filters=4, kernel=3), [8, 7, 1], (6, 5, 4), (0, 0, 0, 0)),
        (Conv2d(filters=4, kernel=3, padding="same"), [8, 7, 1], (8, 7, 4), (1, 1, 1, 1)),
        (Conv2d(filters=4, kernel=(2, 4), padding="same"), [8, 7, 1], (8, 7, 4), (0, 1, 1, 2)),
        (Conv2d(filters=4, kernel=3, stride=2, padding="same"), [8, 7, 1], (4, 4, 4), (0, 1, 1, 1)),
        (Conv2d(filters=4, kernel=1, stride=3, padding="same"), [8, 7, 1], (3, 3, 4), (0, 0, 0, 0)),
        (Conv2d(filters=4, kernel=(3, 2), padding=(2, 1)), [8, 7, 1], (10, 8, 4), (2, 1, 2, 1)),
        (Conv2d(filters=4, kernel=3, stride=(2, 3), padding=1), [9, 9, 2], (5, 3, 4), (1, 1, 1, 1)),
        (Conv1d(filters=4, kernel=5, padding="same"), [20, 3], (1, 20, 4), (0, 2, 0, 2)),
        (Conv1d(filters=4, kernel=4, stride=2, padding="same"), [20, 3], (1, 10, 4), (0, 1, 0, 1)),
        (Conv1d(filters=4, kernel=4, stride=3), [20, 3], (1, 6, 4), (0, 0, 0, 0)),
        (Conv1d(filters=4, kernel=4, padding=3), [20, 3], (1, 23, 4), (0, 3, 0, 3)),
    ],
)
def test_shapes_of_convolutions(
    layer: Layer, shape: list[int], product: tuple[int, ...], pads: tuple[int, ...]
) -> None:
    resolved = resolve(shape, [layer, Dense(units=2)])[0]
    assert (resolved.product, resolved.pads) == (product, pads)


def test_pools_drop_what_does_not_fill_a_window() -> None:
    layers = [Conv2d(filters=1, kernel=1), MaxPool(window=(2, 3)), Dense(units=2)]
    assert resolve([7, 8, 1], layers)[0].output == (3, 2, 1)
    signal = [Conv1d(filters=2, kernel=1), MaxPool(window=3), Dense(units=2)]
    assert resolve([8, 1], signal)[0].output == (1, 2, 2)
    assert resolve([8, 1], signal)[0].window == (1, 3)


def test_relu_is_on_in_hidden_layers_and_off_in_the_last() -> None:
    relu = [
        layer.relu for layer in resolve([4], [Dense(units=3), Dense(units=3, relu=False), Dense(units=2)])
    ]
    assert relu == [True, False, False]
