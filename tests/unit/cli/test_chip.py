"""What can go wrong with a chip while the command line uses it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from wagekit import boards
from wagekit.cli.sources import shipped_network
from wagekit.datasets import load_digits
from wagekit.spec import Network
from wagekit.toolchain.firmware import build_firmware
from wagekit.toolchain.qemu import QemuProcess, boot
from wagekit.training import load_model

BOARD = "mps2-an385"
TINY = Network.from_toml(shipped_network("digits-tiny"))


@pytest.fixture
def chip(qemu: str) -> Iterator[QemuProcess]:
    """An emulated chip that waits for somebody to connect, with the firmware of digits-tiny."""
    board = boards.load(BOARD)
    with boot(build_firmware(TINY, board, batch=8).elf, board) as process:
        yield process


@pytest.fixture
def few(tmp_path: Path) -> str:
    """A file with few digits, so that little has to go over the link."""
    digits = load_digits()
    np.savez(tmp_path / "few.npz", x=digits.x[:120], labels=digits.labels[:120])
    return "few.npz"


def test_run_on_a_chip_equals_the_reference(cli: Callable, qemu: str, tmp_path: Path, few: str) -> None:
    options = ("--data", few, "--steps", "20", "--batch", "4", "--schedule", "2", "--json")
    there = cli("run", "digits-tiny", "--on", f"qemu:{BOARD}", *options, "--icount", "--events", "e.jsonl")
    here = cli("train", "digits-tiny", "--on", "reference", *options, "--out", "here")
    assert there.code == here.code == 0, there.err
    assert json.loads(there.out)["digest"] == json.loads(here.out)["digest"]
    assert json.loads(there.out)["test_accuracy"] == json.loads(here.out)["test_accuracy"]
    lines = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    kinds = {line["type"] for line in lines}
    assert {"run", "step", "evaluation", "resources", "link"} <= kinds
    assert json.loads(there.out)["waiting"] is None, "a counter of instructions does not tell time"
    assert all(line["instructions"] > 10_000 for line in lines if line["type"] == "step")


def test_streamed_equals_uploaded(cli: Callable, qemu: str, few: str) -> None:
    options = ("run", "digits-tiny", "--on", f"qemu:{BOARD}", "--data", few, "--steps", "12", "--json")
    uploaded, streamed = cli(*options), cli(*options, "--stream", "--out", "streamed")
    once, each = json.loads(uploaded.out), json.loads(streamed.out)
    assert each["digest"] == once["digest"]
    assert each["bytes_sent"] > 12 * 8 * 64, "every batch went over the line"
    assert 0 <= each["waiting"] < 1
    assert 0 < each["samples_per_second"] < 12 * 8 / (each["seconds"] - 0.001)


def test_a_trained_model_in_a_firmware_that_only_infers(cli: Callable, qemu: str, few: str) -> None:
    trained = cli("train", "digits-tiny", "--on", "reference", "--steps", "30", "--data", few, "--out", "m")
    assert trained.code == 0, trained.err
    model = load_model("m")
    board = boards.load("microbit")
    image = build_firmware(TINY, board, batch=1, training=False, masters=model.masters)
    with boot(image.elf, board) as process:
        there = cli("evaluate", "m", "--on", f"serial:{process.url}", "--json")
    here = cli("evaluate", "m", "--on", "reference", "--json")
    assert there.code == here.code == 0, there.err
    assert there.out == here.out


def test_a_chip_that_can_only_infer(cli: Callable, qemu: str, few: str) -> None:
    assert (
        cli("train", "digits-tiny", "--on", "reference", "--steps", "9", "--data", few, "--out", "m").code
        == 0
    )
    found = [
        json.loads(cli("evaluate", "m", "--on", place, "--json").out)
        for place in ("reference", "qemu:microbit")
    ]
    assert found[0] == found[1]


def test_verify_holds_places_equal(cli: Callable, qemu: str) -> None:
    places = ("--on", "reference", "--on", "host", "--on", f"qemu:{BOARD}")
    for data in ("digits", "random"):
        outcome = cli("verify", "digits-tiny", *places, "--steps", "5", "--data", data)
        assert outcome.code == 0, outcome.err
        assert "hold the same bits" in outcome.out


def test_firmware_of_another_network(cli: Callable, chip: QemuProcess) -> None:
    outcome = cli("run", "digits", "--on", f"serial:{chip.url}", "--steps", "1")
    outcome.refused(7, "another network", TINY.fingerprint()[:12])


class Cable:
    """A TCP connection between us and a chip that can be pulled."""

    def __init__(self, port: int, after: int) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"socket://127.0.0.1:{self.listener.getsockname()[1]}"
        self.port, self.after = port, after
        threading.Thread(target=self._carry, daemon=True).start()

    def _carry(self) -> None:
        near, _ = self.listener.accept()
        far = socket.create_connection(("127.0.0.1", self.port))
        threading.Thread(target=self._copy, args=(far, near, None), daemon=True).start()
        self._copy(near, far, self.after)
        for end in (near, far):
            end.shutdown(socket.SHUT_RDWR)

    def _copy(self, source: socket.socket, target: socket.socket, limit: int | None) -> None:
        moved = 0
        try:
            while (data := source.recv(4096)) and (limit is None or moved < limit):
                target.sendall(data)
                moved += len(data)
        except OSError:
            return


def test_cable_pulled_in_the_middle(cli: Callable, chip: QemuProcess, tmp_path: Path, few: str) -> None:
    """The error is one line, and the events say that the run failed."""
    cable = Cable(chip.port, after=12_000)
    options = ("--on", f"serial:{cable.url}", "--data", few, "--epochs", "900", "--events", "e.jsonl")
    outcome = cli("run", "digits-tiny", *options)
    outcome.refused(7, "connection is gone")
    last = json.loads((tmp_path / "e.jsonl").read_text().splitlines()[-1])
    assert (last["type"], last["status"]) == ("run", "failed")


def test_busy_port(cli: Callable) -> None:
    import fcntl

    controller, terminal = os.openpty()
    try:
        fcntl.flock(terminal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        cli("run", "digits", "--on", f"serial:{os.ttyname(terminal)}").refused(7, os.ttyname(terminal))
    finally:
        os.close(controller)
        os.close(terminal)


def interrupted(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does, and press Ctrl-C once it has saved a model."""
    command = [sys.executable, "-c", "import sys; from wagekit.cli import main; sys.exit(main())", *arguments]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    end = time.monotonic() + 120
    while not list(tmp_path.glob("*.safetensors")) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def test_ctrl_c_keeps_the_model(cli: Callable, tmp_path: Path) -> None:
    done = interrupted(tmp_path, "train", "digits-tiny", "--on", "reference", "--epochs", "5000")
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert "go on with: wagekit train digits-tiny.safetensors --resume" in done.stderr
    step = load_model(tmp_path / "digits-tiny.safetensors").step
    assert f"stopped at step {step:,} of" in done.stderr
    more = cli("train", "digits-tiny.safetensors", "--resume", "--on", "reference", "--steps", step + 5)
    assert more.code == 0, more.err
    assert load_model(tmp_path / "digits-tiny.safetensors").step == step + 5


def test_ctrl_c_ends_the_emulator(qemu: str, tmp_path: Path, few: str) -> None:
    where = f"qemu:{BOARD}"
    done = interrupted(tmp_path, "run", "digits-tiny", "--on", where, "--data", few, "--epochs", "5000")
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert load_model(tmp_path / "digits-tiny.safetensors").step > 0
