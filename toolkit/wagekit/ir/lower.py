"""From a description to the graph: shapes and names, no derived numbers yet."""

from __future__ import annotations

from wagekit.ir.graph import Bits, Conv2d, Dense, Graph, MaxPool, Tensor, WeightLayer
from wagekit.spec import Network, Resolved
from wagekit.spec.resolve import lifted

LOGIT_BITS = 32


def lower(net: Network) -> Graph:
    """The graph of a network: a chain of weight layers, signals with a height of 1.

    Layers are named by kind and number, `conv0` or `dense3`. The passes fill in what is
    derived (`log2_alpha`, `shift`, `learns`, `sends_error`, `ranges`).
    """
    bits = Bits(net.bits.weights, net.bits.activations, net.bits.gradients, net.bits.errors)
    first = Tensor("input", lifted(net.input.shape), bits.activations, bits.activations - 1)
    layers: list[WeightLayer] = []
    tensor = first
    for index, resolved in enumerate(net.resolved()):
        layers.append(_layer(index, resolved, tensor, bits))
        tensor = layers[-1].output
    return Graph(net.name, bits, first, tuple(layers), tuple(net.classes), fingerprint=net.fingerprint())


def _layer(index: int, resolved: Resolved, source: Tensor, bits: Bits) -> WeightLayer:
    name = f"{resolved.kind}{index}"
    op: Conv2d | Dense
    if resolved.kind == "conv":
        assert resolved.kernel and resolved.stride and resolved.pads
        op = Conv2d(resolved.kernel, resolved.stride, resolved.pads)
        weight_shape: tuple[int, ...] = (resolved.product[-1], *resolved.kernel, source.shape[-1])
    else:
        op = Dense()
        weight_shape = (resolved.product[0], source.size)
    if resolved.last:
        fraction = bits.activations - 1 + bits.weights - 1  # the shift pass adds log2_alpha
        output = Tensor("logits", resolved.output, LOGIT_BITS, fraction)
    else:
        output = Tensor(f"{name}.output", resolved.output, bits.activations, bits.activations - 1)
    return WeightLayer(
        index=index,
        name=name,
        op=op,
        input=source,
        weights=Tensor(f"{name}.weights", weight_shape, bits.weights, bits.weights - 1),
        product_shape=resolved.product,
        output=output,
        pool=MaxPool(resolved.window) if resolved.window else None,
        relu=resolved.relu,
        last=resolved.last,
        frozen=resolved.frozen,
    )
