"""The pages and requests of the web view, as an ASGI application."""

from __future__ import annotations

import asyncio
import mimetypes
import time
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from wagekit.monitor.controls import Command
from wagekit.monitor.shares import LIMITS
from wagekit.monitor.web.changes import Cursor, encode
from wagekit.monitor.web.guard import Guard, Hosts
from wagekit.resources import web_files
from wagekit.version import __version__

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from wagekit.monitor.web.view import WebView

TICK = 0.1
"""Seconds between two messages to a browser."""
BEAT = 5.0
"""Seconds after which a browser hears that we are there still."""
SLOW = 1.0
"""A browser that takes so many seconds to read a message is told what it did not see one by one."""
PATIENCE = 30.0
"""Seconds after which a browser that does not read is given up."""
CLIENTS = 32
BODY = 1024
"""Bytes of a request to control, at most."""
_PAGE = "index.html"


class Ask(BaseModel):
    """What a browser asks for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    source: str = Field(max_length=200)
    action: Literal["pause", "resume", "rate", "evaluate", "checkpoint", "stop"]
    value: int | None = Field(default=None, ge=-32, le=32)

    @model_validator(mode="after")
    def _value_of_rate(self) -> Ask:
        if (self.value is not None) != (self.action == "rate"):
            raise ValueError("'rate' needs a value, other actions have none")
        return self


def application(view: WebView, hosts: Hosts, token: str | None) -> ASGIApp:
    """The application that shows `view`."""

    async def events(request: Request) -> Response:
        if view.clients >= CLIENTS:
            return PlainTextResponse(f"{CLIENTS} pages are open already\n", 503)
        return EventStream(view)

    async def control(request: Request) -> Response:
        return await _control(view, request)

    pages = [Route(path, page, methods=["GET"]) for path, page in _pages(web_files()).items()]
    routes = [Route("/events", events, methods=["GET"]), Route("/control", control, methods=["POST"])]
    return Guard(Starlette(routes=[*pages, *routes]), hosts, token, f"wagekit_{view.port}")


def _pages(folder: Traversable) -> dict[str, Any]:
    """The packaged files by their address, read once: no request ever leads to a path."""
    pages = {}
    for file in folder.iterdir():
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        page = _page(file.read_bytes(), "text/javascript" if file.name.endswith(".js") else kind)
        pages[f"/{file.name}"] = page
        if file.name == _PAGE:
            pages["/"] = page
    return pages


def _page(content: bytes, kind: str) -> Any:
    async def page(request: Request) -> Response:
        return Response(content, media_type=kind)

    return page


async def _control(view: WebView, request: Request) -> Response:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return _refused(415, "the body must be application/json")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY:
            return _refused(413, f"the body is larger than {BODY} bytes")
    try:
        ask = Ask.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        return _refused(422, f"{where}: {first['msg']}" if where else first["msg"])
    controls = view.controls.get(ask.source)
    if controls is None:
        known = view.knows(ask.source)
        return _refused(409 if known else 404, "this run takes no commands" if known else "no such run")
    if not controls.ask(Command(ask.action, ask.value, "web")):
        return _refused(429, "the run does not follow: too many commands wait")
    return JSONResponse({"asked": ask.action}, 202)


def _refused(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status)


class EventStream(Response):
    """Server-sent events: all there is, then what is new, at most one message for each source a tick.

    While a message is on its way no other is made, so a browser that does not read costs us one
    message and what the system buffers; what it missed comes together in the next one.
    """

    def __init__(self, view: WebView) -> None:
        super().__init__(media_type="text/event-stream")
        del self.headers["content-length"]
        self._view = view
        self._cursors: dict[str, Cursor] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the browser goes, the view closes or patience ends."""
        self._view.clients += 1
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await self._run(send, gone)
        except TimeoutError:
            pass  # the answer stays unfinished, for which the server closes the connection
        finally:
            self._view.clients -= 1
            gone.cancel()

    async def _run(self, send: Send, gone: asyncio.Task[None]) -> None:
        await self._send(send, "hello", {"version": __version__, "limits": LIMITS})
        beaten = time.monotonic()
        while not gone.done():
            closing = self._view.closing
            for source in self._view.sources():
                body = self._view.changes(source, self._cursors.setdefault(source, Cursor()))
                if body is not None:
                    controlled = source in self._view.controls
                    await self._send(send, "change", {"source": source, "controlled": controlled, **body})
                    beaten = time.monotonic()
            if closing:
                await self._send(send, "bye", {})
                await send({"type": "http.response.body", "body": b""})
                return
            if time.monotonic() - beaten > BEAT:
                await self._send(send, "beat", {})
                beaten = time.monotonic()
            await asyncio.wait({gone}, timeout=TICK)

    async def _send(self, send: Send, name: str, body: dict[str, Any]) -> None:
        """Send a message; `TimeoutError` where the browser does not read."""
        data = f"event: {name}\ndata: {encode(body)}\n\n".encode()
        begin, events = time.monotonic(), self._view.events
        try:
            async with asyncio.timeout(PATIENCE):
                await send({"type": "http.response.body", "body": data, "more_body": True})
        except TimeoutError:
            await self._view.missed(self._view.events - events)
            raise
        seconds = time.monotonic() - begin
        if seconds > SLOW and (count := self._view.events - events):
            await self._view.missed(count)
            await self._send(send, "behind", {"count": count, "seconds": round(seconds, 1)})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
