"""Flash drivers of real chips on models of their controllers; no chip was asked, and the models know only
what the reference manuals say.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.host_c.flash_models import TICK_HZ, Driver, Model, Rp2040, Stm32F4, Stm32H7
from wagekit import boards

CHIPS: dict[str, tuple[str, type[Model]]] = {
    "olimex-stm32-h405": ("wk_flash_stm32f4", Stm32F4),
    "nucleo-f446re": ("wk_flash_stm32f4", Stm32F4),
    "nucleo-h743zi": ("wk_flash_stm32h7", Stm32H7),
}
Open = Callable[..., Driver]


@pytest.fixture(params=CHIPS)
def open_driver(request: pytest.FixtureRequest, host_cc: str) -> Open:
    name = request.param
    driver, kind = CHIPS[name]
    (area,) = boards.load(name).checkpoint

    def make(*, emulated: bool = False) -> Driver:
        model = kind(area.origin, area.size * area.count)
        return Driver(name, driver, model, emulated=emulated)

    return make


def check_that_what_is_programmed_is_read(chip: Driver) -> None:
    sectors, size, word = chip.geometry
    assert chip.start() == Driver.DONE
    rng = random.Random(3)
    for sector in range(sectors):
        first = sector * size
        assert chip.read(first, 64) == (Driver.DONE, bytes(64)), "what was there is seen, and may be cached"
        assert chip.erase(sector) == Driver.DONE
        assert chip.read(first, 64) == (Driver.DONE, b"\xff" * 64)
        for at, length in ((first, 64), (first + 64, word), (first + size - 64, 64)):
            data = rng.randbytes(length)
            assert chip.program(at, data) == Driver.DONE
            assert chip.read(at, length) == (Driver.DONE, data)
    assert bytes(chip.model.memory).count(b"\xff" * 1024) > sectors * (size // 1024 - 4)


def test_what_is_programmed_is_read(open_driver: Open) -> None:
    check_that_what_is_programmed_is_read(open_driver())


def test_an_error_is_told_and_the_next_operation_works(open_driver: Open) -> None:
    chip = open_driver()
    assert chip.start() == Driver.DONE
    chip.model.broken = True
    assert chip.erase(0) == Driver.FAILED
    chip.model.broken = False
    assert chip.erase(0) == Driver.DONE
    chip.model.broken = True
    assert chip.program(0, bytes(64)) == Driver.FAILED
    chip.model.broken = False
    assert chip.program(64, bytes(range(64))) == Driver.DONE
    assert chip.read(64, 64) == (Driver.DONE, bytes(range(64)))


def test_a_flash_that_never_ends_has_failed(open_driver: Open) -> None:
    chip = open_driver()
    assert chip.start() == Driver.DONE
    chip.model.erase_ticks = 3600 * TICK_HZ
    assert chip.erase(1) == Driver.FAILED
    assert 1 <= chip.now() / TICK_HZ < 60


def test_what_cannot_be_corrected_is_no_fault(host_cc: str) -> None:
    (area,) = boards.load("nucleo-h743zi").checkpoint
    model = Stm32H7(area.origin, area.size * area.count)
    chip = Driver("nucleo-h743zi", "wk_flash_stm32h7", model)
    assert chip.start() == Driver.DONE
    assert chip.erase(0) == Driver.DONE
    model.torn.add((area.origin + 96) // 32)
    assert chip.read(64, 64)[0] == Driver.FAILED
    assert chip.read(0, 64) == (Driver.DONE, b"\xff" * 64)
    assert chip.program(128, bytes(64)) == Driver.DONE, "it does not disturb what is programmed"
    assert chip.erase(0) == Driver.DONE
    assert chip.read(64, 64) == (Driver.DONE, b"\xff" * 64)


def test_an_emulated_chip_has_no_sectors(open_driver: Open) -> None:
    assert open_driver(emulated=True).geometry[0] == 0
    assert open_driver().geometry[0] == 2


@pytest.fixture
def pico(host_cc: str) -> tuple[Driver, Rp2040]:
    (area,) = boards.load("raspberry-pi-pico").checkpoint
    model = Rp2040(area.origin, area.size * area.count)
    return Driver("raspberry-pi-pico", "wk_flash_rp2040", model), model


def test_the_roms_functions_write_the_flash(pico: tuple[Driver, Rp2040]) -> None:
    chip, model = pico
    check_that_what_is_programmed_is_read(chip)
    assert model.memory[: model.area] == bytes(model.area), "the firmware stays"


def test_the_rom_is_called_in_order_with_whole_pages(pico: tuple[Driver, Rp2040]) -> None:
    chip, model = pico
    size = chip.geometry[1]
    assert chip.erase(3) == Driver.DONE
    assert model.names == ["IF", "EX", "RE", "FC", "CX"]
    assert model.calls[2][1][:2] == [model.area + 3 * size, size]
    model.calls.clear()
    for at in (64, 192, 0, 128):  # the parts of a page, each around the others
        assert chip.program(3 * size + 256 + at, bytes([at]) * 64) == Driver.DONE
    assert model.names == 4 * ["IF", "EX", "RP", "FC", "CX"]
    for start, _, count, _ in (arguments for name, arguments in model.calls if name == "RP"):
        assert (start, count) == (model.area + 3 * size + 256, 256)
    page = b"".join(bytes([at]) * 64 for at in range(0, 256, 64))
    assert chip.read(3 * size, 768) == (Driver.DONE, b"\xff" * 256 + page + b"\xff" * 256)


def test_what_is_not_the_pico_checkpoints_is_refused(pico: tuple[Driver, Rp2040]) -> None:
    chip, model = pico
    sectors, size, _ = chip.geometry
    for sector in (sectors, 0xFFFFFFFF, 2**32 - model.area // size):
        assert chip.erase(sector) == Driver.FAILED
    for address in (sectors * size, 2**32 - model.area, 2**32 - 64):
        assert chip.program(address, bytes(64)) == Driver.FAILED
    assert chip.program(224, bytes(64)) == Driver.FAILED, "two pages"
    assert model.calls == []


@pytest.mark.parametrize("missing", Rp2040.CODES)
def test_a_rom_without_a_function_is_not_begun_with(pico: tuple[Driver, Rp2040], missing: str) -> None:
    chip, model = pico
    model.missing = missing
    assert chip.erase(0) == (Driver.DONE if missing == "RP" else Driver.FAILED)
    assert chip.program(0, bytes(64)) == (Driver.DONE if missing == "RE" else Driver.FAILED)
    assert len(model.calls) == (5 if missing in ("RE", "RP") else 0)
