"""NumPy archives, without pickle."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wagekit.datasets.dataset import Dataset, numbered
from wagekit.errors import DataError

_SAMPLES = ("x", "images", "data", "x_train")
_LABELS = ("labels", "y", "targets", "target", "y_train")


def read_npz(path: str | Path) -> Dataset:
    """An archive with `x` and `labels` (or the Keras names `x_train`, `y_train`, `x_test`, `y_test`).

    An array `classes` of strings names the classes.
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
        x = np.concatenate([x, arrays["x_test"]])
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
            return {name: archive[name] for name in archive.files}
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, AttributeError) as error:
        raise DataError(f"{path}: not a readable NumPy archive: {str(error).splitlines()[0]}") from error


def _pick(arrays: dict[str, NDArray[Any]], names: tuple[str, ...], path: Path) -> NDArray[Any]:
    for name in names:
        if name in arrays:
            return arrays[name]
    raise DataError(
        f"{path}: none of {', '.join(names)} in it; it has {', '.join(sorted(arrays)) or 'nothing'}"
    )
