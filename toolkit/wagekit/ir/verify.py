"""Checks what every graph must hold; a failure is a bug of a front end or a pass."""

from __future__ import annotations

from wagekit.ir.graph import Conv2d, Graph, WeightLayer


def verify(graph: Graph) -> Graph:
    """Return the graph unchanged if it is sound; `AssertionError` names layer and rule if not."""
    _hold(bool(graph.layers), graph.name, "has a layer")
    source = graph.input
    for index, layer in enumerate(graph.layers):
        _hold(layer.index == index, layer.name, "is numbered in order")
        _hold(layer.input == source, layer.name, "reads what the layer before it writes")
        _hold(layer.last == (index == len(graph.layers) - 1), layer.name, "is last only at the end")
        _layer(graph, layer)
        source = layer.output
    last = graph.layers[-1]
    _hold(last.output.shape == (len(graph.classes),), last.name, "has one output a class")
    _derived(graph)
    return graph


def _hold(condition: bool, where: str, rule: str) -> None:
    if not condition:
        raise AssertionError(f"graph is unsound: {where} must hold: it {rule}")


def _layer(graph: Graph, layer: WeightLayer) -> None:
    bits = graph.bits
    _hold(layer.weights.bits == bits.weights, layer.name, "has weights of the network's width")
    _hold(all(size > 0 for size in layer.output.shape), layer.name, "has an output")
    _hold(layer.product_shape[-1] == layer.outputs, layer.name, "has one product channel an output")
    if isinstance(layer.op, Conv2d):
        _hold(
            layer.product_shape[:2] == _conv_extent(layer, layer.op), layer.name, "has the product's extent"
        )
        expected: tuple[int, ...] = (layer.outputs, *layer.op.kernel, layer.input.shape[-1])
    else:
        expected = (layer.outputs, layer.input.size)
        _hold(layer.pool is None, layer.name, "is not pooled as a dense layer")
    _hold(layer.weights.shape == expected, layer.name, f"has weights of shape {expected}")
    if layer.last:
        _hold(not isinstance(layer.op, Conv2d), layer.name, "is dense as the last layer")
        _hold(not layer.relu and layer.pool is None, layer.name, "has no activation as the last layer")
        return
    _hold(layer.output.bits == bits.activations, layer.name, "writes codes of the activation grid")
    window = layer.pool.window if layer.pool else (1, 1)
    if isinstance(layer.op, Conv2d):
        pooled = tuple(n // w for n, w in zip(layer.product_shape[:2], window, strict=True))
        _hold(layer.output.shape[:2] == pooled, layer.name, "writes the pooled extent")


def _conv_extent(layer: WeightLayer, op: Conv2d) -> tuple[int, int]:
    top, left, bottom, right = op.pads
    height = (layer.input.shape[0] + top + bottom - op.kernel[0]) // op.stride[0] + 1
    width = (layer.input.shape[1] + left + right - op.kernel[1]) // op.stride[1] + 1
    return (height, width)


def _derived(graph: Graph) -> None:
    below = False
    for layer in graph.layers:
        if layer.shift is not None:
            assert layer.log2_alpha is not None
            _hold(
                layer.shift == graph.bits.weights - 1 + layer.log2_alpha,
                layer.name,
                "shifts by k_W - 1 + alpha",
            )
        if layer.sends_error is not None:
            _hold(layer.sends_error == below, layer.name, "sends errors only where a layer below learns")
            _hold(not (layer.learns and layer.frozen), layer.name, "does not learn when frozen")
            below = below or bool(layer.learns)
        if graph.training is not None and layer.ranges is not None:
            _hold((layer.ranges.gradient is None) == (not layer.learns), layer.name, "bounds its gradient")
            _hold((layer.ranges.raw_error is None) == (not layer.sends_error), layer.name, "bounds its error")
