"""Model files that are wrong are refused with one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from wagekit import Dense, Input, Network
from wagekit.errors import DataError
from wagekit.files import write_whole
from wagekit.training import Model, load_model, save_model

NET = Network(
    name="n",
    classes=["a", "b"],
    input=Input(shape=(4,), encoding="centered"),
    layers=[Dense(units=3), Dense(units=2)],
)
MASTERS = [np.zeros((3, 4), np.int8), np.full((2, 3), 32, np.int8)]


def about(**changes: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "version": "0.1.0",
        "network": NET.to_toml(),
        "fingerprint": NET.fingerprint(),
        "step": 3,
        "seed": 0,
        "digest": Model(NET, MASTERS, 3, 0).digest(),
        "training": {},
    } | changes


def tensors(*masters: np.ndarray) -> dict[str, np.ndarray]:
    return {f"layer{i}": array for i, array in enumerate(masters)}


def whole(arrays: dict[str, np.ndarray] | None = None, **changes: Any) -> bytes:
    return save(arrays or tensors(*MASTERS), {"wagekit": json.dumps(about(**changes))})


def without(key: str) -> bytes:
    values = about()
    del values[key]
    return save(tensors(*MASTERS), {"wagekit": json.dumps(values)})


def flipped() -> bytes:
    content = bytearray(whole())
    content[-1] ^= 32
    return bytes(content)


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "no model": (lambda: b"hello", "not a wagekit model, or damaged"),
    "empty": (lambda: b"", "not a wagekit model, or damaged"),
    "cut": (lambda: whole()[:-3], "not a wagekit model, or damaged"),
    "cut header": (lambda: whole()[:40], "not a wagekit model, or damaged"),
    "no metadata": (lambda: save(tensors(*MASTERS)), "not a wagekit model, or damaged"),
    "metadata no object": (lambda: save(tensors(*MASTERS), {"wagekit": "[]"}), "its metadata is no object"),
    "newer format": (lambda: whole(format=2), "model format 2; wagekit .* reads 1"),
    "missing step": (lambda: without("step"), "lacks or garbles 'step'"),
    "missing network": (lambda: without("network"), "lacks or garbles 'network'"),
    "bad network": (lambda: whole(network="format = 1\nname = 5"), "name = 5"),
    "other network": (lambda: whole(fingerprint="0" * 64), "damaged: its network has fingerprint"),
    "bit flipped": (flipped, "damaged: the weights have digest"),
    "other step": (lambda: whole(step=4), "damaged: the weights have digest"),
    "shape": (
        lambda: whole(tensors(MASTERS[0], MASTERS[0])),
        r"layer dense1 have the shape \[3, 4\], not \[2, 3\]",
    ),
    "layers": (lambda: whole(tensors(MASTERS[0])), "has tensors layer0, not layer0, layer1"),
    "range": (lambda: whole(tensors(MASTERS[0] + 65, MASTERS[1])), r"65 is outside -64\.\.64"),
    "type": (lambda: whole(tensors(MASTERS[0].astype(np.int32), MASTERS[1])), "layer0 is int32"),
    "float": (lambda: whole(tensors(MASTERS[0].astype(np.float32), MASTERS[1])), "layer0 is float32"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_model(tmp_path: Path, case: str) -> None:
    make, text = BAD[case]
    path = tmp_path / "m.safetensors"
    path.write_bytes(make())
    with pytest.raises(DataError, match=text) as caught:
        load_model(path)
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message


def test_good_model_and_wrong_network(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(whole())
    assert load_model(path).step == 3
    assert load_model(path, network=NET.replace(name="renamed", seed=4)).step == 3
    other = NET.replace(name="other", layers=[Dense(units=4), Dense(units=2)])
    with pytest.raises(DataError, match=r"holds network 'n' .* not 'other'"):
        load_model(path, network=other)
    with pytest.raises(DataError, match="cannot be read"):
        load_model(tmp_path / "absent")


def test_write_is_atomic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, Model(NET, MASTERS, 3, 0))
    before = path.read_bytes()

    def broken(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", broken)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, b"half")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_unwritable_place(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        save_model(tmp_path / "no" / "m.safetensors", Model(NET, MASTERS, 3, 0))
