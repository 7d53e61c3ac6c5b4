"""Arrays that need not fit the memory: files that are mapped, and results in temporary files.

What is smaller than `LARGE` lies in memory as any array. Pages of larger ones are in memory while they are
used, and can be dropped by the system at any time: they have a file behind them.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from wagekit.errors import DataError

LARGE = 64 << 20
"""Bytes from which on an array is kept in a file."""
_BLOCK = 1 << 20
"""Bytes that are worked on at a time; encoding takes some tens of bytes for each."""


def map_bytes(file: IO[bytes]) -> memoryview:
    """The bytes of an open file, which must not become shorter while they are used."""
    return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def map_array(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int) -> NDArray[Any]:
    """An array that lies in a file in C order from byte `offset` on, to be read only."""
    return np.asarray(np.memmap(path, dtype, "r", offset, shape))


def room_for(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """An array to be filled; a large one lies in a temporary file, which goes when the array does.

    `DataError` where the disk has no room for it.
    """
    kind = np.dtype(dtype)
    size = prod(shape) * kind.itemsize
    if size < LARGE:
        return np.empty(shape, kind)
    try:
        with tempfile.TemporaryFile(prefix="wagekit-") as file:
            if hasattr(os, "posix_fallocate"):  # a page without room would end the process
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
            return np.asarray(np.memmap(file, kind, "r+", shape=shape))
    except OSError as error:
        raise DataError(
            f"{tempfile.gettempdir()}: no room for {size:,} bytes of samples: {error.strerror or error}",
            hint="set TMPDIR to a folder on a disk with more room",
        ) from error


def blocks(array: NDArray[Any]) -> Iterator[slice]:
    """Parts of an array along its first axis that are small enough to be copied."""
    count = len(array)
    step = max(1, _BLOCK // max(1, array.nbytes // max(1, count)))
    for at in range(0, count, step):
        yield slice(at, min(at + step, count))


def gather(array: NDArray[Any], indices: NDArray[np.int64]) -> NDArray[Any]:
    """`array[indices]`; of a large array without a copy where the indices follow each other."""
    if array.nbytes < LARGE or not len(indices):
        return array[indices]
    if np.array_equal(indices, np.arange(indices[0], indices[0] + len(indices))):
        return array[indices[0] : indices[-1] + 1]
    result = room_for((len(indices), *array.shape[1:]), array.dtype)
    for part in blocks(result):
        result[part] = array[indices[part]]
    return result


def joined(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Both arrays, one behind the other, along the first axis."""
    if first.nbytes + second.nbytes < LARGE:
        return np.concatenate([first, second])
    dtype = np.result_type(first, second)
    result = room_for((len(first) + len(second), *first.shape[1:]), dtype)
    for at, array in ((0, first), (len(first), second)):
        for part in blocks(array):
            result[at + part.start : at + part.stop] = array[part]
    return result


def native(array: NDArray[Any]) -> NDArray[Any]:
    """The array in the byte order of this machine: a copy, but of a large one that has it already."""
    dtype = array.dtype.newbyteorder("=")
    if array.nbytes < LARGE or dtype == array.dtype:
        return array.astype(dtype, copy=array.nbytes < LARGE)
    result = room_for(array.shape, dtype)
    for part in blocks(array):
        result[part] = array[part]
    return result
