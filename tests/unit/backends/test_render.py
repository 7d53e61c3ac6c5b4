"""The generated C: what is in it, and what must not be. Compilers see it in scripts/check_c.py."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.unit.backends.test_plan import lenet
from wagekit.backends.mcu import plan_model, render_model
from wagekit.passes import compile_graph
from wagekit.reference import initial_masters


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
