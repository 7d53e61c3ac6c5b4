"""What a program costs where it cannot be linked or run: rough numbers, and always marked as such.

Instructions are counted in products, weights and elements, times what each kind of operation took in the
mean over the networks of the bench: those are met within a quarter, which a test holds. Zeros among errors,
activations and weights are skipped, so that the truth depends on weights and samples; for other
networks expect up to a factor of two either way.
"""

from __future__ import annotations

from wagekit.backends.mcu import LayerPlan, Op, Plan
from wagekit.backends.mcu.choices import forward_cost
from wagekit.boards import Board

CODE = {True: 22_500, False: 16_000}
"""Bytes of code and tables of a firmware with the link that learns, or only infers."""
CODE_M0 = {True: 26_500, False: 19_000}
CODE_CHECKPOINTS = 5_800

_THUMB_1 = ("cortex-m0", "cortex-m0plus")
_M0_FACTOR = 1.45
_M0_PAIRS = 1.6
_M0_LIVE = {"forward": 1.36, "again": 1.36, "update": 1.9}
"""Of the kernels for one sample: those that live from registers and wide instructions lose most."""

_DENSE_PER_MAC = {"forward": 3.7, "backward_input": 2.2, "gradient": 2.4}
_DENSE_START = 40.0
"""One product of a dense layer, whatever its size."""
_ROW = {"forward": (10.0, 3.7), "backward_input": (18.0, 3.4), "gradient": (15.0, 2.9)}
"""One row of the kernel window of one product of a convolution: to begin with, and a weight."""
_BY_ROWS = 30.0, 5.0
"""One weight over a row of outputs, where a convolution is summed so: to begin with, and an output."""
_PER_ACTIVATION = 18.0
"""One product of a convolution, whatever its size: activate, store, look for saturation."""
_PER_POOLED = 18.0
_PER_WEIGHT = {"forward": 4.0, "backward_input": 1.5, "gradient": 3.4}
"""What a row of weights costs however many samples there are: deriving it, finding its maximum."""
_PER_UPDATE = 16.0
_PER_UPDATED_ROW = 250.0

_ERRORS = 0.55
"""Share of errors that are not 0; at the last layer all of them."""
_ACTIVATIONS = 0.55
_PASSING = 0.5
"""Share of inputs that the mask of their layer lets errors pass to."""
_INPUTS = {"unit": 0.19}
"""Share of the input's codes that are not 0, by encoding; elsewhere nearly all of them. Images encoded
`unit` mostly have a background of 0; this is the share in the digits of MNIST."""
_LIVE_FORWARD = 6.0
_LIVE_BACKWARD = 7.0
_OUTER_MAXIMUM = 9.1
_OUTER_UPDATE = 21.0
_PER_ELEMENT = {"loss": 70.0, "mask": 12.0, "quantise": 14.0}
_FINISH = 56.0


def code_bytes(board: Board, plan: Plan) -> int:
    """Bytes of flash that code and tables take."""
    code = (CODE_M0 if board.core in _THUMB_1 else CODE)[plan.training]
    return code + (CODE_CHECKPOINTS if board.checkpoint and not plan.packed else 0)


def instructions(plan: Plan, board: Board, encoding: str) -> dict[str, int]:
    """Instructions of one sample, operation by operation; `encoding` is that of the network's input."""
    inputs = _INPUTS.get(encoding, 1.0)
    small = board.core in _THUMB_1
    return {
        op.name: round((_m0_factor(op, plan) if small else 1.0) * _of(op, plan, inputs)) for op in plan.ops
    }


def _layer_of(op: Op, plan: Plan) -> LayerPlan:
    return plan.layers[-1 if op.layer is None else op.layer]


def _m0_factor(op: Op, plan: Plan) -> float:
    layer = _layer_of(op, plan)
    if layer.live:
        return _M0_LIVE.get(op.kind, _M0_FACTOR)
    return _M0_PAIRS if layer.pairs is not None and op.kind in ("forward", "again") else _M0_FACTOR


def _of(op: Op, plan: Plan, inputs: float) -> float:
    layer = _layer_of(op, plan)
    if op.kind in _PER_ELEMENT:
        return _PER_ELEMENT[op.kind] * layer.output_size
    if op.kind == "finish":
        return _FINISH / plan.batch
    if layer.live:
        return _live(op.kind, layer, _ACTIVATIONS if layer.index else inputs)
    if op.kind in ("forward", "again"):
        return _forward(layer, plan)
    if op.kind != "update":
        return _product(op.kind, layer, plan.batch)
    assert layer.stored_rows is not None
    again = (1 - layer.stored_rows / layer.outputs) * _product("gradient", layer, plan.batch)
    return (_PER_UPDATE * layer.weights + _PER_UPDATED_ROW * layer.outputs) / plan.batch + again


def _live(kind: str, layer: LayerPlan, inputs: float) -> float:
    """A dense layer of one sample that reads only what is not 0, `inputs` of all."""
    errors = 1.0 if layer.last else _ERRORS
    if kind in ("forward", "again"):
        return _LIVE_FORWARD * inputs * layer.weights
    if kind == "backward_input":
        return _LIVE_BACKWARD * errors * _PASSING * layer.weights
    if kind == "gradient":
        return _OUTER_MAXIMUM * (layer.fan_in + layer.outputs)
    return _OUTER_UPDATE * errors * inputs * layer.weights


def _forward(layer: LayerPlan, plan: Plan) -> float:
    once = _PER_WEIGHT["forward"] * layer.weights / plan.batch
    if layer.conv is None:
        return _dense("forward", layer) + once
    conv = layer.conv
    products = conv.outputs * conv.output_h * conv.output_w
    behind = products * (_PER_ACTIVATION + (_PER_POOLED if layer.pooled else 0.0))
    if layer.pairs is not None:
        return forward_cost(plan.graph, plan.graph.layers[layer.index], pairs=True) + behind
    if conv.by_rows:
        start, each = _BY_ROWS
        return layer.weights * conv.output_h * (start + each * conv.output_w) + behind + once
    start, each = _ROW["forward"]
    return products * conv.kernel_h * (start + each * conv.kernel_w * conv.input_c) + behind + once


def _dense(kind: str, layer: LayerPlan) -> float:
    return _DENSE_PER_MAC[kind] * layer.weights + _DENSE_START * layer.outputs


def _product(kind: str, layer: LayerPlan, batch: int) -> float:
    """Products of the errors of one sample; behind a convolution one a pooling window."""
    once = _PER_WEIGHT[kind] * layer.weights / batch
    if layer.conv is None:
        return _dense(kind, layer) + once
    start, each = _ROW[kind]
    rows = layer.positions * layer.outputs * layer.conv.kernel_h
    return rows * (start + each * layer.conv.kernel_w * layer.conv.input_c) + once
