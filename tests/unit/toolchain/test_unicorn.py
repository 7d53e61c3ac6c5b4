"""The emulator from pip: when it stands in for QEMU, and (where it is installed) a chip in it."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from tests.unit.toolchain.networks import tiny
from wagekit.cli import places
from wagekit.errors import LinkError, ToolError, UsageError
from wagekit.executors import open_executor
from wagekit.executors.attach import EmulatorExecutor
from wagekit.executors.divergence import first_divergence
from wagekit.toolchain import cross, qemu, unicorn_m4
from wagekit.toolchain.firmware import FirmwareImage, build_firmware


@pytest.fixture(scope="module")
def ready(unicorn: None) -> None:
    try:
        cross.find_compiler()
    except ToolError as error:
        pytest.skip(error.message)


@pytest.fixture(scope="module")
def image(ready: None, tmp_path_factory: pytest.TempPathFactory) -> FirmwareImage:
    """Resets once, and then ends with a code; or reads where nothing is, when it is told to."""
    main = """
    #include "wagekit/wk_port.h"
    static uint32_t starts __attribute__((section(".noinit")));
    int main(void) {
        uint8_t byte;
        wk_port_init();
        wk_port_write((const uint8_t *)(starts == 0x1234u ? "again" : "first"), 5);
        while (wk_port_read(&byte, 1) == 0) {
            wk_port_feed_watchdog();
            wk_port_idle();
        }
        if (byte == 'r') {
            starts = 0x1234u;
            wk_port_reset();
        }
        if (byte == 'f') {
            return *(volatile int *)0x60000000;
        }
        while (byte == 'l') {
        }
        return (int)(byte + (wk_port_ticks() == 0));
    }
    """
    folder = tmp_path_factory.mktemp("unicorn")
    board = unicorn_m4.load_board()
    return build_firmware(tiny(), board, folder=folder, app="none", sources={"main.c": main})


def heard(machine: unicorn_m4.Machine, count: int) -> bytes:
    data, end = b"", time.monotonic() + 60
    while len(data) < count and time.monotonic() < end and not machine.end:
        data += machine.read(1.0)
    return data


def ended(machine: unicorn_m4.Machine) -> str:
    end = time.monotonic() + 60
    while not machine.end and time.monotonic() < end:
        machine.read(0.05)
    return machine.end


def test_it_stands_in_for_qemu_only_where_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(places, "note", said.append)
    for has_qemu, has_unicorn, becomes in (
        (True, True, "qemu:mps2-an386"),
        (False, False, "qemu:mps2-an386"),
        (False, True, "unicorn"),
    ):
        monkeypatch.setattr(qemu, "is_installed", lambda has=has_qemu: has)
        monkeypatch.setattr(unicorn_m4, "is_installed", lambda has=has_unicorn: has)
        assert places.stand_in("qemu:mps2-an386") == becomes
        assert places.stand_in("qemu:microbit") == "qemu:microbit", "another chip is not that one"
    assert len(said) == 1
    assert "qemu-system-arm is not installed" in said[0]
    assert "unicorn-m4" in said[0]


def test_without_the_package_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unicorn_m4, "is_installed", lambda: False)
    with pytest.raises(ToolError, match="unicorn is not installed") as caught:
        open_executor(tiny(), "unicorn")
    assert caught.value.hint == "pip install 'wagekit[toolchain]'"


def test_what_it_lacks_is_refused() -> None:
    with pytest.raises(UsageError, match="--icount goes with qemu:BOARD, not with unicorn"):
        places.open_place(tiny(), "unicorn", icount=True)
    with pytest.raises(UsageError, match="--flash goes with qemu:BOARD, not with unicorn"):
        places.open_place(tiny(), "unicorn", flash=Path("kept"))


@pytest.mark.parametrize("compiler", ["gcc", "ziglang"])
def test_it_learns_with_the_bits_of_the_reference(
    ready: None, compiler: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if compiler == "ziglang":
        request.getfixturevalue(compiler)
        monkeypatch.setenv("WAGEKIT_CROSS", cross.ZIG)
    elif cross.find_compiler().is_zig:
        pytest.skip("arm-none-eabi-gcc is not installed")
    draw = np.random.default_rng(3)
    x = draw.integers(0, 128, (24, 6, 6, 1)).astype(np.int32)
    labels = draw.integers(0, 3, 24)
    with open_executor(tiny(), "unicorn", batch=4) as chip, open_executor(tiny(), "reference") as reference:
        for step in range(6):
            chosen = slice(4 * step, 4 * step + 4)
            results = [e.step(x[chosen], labels[chosen], -1) for e in (chip, reference)]
            first_divergence(step, [chip, reference], results, masters=True)
        assert np.array_equal(chip.forward(x[:4]), reference.forward(x[:4]))
        assert chip.digest() == reference.digest()
        assert isinstance(chip, EmulatorExecutor)
        assert chip.hello.board == unicorn_m4.BOARD
        assert chip.image.manifest["built"]["compiler"] == cross.find_compiler().version


def test_reset_sleep_and_end(image: FirmwareImage) -> None:
    with unicorn_m4.Machine(image.elf, image.board) as machine:
        assert heard(machine, 5) == b"first"
        assert machine.read(0.2) == b"", "it sleeps"
        machine.write(b"r")
        assert heard(machine, 5) == b"again"
        machine.write(b"*")
        assert ended(machine) == "the firmware ended with code 42"


def test_a_fault_ends_it_with_its_address(image: FirmwareImage) -> None:
    with unicorn_m4.Machine(image.elf, image.board) as machine:
        machine.write(b"f")
        assert "the firmware went wrong at 0x" in ended(machine)


def test_one_that_never_rests_is_stopped(image: FirmwareImage) -> None:
    machine = unicorn_m4.Machine(image.elf, image.board)
    machine.write(b"l")
    assert heard(machine, 5) == b"first"
    machine.stop()
    machine.stop()
    assert not machine.is_running


def test_a_chip_that_ended_is_an_error_of_the_link(ready: None) -> None:
    with open_executor(tiny(), "unicorn", batch=4) as chip:
        assert isinstance(chip, EmulatorExecutor)
        chip.device.exit(7)
        with pytest.raises(LinkError, match="unicorn: the firmware ended with code 7"):
            chip.counters()
