"""Starting, waiting for and ending QEMU; what is missing is said in one line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wagekit import boards
from wagekit.boards import Board
from wagekit.errors import ToolError, UsageError
from wagekit.toolchain import doctor, qemu, zig

BOARD = boards.load("mps2-an386")


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone_within(pid: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while is_running(pid):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def image(tmp_path: Path, qemu: str) -> Path:
    """The smallest program that does something: it waits for ever."""
    source = tmp_path / "wait.s"
    source.write_text(".syntax unified\n.thumb\n.word 0x20001000\n.word start + 1\nstart: b start\n")
    elf = tmp_path / "wait.elf"
    command = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-nostdlib", "-Wl,-Ttext=0,-e,0"]
    subprocess.run([*command, "-o", str(elf), str(source)], check=True, timeout=60)
    return elf


def test_stop_ends_it_and_may_be_repeated(image: Path) -> None:
    process = qemu.boot(image, BOARD)
    assert process.exit_code is None
    assert process.url == f"socket://127.0.0.1:{process.port}"
    process.stop()
    process.stop()
    assert process.exit_code is not None
    assert gone_within(process.pid, 5)
    assert "waiting for connection" in process.stderr


def test_a_wait_ends_with_what_it_waited_for(image: Path) -> None:
    with (
        qemu.boot(image, BOARD) as process,
        socket.create_connection(("127.0.0.1", process.port)),
        pytest.raises(ToolError, match=r"did not end within 0\.2 s"),
    ):
        process.wait(0.2)
    assert gone_within(process.pid, 5)


def test_many_at_once_have_ports_of_their_own(image: Path) -> None:
    running = [qemu.boot(image, BOARD) for _ in range(4)]
    try:
        assert len({process.port for process in running}) == 4
    finally:
        for process in running:
            process.stop()


@pytest.mark.parametrize("end", ["normal", "error", "killed"])
def test_it_ends_with_the_python_that_started_it(image: Path, end: str) -> None:
    if end == "killed" and not (sys.platform == "linux" and Path("/usr/bin/setpriv").exists()):
        pytest.skip("only Linux with setpriv (util-linux) ends children of a killed process")
    script = (
        "import sys, time\n"
        "from wagekit import boards\n"
        "from wagekit.toolchain import qemu\n"
        "process = qemu.boot(sys.argv[1], boards.load('mps2-an386'))\n"
        "print(process.pid, flush=True)\n"
        "if sys.argv[2] == 'error': raise SystemExit(3)\n"
        "if sys.argv[2] == 'killed': time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(image), end], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout
        pid = int(child.stdout.readline())
        if end == "killed":
            assert is_running(pid)
            os.kill(child.pid, signal.SIGKILL)
        child.wait(30)
    assert gone_within(pid, 10)


def test_wrong_machine_is_one_line(image: Path) -> None:
    assert BOARD.qemu
    board = BOARD.model_copy(update={"qemu": BOARD.qemu.model_copy(update={"machine": "no-such"})})
    with pytest.raises(ToolError, match=r"QEMU ended at once: .*unsupported machine type") as caught:
        qemu.boot(image, board)
    assert "\n" not in caught.value.message


def test_missing_emulator(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolError, match="qemu-system-arm is not installed") as caught:
        qemu.boot(image, BOARD)
    apt, pip = (caught.value.hint or "").split("; ")
    assert apt == "install it with: sudo apt-get install qemu-system-arm"
    assert pip == "or, without root: pip install 'wagekit[toolchain]', and then --on unicorn"


def test_missing_image_and_board_without_emulator(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no\.elf does not exist"):
        qemu.boot(tmp_path / "no.elf", BOARD)
    silicon: Board = BOARD.model_copy(update={"qemu": None})
    with pytest.raises(UsageError, match="has no QEMU machine"):
        qemu.boot(tmp_path / "no.elf", silicon)
    with pytest.raises(UsageError) as other:
        qemu.boot(tmp_path / "no.elf", boards.load("unicorn-m4"))
    assert "--on unicorn" in (other.value.hint or "")
    with pytest.raises(UsageError, match="needs its gdb stub"):
        qemu.boot(None, BOARD)


def test_doctor_tells_what_is_missing_and_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.delenv("WAGEKIT_CROSS", raising=False)
    monkeypatch.setattr(zig, "find", lambda: None)
    facts = {fact.name: fact for fact in doctor.examine()}
    assert facts["wagekit"].found
    for name in ("host compiler", "make", "cross compiler", "QEMU", "gdb", "CMake"):
        fact = facts[name]
        assert fact.found is None
        assert fact.problem
        assert "\n" not in fact.problem
        assert fact.install
        assert fact.install.startswith("sudo apt-get install ")


def test_doctor_looks_for_what_a_board_needs(tmp_path: Path, arm_gcc: str, qemu: str) -> None:
    board = boards.load("netduinoplus2")
    facts = {fact.name: fact for fact in doctor.examine_board(board)}
    assert facts["board"].found
    assert facts["cortex-m4"].found == "-mcpu=cortex-m4 -mthumb -mfloat-abi=soft"
    assert facts["QEMU netduinoplus2"].found == "Netduino Plus 2 Machine (Cortex-M4)"
    assert "programmer for netduinoplus2" in facts
    assert len(doctor.examine_board(BOARD)) == 3, "what only QEMU has needs no programmer"
    boards.make_board("mine", board, tmp_path / "mine")
    file = tmp_path / "mine" / boards.FILE
    text = file.read_text().replace('"port.c"', '"prot.c"').replace('"netduinoplus2"', '"netduino9"')
    file.write_text(text.replace('"-mthumb"', '"-mthumb", "-mno-such"'))
    facts = {fact.name: fact for fact in doctor.examine_board(boards.load(tmp_path / "mine"))}
    for name, words in {
        "board": "prot.c does not exist",
        "cortex-m4": "-mno-such",
        "QEMU netduino9": "no machine netduino9",
    }.items():
        assert facts[name].found is None
        assert words in (facts[name].problem or "")
        assert "\n" not in (facts[name].problem or "")


def test_doctor_finds_what_is_there(qemu: str) -> None:
    facts = {fact.name: fact for fact in doctor.examine()}
    assert "QEMU emulator version" in (facts["QEMU"].found or "")
    assert "gcc" in (facts["cross compiler"].found or "")


def test_what_a_large_machine_keeps_takes_little_disk(tmp_path: Path, image: Path) -> None:
    board = boards.load("mps3-an547")
    assert board.qemu
    kept = tmp_path / "kept"
    with qemu.boot(image, board, keep=kept):
        pass
    facts = kept.stat()
    assert facts.st_size == board.qemu.keeps_bytes == 1 << 31
    assert facts.st_blocks * 512 < 1 << 26
    area = board.checkpoint[0]
    with kept.open("rb") as file:
        assert file.read(area.size * area.count) == b"\xff" * (area.size * area.count)
