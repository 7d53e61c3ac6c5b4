"""Files that are larger than the memory that may be used, and that what is mapped is what is read."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from wagekit import Dense, Input, Network
from wagekit.datasets import Dataset, files_io, large, npz, open_dataset, read_idx, read_npz
from wagekit.errors import DataError
from wagekit.training.data import encode, prepare

SIDE, COUNT = 512, 768
"""Samples of 256 KB: 192 MB, which is more than the program below may take."""
PROGRAM = """
import resource, sys
import numpy as np
from wagekit import Dense, Input, Network, open_executor
from wagekit.datasets import open_dataset
from wagekit.training import learn_stream
from wagekit.training.data import prepare

picture = Input(shape=[512, 512, 1], encoding="unit")
net = Network(name="large", classes=["a", "b"], input=picture, layers=[Dense(units=2)])
taken = next(int(line.split()[1]) << 10 for line in open("/proc/self/status") if line.startswith("VmData"))
resource.setrlimit(resource.RLIMIT_DATA, (taken + (144 << 20),) * 2)
try:
    np.ones(160 << 20, np.uint8)
    sys.exit("there is no limit")
except MemoryError:
    pass
data = open_dataset(sys.argv[1])
assert data.x.nbytes == 192 << 20, data.x.nbytes
assert data.x[300].max() == 0 and (data.x[-1].ravel()[-3:] == [7, 8, 9]).all()
with open_executor(net, "reference", batch=2) as executor:
    items = ((data.x[at], data.labels[at]) for at in range(6))
    assert len(list(learn_stream(executor, net, items, batch=2))) == 3
data.fingerprint()
train, test = prepare(net, data)
assert len(train) + len(test) == 768
assert train.x.shape[1:] == (512, 512, 1) and train.x.dtype == np.int8
print("peak", max(train.x[-1].max(), test.x[-1].max()))
"""


def sparse_idx(folder: Path) -> Path:
    """Zeros that take no room on the disk, and three values at the end."""
    head = struct.pack(">4B3I", 0, 0, 8, 3, COUNT, SIDE, SIDE)
    with (folder / "train-images-idx3-ubyte").open("wb") as file:
        file.write(head)
        file.seek(len(head) + COUNT * SIDE * SIDE - 3)
        file.write(bytes([7, 8, 9]))
    labels = struct.pack(">4BI", 0, 0, 8, 1, COUNT) + bytes(i % 2 for i in range(COUNT))
    (folder / "train-labels-idx1-ubyte").write_bytes(labels)
    return folder


def stored_npz(folder: Path) -> Path:
    """The same in an archive that is not compressed."""
    x = np.zeros((COUNT, SIDE, SIDE), np.uint8)
    x[-1].ravel()[-3:] = [7, 8, 9]
    np.savez(folder / "large.npz", x=x, labels=np.arange(COUNT) % 2)
    return folder / "large.npz"


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory is limited and measured as on Linux"
)
@pytest.mark.parametrize("make", [sparse_idx, stored_npz])
def test_a_file_larger_than_the_memory_is_streamed_and_split(make: object, tmp_path: Path) -> None:
    path = make(tmp_path)  # type: ignore[operator]
    command = [sys.executable, "-c", PROGRAM, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "peak 4\n"


@pytest.fixture
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (large, files_io, npz):
        monkeypatch.setattr(module, "LARGE", 1)
    monkeypatch.setattr(large, "_BLOCK", 100)


def write_idx(path: Path, array: np.ndarray, code: int) -> None:
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    path.write_bytes(head + array.astype(array.dtype.newbyteorder(">")).tobytes())


def samples(folder: Path, seed: int = 1) -> Path:
    rng = np.random.default_rng(seed)
    for part, count in (("train", 31), ("t10k", 7)):
        write_idx(folder / f"{part}-images", rng.integers(0, 256, (count, 3, 5)).astype(np.uint8), 8)
        write_idx(folder / f"{part}-labels", rng.integers(0, 3, count).astype(np.uint8), 8)
    return folder


NET = Network(
    name="n", classes=["a", "b", "c"], input=Input(shape=[3, 5, 1], encoding="unit"), layers=[Dense(units=3)]
)


def parts(data: Dataset) -> list[np.ndarray]:
    own = [part.x for part in prepare(NET, data)]
    drawn = [part.x for part in prepare(NET, Dataset("d", data.x, data.labels, data.classes), split_seed=4)]
    return [data.x, *own, *drawn]


def test_what_is_mapped_is_what_is_read(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    read = open_dataset(samples(tmp_path))
    np.savez(
        tmp_path / "a.npz", x_train=read.x, y_train=read.labels, x_test=read.x[:9], y_test=read.labels[:9]
    )
    np.savez_compressed(tmp_path / "b.npz", x=read.x, labels=read.labels)
    np.savez(tmp_path / "c.npz", x=np.asfortranarray(read.x), labels=read.labels)
    write_idx(tmp_path / "wide", np.arange(-400, 400, dtype=np.int32).reshape(40, 20), 0x0C)
    archives = [read_npz(tmp_path / f"{name}.npz") for name in "abc"]
    wide = read_idx(tmp_path / "wide")
    request.getfixturevalue("everything_is_large")
    mapped = open_dataset(tmp_path)
    again = [read_npz(tmp_path / f"{name}.npz") for name in "abc"]
    assert not read_idx(tmp_path / "train-images").flags.writeable, "it is mapped"
    assert not npz._arrays(tmp_path / "a.npz")["x_train"].flags.writeable
    assert npz._arrays(tmp_path / "b.npz")["x"].flags.writeable, "it was unpacked"
    for one, other in zip([read, *archives], [mapped, *again], strict=True):
        assert one.fingerprint() == other.fingerprint()
        for left, right in zip(parts(one), parts(other), strict=True):
            assert left.dtype == right.dtype
            assert np.array_equal(left, right)
    other = read_idx(tmp_path / "wide")
    assert other.dtype == wide.dtype and np.array_equal(other, wide)


def test_errors_of_large_files_are_those_of_small_ones(tmp_path: Path, everything_is_large: None) -> None:
    write_idx(tmp_path / "a-idx", np.zeros((4, 3), np.uint8), 8)
    whole = (tmp_path / "a-idx").read_bytes()
    for damaged, words in (
        (whole[:-1], "truncated"),
        (whole + b"x", "too long"),
        (b"\1" + whole, "is not IDX"),
    ):
        (tmp_path / "a-idx").write_bytes(damaged)
        with pytest.raises(DataError, match=words):
            read_idx(tmp_path / "a-idx")
    np.savez(tmp_path / "d.npz", x=np.zeros((4, 3), np.uint8), labels=np.zeros(4, np.int64))
    content = (tmp_path / "d.npz").read_bytes()
    (tmp_path / "d.npz").write_bytes(content.replace(b"\x93NUMPY", b"\x93NUMPX"))
    with pytest.raises(DataError, match="not a readable NumPy archive"):
        read_npz(tmp_path / "d.npz")
    x = np.zeros((50, 15), np.int64)
    x[41, 2] = 256
    with pytest.raises(DataError, match=r"sample 41, value \[0, 2, 0\]: 256"):
        encode(NET, Dataset("d", x, np.zeros(50, np.int64), ("a",)))


def test_no_room_for_a_temporary_file_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(large.os, "posix_fallocate", full, raising=False)
    with pytest.raises(DataError, match="no room for 134,217,728 bytes of samples: No space left"):
        large.room_for((2, 64 << 20), np.int8)
