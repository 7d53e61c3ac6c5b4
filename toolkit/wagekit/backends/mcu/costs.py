"""What each operation costs about, in instructions of a Cortex-M3 or M4: to rank choices, and to tell people.

Counted in products, weights and elements, times what each kind of operation took in the mean over the
networks of the bench: those are met within a quarter, which a test holds. Zeros among errors, activations and
weights are skipped, so that the truth depends on weights and samples.
"""

from __future__ import annotations

from wagekit.backends.mcu.plan import LayerPlan, Op

NARROW = 4
WIDE = 8
"""Words of a row that `wk_conv2d_forward_pairs` sums at a time."""
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
_PER_UNPACKED = 15.0
"""The same where two of them are summed in a word."""
_PER_WEIGHT = {"forward": 4.0, "backward_input": 1.5, "gradient": 3.4}
"""What a row of weights costs however many samples there are: deriving it, finding its maximum."""
_PER_UPDATE = 16.0
_PER_UPDATED_ROW = 250.0

_ERRORS = 0.55
"""Share of errors that are not 0; at the last layer all of them."""
_ACTIVATIONS = 0.55
_PASSING = 0.5
"""Share of inputs that the mask of their layer lets errors pass to."""
_LIVE_FORWARD = 6.0
_LIVE_BACKWARD = 7.0
_OUTER_MAXIMUM = 9.1
_OUTER_UPDATE = 21.0
_PER_ELEMENT = {"loss": 70.0, "mask": 12.0, "quantise": 14.0}
_FINISH = 56.0
_NONZERO = 0.67
"""Ternary weights that are not 0, at the start."""


def instructions_of(op: Op, layers: tuple[LayerPlan, ...], batch: int, *, inputs: float = 1.0) -> float:
    """Instructions of one sample in one operation.

    `inputs` is the share of the input's codes that are not 0.
    """
    layer = layers[-1 if op.layer is None else op.layer]
    if op.kind in _PER_ELEMENT:
        return _PER_ELEMENT[op.kind] * layer.output_size
    if op.kind == "finish":
        return _FINISH / batch
    if layer.live:
        return _live(op.kind, layer, _ACTIVATIONS if layer.index else inputs)
    if op.kind in ("forward", "again"):
        return forward(layer, batch)
    if op.kind != "update":
        return products(op.kind, layer, batch)
    assert layer.stored_rows is not None
    again = (1 - layer.stored_rows / layer.outputs) * products("gradient", layer, batch)
    return (_PER_UPDATE * layer.weights + _PER_UPDATED_ROW * layer.outputs) / batch + again


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


def forward(layer: LayerPlan, batch: int) -> float:
    """The forward pass of one sample through a layer that is not `live`."""
    once = _PER_WEIGHT["forward"] * layer.weights / batch
    if layer.conv is None:
        return _dense("forward", layer) + once
    conv = layer.conv
    number = conv.outputs * conv.output_h * conv.output_w
    behind = number * (_PER_ACTIVATION + (_PER_POOLED if layer.pooled else 0.0))
    if layer.pairs is not None:
        return _pairs(layer, conv.output_w) + _PER_UNPACKED * number + behind
    if conv.by_rows:
        start, each = _BY_ROWS
        return layer.weights * conv.output_h * (start + each * conv.output_w) + behind + once
    start, each = _ROW["forward"]
    return number * conv.kernel_h * (start + each * conv.kernel_w * conv.input_c) + behind + once


def _dense(kind: str, layer: LayerPlan) -> float:
    return _DENSE_PER_MAC[kind] * layer.weights + _DENSE_START * layer.outputs


def products(kind: str, layer: LayerPlan, batch: int) -> float:
    """Products of the errors of one sample; behind a convolution one a pooling window."""
    once = _PER_WEIGHT[kind] * layer.weights / batch
    if layer.conv is None:
        return _dense(kind, layer) + once
    start, each = _ROW[kind]
    rows = layer.positions * layer.outputs * layer.conv.kernel_h
    return rows * (start + each * layer.conv.kernel_w * layer.conv.input_c) + once


def _pairs(layer: LayerPlan, output_w: int) -> float:
    """Two outputs in a word, eight or four words of a row at a time."""
    assert layer.pairs is not None
    wide, rest = divmod(output_w, WIDE)
    narrow = 0
    if rest > NARROW and output_w >= WIDE:
        wide += 1
    else:
        narrow = -(-rest // NARROW)
    terms = layer.fan_in * _NONZERO
    sums = layer.pairs.half * (wide * (20 * terms + 200) + narrow * (12 * terms + 120))
    return 12.5 * layer.weights + layer.outputs * sums + 20 * layer.pairs.words
