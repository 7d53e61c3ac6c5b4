"""RAM is shared out to the byte before anything is compiled, and what does not fit is refused."""

from __future__ import annotations

import pytest

from tests.unit.toolchain.networks import tiny, wide
from wagekit import boards
from wagekit.backends.mcu import plan_model
from wagekit.boards import Board
from wagekit.errors import LimitError
from wagekit.passes import compile_graph
from wagekit.spec import Network
from wagekit.toolchain import memory
from wagekit.toolchain.firmware import generate_project
from wagekit.toolchain.memory import FitError


def budget(net: Network, board: Board, batch: int = 1, **options: int | None) -> memory.RamBudget:
    plan = plan_model(compile_graph(net, batch=batch))
    return memory.ram_budget(board, plan, link=True, **options)


@pytest.mark.parametrize("name", boards.available())
@pytest.mark.parametrize("batch", [1, 5])
def test_the_store_takes_what_is_left(name: str, batch: int) -> None:
    board = boards.load(name)
    net = tiny()
    shared = budget(net, board, batch)
    sample = net.input_size + memory.LABEL_BYTES
    assert shared.used <= shared.size == board.region("ram").size
    assert shared.store % sample == 0
    assert shared.store // sample == memory.MAX_SLOTS or shared.size - shared.used < sample


def test_the_store_can_be_capped_but_holds_a_sample() -> None:
    board = boards.load("mps2-an386")
    sample = tiny().input_size + memory.LABEL_BYTES
    assert budget(tiny(), board, store_limit=10 * sample + 5).store == 10 * sample
    assert budget(tiny(), board, store_limit=0).store == sample


def test_too_large_for_the_board_is_refused_with_the_table(tmp_path) -> None:
    board = boards.load("microbit")
    with pytest.raises(FitError) as caught:
        generate_project(wide(2000), board, tmp_path / "project")
    error = caught.value
    assert isinstance(error, LimitError)
    assert "does not fit board microbit" in error.message
    assert "\n" not in error.message
    assert error.missing > 0
    assert sum(need.bytes for need in error.needs) == 16384 + error.missing
    assert error.hint
    assert "network, masters" in error.hint
    assert "stack" in error.hint
    assert not (tmp_path / "project").exists()


def test_where_only_the_counts_of_health_do_not_fit_that_is_said(tmp_path) -> None:
    board = boards.load("microbit")
    ram = board.region("ram").size

    def needs(units: int, health: bool) -> int:
        graph = compile_graph(wide(units), batch=1)
        plan = plan_model(graph, memory_limit=1, health=health)
        return sum(need.bytes for need in memory.least_needs(board, plan, link=True))

    units = next(n for n in range(100, 2000) if needs(n, health=True) > ram)
    assert needs(units, health=False) <= ram
    with pytest.raises(FitError, match="does not fit board microbit") as caught:
        generate_project(wide(units), board, tmp_path / "project")
    assert caught.value.hint and "--no-health" in caught.value.hint
    project = generate_project(wide(units), board, tmp_path / "project", health=False)
    assert not project.plan.health
    assert "health" not in (tmp_path / "project/generated/wk_model.c").read_text("utf-8")
    with pytest.raises(FitError) as caught:
        generate_project(wide(2000), board, tmp_path / "other")
    assert "health" not in str(caught.value.hint), "that would not help"


def test_gradients_are_recomputed_where_ram_is_short(tmp_path) -> None:
    """A network whose stored gradients would not fit the board is still built for it."""
    board = boards.load("microbit")
    net = wide(170)
    stored = plan_model(compile_graph(net, batch=2))
    project = generate_project(net, board, tmp_path / "project", batch=2)
    assert stored.ram > board.region("ram").size > project.plan.ram
    assert {layer["gradient"] for layer in project.manifest["layers"]} > {"stored"} or {
        layer["gradient"] for layer in project.manifest["layers"]
    } == {"recomputed"}


def test_masters_that_exceed_the_flash_are_refused() -> None:
    board = boards.load("microbit")
    plan = plan_model(compile_graph(wide(9000)))
    memory.check_flash(board, plan, baked=False)
    with pytest.raises(FitError, match="of flash"):
        memory.check_flash(board, plan, baked=True)
