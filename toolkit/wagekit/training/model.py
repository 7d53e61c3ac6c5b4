"""Model files: a learned network with all that is needed to use it and to go on.

A model is a safetensors file. Its tensors are the masters (`layer0`, `layer1`, ..; int8 or int16
in OHWI or `[out, in]` order); its metadata has one key, `wagekit`, with JSON: format, version,
network (as TOML), fingerprint, step, seed, digest over step and masters, and the training it was
made by. The same model is the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from wagekit.errors import DataError, NetworkError
from wagekit.executors.base import IntArray, state_digest
from wagekit.executors.checks import check_masters, check_uint32
from wagekit.files import write_whole
from wagekit.passes import compile_graph
from wagekit.spec import Network
from wagekit.version import __version__

MODEL_FORMAT = 1
_KEY = "wagekit"
_DTYPES = (np.int8, np.int16)


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A network with its learned state."""

    network: Network
    masters: Sequence[IntArray]
    step: int
    seed: int
    """Seed of the update's random numbers."""
    training: dict[str, Any] = field(default_factory=dict)
    """Plan and data set of the training that made it; empty if there was none."""
    version: str = __version__
    """Version of wagekit that wrote it."""

    def digest(self) -> str:
        """`state_digest` of step and masters."""
        return state_digest(self.step, self.masters)


def save_model(path: str | Path, model: Model) -> None:
    """Write a model file; an interrupted write leaves the file that was there before."""
    tensors = {f"layer{i}": np.ascontiguousarray(array) for i, array in enumerate(model.masters)}
    about = {
        "format": MODEL_FORMAT,
        "version": model.version,
        "network": model.network.to_toml(),
        "fingerprint": model.network.fingerprint(),
        "step": model.step,
        "seed": model.seed,
        "digest": model.digest(),
        "training": model.training,
    }
    write_whole(Path(path), save(tensors, {_KEY: json.dumps(about, sort_keys=True)}))


def load_model(path: str | Path, *, network: Network | None = None) -> Model:
    """Read a model file and check everything in it.

    Refused with one line: a file that is no model or is damaged, a newer format, a network that
    is not `network` (if given), shapes and values that do not fit, a digest that differs.
    """
    path = Path(path)
    tensors, about = _read(path)
    if about.get("format") != MODEL_FORMAT:
        raise DataError(
            f"{path}: model format {about.get('format')!r}; wagekit {__version__} reads {MODEL_FORMAT}",
            hint=f"it was written by wagekit {about.get('version', 'unknown')}",
        )
    try:
        net = Network.from_toml(about["network"], f"{path}: network")
        step, seed = check_uint32(about["step"], "step"), check_uint32(about["seed"], "seed")
        fingerprint, digest = str(about["fingerprint"]), str(about["digest"])
        training, version = dict(about["training"]), str(about["version"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: its metadata lacks or garbles {error}") from error
    except NetworkError as error:
        raise DataError(error.message.splitlines()[0], hint=error.hint) from error
    found = net.fingerprint()
    if found != fingerprint:
        raise DataError(
            f"{path}: damaged: its network has fingerprint {_short(found)}, not {_short(fingerprint)}"
        )
    if network is not None and network.fingerprint() != fingerprint:
        raise DataError(
            f"{path}: holds network '{net.name}' ({_short(fingerprint)}), "
            f"not '{network.name}' ({_short(network.fingerprint())})",
            hint="input, layers, bits, classes and encoding must be the same",
        )
    masters = _masters(path, net, tensors)
    model = Model(net, masters, step, seed, training, version)
    if model.digest() != digest:
        raise DataError(
            f"{path}: damaged: the weights have digest {_short(model.digest())}, not {_short(digest)}"
        )
    return model


def _read(path: Path) -> tuple[dict[str, IntArray], dict[str, Any]]:
    """Tensors and metadata, straight from the bytes."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        tensors = load(content)
        size = int.from_bytes(content[:8], "little")
        about = json.loads(json.loads(content[8 : 8 + size])["__metadata__"][_KEY])
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: not a wagekit model, or damaged", hint="`wagekit train` writes model files"
        ) from error
    if not isinstance(about, dict):
        raise DataError(f"{path}: not a wagekit model: its metadata is no object")
    for name, array in tensors.items():
        if array.dtype not in _DTYPES:
            raise DataError(f"{path}: tensor {name} is {array.dtype}, not int8 or int16")
    return tensors, about


def _masters(path: Path, net: Network, tensors: dict[str, IntArray]) -> list[IntArray]:
    graph = compile_graph(net, training=False)
    wanted = [f"layer{i}" for i in range(len(graph.layers))]
    if sorted(tensors) != sorted(wanted):
        raise DataError(
            f"{path}: has tensors {', '.join(sorted(tensors)) or 'none'}, not {', '.join(wanted)}"
        )
    try:
        return check_masters(graph, [tensors[name] for name in wanted])
    except DataError as error:
        raise DataError(f"{path}: {error.message}", hint=error.hint) from error


def _short(digest: str) -> str:
    return digest[:12]
