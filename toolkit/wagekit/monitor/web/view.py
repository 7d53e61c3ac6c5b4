"""The web view: a sink that shows runs in browsers, from a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from wagekit.errors import ToolError, UsageError
from wagekit.monitor.controls import Controls
from wagekit.monitor.events import Dropped, Event
from wagekit.monitor.sinks import Emit
from wagekit.monitor.web.changes import Cursor, Told, changes
from wagekit.monitor.web.guard import Hosts, token_for

PORT = 8642
"""Where the view listens if nobody says otherwise."""
_CONNECTIONS = 256
_END_SECONDS = 2
"""So long a browser has to take the last message."""
_DEAD_MS = 60_000
"""A connection that takes no byte for so long is cut by the system (Linux)."""


class WebView:
    """Shows all events that it gets to every browser that asks. A sink and a context manager.

    It listens from the time it is made. `controls` are those of each source that takes commands;
    the mapping may change while the view is open. `UsageError` where it cannot listen at `host` and
    `port` (0: any free one), or for a token that will not do; `ToolError` without the extra `web`.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = PORT,
        token: str | None = None,
        controls: Mapping[str, Controls] | None = None,
        tell: Emit | None = None,
    ) -> None:
        self.controls: Mapping[str, Controls] = {} if controls is None else controls
        self.tell: Emit = self.handle if tell is None else tell
        """Takes what the view itself has to tell: the bus, that others hear it too."""
        self.clients = 0
        """Browsers that listen."""
        self.events = 0
        """Events of all sources."""
        self.closing = False
        self._told: dict[str, Told] = {}
        self._lock = threading.Lock()
        self._lock = threading.Lock()
        self._token = token_for(host, token)
        self._host = host
        try:
            import uvicorn

            from wagekit.monitor.web.server import application
        except ImportError as error:
            raise ToolError(
                f"the web view needs {error.name}, which is not installed", hint="pip install 'wagekit[web]'"
            ) from error
        listener = _listen(host, port)
        self.port: int = listener.getsockname()[1]
        config = uvicorn.Config(
            application(self, Hosts.of(host), self._token),
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_level="critical",
            access_log=False,
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_END_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="web view", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """What to open in a browser, with the token if one is needed."""
        host = socket.gethostname() if self._host in ("0.0.0.0", "::") else self._host
        name = f"[{host}]" if ":" in host else host
        return f"http://{name}:{self.port}/" + (f"?token={self._token}" if self._token else "")

    def handle(self, event: Event) -> None:
        """Take one event."""
        with self._lock:
            told = self._told.get(event.source)
            if told is None:
                told = self._told[event.source] = Told()
            told.handle(event)
            self.events += 1

    def sources(self) -> list[str]:
        """All that can be asked for something, then all others that told something."""
        with self._lock:
            return list(dict.fromkeys((*self.controls, *self._told)))

    def knows(self, source: str) -> bool:
        """Whether it told something."""
        return source in self._told

    def changes(self, source: str, cursor: Cursor) -> dict[str, Any] | None:
        """What is new of a source since the cursor, which moves; None where nothing is."""
        with self._lock:
            return changes(self._told.get(source) or Told(), cursor)

    async def missed(self, count: int) -> None:
        """Tell that a browser did not get so many events one by one."""
        if count and not self.closing:
            await asyncio.to_thread(self.tell, Dropped(count=count, where="web"))

    def close(self) -> None:
        """Send the last changes, and end."""
        self.closing = True
        self._server.should_exit = True
        self._thread.join(_END_SECONDS + 5.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections; `UsageError` says why there is none."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise UsageError(
            f"--host {host}: {error.strerror or error}", hint="give an address of this machine"
        ) from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with contextlib.suppress(AttributeError, OSError):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_MS)
    try:
        listener.bind(address)
        listener.listen(64)
    except OSError as error:
        listener.close()
        hint = "--web-port 0 takes any free one" if error.errno == errno.EADDRINUSE else None
        raise UsageError(
            f"--web-port {port}: cannot listen at {host}: {error.strerror or error}", hint=hint
        ) from error
    return listener
