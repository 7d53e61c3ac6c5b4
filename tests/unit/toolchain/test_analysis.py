"""What `analyze` says: equal to the linked ELF to the byte, and advice that is true."""

from __future__ import annotations

import pytest

from tests.unit.toolchain.networks import tiny, wide
from wagekit import boards
from wagekit.cli.sources import open_subject
from wagekit.errors import LimitError
from wagekit.passes import compile_graph
from wagekit.reference import initial_masters
from wagekit.spec import Dense, Input, Network
from wagekit.toolchain.analysis import Program, analyse, frozen_first, shrunk
from wagekit.toolchain.firmware import build_firmware

DIGITS_TINY = open_subject("digits-tiny").network


@pytest.mark.parametrize("name", ["microbit", "mps2-an386"])
@pytest.mark.parametrize("training", [False, True])
def test_every_byte_is_that_of_the_elf(name: str, training: bool, arm_gcc: str) -> None:
    board = boards.load(name)
    masters = initial_masters(compile_graph(DIGITS_TINY), 0)
    program = analyse(DIGITS_TINY, board, training=training, masters=masters)
    image = build_firmware(DIGITS_TINY, board, masters=masters, training=training, store_limit=1)
    sizes = image.sizes
    assert program.fits
    assert program.linked
    assert sum(program.ram.values()) == program.ram_bytes == sizes.ram
    assert sum(program.flash.values()) == program.flash_bytes == sizes.flash
    assert program.sections == {section.name: section.bytes for section in sizes.sections}
    model = sizes.symbol("wk_app_model")
    assert model
    assert sum(program.network.values()) == model.bytes
    assert program.ram["stack"] == board.stack
    assert program.ram["receive ring"] == board.link.ring
    assert program.ram["sample store, one sample"] == 66
    assert 0 < program.ram["port and padding"] <= 160
    for layer in program.layers:
        constants = sizes.symbol(f"{'initial' if training else 'bits'}_{layer.index}")
        assert constants
        assert layer.flash == constants.bytes
    assert program.flash["weights"] == sum(layer.flash for layer in program.layers)
    assert program.network["masters"] == sum(layer.masters for layer in program.layers)
    assert program.stack == (image.stack.total if image.stack else None)
    most = program.ram_bytes + 66 * (program.samples - 1)
    assert most <= program.ram_size
    assert program.samples == 65_535 or most + 66 > program.ram_size, "it could store one more"


@pytest.mark.parametrize("training", [False, True])
def test_without_a_compiler_the_network_is_exact_and_the_rest_bounded(training: bool, arm_gcc: str) -> None:
    board = boards.load("microbit")
    guess = analyse(DIGITS_TINY, board, training=training, compiled=False)
    linked = analyse(DIGITS_TINY, board, training=training)
    assert not guess.linked
    assert guess.sections == {}
    assert guess.stack is None
    assert guess.network == linked.network
    assert guess.layers == linked.layers
    assert linked.ram_bytes <= guess.ram_bytes <= linked.ram_bytes + 200
    # The estimate is of gcc 12.2; gcc 14.2 makes 45 % more code for a Cortex-M0.
    assert 0.6 < guess.flash_bytes / linked.flash_bytes < 1.25


def advice(program: Program) -> dict[str, int]:
    return {item.change: item.ram for item in program.advice}


def fits(net: Network, batch: int, training: bool = True) -> bool:
    return analyse(net, boards.load("microbit"), training=training, batch=batch, compiled=False).fits


def test_advice_is_true_and_the_smallest_change() -> None:
    program = analyse(DIGITS_TINY, boards.load("microbit"), training=True, batch=32, compiled=False)
    assert not program.fits
    assert program.missing > 0
    assert "microbit" in program.reason
    changes = [item.change for item in program.advice]
    size = int(changes[0].split()[1])
    assert changes[0] == f"batch {size} instead of 32"
    assert fits(DIGITS_TINY, size)
    assert not fits(DIGITS_TINY, size + 1)
    (share,) = [change for change in changes if "filters and units" in change]
    eighths = int(share[0])
    assert fits(shrunk(DIGITS_TINY, eighths), 32)
    assert not fits(shrunk(DIGITS_TINY, eighths + 1), 32)
    assert changes[-1] == "inference only, at batch 1"
    assert fits(DIGITS_TINY, 1, training=False)


def test_advice_to_freeze_names_the_fewest_layers() -> None:
    program = analyse(DIGITS_TINY, boards.load("microbit"), training=True, batch=8, compiled=False)
    named = [item for item in program.advice if "frozen" in item.change]
    for item in named:
        count = 1 if item.change.startswith("the first layer") else int(item.change.split()[2])
        assert fits(frozen_first(DIGITS_TINY, count), 8)
        assert count == 1 or not fits(frozen_first(DIGITS_TINY, count - 1), 8)
        assert item.ram <= program.ram_size


def test_advice_to_freeze_counts_what_goes_to_flash() -> None:
    net = Network(
        name="wide",
        input=Input(shape=[64], encoding="unit"),
        classes=["a", "b"],
        layers=[Dense(units=224), Dense(units=2)],
    )
    board = boards.load("microbit")
    program = analyse(net, board, training=True, compiled=False)
    assert not program.fits
    need = advice(program)["the first layer frozen, at batch 1"]
    frozen = analyse(frozen_first(net, 1), board, training=True, compiled=False)
    assert frozen.fits
    assert frozen.ram_bytes == need <= program.ram_size < need + 64 * 224
    assert [(layer.masters, layer.flash) for layer in frozen.layers] == [(0, 64 * 224 // 4), (448, 0)]
    assert frozen.flash["weights"] == 64 * 224 // 4


def test_what_no_board_can_hold_is_an_answer(arm_gcc: str) -> None:
    net = wide(4000)
    program = analyse(net, boards.load("microbit"), training=True, batch=1)
    assert not program.fits
    assert program.missing > 0
    with pytest.raises(LimitError):
        build_firmware(net, boards.load("microbit"))
    assert any("filters and units" in change for change in advice(program))


def test_freezing_and_shrinking_make_networks() -> None:
    assert [getattr(layer, "frozen", None) for layer in frozen_first(tiny(), 1).layers] == [True, None, False]
    assert shrunk(tiny(), 4).layers[0].model_dump()["filters"] == 2
    assert shrunk(tiny(), 4).layers[-1] == tiny().layers[-1]
