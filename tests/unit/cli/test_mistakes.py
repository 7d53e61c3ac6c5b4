"""Every mistake gives one clear line, the right exit code and no traceback."""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from wagekit.cli.sources import shipped_network
from wagekit.toolchain import unicorn_m4, zig

DIGITS = shipped_network("digits")
TINY_CONV = '[[layers]]\ntype = "conv2d"\nfilters = 8\nkernel = 3\npadding = "same"'

NETWORKS = {
    "unknown layer": (('type = "max_pool"', 'type = "avg_pool"'), ["avg_pool", "unknown layer", "max_pool"]),
    "negative size": (("units = 56", "units = -56"), ["units = -56", "1..65535"]),
    "kernel too large": (
        (
            'kernel = 3\npadding = "same"\n\n[[layers]]\ntype = "conv2d"',
            'kernel = 9\n\n[[layers]]\ntype = "conv2d"',
        ),
        ["layers[0]", "kernel", "9", "8"],
    ),
    "bits out of range": (("weights = 2", "weights = 9"), ["bits.weights = 9", "2..8"]),
    "unknown key": (("units = 56", "unit = 56"), ["unit"]),
    "two classes": (("units = 10", "units = 9"), ["units = 9", "10 classes"]),
    "no toml": (("[bits]", "[bits"), ["not valid TOML"]),
    "no format": (("format = 1\n", ""), ["format is missing"]),
    "newer format": (("format = 1\n", "format = 9\n"), ["format = 9"]),
}


@pytest.mark.parametrize("case", NETWORKS)
def test_network_mistakes(cli: Callable, tmp_path: Path, case: str) -> None:
    (old, new), words = NETWORKS[case]
    assert old in DIGITS
    text = DIGITS.replace(old, new, 1)
    if case == "unknown key":
        text = text.replace('type = "dense"\nunit = 56', 'type = "dense"\nunits = 56\nunit = 56')
    (tmp_path / "network.toml").write_text(text)
    cli("train", "network.toml", "--on", "reference").refused(3, "network.toml", *words)


def idx(path: Path, array: np.ndarray, cut: int = 0) -> None:
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    content = head + array.astype(np.uint8).tobytes()
    path.write_bytes(content[: len(content) - cut])


def write_data(folder: Path) -> None:
    """Data files with one mistake each."""
    row = ",".join(["8"] * 64)
    (folder / "labels.csv").write_text(f"{row},3\n{row},10\n")
    (folder / "cell.csv").write_text(f"{row},3\n{row.replace('8', 'x', 1)},1\n")
    (folder / "shape.csv").write_text("1,2,3,0\n4,5,6,1\n" * 10)
    (folder / "float.csv").write_text(f"{row.replace('8', '0.5', 1)},3\n" * 10)
    np.savez(folder / "object.npz", x=np.array([{}]), labels=np.zeros(1, int))
    for name, cut in (("cut", 5), ("short", 0), ("cutgz", 0)):
        (folder / name).mkdir()
        idx(folder / name / "train-images-idx3-ubyte", np.zeros((10, 8, 8)), cut)
        idx(folder / name / "train-labels-idx1-ubyte", np.arange(10 if name != "short" else 9) % 10)
    packed = gzip.compress((folder / "cutgz" / "train-images-idx3-ubyte").read_bytes())
    (folder / "cutgz" / "train-images-idx3-ubyte").write_bytes(packed[:-6])
    (folder / "magic").mkdir()
    (folder / "magic" / "train-images-idx3-ubyte").write_bytes(b"\x89PNG" + bytes(60))
    idx(folder / "magic" / "train-labels-idx1-ubyte", np.zeros(3))
    (folder / "empty").mkdir()


DATA = {
    "labels.csv": ["labels.csv", "label 10", "0..9"],
    "cell.csv": ["cell.csv", "line 2", "column 1", "'x'"],
    "shape.csv": ["3 values", "digits", "8x8x1 = 64"],
    "float.csv": ["float64", "affine takes whole numbers"],
    "object.npz": ["object.npz", "not a readable NumPy archive"],
    "cut": ["train-images-idx3-ubyte", "truncated", "need 656 bytes, found 651"],
    "short": ["train-labels-idx1-ubyte", "counts differ", "18 bytes", "found 17"],
    "cutgz": ["train-images-idx3-ubyte", "gzip"],
    "magic": ["train-images-idx3-ubyte", "89 50 4e 47", "not IDX"],
    "empty": ["no train-images"],
    "absent": ["no data set 'absent'", "digits"],
}


