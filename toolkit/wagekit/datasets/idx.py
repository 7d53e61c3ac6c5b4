"""IDX, the format of MNIST and its relatives, gzipped or not.

Four bytes of magic (0, 0, type, number of dimensions), the dimensions as big-endian uint32, then
the values, big-endian, in C order.
"""

from __future__ import annotations

import re
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wagekit.datasets.dataset import Dataset, numbered
from wagekit.datasets.files_io import map_or_read
from wagekit.datasets.large import joined, native
from wagekit.errors import DataError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_PARTS = (("train", "train"), ("t10k", "test"))


def read_idx(path: str | Path) -> NDArray[Any]:
    """One IDX file as an array in native byte order; a `DataError` names what is wrong with it.

    A large one that is not gzipped is mapped, and the array cannot be written to.
    """
    path = Path(path)
    content = map_or_read(path)
    if len(content) < 4:
        raise DataError(f"{path}: truncated: an IDX header needs 4 bytes of magic, found {len(content)}")
    zero, code, rank = content[:2], content[2], content[3]
    if zero != b"\0\0" or code not in _TYPES or rank == 0:
        raise DataError(
            f"{path}: magic {bytes(content[:4]).hex(' ')} is not IDX; expected 00 00, a type of "
            f"{', '.join(f'{t:02x}' for t in _TYPES)}, and the number of dimensions"
        )
    head = 4 + 4 * rank
    if len(content) < head:
        raise DataError(
            f"{path}: truncated: {rank} dimensions need {head} bytes of header, found {len(content)}"
        )
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", rank, 4))
    dtype = np.dtype(_TYPES[code])
    expected = head + prod(shape) * dtype.itemsize
    if len(content) != expected:
        fault = "truncated" if len(content) < expected else "too long"
        raise DataError(
            f"{path}: {fault}: {'x'.join(map(str, shape))} values of {dtype.itemsize} bytes need "
            f"{expected} bytes, found {len(content)}"
        )
    return native(np.frombuffer(content, dtype, offset=head).reshape(shape))


def read_idx_pair(images: str | Path, labels: str | Path, *, name: str | None = None) -> Dataset:
    """Samples and labels from two IDX files; images `[n, h, w]` become `[n, h, w, 1]`."""
    images, labels = Path(images), Path(labels)
    x, y = read_idx(images), read_idx(labels)
    if y.ndim != 1 or y.dtype.kind not in "iu":
        raise DataError(f"{labels}: labels need 1 dimension of integers, found {y.ndim} of {y.dtype}")
    if len(x) != len(y):
        raise DataError(
            f"{labels}: counts differ: {len(x)} samples in {images.name} need {8 + len(x)} bytes of labels, "
            f"found {8 + len(y)} ({len(y)} labels)"
        )
    if x.ndim == 3:
        x = x[..., np.newaxis]
    return Dataset(name or images.stem, x, y.astype(np.int64), numbered(y, str(labels)))


def read_idx_folder(folder: str | Path) -> Dataset:
    """A folder laid out like MNIST: `train-images..`, `train-labels..` and, if there, `t10k-..`."""
    folder = Path(folder)
    parts: dict[str, Dataset] = {}
    for prefix, part in _PARTS:
        images, labels = _find(folder, f"{prefix}-images"), _find(folder, f"{prefix}-labels")
        if images and labels:
            parts[part] = read_idx_pair(images, labels, name=f"{folder.name}/{part}")
        elif images or labels:
            there, missing = ("images", "labels") if images else ("labels", "images")
            raise DataError(f"{folder}: has {prefix}-{there} but no {prefix}-{missing}")
    if "train" not in parts:
        raise DataError(
            f"{folder}: no train-images and train-labels in it",
            hint="a data folder holds train-images-idx3-ubyte and train-labels-idx1-ubyte, gzipped or not",
        )
    train, test = parts["train"], parts.get("test")
    if test is None:
        return Dataset(folder.name, train.x, train.labels, train.classes)
    if train.sample_shape != test.sample_shape:
        raise DataError(
            f"{folder}: training samples have shape {list(train.sample_shape)}, "
            f"test samples {list(test.sample_shape)}"
        )
    classes = max(train.classes, test.classes, key=len)
    x = joined(train.x, test.x)
    return Dataset(folder.name, x, np.concatenate([train.labels, test.labels]), classes, len(test))


def labels_beside(images: Path) -> Path | None:
    """The label file that belongs to an image file by its name, if it is there."""
    name = re.sub(r"idx\d", "idx1", images.name.replace("images", "labels"))
    beside = images.with_name(name)
    return beside if beside != images and beside.exists() else None


def _find(folder: Path, stem: str) -> Path | None:
    """The file whose name begins with `stem`; the unpacked one where both are there."""
    return min(folder.glob(f"{stem}*"), key=lambda p: (p.suffix == ".gz", p.name), default=None)
