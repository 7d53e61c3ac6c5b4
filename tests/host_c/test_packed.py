"""Weights packed in flash: the format, what they compute, and that they cannot be replaced."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import cffi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.equality import assert_same_array
from tests.strategies import networks
from wagekit import Bits, Dense, Input, Network, numerics
from wagekit.backends.mcu import (
    Plan,
    pack_weights,
    packable,
    packed_bytes,
    plan_model,
    render_model,
    unpack_weights,
)
from wagekit.executors.host import declarations
from wagekit.executors.reference import ReferenceExecutor
from wagekit.passes import compile_graph
from wagekit.reference import initial_masters
from wagekit.toolchain.host import build_library
from wagekit.writer import firmware_files


def test_the_format_is_what_the_header_says() -> None:
    assert pack_weights(np.array([1, -1, 0, 1, -1]), 2) == bytes([0b01001101, 0b11])
    assert pack_weights(np.array([3, -3, 1]), 3) == bytes([0b01101011, 0])
    with pytest.raises(ValueError, match="outside"):
        pack_weights(np.array([-2]), 2)


@given(width=st.integers(2, 8), seed=st.integers(0, 99), count=st.integers(0, 40))
def test_packing_is_lossless_and_without_gaps(width: int, seed: int, count: int) -> None:
    limit = numerics.grid_limit(width)
    weights = np.random.default_rng(seed).integers(-limit, limit + 1, count)
    data = pack_weights(weights, width)
    assert len(data) == packed_bytes(count, width) == (count * width + 7) // 8
    assert unpack_weights(data, count, width).tolist() == weights.tolist()


class Packed:
    """A library with the packed weights of some masters."""

    def __init__(self, plan: Plan, masters: list[Any]) -> None:
        static = firmware_files()
        self.plan = plan
        self.ffi = cffi.FFI()
        for header in ("wk_status.h", "wagekit.h"):
            self.ffi.cdef(declarations(static[f"include/wagekit/{header}"]))
        library = build_library({**static, **render_model(plan, masters)})
        self.lib: Any = self.ffi.dlopen(str(library))
        self.memory = self.ffi.new("uint64_t[]", plan.ram // 8)
        self.model = self.ffi.cast("wk_model_t *", self.memory)
        self.lib.wk_model_init(self.model, 0)

    def forward(self, x: Any) -> Any:
        self.ffi.memmove(self.lib.wk_model_input(self.model, 0), x.tobytes(), x.nbytes)
        assert self.lib.wk_infer(self.model, len(x)) == self.lib.WK_OK
        size = len(x) * self.plan.classes
        raw = bytes(self.ffi.buffer(self.lib.wk_model_logits(self.model, 0), 4 * size))
        return np.frombuffer(raw, np.int32).reshape(len(x), -1)


@settings(max_examples=9)
@given(net=networks(trainable=False), batch=st.integers(1, 2))
def test_packed_networks_infer_alike(net: Network, batch: int) -> None:
    bits = net.bits
    reference = ReferenceExecutor(net, seed=5)
    plan = plan_model(compile_graph(net, batch, training=False), packed=True)
    packed = Packed(plan, reference.masters)
    assert not any(member.name.startswith("masters") for member in plan.members)
    x = np.random.default_rng(1).integers(-net.input_limit, net.input_limit + 1, (batch, *net.input.shape))
    codes = x.astype(np.int8)
    assert_same_array("logits", ("packed", "reference"), packed.forward(codes), reference.forward(codes))
    lib, ffi = packed.lib, packed.ffi
    for index, masters in enumerate(reference.masters):
        weights = numerics.weights_from_masters(masters, bits.gradients, bits.weights)
        on_grid = (weights.astype(np.int32) << (bits.gradients - bits.weights)).astype(masters.dtype)
        expected = on_grid.astype(masters.dtype.newbyteorder("<")).tobytes()
        found = ffi.new("uint8_t[]", len(expected))
        assert lib.wk_model_read_masters(packed.model, index, 0, masters.size, found) == lib.WK_OK
        assert bytes(found) == expected
        assert lib.wk_model_write_masters(packed.model, index, 0, masters.size, found) == lib.WK_OK
        found[0] ^= 1
        status = lib.wk_model_write_masters(packed.model, index, 0, masters.size, found)
        assert status == lib.WK_ERR_STATE, "flash does not change"
    labels = ffi.new("uint16_t[]", [0])
    assert lib.wk_model_begin_step(packed.model, 1, labels, 0, 0) == lib.WK_ERR_STATE


def test_what_learns_is_not_packed(root: Path) -> None:
    net = Network.load(root / "bench" / "networks" / "mlp.toml")
    with pytest.raises(ValueError, match="learn"):
        plan_model(compile_graph(net), packed=[0])
    assert not any(layer.packed for layer in plan_model(compile_graph(net), packed=True).layers)
    plan = plan_model(compile_graph(net, training=False), packed=True)
    assert plan.flash_bytes(baked=False) == 101_632 // 4
    assert plan.ram < 3000
    with pytest.raises(ValueError, match="needs the masters"):
        render_model(plan)


def test_a_frozen_layer_that_would_lose_is_not_packed() -> None:
    """What firmware and host call the frozen weights is the CRC of the masters that stand for them."""
    net = Network(
        name="half",
        input=Input(shape=[7], encoding="unit"),
        classes=["a", "b"],
        bits=Bits(gradients=12),
        layers=[Dense(units=5, frozen=True), Dense(units=3), Dense(units=2, frozen=True)],
    )
    graph = compile_graph(net)
    masters = initial_masters(graph, 4)
    plan = plan_model(graph, packed=True)
    assert [layer.packed for layer in plan.layers] == [True, False, True]
    frozen = masters[0].astype("<i2").tobytes() + masters[2].astype("<i2").tobytes()
    text = render_model(plan, masters)["wk_model.h"]
    assert f"WK_MODEL_FROZEN_CRC 0x{zlib.crc32(frozen):08x}u" in text
    assert render_model(plan, [masters[0], None, masters[2]])["wk_model.h"] == text
    with pytest.raises(ValueError, match="packed layer 2 needs"):
        render_model(plan, [masters[0], masters[1], None])
    assert packable(graph, masters) == {0, 2}
    masters[2][0, 0] += 1 if masters[2][0, 0] <= 0 else -1
    assert packable(graph, masters) == {0}
    with pytest.raises(ValueError, match="layer 2 are not on the weights' grid"):
        render_model(plan, masters)
