"""The data set that ships, splits and orders."""

from __future__ import annotations

import numpy as np
import pytest

from wagekit.datasets import Dataset, load_digits, open_dataset, permutation
from wagekit.errors import DataError, UsageError
from wagekit.resources import dataset_files


def test_digits_are_the_1797_of_uci() -> None:
    digits = load_digits()
    assert digits.x.shape == (1797, 8, 8, 1)
    assert digits.x.dtype == np.uint8
    assert (int(digits.x.min()), int(digits.x.max())) == (0, 16)
    assert np.bincount(digits.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert digits.classes == tuple("0123456789")
    assert digits.fingerprint() == "37d1610da92ad92a78def3c678fbe623977e7199b2facaf377b5d7a01f247022"


def test_digits_equal_the_source() -> None:
    sklearn = pytest.importorskip("sklearn.datasets", reason="scikit-learn holds the source of the digits")
    source = sklearn.load_digits()
    digits = load_digits()
    assert np.array_equal(digits.x[..., 0], source.images)
    assert np.array_equal(digits.labels, source.target)


def test_notice_ships() -> None:
    notice = (dataset_files() / "digits.NOTICE.txt").read_text(encoding="utf-8")
    for word in ("Alpaydin", "Kaynak", "UCI", "CC BY 4.0", "creativecommons.org/licenses/by/4.0"):
        assert word in notice


def test_split_is_fixed() -> None:
    train, test = load_digits().split()
    assert (len(train), len(test)) == (1438, 359)
    assert (train.name, test.name) == ("digits/train", "digits/test")
    assert np.array_equal(np.bincount(test.labels), [36, 36, 35, 37, 36, 36, 36, 36, 35, 36])
    assert test.labels[:12].tolist() == [5, 9, 7, 0, 2, 7, 6, 3, 7, 3, 9, 0]
    again, _ = load_digits().split()
    assert again.fingerprint() == train.fingerprint()
    other, _ = load_digits().split(seed=1)
    assert other.fingerprint() != train.fingerprint()


@pytest.mark.parametrize("stratified", [True, False])
def test_split_parts_are_disjoint_and_whole(stratified: bool) -> None:
    x = np.arange(101)[:, np.newaxis]
    data = Dataset("d", x, (np.arange(101) % 3).astype(np.int64), ("a", "b", "c"))
    train, test = data.split(seed=7, test_fraction=0.3, stratified=stratified)
    assert sorted([*train.x.ravel(), *test.x.ravel()]) == list(range(101))
    assert len(test) == 30


def test_split_keeps_the_authors_test_part() -> None:
    data = Dataset("d", np.arange(10)[:, np.newaxis], np.zeros(10, np.int64), ("a",), test_count=3)
    train, test = data.split(seed=5, test_fraction=0.9)
    assert test.x.ravel().tolist() == [7, 8, 9]
    assert len(train) == 7


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5, 0.001])
def test_split_refuses_empty_parts(fraction: float) -> None:
    data = Dataset("d", np.zeros((10, 1)), np.zeros(10, np.int64), ("a",))
    with pytest.raises(UsageError, match="test fraction"):
        data.split(test_fraction=fraction)


def test_permutation_never_changes() -> None:
    assert permutation(10, 1, 2).tolist() == [4, 1, 2, 8, 3, 0, 5, 7, 6, 9]
    assert sorted(permutation(5000, 3).tolist()) == list(range(5000))
    assert permutation(0, 1).tolist() == []


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ([0, 1, 3], "label 3 of sample 2 is not in 0..2"),
        ([0, -1, 2], "label -1 of sample 1 is not in 0..2"),
        ([0, 1], "3 samples but 2 labels"),
        ([0.0, 1.0, 2.0], "labels of type float64"),
    ],
)
def test_labels_are_checked(labels: list[int], text: str) -> None:
    with pytest.raises(DataError, match=text):
        Dataset("d", np.zeros((3, 2)), np.array(labels), ("a", "b", "c"))


def test_samples_are_checked() -> None:
    with pytest.raises(DataError, match="no samples"):
        Dataset("d", np.zeros((0, 2)), np.zeros(0, np.int64), ("a",))
    with pytest.raises(DataError, match="numbers are needed"):
        Dataset("d", np.array([["x"]]), np.zeros(1, np.int64), ("a",))


def test_open_dataset_names_what_is_known() -> None:
    assert open_dataset("digits").name == "digits"
    with pytest.raises(DataError, match="neither a name that ships") as caught:
        open_dataset("no-such-thing")
    assert caught.value.hint
