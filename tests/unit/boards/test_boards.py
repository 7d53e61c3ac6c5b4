"""board.toml: the packaged boards, boards of one's own, and every kind of mistake."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from wagekit import boards
from wagekit.boards.cores import Core, features_problem, features_used
from wagekit.errors import BoardError
from wagekit.toolchain import unicorn_m4


def edited(tmp_path: Path, old: str, new: str) -> Path:
    """A copy of netduinoplus2 with one change in its board.toml."""
    source = Path(str(boards.load("netduinoplus2")._folder))
    folder = tmp_path / "mine"
    shutil.copytree(source, folder)
    file = folder / boards.FILE
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return folder


@pytest.mark.parametrize("name", boards.available())
def test_packaged_boards_are_whole(name: str) -> None:
    board = boards.load(name)
    assert board.name == name
    assert board.qemu or board.flash or name == unicorn_m4.BOARD, (
        "a board is emulated, or a programmer writes it"
    )
    files = board.source_files()
    assert {"common/wk_startup.S", "common/wk_serial.c", "common/wk_board.h"} <= set(files)


def test_the_boards_are_there() -> None:
    expected = {"emcraft-sf2", "microbit", "netduinoplus2", "unicorn-m4"}
    expected |= {"mps2-an385", "mps2-an385-v6m", "mps2-an386", "mps2-an500", "mps2-an505"}
    expected |= {"mps3-an547", "lm3s6965evb"}
    expected |= {"feather-stm32f405", "olimex-stm32-h405", "nucleo-f446re", "nrf52840-dk"}
    expected |= {"nucleo-h743zi", "raspberry-pi-pico"}
    assert set(boards.available()) == expected


def test_a_tick_is_under_half_an_instruction_so_that_differences_convert_exactly() -> None:
    for name in boards.available():
        qemu = boards.load(name).qemu
        if qemu is None:
            continue
        if qemu.ticks == qemu.instructions:
            continue  # a tick is an instruction
        assert 2 * qemu.instructions < qemu.ticks
        for count in range(200):
            exact = count * qemu.ticks / qemu.instructions
            for ticks in (int(exact), -int(-exact // 1)):
                assert qemu.to_instructions(ticks) == count


def test_divisors() -> None:
    assert boards.load("mps2-an386").uart.divisor() == 217
    assert boards.load("netduinoplus2").uart.divisor() == 729
    assert boards.load("microbit").uart.divisor() == 0x01D7E000  # the manual's value for 115200
    assert boards.load("microbit").uart.divisor(1_000_000) == 0x10000000
    assert boards.load("lm3s6965evb").uart.divisor() == 27 * 64 + 8  # 27.127 times 16 samples a bit
    own = boards.load("netduinoplus2").uart.model_copy(update={"driver": "own"})
    assert (own.divisor(), own.divisor(10_000_000)) == (729, 8)
    assert boards.load("mps2-an386").uart.divisor(10_000_000) == 16  # the hardware's least


def test_unknown_board_lists_known_and_close() -> None:
    with pytest.raises(BoardError, match=r"unknown board 'mps2-an836' \(did you mean mps2-an386") as caught:
        boards.load("mps2-an836")
    for name in boards.available():
        assert name in str(caught.value)


def test_board_of_ones_own(tmp_path: Path) -> None:
    folder = edited(tmp_path, 'name = "netduinoplus2"', 'name = "mine"')
    for path in (folder, folder / boards.FILE, str(folder)):
        board = boards.load(path)
        assert board.name == "mine"
        assert "port.c" in board.source_files()


def test_no_board_at_the_path(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match=r"board.toml does not exist"):
        boards.load(tmp_path)
    with pytest.raises(BoardError, match=r"the file of a board is named board.toml"):
        boards.load(tmp_path / "other.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("stack = 4096", 'stack = "big"', r"board\.toml: stack = 'big': input should be a valid integer"),
        ("stack = 4096", "stack = 104", r"stack = 104: input should be greater than or equal to 512"),
        ("stack = 4096", "stack = 262144", r"stack = 262144: the RAM has 131072 bytes"),
        ("stack = 4096", "stak = 4096", r"stak is not a known key \(did you mean stack\?\); allowed: format"),
        ("stack = 4096\n", "", r"board\.toml: stack is missing"),
        (
            'driver = "stm32"',
            'driver = "usb"',
            r"uart\.driver = 'usb': .*'cmsdk', 'stm32', 'stm32v2', 'nrf51', '16550', 'pl011' or 'own'",
        ),
        ("irq = 37", "irq = 99", r"uart\.irq = 99: below interrupts = 82"),
        ("ring = 4096", "ring = 4095", r"link\.ring = 4095: a power of two"),
        ("ring = 4096", "ring = 2048", r"link\.ring = 2048: two frames of 1024"),
        ("format = 1", "format = 2", r"format = 2: 1 is allowed"),
        ("format = 1", "", r"format = None: 1 is allowed"),
        ('kind = "ram"', 'kind = "extra"', r"memory: exactly one region of kind ram is needed, found 0"),
        ('kind = "ram"', 'kind = "rom"', r"memory\[1\]\.kind = 'rom': .*'flash', 'ram' or 'extra'"),
        ("icount_shift = 0", "icount_shift = 11", r"qemu\.icount_shift = 11: .*less than or equal to 10"),
        ("icount_shift = 0", "icount = 0", r"qemu\.icount is not a known key .*allowed: machine"),
        ("origin = 0x20000000", "origin = -1", r"memory\[1\]\.origin = -1: .*greater than or equal to 0"),
        ("format = 1", "format = ", r"mine/board\.toml: Invalid"),
        ('-mcpu=cortex-m4"', '-mcpu=cortex-m7"', r"flags: -mcpu=cortex-m4 is needed .* found cortex-m7"),
        ('-mcpu=cortex-m4"', '-O2"', r"flags: -mcpu=cortex-m4 is needed .* found none"),
        ('["dsp", "fpu"]', '["fpu"]', r"features: dsp is missing"),
        ('["dsp", "fpu"]', '["dsp", "mve"]', r"features: a cortex-m4 has no mve; allowed: dsp, fpu"),
        ('["dsp", "fpu"]', '["simd"]', r"features\[0\] = 'simd': .*'dsp', 'fpu' or 'mve'"),
        ("stflash = true", 'stflash = "yes"', r"flash\.stflash = 'yes': input should be a valid boolean"),
        ('"target/stm32f4x.cfg"', '"stm32f4x"', r"flash\.openocd\[1\] = 'stm32f4x': .*match pattern"),
        ("stflash = true", 'usb = ["0D28:204"]', r"flash\.usb\[0\] = '0D28:204': .*match pattern"),
        ("stflash = true", "uf2_family = -1", r"flash\.uf2_family = -1"),
        ('pyocd_target = "stm32f405rgtx"\n', "", r"flash\.pyocd_pack: it goes with pyocd_target"),
        ('where = "qemu"', 'where = "here"', r"verified\[0\]\.where = 'here': .*'hardware', 'qemu'"),
        (
            "what = ",
            "that = ",
            r"verified\[0\]\.that is not a known key \(did you mean what\?\); allowed: where",
        ),
    ],
)
def test_mistakes_name_file_key_value_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(BoardError) as caught:
        boards.load(edited(tmp_path, old, new))
    text = str(caught.value)
    assert re.search(message, text), text
    assert "mine/board.toml" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("core", "flags", "features"),
    [
        ("cortex-m0", ["-mcpu=cortex-m0"], []),
        ("cortex-m4", ["-mcpu=cortex-m4", "-mfloat-abi=soft"], ["dsp"]),
        ("cortex-m4", ["-mcpu=cortex-m4", "-mfloat-abi=hard"], ["dsp", "fpu"]),
        ("cortex-m33", ["-mcpu=cortex-m33+nodsp"], []),
        ("cortex-m33", ["-mcpu=cortex-m33+nofp", "-mfloat-abi=soft"], ["dsp"]),
        ("cortex-m55", ["-mcpu=cortex-m55+nomve.fp", "-mfloat-abi=softfp"], ["dsp", "fpu", "mve"]),
        ("cortex-m55", ["-mcpu=cortex-m55+nofp", "-mfloat-abi=softfp"], ["dsp", "mve"]),
        ("cortex-m55", ["-mcpu=cortex-m55+nomve", "-mfloat-abi=soft"], ["dsp"]),
    ],
)
def test_features_follow_from_core_and_flags(core: Core, flags: list[str], features: list[str]) -> None:
    assert features_used(core, flags) == features
    assert features_problem(core, flags, None) is None


def test_flags_that_no_such_core_can_run() -> None:
    flags = ["-mcpu=cortex-m3", "-mfloat-abi=hard"]
    assert features_problem("cortex-m3", flags, None) == "flags: they use fpu, which a cortex-m3 never has"
    flags = ["-mcpu=cortex-m4", "-mfloat-abi=hard"]
    assert (
        features_problem("cortex-m4", flags, ["dsp"]) == "features: fpu is missing, which flags or core have"
    )


@pytest.mark.parametrize("name", boards.available())
def test_packaged_boards_tell_where_their_numbers_come_from(name: str) -> None:
    board = boards.load(name)
    assert board.references
    assert board.verified
    assert board.clock or name == unicorn_m4.BOARD
    assert board.features is not None
    wears = "common/wk_flash_memory.c" not in board.sources
    assert all((area.endurance is not None) == wears for area in board.checkpoint)


def test_a_way_to_write_the_board_is_needed_or_no_table(tmp_path: Path) -> None:
    folder = edited(tmp_path, "[flash]", "[[removed]]")
    text = (folder / boards.FILE).read_text()
    start, end = text.index("[[removed]]"), text.index("[[verified]]")
    (folder / boards.FILE).write_text(text[:start] + "[flash]\nusb = []\n\n" + text[end:])
    with pytest.raises(BoardError, match=r"flash\.pyocd_target, openocd, .* is needed"):
        boards.load(folder)
    (folder / boards.FILE).write_text(text[:start] + text[end:])
    assert boards.load(folder).flash is None


def test_source_that_is_not_there(tmp_path: Path) -> None:
    board = boards.load(edited(tmp_path, '"port.c"', '"prot.c"'))
    with pytest.raises(BoardError, match=r"sources: prot\.c does not exist"):
        board.source_files()
