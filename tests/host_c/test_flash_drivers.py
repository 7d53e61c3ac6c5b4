"""Flash drivers of real chips on models of their controllers; no chip was asked, and the models know only
what the reference manuals say.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.host_c.flash_models import TICK_HZ, Driver, Model, Stm32F4, Stm32H7
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


def test_what_is_programmed_is_read(open_driver: Open) -> None:
    chip = open_driver()
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
