"""Programmers of real boards: their command lines, their messages, and which one is taken.

No hardware is meant here: the programs are small scripts that print what the real ones print, which
programmer_messages.toml has, and end with their exit codes.
"""

from __future__ import annotations

import struct
import tomllib
from pathlib import Path

import pytest

from wagekit import boards
from wagekit.boards import Board, Flashing
from wagekit.errors import LimitError, ToolError, UsageError, WagekitError
from wagekit.toolchain import programmers
from wagekit.toolchain.image import Image, Segment
from wagekit.toolchain.programmers import (
    NAMES,
    PROGRAMMERS,
    Probe,
    Programmer,
    probers,
    pyocd,
    stflash,
    uf2,
    usb,
)
from wagekit.toolchain.programmers import base as programmer_base
from wagekit.toolchain.programmers.base import Job

RP2040 = 0xE48BFF56
MICROBIT, NETDUINO = boards.load("microbit"), boards.load("netduinoplus2")
PICO: Board = MICROBIT.model_copy(
    update={"name": "pico", "flash": Flashing(probe_rs="RP2040", uf2_family=RP2040, pyocd_target="rp2040")}
)
ELF = Path("/work/f.elf")
IMAGE = Image(ELF, (Segment(0x0, b"\x01\x02\x03\x04"), Segment(0x104, b"\x05")), 0)


def by_name(name: str) -> Programmer:
    return next(programmer for programmer in PROGRAMMERS if programmer.name == name)


def job(board: Board, probe: str | None = None, *, erase: bool = False) -> Job:
    blank = Segment(0x3C000, b"\xff" * 8) if erase else None
    return Job(board, IMAGE, Path("/tmp/w"), probe, blank)


