"""A firmware that only infers: packed weights in flash, no masters in RAM, no code that learns."""

from __future__ import annotations

from importlib.resources import files

import pytest

from tests.equality import assert_same_logits
from wagekit import Network, boards, open_executor
from wagekit.datasets import load_digits
from wagekit.errors import WagekitError
from wagekit.executors.device import DeviceExecutor, FrozenWeightsError
from wagekit.executors.reference import ReferenceExecutor
from wagekit.toolchain.firmware import build_firmware


def test_an_inference_only_firmware_holds_packed_weights(qemu: str) -> None:
    text = (files("wagekit.cli") / "files" / "digits.toml").read_text("utf-8")
    net = Network.from_toml(text, "digits.toml")
    trained = ReferenceExecutor(net, seed=3)
    codes = net.encode(load_digits().x[:9])
    options = {"batch": 1, "training": False, "masters": trained.masters, "store_limit": 2048}
    image = build_firmware(net, boards.load("microbit"), **options)  # type: ignore[arg-type]
    assert image.manifest["network"]["packed"]
    assert image.plan.ram < 8000, "33,984 masters would not fit the chip's 16 KiB"
    constants = sum(symbol.bytes for symbol in image.sizes.symbols if symbol.name.startswith("bits_"))
    assert constants == image.plan.flash_bytes(baked=True) == 33_984 // 4
    learning = ("wk_update", "wk_quantise", "wk_mask", "wk_maximum", "wk_output_error", "backward")
    assert not [s.name for s in image.sizes.symbols if s.name.startswith(learning) or "backward" in s.name]
    with open_executor(net, "qemu:microbit", **options) as chip:  # type: ignore[arg-type]
        assert isinstance(chip, DeviceExecutor)
        assert_same_logits([trained, chip], codes, "packed")
        other = trained.masters
        other[2][0, 0] = -other[2][0, 0] or 64
        with pytest.raises(FrozenWeightsError, match="layer dense2 lies in the firmware's flash"):
            chip.load_masters(other)
        assert_same_logits([trained, chip], codes, "after what was refused")
        chip.load_masters(trained.masters, 5, 6)
        assert (chip.step_count, chip.seed) == (5, 6)
        with pytest.raises(WagekitError):
            chip.step(codes[:1], [0])
