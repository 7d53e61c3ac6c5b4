"""The generated C on the host against the golden steps that a plain-Python oracle made."""

from __future__ import annotations

import pytest

from tests.golden.steps import GOLDEN_STEPS, Recipe, check_golden
from wagekit.executors.host import HostExecutor
from wagekit.passes import compile_graph


@pytest.mark.parametrize("recompute", [False, True, None])
@pytest.mark.parametrize("recipe", GOLDEN_STEPS, ids=lambda recipe: recipe.name)
def test_steps_of_the_host(recipe: Recipe, recompute: bool | None) -> None:
    net = recipe.net()
    with HostExecutor(net, net.seed, recipe.samples, recompute=recompute) as host:
        check_golden(host, recipe, compile_graph(net, recipe.samples))
