"""Ways that bytes take to a device: serial ports, sockets, and whatever a test invents."""

from __future__ import annotations

import select
import socket
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import serial

from wagekit.errors import LinkError

_CHUNK = 65536


class Transport(ABC):
    """A two-way stream of bytes that may lose, double or damage some of them."""

    name: str
    """How messages call it: the port or the URL."""

    byte_time = 0.0
    """Seconds that a byte takes on the wire; 0 where that does not matter."""

    @abstractmethod
    def read(self, timeout: float) -> bytes:
        """Bytes that are there, or that come within `timeout` seconds; nothing after it.

        Raises LinkError when the other end is gone.
        """

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send bytes; raises LinkError when the other end is gone or takes nothing."""

    def clock(self) -> float:
        """Seconds, growing; the time that all time-outs of a session are measured in."""
        return time.monotonic()

    @abstractmethod
    def close(self) -> None:
        """Give the port back; harmless when called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _gone(name: str, why: object) -> LinkError:
    return LinkError(
        f"{name}: the connection is gone ({why})",
        hint="the cable was pulled, or the emulator has ended; connect it and open the port again",
    )


class SocketTransport(Transport):
    """A TCP connection (`socket://host:port`) or a Unix one (`unix:///path`)."""

    def __init__(self, name: str, connection: socket.socket, write_timeout: float = 10.0) -> None:
        self.name = name
        self._socket = connection
        self._socket.settimeout(write_timeout)

    def read(self, timeout: float) -> bytes:
        """See `Transport.read`."""
        try:
            ready, _, _ = select.select([self._socket], [], [], max(timeout, 0.0))
            if not ready:
                return b""
            data = self._socket.recv(_CHUNK)
        except (OSError, ValueError) as error:
            raise _gone(self.name, error) from error
        if not data:
            raise _gone(self.name, "closed by the other end")
        return data

    def write(self, data: bytes) -> None:
        """See `Transport.write`."""
        try:
            self._socket.sendall(data)
        except TimeoutError as error:
            raise LinkError(
                f"{self.name}: the device takes no bytes; {len(data)} waited for "
                f"{self._socket.gettimeout()} s"
            ) from error
        except OSError as error:
            raise _gone(self.name, error) from error

    def close(self) -> None:
        """See `Transport.close`."""
        self._socket.close()


class SerialTransport(Transport):
    """A serial port, or any other URL that pyserial knows."""

    def __init__(self, name: str, port: serial.Serial) -> None:
        self.name = name
        self.byte_time = 10.0 / port.baudrate
        self._port = port

    def read(self, timeout: float) -> bytes:
        """See `Transport.read`."""
        try:
            self._port.timeout = max(timeout, 0.0)
            data = bytes(self._port.read(1))
            waiting = self._port.in_waiting
            return data + bytes(self._port.read(waiting)) if data and waiting else data
        except (OSError, ValueError, TypeError) as error:  # SerialException is an OSError
            raise _gone(self.name, error) from error

    def write(self, data: bytes) -> None:
        """See `Transport.write`."""
        try:
            self._port.write(data)
        except serial.SerialTimeoutException as error:
            raise LinkError(f"{self.name}: the port takes no bytes ({error})") from error
        except (OSError, ValueError, TypeError) as error:
            raise _gone(self.name, error) from error

    def close(self) -> None:
        """See `Transport.close`."""
        with suppress(OSError):  # a port that was pulled out is closed already
            self._port.close()


def open_transport(url: str, *, baud: int = 115200, timeout: float = 10.0) -> Transport:
    """Open `socket://host:port`, `unix:///path`, a serial port, or another URL of pyserial.

    `baud` is in bits a second and only means something to serial ports; `timeout`
    (seconds) limits connecting and writing. Raises LinkError for a port that is
    absent, busy or not allowed.
    """
    if url.startswith(("socket://", "unix://")):
        return SocketTransport(url, _connect(url, timeout), timeout)
    try:
        port = serial.serial_for_url(
            url, do_not_open=True, baudrate=baud, timeout=timeout, write_timeout=timeout
        )
        if hasattr(port, "exclusive"):
            port.exclusive = True
        port.open()
        port.reset_input_buffer()
    except (OSError, ValueError) as error:
        raise _cannot_open(url, error) from error
    return SerialTransport(url, port)


def _connect(url: str, timeout: float) -> socket.socket:
    parts = urlsplit(url)
    try:
        if parts.scheme == "unix":
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(timeout)
            connection.connect(parts.path)
            return connection
        if parts.hostname is None or parts.port is None:
            raise LinkError(f"{url}: a socket needs a host and a port", hint="socket://127.0.0.1:5555")
        connection = socket.create_connection((parts.hostname, parts.port), timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection
    except (OSError, ValueError) as error:
        raise _cannot_open(url, error) from error


def _cannot_open(url: str, error: Exception) -> LinkError:
    why = str(error)
    if isinstance(error, FileNotFoundError) or "No such file" in why:
        return LinkError(
            f"{url}: there is no such port",
            hint="`python -m serial.tools.list_ports -v` lists the ports; is the cable plugged in?",
        )
    if isinstance(error, PermissionError) or "Permission denied" in why:
        return LinkError(
            f"{url}: no permission to open the port",
            hint="add yourself to the group that owns it, usually: sudo usermod -aG dialout $USER",
        )
    if any(word in why for word in ("Could not exclusively lock", "busy", "Resource temporarily")):
        return LinkError(f"{url}: the port is busy", hint="another program has it open; end that first")
    if isinstance(error, ConnectionRefusedError):
        return LinkError(f"{url}: nothing listens there", hint="start the emulator or the server first")
    return LinkError(f"{url}: cannot be opened ({why})")
