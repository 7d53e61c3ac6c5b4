"""Real ports: pseudo-terminals and sockets, absent, busy, and pulled out in the middle."""

from __future__ import annotations

import os
import pty
import select
import socket
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.link import harness
from wagekit.errors import LinkError
from wagekit.link import Device, Timing, open_transport

QUICK = Timing(resend=0.05, hello=20.0, silence=20.0)


class Server(threading.Thread):
    """A board behind a file descriptor, until it is told to vanish."""

    def __init__(self, board: harness.Board, descriptor: int) -> None:
        super().__init__(daemon=True)
        self.board = board
        self.descriptor = descriptor
        self.vanish = threading.Event()

    def run(self) -> None:
        while not self.vanish.is_set():
            try:
                ready, _, _ = select.select([self.descriptor], [], [], 0.001)
                if ready:
                    data = os.read(self.descriptor, 4096)
                    if not data:
                        return
                    self.board.waiting += data
            except OSError:  # nobody has the other side of the terminal open
                time.sleep(0.001)
            for _ in range(8):
                self.board.turn()
            if data := self.board.take():
                os.write(self.descriptor, data)


@contextmanager
def served_pty(board: harness.Board) -> Iterator[tuple[str, Server, Callable[[], None]]]:
    """A board on a pseudo-terminal: its path, its thread, and what pulls the cable."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    server = Server(board, ours)
    server.start()
    ends = [ours, theirs]

    def pull() -> None:
        server.vanish.set()
        server.join()
        while ends:
            os.close(ends.pop())

    try:
        yield os.ttyname(theirs), server, pull
    finally:
        pull()


@contextmanager
def served_socket(board: harness.Board, family: socket.AddressFamily, address: object) -> Iterator[Server]:
    with socket.socket(family) as listener:
        listener.bind(address)
        listener.listen(1)
        holder: list[socket.socket] = []

        def accept() -> None:
            connection, _ = listener.accept()
            holder.append(connection)
            server.descriptor = connection.fileno()
            server.start()

        server = Server(board, -1)
        server.address = listener.getsockname()
        waiting = threading.Thread(target=accept, daemon=True)
        waiting.start()
        try:
            yield server
        finally:
            waiting.join(10)
            server.vanish.set()
            server.join(10)
            for connection in holder:
                connection.close()


def test_a_session_over_a_pseudo_terminal_and_the_cable_pulled(board: harness.Board) -> None:
    with served_pty(board) as (path, _, pull):
        device = Device.open(open_transport(path, baud=921600), timing=QUICK)
        assert device.hello.board == "memory"
        device.load_masters([bytes(74)] * 9, 4, 5)
        assert device.state().step == 4
        device.train([0])
        pull()
        with pytest.raises(LinkError, match=r"/dev/pts/\d+: the connection is gone") as caught:
            device.result()
        assert caught.value.exit_code == 7
        assert caught.value.hint is not None
        device.close()
        device.close()


def test_a_port_in_use_is_busy(board: harness.Board) -> None:
    with served_pty(board) as (path, _, _):
        with open_transport(path):
            other = f"from wagekit.link import open_transport as o; o({path!r})"
            done = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, check=False)
            assert f"{path}: the port is busy" in done.stderr
            with pytest.raises(LinkError, match="the port is busy") as caught:
                open_transport(path)
        assert caught.value.exit_code == 7


def test_a_port_that_is_absent() -> None:
    with pytest.raises(LinkError, match="/dev/ttyNotThere: there is no such port") as caught:
        open_transport("/dev/ttyNotThere")
    assert caught.value.hint is not None


def test_what_is_no_port(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(LinkError, match="cannot be opened"):
        open_transport(str(file))
    with pytest.raises(LinkError, match="carrier-pigeon://x: cannot be opened"):
        open_transport("carrier-pigeon://x")
    with pytest.raises(LinkError, match="needs a host and a port"):
        open_transport("socket://nohost")
    with pytest.raises(LinkError, match="cannot be opened"):
        open_transport("socket://127.0.0.1:99999999")


def test_nothing_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"socket://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(LinkError, match="nothing listens there"):
            open_transport(url)


@pytest.mark.parametrize("kind", ["socket", "unix"])
def test_a_session_over_a_socket_and_the_other_end_gone(
    kind: str, board: harness.Board, tmp_path: Path
) -> None:
    family = socket.AF_INET if kind == "socket" else socket.AF_UNIX
    address = ("127.0.0.1", 0) if kind == "socket" else str(tmp_path / "board")
    with served_socket(board, family, address) as server:
        url = f"socket://127.0.0.1:{server.address[1]}" if kind == "socket" else f"unix://{address}"
        device = Device.open(open_transport(url), timing=QUICK)
        assert device.hello.board == "memory"
        device.set_state(1, 2)
        server.vanish.set()
        server.join()
        socket.socket(fileno=os.dup(server.descriptor)).shutdown(socket.SHUT_RDWR)
        with pytest.raises(LinkError, match=r"the connection is gone .*; waited for the answer to get_state"):
            device.state()
        device.close()


def test_the_baud_rate_reaches_the_port(board: harness.Board) -> None:
    with served_pty(board) as (path, _, _), open_transport(path, baud=57600) as port:
        assert port.byte_time == 10 / 57600
