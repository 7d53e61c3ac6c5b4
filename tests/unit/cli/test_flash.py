"""`flash` and `run --board`: into QEMU through gdb, and onto a board that stands in for a real one."""

from __future__ import annotations

import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wagekit import boards
from wagekit.cli import keeping, loading
from wagekit.cli.sources import open_subject
from wagekit.link import ports
from wagekit.link.ports import Port
from wagekit.toolchain import flash, programmers, qemu
from wagekit.toolchain.firmware import build_firmware
from wagekit.toolchain.programmers import Job, Probe, Programmer

STEPS = ("--steps", "12", "--test-limit", "20", "--out", "m.safetensors")


@pytest.fixture(autouse=True)
def gdb(qemu: str) -> None:
    if not any(shutil.which(tool) for tool in flash.DEBUGGERS):
        pytest.skip("gdb-multiarch is not installed")


@pytest.mark.parametrize("board", ["mps2-an386", "netduinoplus2", "microbit"])
def test_flash_loads_compares_and_asks(cli: Callable, board: str) -> None:
    batch = ("--batch", "1") if board == "microbit" else ()
    outcome = cli("flash", "digits-tiny", "--on", f"qemu:{board}", *batch, "--json")
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    manifest = json.loads((Path(told["elf"]).parent.parent / "manifest.json").read_text())
    assert (told["board"], told["weights"], told["answered"]) == (board, 5960, True)
    assert told["manifest"] == manifest["hash"]


