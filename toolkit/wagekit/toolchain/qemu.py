"""Boots a firmware in QEMU, with its serial line on a TCP port of this machine.

Every process is ended when its `QemuProcess` is closed, when Python ends, and (on Linux) when
Python is killed. Nothing here waits without a time-out.
"""

from __future__ import annotations

import atexit
import contextlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from wagekit.boards import Board
from wagekit.errors import ToolError, UsageError
from wagekit.toolchain import unicorn_m4, zig

PROGRAM = "qemu-system-arm"
INSTALL = "sudo apt-get install qemu-system-arm"

_running: weakref.WeakSet[QemuProcess] = weakref.WeakSet()


class QemuProcess:
    """A running emulator. Use it as a context manager, or call `stop`."""

    def __init__(
        self, process: subprocess.Popen[bytes], log: IO[bytes], port: int, gdb_port: int | None
    ) -> None:
        self._process = process
        self._log = log
        self._text: str | None = None
        self.port = port
        """TCP port of the serial line; the machine starts when something connects."""
        self.gdb_port = gdb_port
        """TCP port of the gdb stub, if there is one."""
        _running.add(self)

    @property
    def url(self) -> str:
        """The serial line as pyserial opens it."""
        return f"socket://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Process number."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; below 0 the signal that ended it."""
        return self._process.poll()

    @property
    def stderr(self) -> str:
        """What QEMU wrote so far."""
        if self._text is None:
            self._log.flush()
            self._log.seek(0)
            return self._log.read().decode("utf-8", "replace")
        return self._text

    def wait(self, timeout: float) -> int:
        """The exit code, once it ended by itself; ToolError after `timeout` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise ToolError(
                f"QEMU (process {self.pid}) did not end within {timeout:g} s",
                hint=self.stderr.strip()[-300:] or "it wrote no message",
            ) from None

    def stop(self) -> None:
        """End it, if it runs, and give back its files; harmless when called twice."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(5)
        if self._text is None:
            self._text = self.stderr
            self._log.close()
        _running.discard(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.stop()


@atexit.register
def _stop_all() -> None:
    for process in list(_running):
        process.stop()


def is_installed() -> bool:
    """Whether the emulator is on the path."""
    return shutil.which(PROGRAM) is not None


def find() -> str:
    """Path of the emulator; ToolError with the command that installs it."""
    path = shutil.which(PROGRAM)
    if path is None:
        raise ToolError(
            f"the emulator {PROGRAM} is not installed",
            hint=f"{zig.without_root(INSTALL)}, and then --on unicorn",
        )
    return path


def version() -> str:
    """First line of `qemu-system-arm --version`."""
    result = subprocess.run([find(), "--version"], capture_output=True, text=True, timeout=30, check=False)
    return (result.stdout or result.stderr).splitlines()[0]


def describe_machine(machine: str) -> str:
    """QEMU's words for a machine; ToolError if it does not have it."""
    result = subprocess.run(
        [find(), "-machine", "help"], capture_output=True, text=True, timeout=30, check=False
    )
    for line in result.stdout.splitlines():
        name, _, words = line.partition(" ")
        if name == machine:
            return words.strip()
    raise ToolError(f"this QEMU has no machine {machine}")


