"""What a plan chose, why, and how near it is to the least memory that could do."""

from __future__ import annotations

from wagekit.backends.mcu.plan import LayerPlan, Plan

_TENSORS = ("input", "output", "winners", "raw", "errors")
"""Buffers that hold what the mathematics needs; the others are scratch of kernels."""
_GRADIENTS = {
    "stored": "gradient stored, computed once",
    "recomputed": "gradient computed twice, a row at a time",
    "outer": "gradient never stored: its maximum is max|e| * max|x|, the update computes e * x",
}


def lower_bound(plan: Plan) -> int:
    """Bytes that no plan for the same network, batch and kind of program can be below.

    Masters, state, and the fullest moment of the tensors that must live: activations and winners,
    raw and quantised errors. Scratch, gradients and alignment are not counted.
    """
    at = {op.name: number for number, op in enumerate(plan.ops)}
    moments = [0] * len(plan.ops)
    for buffer in plan.buffers:
        if buffer.name.partition("_")[0] in _TENSORS:
            for moment in range(at[buffer.first], at[buffer.last] + 1):
                moments[moment] += buffer.bytes
    return plan.ram - plan.arena_bytes + max(moments)


def explain(plan: Plan) -> list[str]:
    """Lines for people: the memory beside its lower bound, what was chosen and why, layer by layer."""
    bound = lower_bound(plan)
    kind = "training" if plan.training else "inference"
    lines = [
        f"{plan.name}, {kind} at batch {plan.batch}: {plan.ram} bytes of RAM, lower bound {bound} "
        f"({100 * plan.ram / bound - 100:.1f} % above), about {plan.instructions} instructions a sample",
        f"chosen: {plan.choice.why}",
    ]
    if plan.packed:
        lines.append(
            f"weights packed in flash, {plan.graph.bits.weights} bits each: {plan.flash_bytes} bytes"
        )
    return lines + [f"{layer.title}: {'; '.join(_ways(layer))}" for layer in plan.layers]


def _ways(layer: LayerPlan) -> list[str]:
    if layer.pairs is not None:
        ways = ["forward with two outputs in a word"]
    elif layer.live:
        ways = ["forward from inputs that are not 0, four outputs at once"]
    else:
        ways = [
            "forward a weight at a time" if layer.conv and layer.conv.by_rows else "forward by dot products"
        ]
    if layer.gradient_mode is not None:
        ways.append(_GRADIENTS[layer.gradient_mode])
    return ways