def test_another_build_than_the_one_that_was_written(
    cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wagekit.cli import flash as verb

    monkeypatch.setattr(verb, "_manifest_hash", lambda elf: "0" * 64)
    cli("flash", "digits-tiny").refused(7, "another build", "manifest", "expected 000000000000")


def test_a_checkpoint_stays_is_saved_and_is_erased_only_when_asked(cli: Callable) -> None:
    chip = ("--on", "qemu:mps2-an386", "--flash", "psram")
    learned = cli("train", "digits-tiny", *STEPS, "--on", "reference", "--json")
    digest = json.loads(learned.out)["digest"]
    assert cli("checkpoint", "push", "m.safetensors", *chip).code == 0
    flashed = cli("flash", "digits-tiny", *chip)
    assert "it goes on from its checkpoint" in flashed.out, flashed
    pulled = cli("flash", "digits-tiny", *chip, "--pull", "p.safetensors", "--erase-checkpoints", "--json")
    assert pulled.code == 0, pulled.err
    assert f"digest {digest[:12]}" in pulled.out
    assert json.loads(pulled.out[pulled.out.index("{") :])["restored"] is False
    cli("flash", "digits-tiny", *chip, "--pull", "p.safetensors").refused(2, "p.safetensors exists")
    cli("flash", "digits-tiny", *chip, "--pull", "q.safetensors").refused(2, "has learned nothing")
    assert not Path("q.safetensors").exists()


class Terminal:
    """A person at a terminal who answers questions."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: bool) -> None:
        self.asked: list[str] = []
        self.answers = list(answers)
        monkeypatch.setattr(keeping.sys.stdin, "isatty", lambda: True)
        monkeypatch.setattr(keeping.typer, "confirm", self.confirm)

    def confirm(self, question: str, default: bool = False, abort: bool = False) -> bool:
        self.asked.append(question)
        answer = self.answers.pop(0)
        if abort and not answer:
            raise keeping.typer.Abort
        return answer


def test_a_person_is_asked_before_learned_weights_are_written_near(
    cli: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    chip = ("--on", "qemu:mps2-an386", "--flash", "psram")
    person = Terminal(monkeypatch, True, False)
    assert cli("flash", "digits-tiny", *chip).code == 0
    assert person.asked == []  # nothing is there yet
    assert cli("train", "digits-tiny", *STEPS, "--on", "reference").code == 0
    assert cli("checkpoint", "push", "m.safetensors", *chip).code == 0
    assert cli("flash", "digits-tiny", *chip, "--keep").code == 0
    assert person.asked == []
    for saved in (True, False):
        outcome = cli("flash", "digits-tiny", *chip)
        assert outcome.code == 0, outcome.err
        assert "psram is not blank; its checkpoint sectors stay" in outcome.err
        assert ("saved digits-tiny-pulled.safetensors" in outcome.out) == saved
    assert person.asked == [
        "Save what it has learned in digits-tiny-pulled.safetensors first?",
        "Save what it has learned in digits-tiny-pulled-2.safetensors first?",
    ]


@pytest.mark.parametrize("board", ["mps2-an386", "netduinoplus2", "microbit"])
def test_run_on_an_emulated_board_goes_through_gdb(
    cli: Callable, monkeypatch: pytest.MonkeyPatch, board: str
) -> None:
    loads = []
    load = flash._load
    monkeypatch.setattr(flash, "_load", lambda *given, **more: (loads.append(given), load(*given, **more)))
    place = ("--board", board, *(() if board == "mps2-an386" else ("--with", "qemu")))
    batch = ("--batch", "1" if board == "microbit" else "8")
    found = [
        json.loads(cli("run", "digits-tiny", *where, *batch, *STEPS, "--force", "--json").out)
        for where in (place, ("--on", "reference"))
    ]
    assert found[0]["digest"] == found[1]["digest"]
    assert len(loads) == 1


class StandIn(Programmer):
    """Writes a "real" board by booting QEMU with the image; its serial port is a socket."""

    name = "pyocd"
    program = "pyocd"
    install = "nothing"
    key = "pyocd_target"
    problems = ()

    def __init__(self) -> None:
        self.running: qemu.QemuProcess | None = None
        self.jobs: list[Job] = []

    def chip(self, flashing: boards.Flashing) -> str | None:
        return flashing.pyocd_target

    def commands(self, tool: list[str], job: Job) -> list[list[str]]:  # type: ignore[override]
        return []

    def find(self) -> list[str] | None:
        return ["pyocd"]

    def probes(self) -> list[Probe] | None:
        return [Probe("99", "stand-in")]

    def write(self, tool: list[str], job: Job) -> None:  # type: ignore[override]
        self.jobs.append(job)
        self.running = qemu.boot(job.image.elf, job.board)


@pytest.fixture
def board_on_a_desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    stand_in = StandIn()
    monkeypatch.setattr(programmers, "PROGRAMMERS", (stand_in,))
    yield stand_in
    if stand_in.running:
        stand_in.running.stop()


OTHER = Port("/dev/absent", "0d28:0204", "98", "another board of the kind")


@pytest.fixture
def plugged(board_on_a_desk: StandIn, monkeypatch: pytest.MonkeyPatch) -> list[Port]:
    """Ports that are there beside that of the board; another one of its kind, to begin with."""
    others = [OTHER]

    def listing() -> list[Port]:
        assert board_on_a_desk.running
        return [*others, Port(board_on_a_desk.running.url, "0d28:0204", "99", "stand-in")]

    monkeypatch.setattr(
        ports.find_port, "__kwdefaults__", ports.find_port.__kwdefaults__ | {"listing": listing}
    )
    return others


def test_run_on_a_real_board_builds_writes_finds_the_port_and_learns(
    cli: Callable, board_on_a_desk: StandIn, plugged: list[Port]
) -> None:
    outcome = cli("run", "digits-tiny", "--board", "microbit", "--batch", "1", *STEPS, "--json")
    assert outcome.code == 0, outcome.err
    (job,) = board_on_a_desk.jobs
    assert (job.board.name, job.probe, job.blank) == ("microbit", "99", None)
    here = cli("train", "digits-tiny", "--batch", "1", *STEPS, "--force", "--on", "reference", "--json")
    assert json.loads(outcome.out)["digest"] == json.loads(here.out)["digest"]
    assert "writing microbit with pyocd, probe 99" in outcome.err


def test_learn_writes_a_real_board_and_monitor_finds_it_again(
    cli: Callable, board_on_a_desk: StandIn, plugged: list[Port]
) -> None:
    few = ("--train-limit", "12", "--test-limit", "4")
    outcome = cli("learn", "digits-tiny", "--board", "microbit", *few, "--verify", "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["verified"] == "host"
    assert [job.board.name for job in board_on_a_desk.jobs] == ["microbit"]
    place = ("monitor", "digits-tiny", "--board", "microbit", "--batch", "1", *STEPS[:4], "--json")
    twice = cli(*place)
    twice.refused(2, "2 serial ports could be that of microbit")
    assert f"--port {OTHER.device}" in twice.err
    plugged.clear()
    (found,) = json.loads(cli(*place).out)
    here = cli("train", "digits-tiny", "--batch", "1", *STEPS, "--on", "reference", "--force", "--json")
    assert board_on_a_desk.running
    assert found["source"] == f"serial:{board_on_a_desk.running.url}"
    assert found["digest"] == json.loads(here.out)["digest"]
    assert len(board_on_a_desk.jobs) == 1, "monitor writes nothing"


def test_a_board_of_ones_own_learns_and_is_watched(cli: Callable) -> None:
    assert cli("boards", "new", "mine", "--from", "mps2-an386").code == 0
    few = ("--train-limit", "12", "--test-limit", "4", "--json")
    outcome = cli("learn", "digits-tiny", "--board", "mine/board.toml", *few, "--verify")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["verified"] == "host"
    watched = cli("monitor", "digits-tiny", "--board", "mine/board.toml", "--by-itself", *few)
    assert json.loads(watched.out)[0]["source"] == "qemu:mine/board.toml"
    assert json.loads(watched.out)[0]["digest"] == json.loads(outcome.out)["digest"]


def test_flash_of_a_real_board_whose_port_is_not_known(cli: Callable, board_on_a_desk: StandIn) -> None:
    outcome = cli("flash", "digits-tiny", "--board", "netduinoplus2", "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["answered"] is False
    assert "written; not asked who it is" in outcome.err
    assert "--with" not in outcome.err


def test_a_chip_that_cannot_be_asked_is_written_but_not_without_what_it_shall_save(
    cli: Callable, board_on_a_desk: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports.find_port, "__kwdefaults__", ports.find_port.__kwdefaults__ | {"listing": list})
    monkeypatch.setattr(
        loading.Loader,
        "find_port",
        lambda self, probe=None, **how: ports.find_port("microbit", ["0d28:0204"]),
    )
    board = ("--board", "microbit", "--batch", "1")
    cli("flash", "digits-tiny", *board, "--pull", "m").refused(7, "no serial port of microbit")
    assert board_on_a_desk.jobs == []
    Terminal(monkeypatch)
    outcome = cli("flash", "digits-tiny", *board)
    assert outcome.code == 0, outcome.err
    assert "what the chip has learned is not looked at, and stays: there is no serial port" in outcome.err
    assert len(board_on_a_desk.jobs) == 1


def test_a_real_board_is_asked_on_the_port_that_is_given(cli: Callable, board_on_a_desk: StandIn) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # carries to whatever QEMU has been booted
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"

        def carry() -> None:
            near, _ = server.accept()
            assert board_on_a_desk.running
            far = socket.create_connection(("127.0.0.1", board_on_a_desk.running.port))
            for ends in ((near, far), (far, near)):
                threading.Thread(target=_copy, args=ends, daemon=True).start()

        threading.Thread(target=carry, daemon=True).start()
        outcome = cli("flash", "digits-tiny", "--board", "netduinoplus2", "--port", url)
    assert outcome.code == 0, outcome.err
    assert "netduinoplus2 answers" in outcome.out
    assert f"wagekit run digits-tiny --on serial:{url}" in outcome.out


def _copy(source: socket.socket, sink: socket.socket) -> None:
    while data := source.recv(4096):
        sink.sendall(data)


def test_an_elf_of_another_board(cli: Callable, own_elf: Path) -> None:
    outcome = cli("flash", own_elf, "--on", "qemu:netduinoplus2")
    outcome.refused(5, "outside the flash of netduinoplus2")


@pytest.fixture
def own_elf(arm_gcc: str) -> Path:
    """A firmware for the mps2-an386, which other tests build too."""
    return build_firmware(open_subject("digits-tiny").network, boards.load("mps2-an386"), batch=8).elf


def test_the_person_chooses_one_of_several_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    probes = [Probe("1", "left"), Probe("2", "right")]
    monkeypatch.setattr(loading.typer, "prompt", lambda *words, **options: 2)
    assert loading.ask_probe(probes) == probes[1]
    monkeypatch.setattr(loading.typer, "prompt", lambda *words, **options: 3)
    with pytest.raises(loading.UsageError, match=r"3: 1\.\.2 are there"):
        loading.ask_probe(probes)
