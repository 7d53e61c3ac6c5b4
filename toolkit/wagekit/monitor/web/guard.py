"""Who may speak to the web view: which host names, which origins, and with which token.

The view listens on this machine only, but any page in any browser here can make requests to it.
So requests by a foreign name (DNS rebinding) and from other pages are refused, and beyond
loopback each request needs the token.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from wagekit.errors import UsageError

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of every answer: a browser loads nothing from elsewhere and shows the page in no other page's frame."""
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{12,200}")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def token_for(host: str, wanted: str | None) -> str | None:
    """The token that requests need: the wanted one, none on loopback, else a random one."""
    if wanted is None:
        return None if is_loopback(host) else secrets.token_urlsafe(24)
    if not _TOKEN.fullmatch(wanted):
        raise UsageError(
            "--token: 12 to 200 letters, digits and -._~ are needed",
            hint="leave it out: beyond this machine a random one is made",
        )
    return wanted


@dataclass(frozen=True, slots=True)
class Hosts:
    """The names by which this view may be called."""

    names: frozenset[str]
    any_address: bool
    """Whether any address will do: a foreign page can point its own name here, but never an address."""

    @classmethod
    def of(cls, host: str) -> Hosts:
        """For a view that listens at `host`."""
        if is_loopback(host):
            return cls(frozenset(), any_address=False)
        names = {host, socket.gethostname(), socket.getfqdn()}
        return cls(frozenset(name.lower() for name in names), host in ("0.0.0.0", "::"))

    def allow(self, header: str) -> bool:
        """Whether a Host header names this view; the port may be that of a tunnel."""
        match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(:\d{1,5})?", header)
        if match is None:
            return False
        name = match[1].strip("[]").lower()
        if is_loopback(name) or name in self.names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return self.any_address


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer instead of what was asked for."""

    status: int
    message: str


class Guard:
    """Checks each request before the application sees it, and adds `HEADERS` to each answer."""

    def __init__(self, app: ASGIApp, hosts: Hosts, token: str | None, cookie: str) -> None:
        self._app = app
        self._hosts = hosts
        self._token = token
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        from starlette.datastructures import Headers, MutableHeaders
        from starlette.responses import PlainTextResponse

        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        by_url = self._token is not None and self._in_url(scope)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    added[name] = value
                if by_url:
                    cookie = f"{self._cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict"
                    added.append("set-cookie", cookie)
            await send(message)

        refusal = self._refusal(scope, headers, by_url)
        app = PlainTextResponse(refusal.message + "\n", refusal.status) if refusal else self._app
        await app(scope, receive, answer)

    def _refusal(self, scope: Scope, headers: Headers, by_url: bool) -> Refusal | None:
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or not self._hosts.allow(host):
            return Refusal(
                421, "wagekit's monitor does not go by this name; open the address that it printed"
            )
        if self._foreign(scope, headers, host):
            return Refusal(403, "wagekit's monitor takes no requests from other pages")
        if self._token is not None and not (by_url or self._has_token(scope, headers)):
            return Refusal(401, "a token is needed; open the address that wagekit monitor printed")
        return None

    @staticmethod
    def _foreign(scope: Scope, headers: Headers, host: str) -> bool:
        """Whether another page makes this request; to follow a link to the page itself is no harm."""
        origin = headers.get("origin")
        if origin is not None:
            return origin not in (f"http://{host}", f"https://{host}")
        site = headers.get("sec-fetch-site", "same-origin")
        link = scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"
        return site not in ("same-origin", "none") and not link

    def _in_url(self, scope: Scope) -> bool:
        """Whether the page was opened with the token in its address."""
        if scope["path"] != "/":
            return False
        query = parse_qs(scope["query_string"].decode("latin-1"))
        return any(self._equals(given) for given in query.get("token", []))

    def _has_token(self, scope: Scope, headers: Headers) -> bool:
        from starlette.requests import Request

        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._equals(given.strip()):
            return True
        return self._equals(Request(scope).cookies.get(self._cookie, ""))

    def _equals(self, given: str) -> bool:
        """Compared in a time that tells nothing of how much of it is right."""
        return hmac.compare_digest(given.encode(), (self._token or "").encode())
