"""The digits network learns on boards of every core bit for bit as the reference does, within what was
estimated of stack, code and instructions before.
"""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from tests.equality import assert_same_masters, step_together
from wagekit import Network, boards, open_executor, resources
from wagekit.datasets import load_digits
from wagekit.executors.cost import measure_cost
from wagekit.executors.device import DeviceExecutor
from wagekit.toolchain.analysis import analyse
from wagekit.toolchain.firmware import build_firmware

NET = Network.from_toml((files("wagekit.cli") / "files" / "digits.toml").read_text("utf-8"), "digits")
DIGITS = load_digits()
CODES = NET.encode(DIGITS.x[:100])
STEPS = 12


def learn_beside_the_reference(place: str, batch: int) -> int:
    """Bytes of stack that the chip never used."""
    with (
        open_executor(NET, "reference", seed=5, batch=batch) as reference,
        open_executor(NET, place, seed=5, batch=batch) as chip,
    ):
        assert isinstance(chip, DeviceExecutor)
        for step in range(STEPS):
            chosen = [(step * batch + each) % len(CODES) for each in range(batch)]
            step_together([reference, chip], CODES[chosen], DIGITS.labels[chosen], 2, "error_scaled")
        assert_same_masters([reference, chip], f"after {STEPS} steps")
        assert (chip.forward(CODES[:20]) == reference.forward(CODES[:20])).all()
        counters = chip.counters()
        assert counters.overruns == 0
        assert counters.crc_errors <= 1, "only what came before the port was enabled (the first hello)"
        return counters.stack_free


@pytest.mark.parametrize(("name", "batch"), [("lm3s6965evb", 1), ("mps2-an505", 8), ("mps3-an547", 8)])
def test_digits_learn_alike(name: str, batch: int, qemu: str) -> None:
    board = boards.load(name)
    used = board.stack - learn_beside_the_reference(f"qemu:{name}", batch)
    image = build_firmware(NET, board, batch=batch)
    assert image.stack is not None
    assert image.stack.main // 2 <= used <= image.stack.total <= board.stack
    estimate = analyse(NET, board, training=True, batch=batch, compiled=False)
    assert image.sizes.flash == pytest.approx(estimate.flash_bytes, rel=0.1)
    cost = measure_cost(
        NET, board, CODES[: 4 * batch], DIGITS.labels[: 4 * batch], training=True, batch=batch
    )
    assert cost.instructions == pytest.approx(estimate.instructions, rel=0.25)


def test_integer_vectors_learn_alike(tmp_path: Path, qemu: str) -> None:
    """A board of one's own whose compiler uses the vector instructions of the M55."""
    folder = tmp_path / "vectors"
    shutil.copytree(Path(str(resources.board_files() / "mps3-an547")), folder)
    text = (folder / "board.toml").read_text()
    for old, new in (("cortex-m55+nomve", "cortex-m55+nofp"), ("-mfloat-abi=soft", "-mfloat-abi=softfp")):
        assert old in text
        text = text.replace(old, new)
    (folder / "board.toml").write_text(text)
    used = boards.load(folder).stack - learn_beside_the_reference(f"qemu:{folder}", 8)
    depth = build_firmware(NET, boards.load(folder), batch=8).stack
    assert depth is not None
    assert used <= depth.total
