"""A fault of the link firmware arrives at the host as an error, and QEMU ends with its code."""

from __future__ import annotations

import numpy as np
import pytest

from wagekit import Network, boards
from wagekit.errors import DeviceFaultError
from wagekit.executors.attach import open_qemu
from wagekit.link import Device, open_transport
from wagekit.toolchain import qemu as emulator
from wagekit.toolchain.firmware import build_firmware

WIDE = """
format = 1
name = "wide"
seed = 1
classes = ["a", "b"]
[input]
shape = [16, 16, 8]
encoding = "unit"
[[layers]]
type = "conv2d"
filters = 8
kernel = 5
padding = "same"
[[layers]]
type = "max_pool"
window = 4
[[layers]]
type = "dense"
units = 2
"""
# A slice of this network takes millions of instructions of 128 ns; starting takes far less.
OPTIONS = {"batch": 16, "watchdog_ms": 60, "store_limit": 0}


def test_executor_raises_it_with_registers(qemu: str) -> None:
    executor = open_qemu(Network.from_toml(WIDE), "mps2-an386", icount=True, **OPTIONS)
    try:
        with pytest.raises(DeviceFaultError, match="watchdog") as caught:
            executor.step(np.ones((16, 16, 16, 8), np.int8), np.zeros(16, np.int64))
        assert "pc=" in caught.value.message
        with pytest.raises(DeviceFaultError):
            executor.forward(np.ones((1, 16, 16, 8), np.int8))
    finally:
        executor.close()
        executor.close()


def test_emulator_ends_with_the_fault_s_code(qemu: str) -> None:
    board = boards.load("mps2-an386")
    image = build_firmware(Network.from_toml(WIDE), board, **OPTIONS)
    with emulator.boot(image.elf, board, icount=True) as process:
        device = Device.open(open_transport(process.url))
        with pytest.raises(DeviceFaultError):
            device.infer([0] * 16)
        device.close()
        assert process.wait(20) == 102
