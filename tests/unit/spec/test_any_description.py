"""Whatever stands in a description: a network or a NetworkError, nothing else."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from wagekit import Network
from wagekit.errors import NetworkError, WagekitError
from wagekit.passes import compile_graph

IMAGE: dict[str, Any] = {
    "format": 1,
    "name": "net",
    "seed": 1,
    "loss": "sse",
    "classes": ["a", "b", "c"],
    "input": {"shape": [8, 8, 2], "encoding": "affine", "offset": [1, 2], "multiplier": 3, "shift": 4},
    "bits": {"weights": 2, "activations": 8, "gradients": 8, "errors": 8},
    "layers": [
        {"type": "conv2d", "filters": 4, "kernel": [3, 2], "stride": 1, "padding": "same", "relu": False},
        {"type": "max_pool", "window": 2},
        {"type": "dense", "units": 3, "frozen": True},
        {"type": "dense", "units": 3},
    ],
}
SIGNAL = IMAGE | {
    "input": {"shape": [9, 2], "encoding": "unit"},
    "layers": [
        {"type": "conv1d", "filters": 4, "kernel": 3, "stride": 2, "padding": 1},
        {"type": "max_pool", "window": 2},
        {"type": "dense", "units": 3},
    ],
}

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 20)
    | st.sampled_from([2**31, -(2**31), 2**32, 2**64, 10**30, 255, 256, 65535, 65536])
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["same", "valid", "conv2d", "conv1d", "dense", "max_pool", "flatten", "real", "unit"])
    | st.dates()
)
junk = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["type", "units", "kernel", "shape", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [path, *(place for key, item in inner for place in _places(item, (*path, key)))]


def _change(data: Any, place: tuple[Any, ...], value: Any, remove: bool) -> None:
    for key in place[:-1]:
        data = data[key]
    if remove:
        del data[place[-1]]
    else:
        data[place[-1]] = value


@settings(max_examples=300)
@given(st.sampled_from([IMAGE, SIGNAL]), st.data())
def test_changed_descriptions(start: dict[str, Any], data: st.DataObject) -> None:
    changed = copy.deepcopy(start)
    for _ in range(data.draw(st.integers(1, 3))):
        places = [place for place in _places(changed) if place]
        if not places:
            break
        place = data.draw(st.sampled_from(places))
        _change(changed, place, data.draw(junk), data.draw(st.booleans()))
    _network_or_error(changed)


@given(st.dictionaries(st.sampled_from(list(IMAGE)), junk))
def test_junk(data: dict[str, Any]) -> None:
    _network_or_error(data)


@given(st.text())
def test_any_text(text: str) -> None:
    try:
        Network.from_toml(text)
    except NetworkError as error:
        assert error.message.startswith("network.toml: ")


def _network_or_error(data: dict[str, Any]) -> None:
    try:
        net = Network.from_dict(data, "here")
    except NetworkError as error:
        for line in error.message.split("\n"):
            assert line.startswith("here: ")
            assert line.isprintable()
        return
    assert Network.from_toml(net.to_toml()) == net
    try:
        compile_graph(net, 2)
    except WagekitError as error:
        assert error.message.isprintable()
