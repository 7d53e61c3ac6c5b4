"""Register addresses, fields and interrupts of real boards against the makers' SVD files.

pyOCD's package has those of many chips; $WAGEKIT_SVD names a folder with those of others.
"""

from __future__ import annotations

import importlib.util
import os
import re
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.unit.boards.svd import Register, Svd, defines
from wagekit import boards, resources

MAKERS = ("EVENTS_", "TASKS_", "")


@dataclass(frozen=True)
class Case:
    """A C file, and the units whose registers it names."""

    svd: str
    board: str
    file: str
    units: tuple[str, ...]
    """By name; `UART` is the unit at the board's `uart.base`."""
    unchecked: frozenset[str] = frozenset()
    """Macros that are no register and no field of one."""
    aliases: tuple[tuple[str, str], ...] = ()
    """Beginnings of our names, and what they are in the SVD."""


def case(svd: str, board: str, file: str, units: str, unchecked: str = "", **aliases: str) -> Case:
    return Case(svd, board, file, tuple(units.split()), frozenset(unchecked.split()), tuple(aliases.items()))


NRF5 = "common/wk_nrf5.c"
CASES = [
    *(
        case(svd, board, file, units, more, **aliases)
        for svd, board, gpio in (("nrf51", "microbit", "GPIO"), ("nrf52840", "nrf52840-dk", "P0"))
        for file, units, more, aliases in (
            (NRF5, f"CLOCK {gpio} TIMER0", "TIMER0_IRQ POLLS BITMODE_32", {"GPIO": gpio}),
            ("common/wk_uart_nrf51.c", "UART", "", {}),
            ("common/wk_flash_nvmc.c", "NVMC", "POLLS CONFIG_READ CONFIG_WRITE CONFIG_ERASE", {}),
        )
    ),
    case("nrf51", "microbit", "port.c", "CLOCK"),
    case(
        "nrf52840",
        "nrf52840-dk",
        "port.c",
        "NVMC UICR",
        "APPROTECT_HW_DISABLED APPROTECT_DISABLE DISABLE_SW_UNPROTECTED",
    ),
    *(
        case(svd, board, file, units, more, **aliases)
        for svd, board in (
            ("STM32F41x", "netduinoplus2"),
            ("STM32F41x", "feather-stm32f405"),
            ("STM32F446", "nucleo-f446re"),
        )
        for file, units, more, aliases in (
            (
                "common/wk_stm32f4.c",
                "RCC FLASH",
                "GPIOA GPIO_STRIDE TIM2 APB1 APB2 HSI_MHZ PLLCFGR_P_2 PLLCFGR_R_2 CFGR_SW_PLL CFGR_SWS_PLL"
                " CFGR_PPRE1_4 CFGR_PPRE2_2",
                {},
            ),
            ("common/wk_stm32.c", "GPIOA TIM2", "POLLS", {}),
            ("common/wk_uart_stm32.c", "UART", "", {}),
            (
                "common/wk_flash_stm32f4.c",
                "FLASH",
                "KEY1 KEY2 SR_ERRORS CR_PSIZE_32 FLASH_START SECTOR_BYTES LONGEST_SECONDS",
                {},
            ),
        )
    ),
]


H7 = ("STM32H743", "nucleo-h743zi")
CASES += [
    case(
        *H7,
        "port.c",
        "RCC PWR FLASH GPIOD",
        "CFGR_SW_PLL1 CFGR_SWS_PLL1 D1CFGR_HPRE_2 D1CFGR_D1PPRE_2 D2CFGR_D2PPRE1_2 D2CFGR_D2PPRE2_2"
        " D3CFGR_D3PPRE_2 PLLCKSELR_HSE PLLCFGR_RGE_2_TO_4_MHZ PLL1DIVR_DIVN1 PLL1DIVR_DIVP1_2"
        " PLL1DIVR_DIVQ1_2 PLL1DIVR_DIVR1_2 D3CR_VOS_1 ACR_TWO_WAIT_STATES HSE_MHZ HSI_MHZ"
        " PLL_INPUT_MHZ USART3",
    ),
    case(*H7, "common/wk_stm32.c", "GPIOD TIM2", "POLLS"),
    case(*H7, "common/wk_uart_stm32v2.c", "UART"),
    case(
        *H7,
        "common/wk_flash_stm32h7.c",
        "FLASH",
        "KEY1 KEY2 CR2_PSIZE_32 SR2_BUSY SR2_ERRORS SR2_READ_ERRORS BANK_START BANK_BYTES SECTOR_BYTES"
        " WORD_BYTES LONGEST_SECONDS",
    ),
]

CASES.append(
    case(
        "RP2040",
        "raspberry-pi-pico",
        "port.c",
        "RESETS CLOCKS XOSC PLL_SYS IO_BANK0 PADS_BANK0 WATCHDOG TIMER",
        "CLEAR_BITS CTRL_1_TO_15_MHZ CTRL_ENABLE STARTUP_4_MS CS_REFDIV_1 CLK_REF_CTRL_XOSC CLK_SYS_CTRL_AUX"
        " FUNCSEL_UART PAD_INPUT_WITH_PULL_UP CRYSTAL_MHZ VCO_MHZ POLLS",
    )
)


