"""The data set that ships: 1,797 handwritten digits of 8x8 pixels, values 0..16.

UCI optdigits by E. Alpaydin and C. Kaynak, CC BY 4.0; `files/digits.NOTICE.txt` has the whole notice.
"""

from __future__ import annotations

import io

import numpy as np

from wagekit.datasets.dataset import Dataset
from wagekit.resources import dataset_files

DIGITS_TEST_FRACTION = 0.2


def load_digits() -> Dataset:
    """All 1,797 digits: `x` uint8 `[1797, 8, 8, 1]` in 0..16, labels 0..9."""
    content = (dataset_files() / "digits.npz").read_bytes()
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        x, labels = archive["x"], archive["labels"].astype(np.int64)
    return Dataset("digits", x, labels, tuple("0123456789"))
