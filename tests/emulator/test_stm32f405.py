"""Boards with an STM32F405: the image of the real board runs in QEMU's machines of that chip."""

from __future__ import annotations

import pytest

from tests.equality import step_together
from wagekit import boards, open_executor
from wagekit.cli.sources import open_subject
from wagekit.datasets import load_digits
from wagekit.errors import ToolError, WagekitError
from wagekit.executors.attach import QEMU_TIMING
from wagekit.executors.device import DeviceExecutor
from wagekit.link import Device, open_transport
from wagekit.toolchain import qemu as emulator
from wagekit.toolchain.firmware import FirmwareImage, build_firmware

NET = open_subject("digits-tiny").network
CASES = [
    ("feather-stm32f405", "netduinoplus2"),
    ("olimex-stm32-h405", "netduinoplus2"),
    ("olimex-stm32-h405", "olimex-stm32-h405"),
]


@pytest.fixture(scope="module")
def images(arm_gcc: str) -> dict[str, FirmwareImage]:
    return {name: build_firmware(NET, boards.load(name), batch=4) for name, _ in CASES}


@pytest.mark.parametrize(("name", "machine"), CASES)
def test_it_learns_the_same_bits(
    name: str, machine: str, images: dict[str, FirmwareImage], qemu: str
) -> None:
    try:
        emulator.describe_machine(machine)
    except ToolError as error:
        pytest.skip(error.message)
    board = boards.load(name)
    assert board.qemu is not None
    board = board.model_copy(update={"qemu": board.qemu.model_copy(update={"machine": machine})})
    data = load_digits()
    codes = NET.encode(data.x[:16])
    with (
        emulator.boot(images[name].elf, board) as process,
        DeviceExecutor(
            NET, Device.open(open_transport(process.url), timing=QEMU_TIMING), name=name, batch=4
        ) as chip,
        open_executor(NET, "reference", batch=4) as reference,
    ):
        chip.load_masters(reference.masters, 0, reference.seed)
        for at in range(0, 16, 4):
            step_together([reference, chip], codes[at : at + 4], data.labels[at : at + 4], 1, "paper")
        assert chip.digest() == reference.digest()
        # The chip's flash interface is not there: it has no sectors, and says so.
        assert not chip.hello.checkpoints
        with pytest.raises(WagekitError, match="no room for checkpoints"):
            chip.checkpoint_info()
        with pytest.raises(WagekitError, match="no room for checkpoints"):
            chip.save_checkpoint()
