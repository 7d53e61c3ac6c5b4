"""NumPy archives, without pickle."""

from __future__ import annotations

import struct
import zipfile
import zlib
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from wagekit.datasets.dataset import Dataset, numbered
from wagekit.datasets.large import LARGE, joined, map_array
from wagekit.errors import DataError

_SAMPLES = ("x", "images", "data", "x_train")
_LOCAL = struct.Struct("<26xHH")
"""Head of a member: at its end the lengths of its name and of what stands behind that."""
_ENCRYPTED = 1
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_LABELS = ("labels", "y", "targets", "target", "y_train")


def read_npz(path: str | Path) -> Dataset:
    """An archive with `x` and `labels` (or the Keras names `x_train`, `y_train`, `x_test`, `y_test`).

    An array `classes` of strings names the classes. Large arrays that are not compressed (`numpy.savez`)
    are mapped.
    """
    path = Path(path)
    arrays = _arrays(path)
    x, labels = _pick(arrays, _SAMPLES, path), _pick(arrays, _LABELS, path)
    test_count = 0
    if "x_test" in arrays and "y_test" in arrays:
        test_count = len(arrays["x_test"])
        if arrays["x_test"].shape[1:] != x.shape[1:]:
            raise DataError(
                f"{path}: x_test has samples of {list(arrays['x_test'].shape[1:])}, "
                f"training has {list(x.shape[1:])}"
            )
        x = joined(x, arrays["x_test"])
        labels = np.concatenate([labels.ravel(), arrays["y_test"].ravel()])
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels.ravel()
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(f"{path}: labels of type {labels.dtype} and shape {list(labels.shape)}")
    names = arrays.get("classes")
    classes = numbered(labels, str(path)) if names is None else tuple(str(name) for name in names)
    return Dataset(path.stem, x, labels.astype(np.int64), classes, test_count)


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise DataError(f"{path}: one array, not an archive", hint="use numpy.savez(x=.., labels=..)")
        with archive:
            stored = _stored(path)
            return {name: stored[name] if name in stored else archive[name] for name in archive.files}
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, AttributeError) as error:
        raise DataError(f"{path}: not a readable NumPy archive: {str(error).splitlines()[0]}") from error


def _stored(path: Path) -> dict[str, NDArray[Any]]:
    """The large arrays of an archive that are not compressed, mapped."""
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        found = {
            info.filename.removesuffix(".npy"): _mapped(path, file, info)
            for info in archive.infolist()
            if info.file_size >= LARGE and info.compress_type == zipfile.ZIP_STORED
        }
    return {name: array for name, array in found.items() if array is not None}


def _mapped(path: Path, file: IO[bytes], member: zipfile.ZipInfo) -> NDArray[Any] | None:
    """An array where it lies in the archive; None where it does not lie in C order, or not plainly."""
    file.seek(member.header_offset)
    local = file.read(_LOCAL.size)
    if len(local) < _LOCAL.size or member.flag_bits & _ENCRYPTED:
        return None
    *_, name, extra = _LOCAL.unpack(local)
    start = file.seek(member.header_offset + _LOCAL.size + name + extra)
    read = _HEADERS.get(np.lib.format.read_magic(file))
    if read is None:
        return None
    shape, fortran, dtype = read(file)
    if fortran or dtype.hasobject or file.tell() - start + prod(shape) * dtype.itemsize != member.file_size:
        return None
    return map_array(path, dtype, shape, file.tell())


def _pick(arrays: dict[str, NDArray[Any]], names: tuple[str, ...], path: Path) -> NDArray[Any]:
    for name in names:
        if name in arrays:
            return arrays[name]
    raise DataError(
        f"{path}: none of {', '.join(names)} in it; it has {', '.join(sorted(arrays)) or 'nothing'}"
    )
