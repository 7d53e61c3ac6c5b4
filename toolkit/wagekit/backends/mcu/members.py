"""The members of `struct wk_model` and where they lie: the one table of its layout."""

from __future__ import annotations

from wagekit.backends.mcu.plan import LayerPlan, Member

INT_BYTES = {f"{sign}int{bits}_t": bits // 8 for sign in ("", "u") for bits in (8, 16, 32, 64)}
"""Size, and on all our targets alignment, of the C integer types."""

_STRUCTS = {"wk_step_stats_t": (24, 8), "wk_loss_sum_t": (16, 8), "wk_layer_stats_t": (8, 4)}
_HEALTH_STRUCTS = {"wk_health_t": (8, 4), "wk_layer_health_t": (32, 4)}
"""Size and alignment of the structs of the static headers; the generated header asserts them."""


def struct_sizes(health: bool) -> dict[str, int]:
    """Sizes of the structs in a program's memory, by name."""
    return {name: size for name, (size, _) in (_STRUCTS | (_HEALTH_STRUCTS if health else {})).items()}


def struct_members(
    layers: tuple[LayerPlan, ...], batch: int, arena_bytes: int, master_bits: int, health: bool
) -> tuple[tuple[Member, ...], int]:
    """All members with their offsets, and the size of the struct."""
    classes = layers[-1].outputs
    wanted: list[tuple[str, str, int | None, str]] = [
        ("stats", "wk_step_stats_t", None, "of the last training step"),
        ("loss", "wk_loss_sum_t", None, "of the batch under way"),
        ("maximum", "uint64_t", None, "largest magnitude so far of the tensor under way"),
        ("layer_stats", "wk_layer_stats_t", len(layers), "of the last training step"),
        ("seed", "uint32_t", None, "of the random numbers"),
        ("step", "uint32_t", None, "batches learned since initialisation"),
        ("samples", "int32_t", None, "of the program under way"),
        ("op", "int32_t", None, "operation under way"),
        ("tile", "int32_t", None, "next tile of it"),
        ("training", "int32_t", None, "1: a training step, 0: a forward pass"),
        ("log2_lr", "int32_t", None, "rate asked for"),
        ("rule", "int32_t", None, "a wk_rule_t"),
        ("logits", "int32_t", batch * classes, "[samples, classes]"),
        ("labels", "uint16_t", batch, "of the batch"),
    ]
    if health:
        wanted += [
            ("health", "wk_health_t", None, "the last step that counted it"),
            ("layer_health", "wk_layer_health_t", len(layers), "of that step"),
            ("health_every", "uint32_t", None, "steps between two that count it; 0: none does"),
            ("counting", "int32_t", None, "1: the step under way does"),
        ]
    for layer in layers:
        if layer.packed:
            continue
        text = f"[{layer.outputs}, {layer.fan_in}]"
        wanted.append((f"masters_{layer.index}", f"int{master_bits}_t", layer.weights, text))
    members = [Member("arena", "wk_model_arena_t", None, 0, arena_bytes, "buffers that share bytes")]
    end = arena_bytes
    widest = 8
    for name, ctype, count, text in wanted:
        size, align = (_STRUCTS | _HEALTH_STRUCTS).get(ctype) or (INT_BYTES[ctype], INT_BYTES[ctype])
        offset = -(-end // align) * align
        members.append(Member(name, ctype, count, offset, size * (count or 1), text))
        end = offset + size * (count or 1)
    return tuple(members), -(-end // widest) * widest
