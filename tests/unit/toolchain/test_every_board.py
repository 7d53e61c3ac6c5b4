"""The firmware of every board, linked once: sizes, stack, and how long interrupts are masked."""

from __future__ import annotations

import json

import pytest

from tests.unit.toolchain.networks import tiny
from wagekit import boards
from wagekit.toolchain import cross, firmware, stack
from wagekit.toolchain.firmware import FirmwareImage, build_firmware
from wagekit.toolchain.masked import longest_masked
from wagekit.toolchain.memory import APP_BYTES, PORT_BYTES

pytestmark = pytest.mark.every_board


@pytest.fixture(scope="module", params=boards.available())
def image(request: pytest.FixtureRequest, arm_gcc: str) -> FirmwareImage:
    return build_firmware(tiny(), boards.load(request.param), store_limit=100_000)


def test_sizes_hold(image: FirmwareImage) -> None:
    manifest = json.loads((image.folder / "manifest.json").read_text())
    assert manifest == image.manifest
    assert manifest["network"]["fingerprint"] == tiny().fingerprint()
    assert manifest["board"]["name"] == image.board.name
    assert manifest["built"]["compiler"] == cross.find_compiler().version
    assert manifest["built"]["sizes"]["ram"] == image.sizes.ram
    assert {layer["kernel"] for layer in manifest["layers"]} == {"portable"}
    assert image.sizes.symbol(firmware.MODEL_SYMBOL).bytes == image.plan.ram
    assert image.sizes.stack == image.board.stack
    # What was reserved before linking is an upper bound, and not a wasteful one.
    needs = sum(manifest["ram"]["needs"].values())
    assert 0 <= needs - image.sizes.ram < (PORT_BYTES + APP_BYTES) // 2


def test_enough_stack_is_reserved(image: FirmwareImage) -> None:
    assert image.stack is not None
    assert 0 < image.stack.interrupt < image.stack.main
    assert image.stack.total <= image.board.stack
    assert image.manifest["built"]["stack"]["total"] == image.stack.total
    assert image.stack.main_path[:2] == ("wk_reset", "main")
    # gcc and the instructions agree on every function that both know.
    usage = stack.read_usage(image.folder / "build")
    functions = stack.disassemble(image.elf, cross.find_compiler().objdump).values()
    both = [function for function in functions if function.name in usage]
    assert len(both) > 60
    assert [function.name for function in both if usage[function.name] != (function.frame, True)] == []


def test_interrupts_are_not_masked_for_long(image: FirmwareImage) -> None:
    found = longest_masked(image.elf, cross.find_compiler().objdump)
    assert "wk_port_idle" in found
    assert max(found.values()) <= 24, "docs/bounds.md says so"
