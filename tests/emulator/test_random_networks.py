"""A sample of random networks learns in QEMU exactly as in the reference and on the host."""

from __future__ import annotations

from contextlib import ExitStack

from hypothesis import given, settings

from tests.equality import assert_same_logits, assert_same_masters, step_together
from tests.quick import LONG
from tests.strategies import Case, cases
from wagekit import open_executor

# Each example builds a firmware and boots it: a few seconds.
EXAMPLES = 40 if LONG else 4


@settings(max_examples=EXAMPLES)
@given(case=cases(max_weights=1000))
def test_drawn_networks_are_equal_on_the_chip(case: Case, qemu: str, host_cc: str) -> None:
    with ExitStack() as stack:
        executors = [
            stack.enter_context(open_executor(case.net, place, seed=case.seed, batch=case.batch))
            for place in ("reference", "host", "qemu:mps2-an386")
        ]
        for executor in executors:
            executor.health_every = 1
        for step in case.steps:
            assert_same_logits(executors, step.x, "before a step")
            step_together(executors, step.x, step.labels, step.log2_lr, step.rule)
            assert_same_masters(executors, "after a step")
