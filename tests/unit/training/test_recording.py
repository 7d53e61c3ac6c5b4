"""Recorded samples: the readers give back the codes that were recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wagekit.datasets import open_dataset
from wagekit.errors import DataError, UsageError
from wagekit.numerics import grid_limit
from wagekit.spec import Bits, Dense, Input, Network
from wagekit.training.data import encode
from wagekit.training.recording import SampleFile

RNG = np.random.default_rng(2)


def network(encoding: str = "centered", bits: int = 8, **affine: Any) -> Network:
    return Network(
        name="seen",
        input=Input(shape=(2, 3, 1), encoding=encoding, **affine),  # type: ignore[arg-type]
        classes=["cat", "dog", "7"],
        layers=[Dense(units=3)],
        bits=Bits(activations=bits),
    )


@pytest.mark.parametrize("kind", ["npz", "csv"])
@pytest.mark.parametrize("bits", [2, 5, 8])
@pytest.mark.parametrize("encoding", ["centered", "unit", "real", "affine"])
def test_codes_come_back(encoding: str, bits: int, kind: str, tmp_path: Path) -> None:
    affine = {"offset": -40, "multiplier": 3, "shift": 5} if encoding == "affine" else {}
    net = network(encoding, bits, **affine)
    limit = grid_limit(bits)
    codes = RNG.integers(0 if encoding == "unit" else -limit, limit + 1, (9, 2, 3, 1)).astype(np.int8)
    labels = [0, 1, 2, 0, 0, 1, 2, 2, 2]
    file = SampleFile(tmp_path / f"seen.{kind}", net)
    for sample, label in zip(codes, labels, strict=True):
        file.add(sample, label)
    file.write()
    data = open_dataset(file.path, classes=list(net.classes))
    assert data.classes == tuple(net.classes)
    assert data.labels.tolist() == labels
    assert encode(net, data).x.tolist() == codes.tolist()

    more = SampleFile(file.path, net, append=True)
    more.add(codes[0], 1)
    more.write()
    data = open_dataset(file.path, classes=list(net.classes))
    assert data.labels.tolist() == [*labels, 1]
    assert encode(net, data).x.tolist() == [*codes.tolist(), codes[0].tolist()]
    assert (more.recorded, more.kept, more.counts()) == (1, 9, [3, 3, 4])


def test_codes_that_the_encoding_does_not_make_are_refused(tmp_path: Path) -> None:
    file = SampleFile(tmp_path / "seen.npz", network("unit"))
    with pytest.raises(DataError, match="encoding unit makes of no raw values"):
        file.add(np.full((2, 3, 1), -1, np.int8), 0)
    coarse = SampleFile(tmp_path / "seen.npz", network("affine", offset=8, multiplier=16, shift=0))
    coarse.add(np.full((2, 3, 1), 48, np.int8), 0)
    with pytest.raises(DataError, match="encoding affine"):
        coarse.add(np.full((2, 3, 1), 5, np.int8), 0)
    assert coarse.recorded == 1


def test_what_is_there_is_not_lost(tmp_path: Path) -> None:
    net = network()
    path = tmp_path / "seen.npz"
    SampleFile(path, net).write()
    assert not path.exists(), "nothing was recorded"
    file = SampleFile(path, net)
    file.add(np.zeros((2, 3, 1), np.int8), 0)
    file.write()
    before = path.read_bytes()
    with pytest.raises(UsageError, match="exists"):
        SampleFile(path, net)
    with pytest.raises(DataError, match="has the classes cat, dog, 7"):
        SampleFile(path, net.replace(classes=["a", "b", "c"]), append=True)
    with pytest.raises(UsageError, match=r"\.npz or \.csv"):
        SampleFile(tmp_path / "seen.txt", net)
    with pytest.raises(DataError, match="its folder"):
        SampleFile(tmp_path / "none" / "seen.npz", net)
    assert path.read_bytes() == before
    assert SampleFile(path, net, replace=True).kept == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["seen.npz"]
