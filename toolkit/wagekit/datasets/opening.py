"""From what a user types to a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wagekit.datasets.csvfile import read_csv
from wagekit.datasets.dataset import Dataset
from wagekit.datasets.digits import load_digits
from wagekit.datasets.idx import labels_beside, read_idx_folder, read_idx_pair
from wagekit.datasets.npz import read_npz
from wagekit.errors import DataError

SHIPPED = ("digits",)


def open_dataset(
    what: str | Path, *, label: str | int | None = None, classes: Sequence[str] | None = None
) -> Dataset:
    """A data set by name (`digits`), by folder (IDX, like MNIST), or by file (IDX, CSV, NPZ).

    `label` and `classes` are for CSV (see `read_csv`). A file or folder wins over a name when
    written as a path: `./digits`.
    """
    if str(what) == "digits":
        return load_digits()
    path = Path(what).expanduser()
    if path.is_dir():
        return read_idx_folder(path)
    if not path.exists():
        raise DataError(
            f"no data set '{what}': neither a name that ships ({', '.join(SHIPPED)}) nor a file or folder",
            hint="give a folder with IDX files, or a .csv, .npz or IDX file",
        )
    suffixes = [suffix for suffix in path.suffixes if suffix != ".gz"]
    kind = suffixes[-1].lower() if suffixes else ""
    if kind in (".csv", ".tsv", ".txt"):
        return read_csv(path, label=label, classes=classes)
    if kind == ".npz":
        return read_npz(path)
    if "idx" in path.name or "ubyte" in path.name:
        beside = labels_beside(path)
        if beside is None:
            raise DataError(f"{path}: no label file beside it", hint="give the folder that holds both")
        return read_idx_pair(path, beside)
    raise DataError(f"{path}: unknown kind of data file", hint="known are IDX, .csv, .tsv and .npz")
