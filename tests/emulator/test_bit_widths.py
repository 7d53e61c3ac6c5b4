"""Widths other than the paper's 2-8-8-8 learn in QEMU exactly as in the reference and on the host."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.equality import assert_same_logits, assert_same_masters, step_together
from wagekit import Bits, Network, open_executor
from wagekit.cli.sources import open_subject
from wagekit.datasets import load_digits

PLACES = ("reference", "host", "qemu:mps2-an386")
STEPS = 3
# k_W, k_A, k_G, k_E: ends of the ranges (with ReLU k_A is 3 or more), masters and errors of 8 and 16 bits.
WIDTHS = [(3, 8, 12, 12), (8, 8, 16, 16), (2, 4, 2, 8), (8, 4, 8, 2), (2, 3, 12, 16)]


# All at both sizes of batch; to be quick each at one of them.
CASES = [
    pytest.param(
        widths, batch, id=f"{'-'.join(map(str, widths))}-{batch}", marks=pytest.mark.long if late else ()
    )
    for number, widths in enumerate(WIDTHS)
    for batch in (1, 4)
    for late in [(number % 2 == 0) == (batch == 1)]
]


@pytest.mark.parametrize(("widths", "batch"), CASES)
def test_widths_are_equal_on_the_chip(
    widths: tuple[int, int, int, int], batch: int, qemu: str, host_cc: str
) -> None:
    net = network(*widths)
    data = load_digits()
    with ExitStack() as stack:
        executors = [stack.enter_context(open_executor(net, place, batch=batch)) for place in PLACES]
        begin = executors[0].masters
        for executor in executors:
            executor.health_every = 2
        for step in range(STEPS):
            part = slice(step * batch, (step + 1) * batch)
            step_together(executors, net.encode(data.x[part]), data.labels[part], log2_lr=3, rule="paper")
            assert_same_masters(executors, f"after step {step}")
        assert_same_logits(executors, net.encode(data.x[:batch]), "at the end")
        pairs = zip(begin, executors[0].masters, strict=True)
        assert any((was != now).any() for was, now in pairs), "nothing was learned, so nothing was compared"


def network(weights: int, activations: int, gradients: int, errors: int) -> Network:
    """Two convolutions with pools and two dense layers, 5,960 weights."""
    bits = Bits(weights=weights, activations=activations, gradients=gradients, errors=errors)
    return open_subject("digits-tiny").network.model_copy(update={"bits": bits})