@pytest.mark.parametrize("name", DATA)
def test_data_mistakes(cli: Callable, tmp_path: Path, name: str) -> None:
    write_data(tmp_path)
    cli("train", "digits", "--on", "reference", "--data", name).refused(4, *DATA[name])


USAGE = {
    "no such verb": (["fly"], ["fly"]),
    "no such option": (["train", "digits", "--fast"], ["--fast"]),
    "argument missing": (["train"], ["NETWORK"]),
    "not a number": (["train", "digits", "--batch", "many"], ["--batch"]),
    "out of range": (["train", "digits", "--batch", "0"], ["--batch"]),
    "batch too large": (["train", "digits", "--batch", "5000"], ["batch 5000", "1438"]),
    "schedule": (["train", "digits", "--schedule", "0:99"], ["rate 99", "-16..15"]),
    "rule": (["train", "digits", "--rule", "sgd"], ["'sgd'", "paper, error_scaled"]),
    "place": (["train", "digits", "--on", "moon"], ["'moon'", "reference, host"]),
    "icount": (["run", "digits", "--on", "host", "--icount"], ["--icount", "qemu"]),
    "baud": (["run", "digits", "--on", "host", "--baud", "9600"], ["--baud", "serial"]),
    "test fraction": (["train", "digits", "--test-fraction", "1"], ["test fraction"]),
    "rates": (["learn", "digits", "--rates", "0:2,300:99"], ["rates", "rate 99", "-16..15"]),
    "rates without a begin": (["learn", "digits", "--rates", "5:2"], ["begins at 5"]),
    "rates by half samples": (["learn", "digits", "--rates", "0:2,2.5:1"], ["sample 2.5"]),
    "rates out of order": (
        ["learn", "digits", "--rates", "0:2,1000:3,50%:1", "--samples", "100"],
        ["do not grow"],
    ),
    "too many rates": (
        ["learn", "digits", "--rates", ",".join(f"{i}:1" for i in range(9))],
        ["9 are more than the 8"],
    ),
    "window": (["learn", "digits", "--window", "65"], ["--window 65", "power of two"]),
    "window too large": (["learn", "digits", "--window", "2048"], ["--window"]),
    "accuracy": (["learn", "digits", "--accuracy", "101"], ["--accuracy"]),
    "patience": (["learn", "digits", "--patience", "0"], ["--patience"]),
    "order": (["learn", "digits", "--order", "best"], ["'best'", "in_turn, drawn"]),
    "learn by no rule": (["learn", "digits", "--rule", "sgd"], ["'sgd'", "paper, error_scaled"]),
    "replay": (["learn", "digits", "--replay", "256"], ["--replay"]),
    "learn and count": (["learn", "digits", "--on", "host", "--icount"], ["--icount", "qemu"]),
    "resume a description": (["train", "digits", "--resume"], ["--resume"]),
    "one place": (["verify", "digits", "--on", "host"], ["one place"]),
    "example": (["new", "--example", "vgg"], ["'vgg'", "digits-tiny"]),
    "programmer": (["flash", "digits", "--with", "moon"], ["--with moon", "qemu, pyocd, probe-rs"]),
    "probe": (["flash", "digits", "--probe", "1"], ["--probe"]),
    "port of QEMU": (["flash", "digits", "--port", "COM3"], ["--port"]),
    "flash file of a board": (["flash", "digits", "--board", "netduinoplus2", "--flash", "f"], ["--flash"]),
    "served board": (["flash", "digits", "--board", "netduinoplus2", "--serve"], ["--serve"]),
    "flash on a port": (["flash", "digits", "--on", "serial:COM3"], ["--on serial:COM3", "qemu:BOARD"]),
    "flash twice named": (
        ["flash", "digits", "--on", "qemu:microbit", "--board", "microbit"],
        ["--on qemu:microbit", "--board"],
    ),
    "keep and erase": (["flash", "digits", "--keep", "--erase-checkpoints"], ["--keep", "one of them"]),
    "pull of an ELF": (["flash", "x.elf", "--pull", "m.safetensors"], ["--pull needs the network"]),
    "erase what is not there": (
        ["flash", "digits-tiny", "--on", "qemu:lm3s6965evb", "--erase-checkpoints"],
        ["--erase-checkpoints", "lm3s6965evb"],
    ),
    "run on two": (
        ["run", "digits", "--on", "host", "--board", "microbit"],
        ["--board microbit", "--on host"],
    ),
    "run with without a board": (["run", "digits", "--with", "pyocd"], ["--with", "--board"]),
    "learn on two": (
        ["learn", "digits", "--on", "host", "--board", "microbit"],
        ["--board microbit", "--on host"],
    ),
    "learn with without a board": (["learn", "digits", "--port", "COM3"], ["--port", "--board"]),
    "nothing to watch": (["monitor", "digits"], ["nothing to watch"]),
    "app": (["build", "digits", "--app", "game"], ["--app game"]),
}


