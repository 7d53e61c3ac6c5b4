"""Layouts drawn by hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from wagekit.backends.neuro import MappingOptions


@st.composite
def layouts(draw: st.DrawFn) -> MappingOptions:
    """Options of all kinds; unrolled ones may find no block that fits, which the chip then refuses."""
    return MappingOptions(
        axons=draw(st.none() | st.integers(1, 40)),
        neurons=draw(st.none() | st.integers(1, 12)),
        convolution=draw(st.sampled_from(["shared", "unrolled"])),
        reduction=draw(st.sampled_from(["direct", "chain"])),
        gradient=draw(st.sampled_from(["stored", "recomputed"])),
    )