def boot(
    image: Path | str | None,
    board: Board,
    *,
    icount: bool = False,
    gdb: bool = False,
    keep: Path | str | None = None,
    extra: Sequence[str] = (),
) -> QemuProcess:
    """Start QEMU with an ELF as the board's program.

    The machine waits for the first connection to `url`, so that no byte is lost. With `icount`
    its time is counted in instructions and runs are deterministic: `board.qemu.to_instructions`
    turns differences of `wk_port_ticks` into instructions. With `gdb` the machine has a gdb stub
    and stands still until a debugger continues it; then `image` may be None. The file `keep` holds
    what the board's checkpoints are written to, and is made if it is not there: the next machine
    that boots with it finds them.

    UsageError: the board is not emulated, or the image is not there. ToolError: QEMU is missing
    or ended at once.
    """
    if board.qemu is None:
        hint = "its board.toml has no [qemu]"
        if board.name == unicorn_m4.BOARD:
            hint = "it runs in the emulator from pip: --on unicorn"
        raise UsageError(f"board {board.name} has no QEMU machine", hint=hint)
    if image is None and not gdb:
        raise UsageError("QEMU without a program needs its gdb stub, to get one")
    if image is not None and not Path(image).is_file():
        raise UsageError(f"firmware {image} does not exist")
    program = find()
    # The ports are opened here and handed over: nobody else can take them in between.
    with contextlib.ExitStack() as stack:
        serial = stack.enter_context(_listen())
        stub = stack.enter_context(_listen()) if gdb else None
        command = _command(program, board, image, icount=icount)
        command += [*["-serial", "null"] * board.qemu.serial, "-serial", "chardev:link"]
        command += _chardev("link", serial, wait=not gdb)
        sockets = [serial]
        if stub is not None:
            command += [*_chardev("gdb0", stub, wait=False), "-gdb", "chardev:gdb0", "-S"]
            sockets.append(stub)
        command += _keeping(board, keep) if keep is not None else []
        command += extra
        log = tempfile.TemporaryFile()  # noqa: SIM115 (QemuProcess closes it)
        try:
            process = subprocess.Popen(
                _tied_to_us(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[item.fileno() for item in sockets],
                start_new_session=True,  # a Ctrl-C belongs to Python, which then ends QEMU
            )
        except OSError as error:
            log.close()
            raise ToolError(f"{program} does not start: {error}") from None
        ports = [item.getsockname()[1] for item in sockets]
    running = QemuProcess(process, log, ports[0], ports[1] if gdb else None)
    _check_started(running, gdb)
    return running


def _listen() -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
    except OSError as error:
        listener.close()
        raise ToolError(f"no free port on 127.0.0.1: {error}") from None
    return listener


def _chardev(name: str, listener: socket.socket, *, wait: bool) -> list[str]:
    options = f"socket,id={name},fd={listener.fileno()},server=on,nodelay=on,wait={'on' if wait else 'off'}"
    return ["-chardev", options]


def _command(program: str, board: Board, image: Path | str | None, *, icount: bool) -> list[str]:
    assert board.qemu is not None
    command = [
        program,
        "-machine",
        board.qemu.machine,
        "-nodefaults",
        "-nic",
        "none",
        "-nographic",
        "-monitor",
        "none",
    ]
    command += ["-semihosting-config", "enable=on,target=native"]
    if image is not None:
        command += ["-kernel", str(Path(image).resolve())]
    if icount:
        command += ["-icount", f"shift={board.qemu.icount_shift},sleep=on"]
    return command


def _keeping(board: Board, keep: Path | str) -> list[str]:
    """Options that put a file behind what the board keeps without power."""
    path = Path(keep).absolute()
    assert board.qemu is not None
    if board.qemu.keeps is None:
        raise UsageError(
            f"board {board.name}: QEMU has no file for its checkpoints",
            hint="mps2-an386 has one, for example",
        )
    if "," in str(path):
        raise UsageError(f"{path}: QEMU allows no comma in the name of a file")
    size = board.qemu.keeps_bytes
    try:
        if not path.exists():
            _make_blank(path, size)
        if path.stat().st_size != size:
            raise UsageError(f"{path}: {path.stat().st_size} bytes; what {board.name} keeps has {size}")
    except OSError as error:
        raise UsageError(f"{path}: cannot be used: {error.strerror or error}") from None
    if board.qemu.keeps == "mtd":
        return ["-drive", f"file={path},if=mtd,format=raw"]
    backend = f"memory-backend-file,id=kept,size={size},mem-path={path},share=on"
    return ["-machine", "memory-backend=kept", "-object", backend]


_BLANK_BYTES = 1 << 24
"""The most that is erased of a new file. Checkpoints lie at the start of what is larger: the rest is a hole,
which takes no disk."""


def _make_blank(path: Path, size: int) -> None:
    """An erased flash: all bits set."""
    blank = b"\xff" * (1 << 20)
    with path.open("xb") as file:
        for at in range(0, min(size, _BLANK_BYTES), len(blank)):
            file.write(blank[: size - at])
        file.truncate(size)


def _tied_to_us(command: list[str]) -> list[str]:
    """Let the kernel end QEMU when we end, in whatever way (util-linux has the tool)."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--", *command] if setpriv else command


_COMPLAINT = re.compile(r"^.*qemu-system-arm:.*$", re.MULTILINE)


def _check_started(running: QemuProcess, gdb: bool) -> None:
    """Wait until QEMU waits for us (it says so), or is past its set-up, or ended."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if running.exit_code is not None:
            text = running.stderr
            running.stop()
            found = _COMPLAINT.findall(text)
            message = found[-1].strip() if found else text.strip()[-300:] or f"exit code {running.exit_code}"
            raise ToolError(f"QEMU ended at once: {message}")
        if gdb or "waiting for connection" in running.stderr:
            return
        time.sleep(0.005)
    running.stop()
    raise ToolError("QEMU did not offer its serial port within 10 s", hint=running.stderr.strip()[-300:])
