"""The generated C compiles without a warning, by every compiler, for every kind of network."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.unit.backends.test_plan import lenet
from wagekit import Bits, Conv1d, Conv2d, Dense, Input, MaxPool, Network
from wagekit.backends.mcu import plan_model, render_model
from wagekit.passes import compile_graph
from wagekit.reference import initial_masters
from wagekit.writer import firmware_files, write_files

STRICT = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror"]
COMPILERS = {
    "gcc": ["gcc"],
    "clang": ["clang"],
    "cortex-m0": ["arm-none-eabi-gcc", "-mcpu=cortex-m0", "-mthumb", "-ffreestanding"],
    "cortex-m3": ["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-ffreestanding"],
    "cortex-m4": ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-ffreestanding"],
}


def varied() -> list[tuple[Network, bool]]:
    layers = [
        Conv2d(filters=3, kernel=(2, 3), stride=(2, 1), padding="same", relu=False),
        Conv2d(filters=17, kernel=1, frozen=True),
        MaxPool(window=(1, 2)),
        Conv2d(filters=4, kernel=3, padding=2),
        Dense(units=6),
        Dense(units=2),
    ]
    image = Input(shape=(9, 8, 2), encoding="unit")
    line = Input(shape=(30, 2), encoding="unit")
    widest = Bits(weights=8, activations=8, gradients=16, errors=16)
    classes = ["a", "b"]
    signal = [Conv1d(filters=4, kernel=3), Dense(units=2)]
    return [
        (lenet(), True),
        (lenet(), False),
        (Network(name="image", input=image, classes=classes, layers=layers), True),
        (Network(name="wide", input=image, classes=classes, layers=layers, bits=widest), True),
        (
            Network(name="line", input=line, classes=classes, layers=signal),
            True,
        ),
        (Network(name="still", input=image, classes=classes, layers=[Dense(units=2, frozen=True)]), True),
    ]


@pytest.mark.parametrize("compiler", COMPILERS)
def test_no_warnings(compiler: str, tmp_path: Path) -> None:
    command = COMPILERS[compiler]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    static = firmware_files()
    write_files(tmp_path, static)
    sources = [tmp_path / name for name in static if name.endswith(".c")]
    for number, (net, training) in enumerate(varied()):
        graph = compile_graph(net, 2, training)
        alone = compile_graph(net, 1, training)
        masters = initial_masters(graph, 1) if number == 2 else None
        plans = [plan_model(graph, recompute=False), plan_model(graph, recompute=True), plan_model(alone)]
        for kind, plan in enumerate(plans):
            folder = tmp_path / f"net{number}-{kind}"
            write_files(folder, render_model(plan, masters))
            sources.append(folder / "wk_model.c")
        folder = tmp_path / f"net{number}sliced"
        write_files(folder, render_model(plan_model(graph, recompute=[0], max_slice=30_000), masters))
        sources.append(folder / "wk_model.c")
    for source in sources:
        folders = [f"-I{tmp_path / 'include'}", f"-I{source.parent}"]
        done = subprocess.run(
            [*command, *STRICT, *folders, "-c", str(source), "-o", "/dev/null"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{source.name}: {done.stderr}"


def test_no_heap_no_float_and_no_function_pointer_in_generated_code() -> None:
    text = render_model(plan_model(compile_graph(lenet())))["wk_model.c"]
    for word in ("malloc", "float", "double"):
        assert word not in text
    assert not re.search(r"\(\*\w+\)\(", text)


def test_the_header_carries_the_facts_of_the_network() -> None:
    net = lenet()
    plan = plan_model(compile_graph(net, 4))
    text = render_model(plan)["wk_model.h"]
    for line in (
        '#define WK_MODEL_NAME "lenet"',
        "#define WK_MODEL_INPUTS 784u",
        "#define WK_MODEL_CLASSES 10u",
        "#define WK_MODEL_LAYERS 4u",
        "#define WK_MODEL_BATCH 4u",
        "#define WK_MODEL_WEIGHTS 581408u",
        "#define WK_MODEL_MASTER_BYTES 1u",
        f"#define WK_MODEL_BYTES {plan.ram}u",
    ):
        assert line in text
    first = bytes.fromhex(net.fingerprint())[0]
    assert f"0x{first:02x}," in text


def test_masters_of_another_network_are_refused() -> None:
    plan = plan_model(compile_graph(lenet()))
    masters = initial_masters(plan.graph, 1)
    with pytest.raises(ValueError, match="3 layers"):
        render_model(plan, masters[:3])
    with pytest.raises(ValueError, match="layer 1"):
        render_model(plan, [masters[0], masters[0], *masters[2:]])
    masters[0] = np.full_like(masters[0], 127)
    with pytest.raises(ValueError, match="layer 0"):
        render_model(plan, masters)


def test_the_same_plan_prints_the_same_text() -> None:
    graph = compile_graph(lenet())
    assert render_model(plan_model(graph)) == render_model(plan_model(graph))
