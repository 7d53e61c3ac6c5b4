"""Firmware that learns with frozen layers: their weights packed in flash, only what learns in RAM."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.equality import assert_same_logits, assert_same_masters, step_together
from tests.quick import LONG
from wagekit import Network, boards
from wagekit.datasets import load_digits
from wagekit.executors.attach import open_qemu
from wagekit.executors.host import HostExecutor
from wagekit.passes import compile_graph
from wagekit.reference import initial_masters
from wagekit.toolchain.analysis import analyse, frozen_first
from wagekit.toolchain.firmware import FirmwareImage, build_firmware

BOARD = "mps2-an386"
STORE = 64 * 66
"""Bytes of the sample store: fixed, so that the RAM of two firmwares can be compared."""
FROZEN_MASTERS = 9 * 16 + 9 * 16 * 32


def digits() -> Network:
    """The network that ships, its two convolutions frozen."""
    text = (files("wagekit.cli") / "files" / "digits.toml").read_text("utf-8")
    return frozen_first(Network.from_toml(text, "digits.toml"), 2)


def off_grid(masters: list[Any], layer: int) -> list[Any]:
    """The same weights, but one layer's masters lie beside the grid of weights."""
    moved = [m.copy() for m in masters]
    moved[layer] += np.where(moved[layer] > 0, -3, 3).astype(moved[layer].dtype)
    return moved


def constants(image: FirmwareImage) -> int:
    return sum(symbol.bytes for symbol in image.sizes.symbols if symbol.name.startswith("bits_"))


def test_only_what_learns_is_in_ram(arm_gcc: str) -> None:
    net, board = digits(), boards.load(BOARD)
    masters = initial_masters(compile_graph(net), 1)
    packed = build_firmware(net, board, batch=8, store_limit=STORE)
    in_ram = off_grid(off_grid(masters, 0), 1)
    plain = build_firmware(net, board, batch=8, store_limit=STORE, frozen=in_ram)
    assert [layer["in_flash"] for layer in packed.manifest["layers"]] == [True, True, False, False]
    assert not any(layer["in_flash"] for layer in plain.manifest["layers"])
    assert plain.plan.ram - packed.plan.ram == FROZEN_MASTERS
    assert plain.sizes.ram - packed.sizes.ram == FROZEN_MASTERS
    assert constants(packed) == packed.plan.flash_bytes(baked=False) == FROZEN_MASTERS // 4
    assert constants(plain) == 0
    program = analyse(net, board, training=True, batch=8)
    image = build_firmware(net, board, batch=8, store_limit=1)
    assert (program.ram_bytes, program.flash_bytes) == (image.sizes.ram, image.sizes.flash)
    assert program.flash["weights"] == FROZEN_MASTERS // 4
    assert [layer.masters for layer in program.layers] == [0, 0, 28_672, 560]
    assert [layer.flash for layer in program.layers] == [36, 1152, 0, 0]


def test_steps_equal_the_host_and_other_weights_boot_anew(qemu: str) -> None:
    net = digits()
    data = load_digits()
    steps = 200 if LONG else 32
    x, labels = net.encode(data.x[: 8 * steps]), data.labels[: 8 * steps]
    with HostExecutor(net, 1, 8) as host, open_qemu(net, BOARD, batch=8, store_limit=STORE) as chip:
        assert chip.hello.in_flash == (0, 1)
        for first in range(0, len(x), 8):
            part = slice(first, first + 8)
            step_together([host, chip], x[part], labels[part], 3 if first < 4 * steps else 0)
        assert chip.step_count == steps
        assert chip.digest() == host.digest()
        assert_same_logits([host, chip], x[:32], f"after {steps} steps")
        before = chip.image.elf
        other = initial_masters(compile_graph(net), 9)
        for masters, in_flash in ((other, (0, 1)), (off_grid(other, 1), (0,))):
            for executor in (host, chip):
                executor.load_masters(masters, 40, 7)
            assert chip.image.elf != before
            assert chip.hello.in_flash == in_flash
            assert (chip.step_count, chip.seed) == (40, 7)
            assert_same_masters([host, chip], "what was loaded came back")
            for first in range(0, 80 if LONG else 32, 8):
                step_together([host, chip], x[first : first + 8], labels[first : first + 8])
            assert chip.digest() == host.digest()


def test_checkpoints_outlive_the_emulator_and_belong_to_the_frozen_weights(qemu: str, tmp_path: Path) -> None:
    net, flash = digits(), tmp_path / "psram.bin"
    data = load_digits()
    x, labels = net.encode(data.x[:24]), data.labels[:24]
    options: dict[str, Any] = {"batch": 8, "store_limit": STORE, "flash": flash}
    learned = initial_masters(compile_graph(net), 9)
    with HostExecutor(net, 9, 8) as host:
        with open_qemu(net, BOARD, masters=learned, seed=9, **options) as chip:
            step_together([host, chip], x[:8], labels[:8])
            assert chip.save_checkpoint() == 1
            assert chip.checkpoint_bytes == 33_984 - FROZEN_MASTERS
        with open_qemu(net, BOARD, masters=learned, seed=9, keep=True, **options) as chip:
            assert chip.hello.restored
            step_together([host, chip], x[8:16], labels[8:16])
            assert chip.digest() == host.digest()
    with open_qemu(net, BOARD, keep=True, **options) as chip:
        assert not chip.hello.restored, "the firmware has the initial weights of seed 1 in flash"
        assert "foreign" in chip.checkpoint_info().slots


@pytest.mark.parametrize("frozen", [1, 3])
def test_batches_of_one(qemu: str, frozen: int) -> None:
    """Frozen dense layers are unpacked row by row where those that learn read masters one by one."""
    text = (files("wagekit.cli") / "files" / "digits.toml").read_text("utf-8")
    net = frozen_first(Network.from_toml(text, "digits.toml"), frozen)
    data = load_digits()
    x, labels = net.encode(data.x[:40]), data.labels[:40]
    with HostExecutor(net, 1, 1) as host, open_qemu(net, BOARD, batch=1, store_limit=STORE) as chip:
        assert chip.hello.in_flash == tuple(range(frozen))
        for n in range(len(x)):
            step_together([host, chip], x[n : n + 1], labels[n : n + 1], 0, "error_scaled")
        assert chip.digest() == host.digest()