@cache
def svd_of(name: str) -> Svd:
    folder = os.environ.get("WAGEKIT_SVD")
    if folder and (Path(folder) / f"{name}.svd").is_file():
        return Svd((Path(folder) / f"{name}.svd").read_text("utf-8-sig"))
    found = importlib.util.find_spec("pyocd")
    if found is None or found.origin is None:
        pytest.skip("pyocd is not installed, which brings SVD files (pip install 'wagekit[flash]')")
    with zipfile.ZipFile(Path(found.origin).parent / "debug" / "svd" / "svd_data.zip") as files:
        if f"{name}.svd" not in files.namelist():
            pytest.skip(f"pyocd has no {name}.svd; $WAGEKIT_SVD may name a folder that has")
        return Svd(files.read(f"{name}.svd").decode("utf-8"))


def register_of(svd: Svd, name: str, units: dict[str, str], home: str) -> Register | None:
    """`UNIT_REGISTER`, or `REGISTER` of the home unit; Nordic's tasks and events without those words."""
    for ours, theirs in units.items():
        if name.startswith(f"{ours}_"):
            found = _named(svd.peripherals[theirs].registers, name.removeprefix(f"{ours}_"))
            if found is not None:
                return found
    return _named(svd.peripherals[home].registers, name)


def _named(registers: dict[str, Register], name: str) -> Register | None:
    """PSEL.TXD of one chip is PSELTXD of another."""
    plain = {title.replace("_", ""): register for title, register in registers.items()} | registers
    names = [maker + name for maker in MAKERS]
    names += [each.replace("_", "") for each in names]
    return next((plain[each] for each in names if each in plain), None)


def masks_of(svd: Svd, name: str, units: dict[str, str]) -> set[int]:
    """What `REGISTER_FIELD` or `REGISTER_FIELD_FIELD` may be: the fields' lowest bits, together."""
    found = set()
    for unit in units.values():
        for title, register in svd.peripherals[unit].registers.items():
            short = re.sub(r"^(EVENTS|TASKS)_", "", title)
            if not name.startswith(f"{short}_"):
                continue
            rest = name.removeprefix(f"{short}_")
            names = [rest] if rest in register.fields else rest.split("_")
            parts = [_field(register, part) for part in names]
            if all(parts):
                found.add(sum(mask & -mask for mask in parts))
    return found


def _field(register: Register, part: str) -> int:
    """Its mask, 0 if there is none. ST's older files have a field for each bit of PLLN, PLLQ and so on."""
    names = (part, f"PLL{part}", f"{part}0", f"PLL{part}0", f"PLL{part}_0")
    return next((register.fields[name] for name in names if name in register.fields), 0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.board}: {case.file}")
def test_registers_and_fields(case: Case) -> None:
    svd, board = svd_of(case.svd), boards.load(case.board)
    uart = svd.at(board.uart.base, "U").name
    home = svd.peripherals[uart if case.units[0] == "UART" else case.units[0]]
    units = {unit: uart if unit == "UART" else unit for unit in case.units} | dict(case.aliases)
    text = board.source_files()[case.file]
    values = defines(text, {"WK_UART_BASE": board.uart.base})
    checked = 0
    for name, value in values.items():
        if name in case.unchecked:
            continue
        register = register_of(svd, name, units, next(iter(units.values())))
        if register is not None:
            offset = home.base if value < 0x400 else 0
            assert value + offset == register.address, (
                f"{name} = {value:#x}, in the SVD {register.address:#x}"
            )
        else:
            masks = masks_of(svd, name, units)
            assert masks, f"{name} is not in the SVD"
            assert value in masks, f"{name} = {value:#x}, in the SVD {[hex(mask) for mask in masks]}"
        checked += 1
    assert case.unchecked <= values.keys(), "what is not there need not be named"
    assert checked == len(values) - len(case.unchecked) > 0


@pytest.mark.parametrize(
    ("name", "chip"), sorted({(case.board, case.svd) for case in CASES if case.svd != "RP2040"})
)
def test_interrupts(name: str, chip: str) -> None:
    svd, board = svd_of(chip), boards.load(name)
    uart = svd.at(board.uart.base, "U").name
    numbers = {
        title: number for each in svd.peripherals.values() for title, number in each.interrupts.items()
    }
    assert board.uart.irq in {number for title, number in numbers.items() if uart in title}
    if chip.startswith("nrf"):
        assert "TIMER0_IRQ 8\n" in (resources.board_files() / NRF5).read_text("utf-8")
        assert 8 in svd.peripherals["TIMER0"].interrupts.values()
    assert board.interrupts > max(numbers.values()), "the vector table has all"


def test_a_wrong_address_is_found() -> None:
    assert defines("#define A_B 0x40u\n#define B(x) ((x) << 3)\n#define C (A_B + 4u) /* d */\n", {}) == {
        "A_B": 0x40,
        "B": 8,
        "C": 0x44,
    }
