"""What a plan chose, why, and how near it is to the least memory that could do."""

from __future__ import annotations

from wagekit.backends.mcu.plan import LayerPlan, Op, Plan

_GRADIENTS = {
    "stored": "gradient stored, computed once",
    "tiled": "gradient of {0.stored_rows} of {0.outputs} outputs stored, of the others computed twice",
    "recomputed": "gradient computed twice, a row at a time",
    "outer": "gradient never stored: its maximum is max|e| * max|x|, the update computes e * x",
}


def lower_bound(plan: Plan) -> int:
    """Bytes that no plan for the same network, batch and kind of program can be below.

    Masters, state, and the fullest moment of what must live at once: the input, raw and quantised
    errors from the first operation that writes or reads them to the last, because nothing computes
    them twice; activations and winners only in the operations that write or read them, because
    any of them may be dropped and computed again. Scratch, gradients and alignment are not counted.
    """
    ops = [op for op in plan.ops if op.kind != "again"]
    at = {op.name: number for number, op in enumerate(ops)}
    moments = [sum(_touched(op, plan)) for op in ops]
    for buffer in plan.buffers:
        if buffer.name.partition("_")[0] in ("raw", "errors"):
            for moment in range(at[buffer.first], at[buffer.last] + 1):
                moments[moment] += buffer.bytes
    last_read = at["gradient_0"] if plan.layers[0].learns and plan.training else at["forward_0"]
    for moment in range(last_read + 1):
        moments[moment] += plan.batch * plan.inputs
    return plan.ram - plan.arena_bytes + max(moments)


def _touched(op: Op, plan: Plan) -> list[int]:
    """Bytes of the activations and winners that an operation cannot do without, the input aside."""
    if op.layer is None:
        return []
    layer = plan.layers[op.layer]
    reads, writes = plan.batch * layer.input_size if op.layer else 0, plan.batch * layer.output_size
    pooled = layer.pool is not None and layer.pooled
    winners = plan.batch * layer.outputs * layer.pool.winner_bytes if layer.pool and pooled else 0
    if op.kind == "forward":
        return [reads] if layer.last else [reads, writes]
    return {"backward_input": [winners], "mask": [writes], "gradient": [reads, winners]}.get(op.kind, [])


def explain(plan: Plan) -> list[str]:
    """Lines for people: the memory beside its lower bound, what was chosen and why, layer by layer."""
    bound = lower_bound(plan)
    kind = "training" if plan.training else "inference"
    lines = [
        f"{plan.name}, {kind} at batch {plan.batch}: {plan.ram} bytes of RAM, lower bound {bound} "
        f"({100 * plan.ram / bound - 100:.1f} % above), about {plan.instructions} instructions a sample",
        f"chosen: {plan.choice.why}",
    ]
    if any(layer.packed for layer in plan.layers):
        lines.append(
            f"weights packed in flash, {plan.graph.bits.weights} bits each: "
            f"{plan.flash_bytes(baked=False)} bytes"
        )
    return lines + [f"{layer.title}: {'; '.join(_ways(layer, plan))}" for layer in plan.layers]


def _ways(layer: LayerPlan, plan: Plan) -> list[str]:
    if layer.pairs is not None:
        ways = ["forward with two outputs in a word"]
    elif layer.live:
        ways = ["forward from inputs that are not 0, four outputs at once"]
    else:
        ways = [
            "forward a weight at a time" if layer.conv and layer.conv.by_rows else "forward by dot products"
        ]
    if layer.packed:
        ways.append("weights in flash")
    if layer.index in plan.choice.dropped:
        ways.append("activation dropped and computed again before errors come back")
    if layer.gradient_mode is not None:
        ways.append(_GRADIENTS[layer.gradient_mode].format(layer))
    return ways
