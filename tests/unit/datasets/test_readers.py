"""IDX, CSV and NPZ: what is read, and what is said of files that are wrong."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from wagekit.datasets import open_dataset, read_csv, read_idx, read_idx_folder, read_npz
from wagekit.errors import DataError

X = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
Y = np.array([1, 0], np.uint8)


def idx(array: np.ndarray, code: int = 0x08) -> bytes:
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def mnist_like(folder: Path, suffix: str = "", parts: tuple[str, ...] = ("train", "t10k")) -> Path:
    for part in parts:
        for name, array in (("images-idx3", X), ("labels-idx1", Y)):
            content = idx(array)
            path = folder / f"{part}-{name}-ubyte{suffix}"
            path.write_bytes(gzip.compress(content) if suffix else content)
    return folder


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_folder_like_mnist(tmp_path: Path, suffix: str) -> None:
    data = open_dataset(mnist_like(tmp_path, suffix))
    assert data.x.shape == (4, 3, 4, 1)
    assert data.test_count == 2
    assert np.array_equal(data.x[2:, ..., 0], X)
    assert data.labels.tolist() == [1, 0, 1, 0]
    train, test = data.split()
    assert (len(train), len(test)) == (2, 2)


def test_folder_without_test_part_and_single_file(tmp_path: Path) -> None:
    mnist_like(tmp_path, parts=("train",))
    assert open_dataset(tmp_path).test_count == 0
    assert len(open_dataset(tmp_path / "train-images-idx3-ubyte")) == 2


@pytest.mark.parametrize(
    ("code", "dtype"), [(0x09, "i1"), (0x0B, "i2"), (0x0C, "i4"), (0x0D, "f4"), (0x0E, "f8")]
)
def test_all_types(tmp_path: Path, code: int, dtype: str) -> None:
    array = np.array([[-3, 2], [100, -101]], dtype)
    path = tmp_path / "a-idx"
    path.write_bytes(idx(array, code))
    read = read_idx(path)
    assert read.dtype == np.dtype(dtype)
    assert np.array_equal(read, array)


BAD_IDX = {
    "cut magic": (b"\0\0\x08", "truncated.*4 bytes of magic, found 3"),
    "wrong magic": (b"PNG\r" + bytes(40), "magic 50 4e 47 0d is not IDX"),
    "wrong type": (b"\0\0\x07\x01" + bytes(8), "magic 00 00 07 01 is not IDX"),
    "no dimension": (b"\0\0\x08\x00", "not IDX"),
    "cut header": (idx(X)[:10], "3 dimensions need 16 bytes of header, found 10"),
    "truncated": (idx(X)[:-5], "truncated: 2x3x4 values of 1 bytes need 40 bytes, found 35"),
    "too long": (idx(X) + b"abc", "too long: .* need 40 bytes, found 43"),
    "huge": (struct.pack(">BBBB3I", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1) + b"x", "truncated"),
    "cut gzip": (gzip.compress(idx(X))[:-9], "gzip stream is cut or damaged"),
    "bad gzip": (b"\x1f\x8b" + bytes(30), "gzip stream is cut or damaged"),
}


@pytest.mark.parametrize("case", BAD_IDX)
def test_bad_idx(tmp_path: Path, case: str) -> None:
    content, text = BAD_IDX[case]
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(DataError, match=text) as caught:
        read_idx(path)
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message


def test_counts_that_differ(tmp_path: Path) -> None:
    mnist_like(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.array([1, 0, 1], np.uint8)))
    with pytest.raises(DataError, match=r"2 samples in train-images-idx3-ubyte need 10 bytes.*found 11"):
        read_idx_folder(tmp_path)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no train-images and train-labels"):
        read_idx_folder(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(X))
    with pytest.raises(DataError, match="has train-images but no train-labels"):
        read_idx_folder(tmp_path)
    with pytest.raises(DataError, match="no label file beside it"):
        open_dataset(tmp_path / "train-images-idx3-ubyte")
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path / "absent")


CSV_GOOD = {
    "no header, last column": ("1,2,0\n3,4,1\n", {}, [[1, 2], [3, 4]], [0, 1]),
    "header, named": ("label,a,b\n0,1,2\n1,3,4\n", {}, [[1, 2], [3, 4]], [0, 1]),
    "by name": ("a,kind,b\n1,0,2\n3,1,4\n", {"label": "kind"}, [[1, 2], [3, 4]], [0, 1]),
    "by index": ("0,1,2\n1,3,4\n", {"label": 0}, [[1, 2], [3, 4]], [0, 1]),
    "by negative index": ("1,0,2\n3,1,4\n", {"label": -2}, [[1, 2], [3, 4]], [0, 1]),
    "class names": ("1,2,cat\n3,4,ant\n", {}, [[1, 2], [3, 4]], [1, 0]),
    "given names": ("1,2,cat\n3,4,ant\n", {"classes": ["cat", "ant"]}, [[1, 2], [3, 4]], [0, 1]),
    "numbers and names": ("1,2,1\n3,4,0\n", {"classes": ["cat", "ant"]}, [[1, 2], [3, 4]], [1, 0]),
    "floats": ("0.5,-2,0\n3,4,1\n", {}, [[0.5, -2], [3, 4]], [0, 1]),
    "semicolons, blank line, BOM": ("\ufeff1;2;0\n\n3;4;1\n", {}, [[1, 2], [3, 4]], [0, 1]),
    "header of numbers": ("0,1,2\n1,2,0\n3,4,1\n", {"header": True}, [[1, 2], [3, 4]], [0, 1]),
}


@pytest.mark.parametrize("case", CSV_GOOD)
def test_csv(tmp_path: Path, case: str) -> None:
    text, options, x, labels = CSV_GOOD[case]
    path = tmp_path / "data.csv"
    path.write_text(text, encoding="utf-8")
    data = read_csv(path, **options)  # type: ignore[arg-type]
    assert data.x.tolist() == x
    assert data.labels.tolist() == labels
    assert data.x.dtype.kind == ("f" if case == "floats" else "i")


CSV_BAD = {
    "cell": ("a,b,label\n1,2,0\n3,oops,1\n", {}, r"line 3, column 2 \('b'\): 'oops' is not a number"),
    "cell, no header": ("1,2,0\n3,,1\n", {}, "line 2, column 2: '' is not a number"),
    "not finite": ("1,2,0\nnan,3,1\n", {}, "line 2, column 1: 'nan' is not a number"),
    "width": ("1,2,0\n3,1\n", {}, "line 2 has 2 columns, line 1 has 3"),
    "column name": ("a,b\n1,0\n", {"label": "kind"}, "no column 'kind'; the columns are: a, b"),
    "column index": ("1,0\n2,1\n", {"label": 2}, r"label column 2 is not in -2\.\.1"),
    "class name": (
        "1,cat\n2,cow\n",
        {"classes": ["cat", "ant"]},
        "line 2: label 'cow' is not one of cat, ant",
    ),
    "label range": ("1,0\n2,5\n", {"classes": ["cat", "ant"]}, r"label 5 of sample 1 is not in 0\.\.1"),
    "negative label": ("1,0\n2,-5\n", {}, r"label -5 of sample 1 is not in 0"),
    "empty": ("\n", {}, "no samples"),
    "only a header": ("a,label\n", {}, "a header but no samples"),
    "one column": ("1\n2\n", {}, "a sample and a label need two"),
}


@pytest.mark.parametrize("case", CSV_BAD)
def test_bad_csv(tmp_path: Path, case: str) -> None:
    text, options, expected = CSV_BAD[case]
    path = tmp_path / "data.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=expected):
        read_csv(path, **options)  # type: ignore[arg-type]


def test_csv_gzipped_and_not_text(tmp_path: Path) -> None:
    path = tmp_path / "data.csv.gz"
    path.write_bytes(gzip.compress(b"1,2,0\n3,4,1\n"))
    assert open_dataset(path).x.tolist() == [[1, 2], [3, 4]]
    path.write_bytes(b"\xff\xfe\xfa,1\n")
    with pytest.raises(DataError, match="byte 0 is not UTF-8"):
        open_dataset(path)


def test_npz(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    np.savez(path, x=X, labels=Y, classes=np.array(["no", "yes"]))
    data = open_dataset(path)
    assert data.classes == ("no", "yes")
    assert np.array_equal(data.x, X)
    np.savez(path, x_train=X, y_train=Y, x_test=X[:1], y_test=Y[:1])
    assert open_dataset(path).test_count == 1


def test_bad_npz(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    np.savez(path, samples=X)
    with pytest.raises(DataError, match="none of x, images, data, x_train in it; it has samples"):
        read_npz(path)
    np.savez(path, x=np.array([{}], dtype=object), labels=Y)
    with pytest.raises(DataError, match="not a readable NumPy archive"):
        read_npz(path)
    np.savez(path, x=X, labels=np.array([0.5, 1.0]))
    with pytest.raises(DataError, match="labels of type float64"):
        read_npz(path)
    path.write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(DataError, match="not a readable NumPy archive"):
        read_npz(path)
    path.write_bytes(b"")
    with pytest.raises(DataError):
        read_npz(path)
    np.save(tmp_path / "d.npy", X)
    (tmp_path / "d.npy").rename(path)
    with pytest.raises(DataError, match="one array, not an archive"):
        read_npz(path)


def test_unknown_kind(tmp_path: Path) -> None:
    path = tmp_path / "picture.bmp"
    path.write_bytes(b"BM")
    with pytest.raises(DataError, match="unknown kind of data file"):
        open_dataset(path)


def test_mnist(mnist: Path) -> None:
    data = open_dataset(mnist)
    assert data.x.shape == (70_000, 28, 28, 1)
    assert data.test_count == 10_000
    assert data.labels[:5].tolist() == [5, 0, 4, 1, 9]
