"""The stack that a chip really used is never deeper than what was computed without running it."""

from __future__ import annotations

import pytest

from wagekit import boards, open_executor
from wagekit.cli.sources import open_subject
from wagekit.datasets import load_digits
from wagekit.executors.device import DeviceExecutor
from wagekit.toolchain.firmware import build_firmware


@pytest.mark.parametrize("name", ["mps2-an386", "microbit"])
def test_used_stack_stays_below_the_static_depth(name: str, qemu: str) -> None:
    net = open_subject("digits-tiny").network
    board = boards.load(name)
    depth = build_firmware(net, board, batch=1).stack
    assert depth is not None
    data = load_digits()
    codes = net.encode(data.x[:12])
    with open_executor(net, f"qemu:{name}", batch=1) as chip:
        assert isinstance(chip, DeviceExecutor)
        for index in range(8):
            chip.step(codes[index : index + 1], data.labels[index : index + 1], 3, "error_scaled")
        chip.upload(codes, data.labels[:12])
        chip.evaluate(0, 12)
        used = board.stack - chip.counters().stack_free
    assert used <= depth.total, depth
    assert used >= depth.main // 2, "the bound is no fantasy"
    assert depth.total <= board.stack