@pytest.mark.parametrize("case", USAGE)
def test_usage_mistakes(cli: Callable, case: str) -> None:
    arguments, words = USAGE[case]
    cli(*arguments).refused(2, *words)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["train", "nothing.toml"], 3, ["nothing.toml", "no such file"]),
        (["evaluate", "nothing.safetensors"], 4, ["nothing.safetensors"]),
        (["evaluate", "digits"], 4, ["digits"]),
        (["boards", "mps9"], 10, ["'mps9'", "mps2-an386"]),
        (["build", "digits", "--board", "moon"], 10, ["'moon'"]),
        (["learn", "digits", "--board", "moon"], 10, ["'moon'"]),
        (["monitor", "digits", "--board", "moon"], 10, ["'moon'"]),
        (["run", "digits", "--on", "qemu:moon"], 10, ["'moon'"]),
        (["run", "digits", "--on", "qemu:microbit"], 5, ["microbit", "does not fit", "16,384"]),
        (["build", "digits", "--board", "microbit"], 5, ["microbit", "does not fit"]),
        (["learn", "digits", "--on", "qemu:moon"], 10, ["'moon'"]),
        (["learn", "digits", "--on", "serial:/dev/no-such-port"], 7, ["/dev/no-such-port"]),
        (["learn", "digits", "--data", "absent"], 4, ["'absent'"]),
        (["learn", "digits", "--out", "no/model.safetensors"], 4, ["no/model.safetensors"]),
        (["run", "digits", "--on", "serial:/dev/no-such-port"], 7, ["/dev/no-such-port"]),
        (["run", "digits", "--on", "serial:socket://127.0.0.1:1"], 7, ["127.0.0.1:1"]),
    ],
)
def test_other_mistakes(cli: Callable, arguments: list[str], code: int, words: list[str]) -> None:
    cli(*arguments).refused(code, *words)


def test_too_large_shows_what_needs_how_much(cli: Callable) -> None:
    outcome = cli("run", "digits", "--on", "qemu:microbit")
    assert "network, masters" in outcome.err
    assert "33,984" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["train", "digits"], "compiler"),
        (["run", "digits"], "arm-none-eabi-gcc"),
        (["build", "digits"], "arm-none-eabi-gcc"),
        (["demo"], "compiler"),
        (["flash", "digits"], "is not installed"),
    ],
)
def test_missing_tools(
    cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], word: str
) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(zig, "find", lambda: None)
    monkeypatch.setattr(unicorn_m4, "is_installed", lambda: False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("WAGEKIT_CROSS", raising=False)
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("WAGEKIT_CACHE", str(tmp_path / "cache"))
    outcome = cli(*arguments)
    outcome.refused(6, word)
    assert "hint:" in outcome.err


def test_missing_emulator(
    cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arm_gcc: str
) -> None:
    monkeypatch.setattr(unicorn_m4, "is_installed", lambda: False)
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("make", "sh", "bash", "mkdir", "rm"):
        for place in os.environ["PATH"].split(":"):
            if (Path(place) / name).exists():
                (folder / name).symlink_to(Path(place) / name)
                break
    monkeypatch.setenv("WAGEKIT_CROSS", arm_gcc.removesuffix("gcc"))
    monkeypatch.setenv("PATH", str(folder))
    cli("run", "digits", "--steps", "1").refused(6, "qemu-system-arm", "not installed")


def test_doctor_without_tools(cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(zig, "find", lambda: None)
    outcome = cli("doctor")
    assert outcome.code == 6
    assert "apt-get install" in outcome.out
    assert "Traceback" not in outcome.err


def test_unwritable_results(cli: Callable, tmp_path: Path) -> None:
    cli("train", "digits", "--out", "no/model.safetensors").refused(4, "no/model.safetensors")
    (tmp_path / "file").write_text("")
    cli("train", "digits", "--report", "file").refused(4, "file: cannot be made")
    cli("train", "digits", "--events", "no/e.jsonl").refused(4, "no/e.jsonl: cannot be written")
    cli("new", "file").refused(2, "file")
