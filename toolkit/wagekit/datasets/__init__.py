"""Labelled samples: a small real data set that ships, and readers for IDX, CSV and NPZ.

`open_dataset` takes what a user types; `Dataset.split` makes the fixed train and test parts.
"""

from __future__ import annotations

from wagekit.datasets.csvfile import read_csv
from wagekit.datasets.csvstream import CsvStream
from wagekit.datasets.dataset import Dataset
from wagekit.datasets.digits import load_digits
from wagekit.datasets.idx import read_idx, read_idx_folder, read_idx_pair
from wagekit.datasets.npz import read_npz
from wagekit.datasets.opening import open_dataset
from wagekit.datasets.order import permutation

__all__ = [
    "CsvStream",
    "Dataset",
    "load_digits",
    "open_dataset",
    "permutation",
    "read_csv",
    "read_idx",
    "read_idx_folder",
    "read_idx_pair",
    "read_npz",
]
