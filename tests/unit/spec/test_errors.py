"""Every mistake in a description: one line with file, key, value and what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from wagekit import Conv2d, Dense, Input, MaxPool, Network
from wagekit.errors import NetworkError

GOOD: dict[str, Any] = {
    "format": 1,
    "name": "net",
    "classes": ["a", "b", "c"],
    "input": {"shape": [8, 8, 2], "encoding": "unit"},
    "layers": [
        {"type": "conv2d", "filters": 4, "kernel": 3},
        {"type": "max_pool", "window": 2},
        {"type": "dense", "units": 3},
    ],
}
IMAGE = {"shape": [8, 8, 2], "encoding": "unit"}
SIGNAL = {"shape": [8, 2], "encoding": "unit"}
FLAT = {"shape": [8], "encoding": "unit"}
CONV = {"type": "conv2d", "filters": 4, "kernel": 3}
CONV1D = {"type": "conv1d", "filters": 4, "kernel": 3}
POOL = {"type": "max_pool", "window": 2}
DENSE = {"type": "dense", "units": 3}


def message(**changes: Any) -> str:
    with pytest.raises(NetworkError) as caught:
        Network.from_dict(GOOD | changes, "net.toml")
    for line in caught.value.message.splitlines():
        assert line.startswith("net.toml: ")
        assert "pydantic" not in line.lower()
        assert len(line) < 200
    return caught.value.message


def test_the_good_one_is_good() -> None:
    Network.from_dict(GOOD)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"name": "3d"}, ['name = "3d"', "letter"]),
        ({"name": 3}, ["name = 3", "not a text"]),
        ({"name": "x" * 80}, ["name = ", "48"]),
        ({"seed": -1}, ["seed = -1", "0..4294967295"]),
        ({"seed": 2**32}, ["seed = 4294967296", "0..4294967295"]),
        ({"seed": 1.5}, ["seed = 1.5", "whole number"]),
        ({"seed": True}, ["seed = true", "whole number"]),
        ({"seed": "1"}, ['seed = "1"', "whole number"]),
        ({"loss": "mse"}, ['loss = "mse"', '"sse"']),
        ({"sed": 1}, ["sed is not a known key", "did you mean seed?"]),
        ({"classes": ["a"]}, ["classes = ['a']", "2 to 65535"]),
        ({"classes": "abc"}, ['classes = "abc"', "list"]),
        ({"classes": ["a", "a", "b"]}, ["classes", '"a"', "twice"]),
        ({"classes": ["a", "", "b"]}, ["classes", '""', "printable"]),
        ({"classes": ["a", 1, "b"]}, ["classes", "1 is not"]),
        ({"classes": ["a", "b\n", "c"]}, ["classes", "\\n", "printable"]),
        ({"classes": ["a", "b"]}, ["layers[2].units = 3", "2 classes"]),
        ({"bits": {"weights": 9}}, ["bits.weights = 9", "2..8"]),
        ({"bits": {"weights": 1}}, ["bits.weights = 1", "2..8"]),
        ({"bits": {"activations": 0}}, ["bits.activations = 0", "2..8"]),
        ({"bits": {"gradients": 17}}, ["bits.gradients = 17", "to 16"]),
        ({"bits": {"errors": 17}}, ["bits.errors = 17", "2..16"]),
        ({"bits": {"errors": "8"}}, ['bits.errors = "8"', "2..16"]),
        ({"bits": {"weights": 8, "gradients": 5}}, ["bits.gradients = 5", "bits.weights = 8", "8..16"]),
        ({"bits": {"weight": 2}}, ["bits.weight is not a known key", "bits", "weights"]),
        ({"bits": 8}, ["bits = 8", "not a table"]),
        ({"input": {"encoding": "unit"}}, ["input.shape is missing", "[features]"]),
        ({"input": {"shape": [8, 8, 2]}}, ["input.encoding is missing", "centered"]),
        ({"input": IMAGE | {"encoding": "raw"}}, ['input.encoding = "raw"', "centered", "affine"]),
        ({"input": IMAGE | {"shape": [8, 0, 2]}}, ["input.shape", "0 is outside 1..65535"]),
        ({"input": IMAGE | {"shape": [8, -8, 2]}}, ["input.shape", "-8"]),
        ({"input": IMAGE | {"shape": 64}}, ["input.shape = 64", "list"]),
        ({"input": IMAGE | {"shape": [1, 2, 3, 4]}}, ["input.shape", "one to three"]),
        ({"input": IMAGE | {"shape": [8.0, 8, 2]}}, ["input.shape", "8.0"]),
        ({"input": IMAGE | {"shape": [60000, 60000, 2]}}, ["input.shape", "more than"]),
        ({"input": IMAGE | {"offset": 3}}, ["input.offset", "affine", "unit"]),
        ({"input": IMAGE | {"encoding": "affine"}}, ["input.offset is missing", "input.shift is missing"]),
        (
            {"input": IMAGE | {"encoding": "affine", "offset": [1, 2, 3], "multiplier": 1, "shift": 0}},
            ["input.offset", "list of 3", "2 channels"],
        ),
        (
            {"input": IMAGE | {"encoding": "affine", "offset": 2**31, "multiplier": 0, "shift": 63}},
            ["input.offset = 2147483648", "input.shift = 63", "0..62"],
        ),
        (
            {"input": IMAGE | {"encoding": "affine", "offset": 0, "multiplier": [1, 0], "shift": 0}},
            ["input.multiplier", "every code would be 0"],
        ),
        ({"input": IMAGE | {"encoding": "affine", "offset": 0.5}}, ["input.offset = 0.5", "whole number"]),
        ({"input": [8, 8, 2]}, ["input = [8, 8, 2]", "not a table"]),
        ({"layers": []}, ["layers", "at least one layer"]),
        ({"layers": 3}, ["layers = 3", "not a list"]),
        ({"layers": ["dense"]}, ['layers[0] = "dense"', "not a table"]),
        ({"layers": [{"units": 3}]}, ["layers[0] has no type", "conv1d"]),
        (
            {"layers": [{"type": "lstm", "units": 3}]},
            ['layers[0].type = "lstm"', "unknown layer", "max_pool"],
        ),
        ({"layers": [{"type": "conv", "units": 3}]}, ['layers[0].type = "conv"', "did you mean conv"]),
        ({"layers": [{"type": "flatten"}, DENSE]}, ["layers[0]", "leave it out"]),
        ({"layers": [{"type": "relu"}, DENSE]}, ["layers[0]", "relu = true"]),
        ({"layers": [{"type": "dense", "units": -3}]}, ["layers[0].units = -3", "1..65535"]),
        ({"layers": [{"type": "dense", "units": 0}]}, ["layers[0].units = 0", "1..65535"]),
        ({"layers": [{"type": "dense"}]}, ["layers[0].units is missing"]),
        ({"layers": [{"type": "dense", "unit": 3}]}, ["layers[0].unit is not", "did you mean units?"]),
        ({"layers": [DENSE | {"relu": "no"}]}, ['layers[0].relu = "no"', "true or false"]),
        ({"layers": [DENSE | {"frozen": 1}]}, ["layers[0].frozen = 1", "true or false"]),
        ({"layers": [CONV | {"filters": -16}, DENSE]}, ["layers[0].filters = -16", "1..65535"]),
        ({"layers": [CONV | {"kernel": 0}, DENSE]}, ["layers[0].kernel = 0", "1..255"]),
        ({"layers": [CONV | {"kernel": [3, -1]}, DENSE]}, ["layers[0].kernel = [3, -1]", "-1 is outside"]),
        ({"layers": [CONV | {"kernel": [3]}, DENSE]}, ["layers[0].kernel = [3]", "two"]),
        ({"layers": [CONV | {"kernel": "3"}, DENSE]}, ['layers[0].kernel = "3"', "whole number"]),
        ({"layers": [CONV | {"stride": 0}, DENSE]}, ["layers[0].stride = 0", "1..255"]),
        ({"layers": [CONV | {"padding": "full"}, DENSE]}, ['layers[0].padding = "full"', "same", "valid"]),
        ({"layers": [CONV | {"padding": -1}, DENSE]}, ["layers[0].padding = -1", "0..254"]),
        ({"layers": [CONV | {"padding": 3}, DENSE]}, ["layers[0].padding = 3", "smaller than the kernel"]),
        (
            {"layers": [CONV | {"kernel": 9}, DENSE]},
            ["layers[0].kernel = 9", "larger than its input", "8 x 8"],
        ),
        (
            {"layers": [CONV | {"kernel": 9, "padding": "same"}, DENSE]},
            ["layers[0].kernel = 9", "larger than its input", "8 x 8"],
        ),
        ({"layers": [CONV, POOL, CONV | {"kernel": [2, 4]}, DENSE]}, ["layers[2].kernel", "2 x 4", "3 x 3"]),
        ({"layers": [CONV | {"dilation": 2}, DENSE]}, ["layers[0].dilation is not a known key"]),
        ({"layers": [POOL, DENSE]}, ["layers[0] (max_pool)", "first"]),
        ({"layers": [CONV, POOL, POOL, DENSE]}, ["layers[2] (max_pool)", "two max_pool in a row"]),
        ({"layers": [DENSE, POOL, DENSE]}, ["layers[1] (max_pool)", "not a dense layer"]),
        ({"layers": [DENSE, POOL]}, ["layers[1] (max_pool)"]),
        ({"layers": [CONV, POOL]}, ["layers[1] (max_pool)", "last"]),
        ({"layers": [CONV]}, ["layers[0] (conv2d)", "last layer must be dense"]),
        ({"layers": [CONV, POOL | {"window": 7}, DENSE]}, ["layers[1].window = 7", "6 x 6"]),
        ({"layers": [CONV, POOL | {"window": 17}, DENSE]}, ["layers[1].window = 17", "256"]),
        ({"layers": [CONV, POOL | {"window": 0}, DENSE]}, ["layers[1].window = 0", "outside"]),
        ({"layers": [DENSE, CONV, DENSE]}, ["layers[1] (conv2d)", "cannot follow a dense"]),
        ({"layers": [DENSE | {"relu": True}]}, ["layers[0].relu = true", "no ReLU"]),
        ({"input": SIGNAL, "layers": [CONV, DENSE]}, ["conv2d needs", "[length, channels]"]),
        ({"input": FLAT, "layers": [CONV, DENSE]}, ["conv2d needs", "[features]"]),
        ({"input": FLAT, "layers": [CONV1D, DENSE]}, ["conv1d needs", "[features]"]),
        ({"layers": [CONV1D, DENSE]}, ["conv1d needs", "[height, width, channels]"]),
        ({"input": SIGNAL, "layers": [CONV1D | {"kernel": 9}, DENSE]}, ["layers[0].kernel = 9", "8 long"]),
        ({"input": SIGNAL, "layers": [CONV1D | {"kernel": [1, 3]}, DENSE]}, ["one number, not a pair"]),
        ({"input": SIGNAL, "layers": [CONV1D | {"padding": [0, 1]}, DENSE]}, ["one number, not a pair"]),
        (
            {"input": SIGNAL, "layers": [CONV1D, POOL | {"window": [1, 2]}, DENSE]},
            ["layers[1].window", "one number"],
        ),
        ({"layers": [CONV, POOL, DENSE | {"units": 4}]}, ["layers[2].units = 4", "3 classes"]),
    ],
)
def test_message(changes: dict[str, Any], parts: list[str]) -> None:
    text = message(**changes)
    for part in parts:
        assert part in text, text


def test_several_mistakes_are_listed_together() -> None:
    text = message(seed=-1, bits={"weights": 9, "errors": 99}, layers=[{"type": "dense", "units": 0}])
    assert len(text.splitlines()) == 4


def test_missing_keys() -> None:
    with pytest.raises(NetworkError) as caught:
        Network.from_dict({"format": 1}, "x")
    lines = caught.value.message.splitlines()
    assert [line.split(" is missing")[0] for line in lines] == [
        "x: name",
        "x: classes",
        "x: input",
        "x: layers",
    ]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("name = ", "not valid TOML"),
        ("format = 1\nformat = 1", "not valid TOML"),
        ('name = "x"', "format is missing"),
        ("format = 2", "format = 2"),
        ('format = "1"', 'format = "1"'),
        ("format = 1", "layers is missing"),
    ],
)
def test_text(text: str, part: str) -> None:
    with pytest.raises(NetworkError) as caught:
        Network.from_toml(text, "my.toml")
    assert caught.value.message.startswith("my.toml: ")
    assert part in caught.value.message


def test_files(tmp_path: Any) -> None:
    with pytest.raises(NetworkError, match="no such file") as caught:
        Network.load(tmp_path / "absent.toml")
    assert "absent.toml" in caught.value.message
    assert "wagekit new" in (caught.value.hint or "")
    with pytest.raises(NetworkError, match="cannot be read"):
        Network.load(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NetworkError, match="UTF-8"):
        Network.load(tmp_path / "binary.toml")


def test_python_says_it_the_same_way() -> None:
    with pytest.raises(
        NetworkError, match=r"Conv2d: filters = -1: too small; allowed: a whole number 1\.\.65535"
    ):
        Conv2d(filters=-1, kernel=3)
    with pytest.raises(NetworkError, match="Input: shape"):
        Input(shape=[0], encoding="unit")
    with pytest.raises(NetworkError, match="MaxPool: windows is not a known key"):
        MaxPool(windows=2)
    with pytest.raises(NetworkError, match=r"Network: layers\[0\]\.units = 5"):
        Network(
            name="x", input=Input(shape=[2], encoding="unit"), classes=["a", "b"], layers=[Dense(units=5)]
        )
