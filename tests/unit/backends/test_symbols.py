"""What compiled kernels and programs ask of others: no division of 64 bits, no float, no C library."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.backends.test_plan import lenet
from wagekit import Bits
from wagekit.backends.mcu import plan_model, render_model
from wagekit.passes import compile_graph
from wagekit.writer import firmware_files, write_files

ALLOWED = {"memcpy", "memset", "memmove"}
"""What a compiler may call on its own; the boards have them."""
HELPERS = {
    "__aeabi_lmul",
    "__aeabi_llsl",
    "__aeabi_llsr",
    "__aeabi_lasr",
    "__aeabi_uidiv",
    "__aeabi_uidivmod",
}
"""64-bit products and shifts, the running accuracy's quotient of 32 bits and whether a step counts its
health, from the compiler's own library on ARMv6-M."""


def output_of(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=True).stdout


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m4"])
def test_nothing_is_asked_of_a_library(core: str, tmp_path: Path) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    plan = plan_model(compile_graph(lenet(bits=Bits(errors=16, gradients=16)), 4), recompute=[0])
    files = {**firmware_files(), **render_model(plan)}
    write_files(tmp_path, files)
    command = ["arm-none-eabi-gcc", f"-mcpu={core}", "-mthumb", "-std=c11", "-O3", "-ffreestanding"]
    sources = [str(tmp_path / name) for name in files if name.endswith(".c")]
    where = [f"-I{tmp_path}", f"-I{tmp_path / 'include'}"]
    whole = str(tmp_path / "whole.o")
    output_of([*command, *where, "-r", "-nostdlib", *sources, "-o", whole])
    listed = output_of(["arm-none-eabi-nm", "-u", whole])
    wanted = {line.split()[-1] for line in listed.splitlines()}
    assert wanted <= ALLOWED | (HELPERS if core == "cortex-m0" else set())
    data = output_of(["arm-none-eabi-size", "-A", whole])
    for line in data.splitlines():
        if line.startswith((".data", ".bss")):
            assert line.split()[1] == "0", f"state outside wk_model_t: {line}"