PYOCD = ["pyocd", "load", "-W", "-t", "nrf51822", "-e", "sector", "-O", "auto_unlock=False"]
OPENOCD = ["openocd", "-f", "interface/cmsis-dap.cfg"]
PROBE_RS = ["--non-interactive", "--chip", "nRF51822_xxAA"]
RP = ["--non-interactive", "--chip", "RP2040"]
COMMANDS: dict[str, tuple[Board, str | None, bool, list[list[str]]]] = {
    "pyocd": (MICROBIT, None, False, [[*PYOCD, "/work/f.elf"]]),
    "pyocd with a probe": (MICROBIT, "99", False, [[*PYOCD, "-u", "99", "/work/f.elf"]]),
    "pyocd and erase": (
        MICROBIT,
        None,
        True,
        [[*PYOCD, "--no-reset", "/tmp/w/blank.bin@0x3c000"], [*PYOCD, "/work/f.elf"]],
    ),
    "openocd": (
        MICROBIT,
        None,
        False,
        [[*OPENOCD, "-f", "target/nrf51.cfg", "-c", "program {/work/f.elf} verify reset exit"]],
    ),
    "openocd with a probe and erase": (
        MICROBIT,
        "99",
        True,
        [
            [
                *[*OPENOCD, "-c", "adapter serial {99}", "-f", "target/nrf51.cfg"],
                *["-c", "program {/tmp/w/blank.bin} 0x3c000 verify"],
                *["-c", "program {/work/f.elf} verify reset exit"],
            ]
        ],
    ),
    "probe-rs": (
        MICROBIT,
        None,
        False,
        [["probe-rs", "download", *PROBE_RS, "--verify", "/work/f.elf"], ["probe-rs", "reset", *PROBE_RS]],
    ),
    "probe-rs with a probe and erase": (
        MICROBIT,
        "0d28:0204:99",
        True,
        [
            [
                *["probe-rs", "download", *PROBE_RS, "--probe", "0d28:0204:99", "--verify"],
                *["--binary-format", "bin", "--base-address", "0x3c000", "/tmp/w/blank.bin"],
            ],
            ["probe-rs", "download", *PROBE_RS, "--probe", "0d28:0204:99", "--verify", "/work/f.elf"],
            ["probe-rs", "reset", *PROBE_RS, "--probe", "0d28:0204:99"],
        ],
    ),
    "probe-rs of an RP2040, which cannot verify": (
        PICO,
        None,
        False,
        [["probe-rs", "download", *RP, "/work/f.elf"], ["probe-rs", "reset", *RP]],
    ),
    "st-flash": (NETDUINO, None, False, [["st-flash", "--reset", "write", "/tmp/w/firmware.bin", "0x0"]]),
    "st-flash with a probe and erase": (
        NETDUINO,
        "99",
        True,
        [
            ["st-flash", "--serial", "99", "write", "/tmp/w/blank.bin", "0x3c000"],
            ["st-flash", "--reset", "--serial", "99", "write", "/tmp/w/firmware.bin", "0x0"],
        ],
    ),
    "picotool": (PICO, None, False, [["picotool", "load", "-v", "-x", "/work/f.elf", "-t", "elf"]]),
    "picotool with a probe and erase": (
        PICO,
        "E66",
        True,
        [
            [*["picotool", "load", "-v", "/tmp/w/blank.bin", "-t", "bin", "-o", "0x3c000"], "--ser", "E66"],
            ["picotool", "load", "-v", "-x", "/work/f.elf", "-t", "elf", "--ser", "E66"],
        ],
    ),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_command_lines(case: str) -> None:
    board, probe, erase, expected = COMMANDS[case]
    name = case.split(maxsplit=1)[0]
    commands = by_name(name).commands([name], job(board, probe, erase=erase))
    assert commands == expected
    words = " ".join(word for command in commands for word in command)
    for never in ("chip-erase", "mass", "--erase chip", "-e chip", "allow-erase-all"):
        assert never not in words


MESSAGES = tomllib.loads(Path(__file__).with_name("programmer_messages.toml").read_text("utf-8"))["message"]
BOARDS = {"microbit": MICROBIT, "netduinoplus2": NETDUINO, "pico": PICO}


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of the path, no installed pyOCD, no USB devices and no drives."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(pyocd.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(usb, "SYSFS", tmp_path / "no-usb")
    monkeypatch.setattr(uf2, "drives", list)
    return folder


def fake(folder: Path, name: str, said: str = "", code: int = 0) -> None:
    """A program that prints this and ends with that, and notes how it was called."""
    (folder / f"{name}.txt").write_text(said)
    script = [
        "#!/bin/sh",
        f'echo "$*" >>{folder}/calls',
        f'while IFS= read -r line; do echo "$line"; done <{folder}/{name}.txt',
        f"exit {code}",
    ]
    (folder / name).write_text("\n".join(script) + "\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("row", MESSAGES, ids=lambda row: f"{row['program']}: {row['told']}")
def test_what_programs_say_becomes_one_line(row: dict[str, str], alone: Path, tmp_path: Path) -> None:
    fake(alone, row["program"], row["said"] + "\n", 1)
    programmer, board = by_name(row["program"]), BOARDS[row["board"]]
    tool = programmer.find()
    assert tool
    with pytest.raises(ToolError) as caught:
        programmer.write(tool, Job(board, IMAGE, tmp_path))
    assert row["told"] in caught.value.message
    assert "\n" not in caught.value.message
    assert row["hint"] in (caught.value.hint or "")


def test_a_program_that_succeeds(alone: Path, tmp_path: Path) -> None:
    said = {"openocd": "** Programming Finished **\n** Verified OK **\n"}
    for name in NAMES[:-1]:
        fake(alone, name, said.get(name, ""))
        board = {"st-flash": NETDUINO, "picotool": PICO}.get(name, MICROBIT)
        tool = by_name(name).find()
        assert tool
        by_name(name).write(tool, Job(board, IMAGE, tmp_path))
    assert (tmp_path / "firmware.bin").read_bytes() == IMAGE.binary()
    calls = (alone / "calls").read_text().splitlines()
    assert len(calls) == 6  # probe-rs resets too


def test_openocd_that_ends_well_without_having_programmed(alone: Path, tmp_path: Path) -> None:
    fake(alone, "openocd", "** Programming Failed **\nshutdown command invoked\n", 0)
    with pytest.raises(ToolError, match="openocd failed: shutdown"):
        by_name("openocd").write(["openocd"], Job(MICROBIT, IMAGE, tmp_path))


def test_a_program_that_does_not_end(alone: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(programmer_base, "WRITE_TIMEOUT", 0.05)
    (alone / "st-flash").write_text("#!/bin/sh\nwhile :; do :; done\n")
    (alone / "st-flash").chmod(0o755)
    with pytest.raises(ToolError, match="st-flash did not end within 0 s") as caught:
        by_name("st-flash").write([str(alone / "st-flash")], Job(NETDUINO, IMAGE, tmp_path))
    assert "unplug" in (caught.value.hint or "")


def test_missing_programs(alone: Path) -> None:
    with pytest.raises(ToolError, match="pyocd or probe-rs or openocd is not installed") as caught:
        programmers.choose(MICROBIT)
    assert "pip install 'wagekit[flash]'" in (caught.value.hint or "")
    assert "--with qemu" in (caught.value.hint or "")
    with pytest.raises(ToolError, match="openocd is not installed"):
        programmers.choose(MICROBIT, "openocd")


def test_programs_that_a_board_does_not_know(alone: Path) -> None:
    with pytest.raises(UsageError, match=r"microbit tells nothing for st-flash.*flash\.stflash") as caught:
        programmers.choose(MICROBIT, "st-flash")
    assert "pyocd, probe-rs, openocd" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="mps2-an386 cannot be written by a programmer"):
        programmers.choose(boards.load("mps2-an386"))
    with pytest.raises(UsageError, match="--with hammer"):
        programmers.choose(MICROBIT, "hammer")
    arm_only = Flashing(uf2_family=0x57755A57)  # an STM32F4, which picotool does not know
    board = PICO.model_copy(update={"flash": arm_only})
    assert programmers.able_names(board) == ["uf2"]


def test_the_first_that_finds_a_probe_is_taken(alone: Path) -> None:
    fake(alone, "openocd")
    fake(alone, "probe-rs", "No debug probes were found.\n")
    assert programmers.choose(MICROBIT)[0].name == "probe-rs"  # none has a probe: the first
    fake(alone, "pyocd", '{"boards": [{"unique_id": "99", "info": "Arm micro:bit"}]}\n')
    assert programmers.choose(MICROBIT)[0].name == "pyocd"
    fake(alone, "pyocd", '{"boards": []}\n')
    fake(
        alone,
        "probe-rs",
        "The following debug probes were found:\n[0]: DAPLink -- 0d28:0204:99 (CMSIS-DAP)\n",
    )
    assert programmers.choose(MICROBIT)[0].name == "probe-rs"


TWO = '{"boards": [{"unique_id": "9904", "info": "left"}, {"unique_id": "9905", "info": "right"}]}\n'


def test_two_probes_are_never_guessed_between(alone: Path) -> None:
    fake(alone, "pyocd", TWO)
    tool = by_name("pyocd")
    with pytest.raises(UsageError, match="pyocd finds 2 probes or boards to write microbit with") as caught:
        programmers.choose_probe(tool, MICROBIT, None, None)
    assert (caught.value.hint or "").splitlines()[1:] == ["--probe 9904   left", "--probe 9905   right"]
    assert programmers.choose_probe(tool, MICROBIT, None, lambda probes: probes[1]) == "9905"
    assert programmers.choose_probe(tool, MICROBIT, "04", None) == "9904"
    with pytest.raises(UsageError, match="--probe 99: it fits 2 probes"):
        programmers.choose_probe(tool, MICROBIT, "99", None)
    with pytest.raises(UsageError, match="--probe 77: it is not connected"):
        programmers.choose_probe(tool, MICROBIT, "77", None)


def test_one_probe_is_taken_and_unknown_ones_are_left_to_the_program(alone: Path) -> None:
    fake(alone, "pyocd", '{"boards": [{"unique_id": "99", "info": "only"}]}\n')
    assert programmers.choose_probe(by_name("pyocd"), MICROBIT, None, None) == "99"
    fake(alone, "pyocd", "no JSON\n")
    assert programmers.choose_probe(by_name("pyocd"), MICROBIT, None, None) is None
    assert programmers.choose_probe(by_name("pyocd"), MICROBIT, "7", None) == "7"


def test_lists_of_probes() -> None:
    new = (
        "The following debug probes were found:\n[0]: STLink V2-1 -- 0483:374b:066D (ST-LINK)\n"
        "[1]: J-Link -- 1366:0105:000760208498 (J-Link)\n"
    )
    old = "[0]: DAPLink CMSIS_DAP (VID: 0d28, PID: 0204, Serial: 06040000, CmsisDap)\n"
    assert probers.parse_probes(new) == [
        Probe("0483:374b:066D", "STLink V2-1"),
        Probe("1366:0105:000760208498", "J-Link"),
    ]
    assert probers.parse_probes(old) == [Probe("0d28:0204:06040000", "DAPLink CMSIS_DAP")]
    assert probers.parse_probes("No debug probes were found.\n") == []
    info = (
        "Found 2 stlink programmers\n 1.\n  version:    V2J36S7\n  serial:     553f6a06\n"
        "  chipid:     0x413\n 2.\n  serial:     066dff\n"
    )
    assert [probe.id for probe in stflash.parse_probes(info)] == ["553f6a06", "066dff"]
    assert stflash.parse_probes("Found 0 stlink programmers\n") == []


def test_probes_on_usb(tmp_path: Path) -> None:
    devices = {
        "1-1": ("0483", "374b", "066D", "STM32 STLink"),
        "1-2": ("2e8a", "000c", "E661", "Debug Probe (CMSIS-DAP)"),
        "1-3": ("2e8a", "0003", "E0C9", "RP2 Boot"),
        "1-4": ("046d", "c542", "", "Mouse"),
    }
    for name, values in devices.items():
        (tmp_path / name).mkdir()
        for key, value in zip(("idVendor", "idProduct", "serial", "product"), values, strict=True):
            (tmp_path / name / key).write_text(f"{value}\n")
    (tmp_path / "usb1:1.0").mkdir()  # an interface, without ids
    assert [probe.id for probe in usb.debug_probes(tmp_path) or ()] == ["066D", "E661"]
    assert usb.boot_loaders(tmp_path) == [Probe("E0C9", "RP2040 in BOOTSEL mode")]
    assert usb.debug_probes(tmp_path / "absent") is None


def test_uf2_blocks() -> None:
    data = uf2.encode([Segment(0x100000FE, b"abcd"), Segment(0x10000400, b"\x11" * 256)], RP2040)
    assert len(data) == 3 * 512
    places = []
    for number in range(3):
        block = data[512 * number : 512 * number + 512]
        head = struct.unpack("<8I", block[:32])
        assert head[:3] == (0x0A324655, 0x9E5D5157, 0x2000)
        assert head[4:] == (256, number, 3, RP2040)
        assert block[32 + 256 : 508] == bytes(220)
        assert block[508:] == struct.pack("<I", 0x0AB16F30)
        places.append((head[3], block[32:288]))
    assert [place for place, _ in places] == [0x10000000, 0x10000100, 0x10000400]
    assert places[0][1] == b"\xff" * 254 + b"ab"
    assert places[1][1] == b"cd" + b"\xff" * 254
    assert places[2][1] == b"\x11" * 256


def drive(root: Path, name: str) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / uf2.INFO).write_text("UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n")
    return folder


def test_uf2_drives_are_found_and_written_whole(
    alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "media"
    (root / "stick").mkdir(parents=True)
    first = drive(root, "RPI-RP2")
    monkeypatch.undo()
    of_a_user = drive(root / "alice", "CURRENT")
    assert uf2.drives([root, tmp_path / "none"]) == [first, of_a_user]
    assert uf2.board_of(first) == "RPI-RP2"
    tool = by_name("uf2")
    tool.write([], Job(PICO, IMAGE, tmp_path, str(first)))
    assert (first / "firmware.uf2").read_bytes() == uf2.encode(IMAGE.segments, RP2040)
    second = drive(root, "RPI-RP2-1")
    monkeypatch.setattr(uf2, "drives", lambda: [first, second])
    with pytest.raises(UsageError, match="uf2 finds 2 probes or boards") as caught:
        programmers.choose_probe(tool, PICO, None, None)
    assert f"--probe {second}   RPI-RP2" in (caught.value.hint or "")
    elsewhere = drive(tmp_path / "elsewhere", "RPI-RP2")
    assert programmers.choose_probe(tool, PICO, str(elsewhere), None) == str(elsewhere)
    with pytest.raises(UsageError, match="it is not connected"):
        programmers.choose_probe(tool, PICO, "/nowhere", None)
    with pytest.raises(ToolError, match="no drive of a UF2 boot loader is mounted") as missing:
        tool.write([], Job(PICO, IMAGE, tmp_path, None))
    assert "BOOTSEL" in (missing.value.hint or "")


def test_a_uf2_drive_that_takes_no_more(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(WagekitError, match="cannot be written whole: No space left"):
        uf2.copy(b"x" * 512, full)


def test_an_image_is_checked_before_any_program_is_started(
    alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(alone, "pyocd", TWO)
    over = Image(ELF, (Segment(0x3BFFF, b"12"),), 0)
    monkeypatch.setattr(programmers, "read_image", lambda elf: over)
    with pytest.raises(LimitError, match="over the checkpoint sectors"):
        programmers.write_board(ELF, MICROBIT)
    assert not (alone / "calls").exists()


def test_a_board_is_written(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(alone, "pyocd", '{"boards": [{"unique_id": "99", "info": "only"}]}\n')
    monkeypatch.setattr(programmers, "read_image", lambda elf: IMAGE)
    told: list[str] = []
    done = programmers.write_board(ELF, MICROBIT, erase=True, tell=told.append)
    assert (done.programmer, done.probe) == ("pyocd", "99")
    assert told == ["writing microbit with pyocd, probe 99"]
    calls = (alone / "calls").read_text().splitlines()
    assert calls[-1].endswith("-u 99 /work/f.elf")
    assert calls[-2].endswith("blank.bin@0x3c000")
    with pytest.raises(UsageError, match="no checkpoint sectors"):
        programmers.write_board(ELF, MICROBIT.model_copy(update={"checkpoint": []}), erase=True)
