"""What a program costs where it cannot be linked or run: rough numbers, and always marked as such.

Networks of the bench are met within a quarter, which a test holds; for others expect up to a factor of two
either way.
"""

from __future__ import annotations

from wagekit.backends.mcu import Op, Plan, instructions_of
from wagekit.boards import Board

CODE = {True: 31_500, False: 22_000}
"""Bytes of code and tables of a firmware with the link that learns, or only infers."""
CODE_M0 = {True: 37_000, False: 25_500}
CODE_CHECKPOINTS, CODE_CHECKPOINTS_M0 = 8_100, 9_900

_THUMB_1 = ("cortex-m0", "cortex-m0plus")
_M0_FACTOR = 1.45
_M0_PAIRS = 1.6
_M0_LIVE = {"forward": 1.36, "again": 1.36, "update": 1.9}
"""Of the kernels for one sample: those that live from registers and wide instructions lose most."""

_INPUTS = {"unit": 0.19}
"""Share of the input's codes that are not 0, by encoding; elsewhere nearly all of them. Images encoded
`unit` mostly have a background of 0; this is the share in the digits of MNIST."""


def code_bytes(board: Board, plan: Plan) -> int:
    """Bytes of flash that code and tables take."""
    small = board.core in _THUMB_1
    code = (CODE_M0 if small else CODE)[plan.training]
    if board.checkpoint and not plan.packed:
        code += CODE_CHECKPOINTS_M0 if small else CODE_CHECKPOINTS
    return code


def instructions(plan: Plan, board: Board, encoding: str) -> dict[str, int]:
    """Instructions of one sample, operation by operation; `encoding` is that of the network's input."""
    inputs = _INPUTS.get(encoding, 1.0)
    small = board.core in _THUMB_1
    return {
        op.name: round(
            (_m0_factor(op, plan) if small else 1.0)
            * instructions_of(op, plan.layers, plan.batch, inputs=inputs)
        )
        for op in plan.ops
    }


def _m0_factor(op: Op, plan: Plan) -> float:
    layer = plan.layers[-1 if op.layer is None else op.layer]
    if layer.live:
        return _M0_LIVE.get(op.kind, _M0_FACTOR)
    return _M0_PAIRS if layer.pairs is not None and op.kind in ("forward", "again") else _M0_FACTOR
