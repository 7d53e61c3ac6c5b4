"""What a program costs where it cannot be linked or run: rough numbers, and always marked as such.

Instructions are counted in multiply-accumulates and elements, times what each kind of operation
took in the mean over the networks of the bench. Zeros among errors and weights are skipped, so that
the truth depends on weights and samples; expect a factor of two either way.
"""

from __future__ import annotations

from wagekit.backends.mcu import LayerPlan, Op, Plan
from wagekit.boards import Board

CODE = {True: 22_500, False: 16_000}
"""Bytes of code and tables of a firmware with the link that learns, or only infers."""
CODE_M0 = {True: 26_500, False: 19_000}
CODE_CHECKPOINTS = 5_800

_THUMB_1 = ("cortex-m0", "cortex-m0plus")
_M0_FACTOR = 1.45
_CONV_PER_MAC = {"forward": 4.3, "backward_input": 4.0, "gradient": 4.2}
_DENSE_PER_MAC = {"forward": 3.7, "backward_input": 2.2, "gradient": 2.4}
_PER_WEIGHT = {"forward": 4.0, "backward_input": 1.5, "gradient": 3.4}
"""What a row of weights costs however many samples there are: deriving it, finding its maximum."""
_PER_UPDATE = 16.0
_PAIRS_PER_MAC = 1.3
"""A convolution that sums two outputs in a word; `_PER_WEIGHT` is that of a list of weights more."""
_PAIRS_PER_WEIGHT = 12.0
_LIVE_PER_MAC = {"forward": 3.3, "backward_input": 1.8, "gradient": 0.05}
"""Dense layers that read only what is not 0."""
_OUTER_PER_UPDATE = 6.5
_PER_ELEMENT = {"loss": 70.0, "mask": 12.0, "quantise": 14.0}
_SHORT_WINDOW = 16
_SHORT_FACTOR = 2.2
"""A window of so few weights costs more a weight."""
_FINISH = 56.0


def code_bytes(board: Board, plan: Plan) -> int:
    """Bytes of flash that code and tables take."""
    code = (CODE_M0 if board.core in _THUMB_1 else CODE)[plan.training]
    return code + (CODE_CHECKPOINTS if board.checkpoint and not plan.packed else 0)


def instructions(plan: Plan, board: Board) -> dict[str, int]:
    """Instructions of one sample, operation by operation."""
    factor = _M0_FACTOR if board.core in _THUMB_1 else 1.0
    return {op.name: round(factor * _of(op, plan)) for op in plan.ops}


def _of(op: Op, plan: Plan) -> float:
    layer = plan.layers[-1] if op.layer is None else plan.layers[op.layer]
    if op.kind in _PER_ELEMENT:
        return _PER_ELEMENT[op.kind] * layer.output_size
    if op.kind == "finish":
        return _FINISH / plan.batch
    if op.kind == "update" and layer.gradient_mode == "outer":
        return _OUTER_PER_UPDATE * layer.weights
    if op.kind == "update":
        assert layer.stored_rows is not None
        again = (1 - layer.stored_rows / layer.outputs) * _product("gradient", layer, plan.batch)
        return _PER_UPDATE * layer.weights / plan.batch + again
    return _product("forward" if op.kind == "again" else op.kind, layer, plan.batch)


def _product(kind: str, layer: LayerPlan, batch: int) -> float:
    if layer.live:
        return _LIVE_PER_MAC[kind] * layer.weights
    once = _PER_WEIGHT[kind] * layer.weights / batch
    if layer.conv is None:
        return _DENSE_PER_MAC[kind] * layer.weights + once
    # Backwards there is one error a pooling window.
    forward = kind == "forward"
    positions = layer.conv.output_h * layer.conv.output_w if forward else layer.positions
    if forward and layer.pairs is not None:
        return (_PAIRS_PER_MAC * positions + _PAIRS_PER_WEIGHT) * layer.weights
    short = _SHORT_FACTOR if layer.fan_in < _SHORT_WINDOW else 1.0
    return short * _CONV_PER_MAC[kind] * layer.weights * positions + once
