"""A chip senses, the host labels and records, the chip learns, and then says what it senses.

    python examples/sensor/run.py [BOARD] [FILE.npz]

FILE keeps what was recorded; without it nothing is left behind.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wagekit import Network, WagekitError, open_executor
from wagekit.datasets import open_dataset
from wagekit.executors.device import DeviceExecutor
from wagekit.training import learn_stream, predict
from wagekit.training.recording import SampleFile

HERE = Path(__file__).resolve().parent
RECORDED, LOOKS, EPOCHS = 480, 80, 5


def look(picture: NDArray[np.int8]) -> int:
    """What a person would say: along which of four directions do bright points lie?"""
    points = picture[..., 0].astype(np.int64)
    row, column = np.indices(points.shape)
    side = len(points)
    sums = [
        np.bincount(along.ravel(), points.ravel(), side).max()
        for along in (row, column, (row - column) % side, (row + column) % side)
    ]
    return int(np.argmax(sums))


def record(chip: DeviceExecutor, net: Network, path: Path) -> None:
    """Sense, label, keep."""
    file = SampleFile(path, net, replace=True)
    for _ in range(RECORDED):
        picture = chip.sense()[0]
        file.add(picture, look(picture))
    file.write()
    print(f"recorded {file.recorded} samples: {dict(zip(net.classes, file.counts(), strict=True))}")


def train(chip: DeviceExecutor, net: Network, path: Path) -> None:
    """Learn what was recorded, on the chip, some passes over it."""
    data = open_dataset(path)
    passes = (sample for _ in range(EPOCHS) for sample in zip(data.x, data.labels, strict=True))
    wrong = [
        result.errors for result in learn_stream(chip, net, passes, batch=4, log2_lr=3, rule="error_scaled")
    ]
    print(f"learned {len(wrong)} batches: {sum(wrong[:10])} of the first 40 samples wrong, ", end="")
    print(f"{sum(wrong[-10:])} of the last 40")


def classify(chip: DeviceExecutor, net: Network) -> float:
    """Let the chip say what it senses now."""
    pictures = np.concatenate([chip.sense() for _ in range(LOOKS)])
    said = predict(chip.forward(pictures))
    right = float(np.mean([look(picture) == answer for picture, answer in zip(pictures, said, strict=True)]))
    print(f"sensed anew: {right:.1%} of {LOOKS} right")
    return right


def main() -> int:
    """All of it."""
    board = sys.argv[1] if len(sys.argv) > 1 else "mps2-an386"
    net = Network.load(HERE / "network.toml")
    sensor = (HERE / "sensor.c").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(folder) / "bars.npz"
        try:
            with open_executor(net, f"qemu:{board}", batch=8, sensor=sensor) as chip:
                assert isinstance(chip, DeviceExecutor)
                record(chip, net, path)
                classify(chip, net)
                train(chip, net, path)
                return 0 if classify(chip, net) > 0.9 else 1
        except WagekitError as error:
            print(f"{error}\n{error.hint or ''}".strip(), file=sys.stderr)
            return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
