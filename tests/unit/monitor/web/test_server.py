"""The web view's answers: pages, refusals, commands, and the stream, over real sockets where it matters."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from wagekit.errors import ToolError, UsageError
from wagekit.monitor import Bus, Command, Controls, Dropped, Event, Log, Run, Step, Story
from wagekit.monitor.web import WebView, server
from wagekit.monitor.web.guard import HEADERS, Hosts
from wagekit.monitor.web.server import BODY, application
from wagekit.resources import web_files

TOKEN = "a-token-of-the-tests"


def step(number: int) -> Step:
    return Step(step=number, epoch=0.0, samples=1, loss=1.0, sum_squared_error=1, errors=0, log2_lr=0)


@pytest.fixture
def controls() -> dict[str, Controls]:
    return {"": Controls()}


@pytest.fixture
def view(controls: dict[str, Controls]) -> Iterator[WebView]:
    with WebView(port=0, controls=controls) as made:
        yield made


@pytest.fixture
def client(view: WebView) -> TestClient:
    return TestClient(
        application(view, Hosts.of("127.0.0.1"), None), base_url=f"http://127.0.0.1:{view.port}"
    )


@pytest.fixture
def guarded(view: WebView) -> TestClient:
    return TestClient(
        application(view, Hosts.of("127.0.0.1"), TOKEN), base_url=f"http://127.0.0.1:{view.port}"
    )


# Pages.


def test_serves_its_own_files_and_nothing_else(client: TestClient) -> None:
    for file in web_files().iterdir():
        answer = client.get(f"/{file.name}")
        assert answer.status_code == 200 and answer.content == file.read_bytes()
    assert client.get("/").content == (web_files() / "index.html").read_bytes()
    for path in (
        "/../server.py",
        "/%2e%2e/server.py",
        "/..%2fserver.py",
        "/server.py",
        "//etc/passwd",
        "/docs",
    ):
        assert client.get(path).status_code == 404, path
    assert client.post("/index.html").status_code == 405
    assert client.get("/control").status_code == 405


def test_every_answer_forbids_foreign_content(client: TestClient) -> None:
    for path in ("/", "/style.css", "/nothing"):
        answer = client.get(path)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
    policy = HEADERS["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_scripts_have_the_type_that_browsers_insist_on(client: TestClient) -> None:
    assert client.get("/app.js").headers["content-type"].startswith("text/javascript")
    assert client.get("/style.css").headers["content-type"].startswith("text/css")
    assert client.get("/icon.svg").headers["content-type"].startswith("image/svg+xml")


def test_the_page_loads_nothing_from_elsewhere() -> None:
    """Every address in the page is one of its own files, and there is no script or style in the HTML."""
    names = {file.name for file in web_files().iterdir()}
    page = (web_files() / "index.html").read_text("utf-8")
    assert set(re.findall(r'(?:src|href)="([^"#]+)"', page)) <= names
    assert not re.search(r"<style|\son\w+=|\sstyle=|<script[^>]*>[^<]", page)
    for file in web_files().iterdir():
        if file.name.endswith((".js", ".css")) and not file.name.startswith("uPlot"):
            text = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"https?:|//[a-z]+\.", text), file.name
            assert "innerHTML" not in text, "text of events must never become markup"
            assert set(re.findall(r'from "\./([^"]+)"', text)) <= names


# Hosts, origins, token.


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", ""])
def test_a_foreign_name_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/", headers={"host": host})
    assert answer.status_code == 421 and "name" in answer.text


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://localhost"])
def test_another_page_is_refused(client: TestClient, controls: dict[str, Controls], origin: str) -> None:
    ask = {"source": "", "action": "stop"}
    assert client.post("/control", json=ask, headers={"origin": origin}).status_code == 403
    assert client.get("/events", headers={"origin": origin}).status_code == 403
    assert controls[""].take() == []


def test_a_link_from_another_page_is_followed_but_nothing_else(client: TestClient) -> None:
    site = {"sec-fetch-site": "cross-site"}
    assert client.get("/", headers={**site, "sec-fetch-mode": "navigate"}).status_code == 200
    assert client.get("/app.js", headers={**site, "sec-fetch-mode": "no-cors"}).status_code == 403
    assert client.post("/control", json={}, headers={**site, "sec-fetch-mode": "navigate"}).status_code == 403


def test_own_page_may_ask(client: TestClient, view: WebView, controls: dict[str, Controls]) -> None:
    origin = {"origin": f"http://127.0.0.1:{view.port}"}
    assert client.post("/control", json={"source": "", "action": "pause"}, headers=origin).status_code == 202
    assert controls[""].take() == [Command("pause", None, "web")]


def test_without_token_nothing_is_given(guarded: TestClient, controls: dict[str, Controls]) -> None:
    for path in ("/", "/app.js", "/events", "/?token=", "/?token=wrong", f"/app.js?token={TOKEN}"):
        answer = guarded.get(path)
        assert answer.status_code == 401 and "token" in answer.text and "set-cookie" not in answer.headers
    assert guarded.post("/control", json={"source": "", "action": "stop"}).status_code == 401
    for header in ({"authorization": "Bearer wrong"}, {"authorization": TOKEN}, {"cookie": "wagekit=x"}):
        assert guarded.get("/", headers=header).status_code == 401
    assert controls[""].take() == []


def test_token_in_the_address_becomes_a_cookie(guarded: TestClient, view: WebView) -> None:
    answer = guarded.get(f"/?token={TOKEN}")
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"wagekit_{view.port}={TOKEN};")
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert guarded.get("/app.js").status_code == 200, "the client keeps the cookie"
    guarded.cookies.clear()
    others = f"odd cookie; of=another [program]; wagekit_{view.port}={TOKEN}"
    assert guarded.get("/app.js", headers={"cookie": others}).status_code == 200
    assert guarded.get("/app.js", headers={"cookie": f"wagekit_1={TOKEN}"}).status_code == 401


def test_token_as_header(guarded: TestClient) -> None:
    assert guarded.get("/app.js", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


# Commands.


@pytest.mark.parametrize(
    ("ask", "status", "word"),
    [
        ({"source": "", "action": "rate", "value": 1}, 202, "rate"),
        ({"source": "", "action": "rate"}, 422, "value"),
        ({"source": "", "action": "rate", "value": 99}, 422, "value"),
        ({"source": "", "action": "rate", "value": "1"}, 422, "value"),
        ({"source": "", "action": "rate", "value": True}, 422, "value"),
        ({"source": "", "action": "pause", "value": 1}, 422, "value"),
        ({"source": "", "action": "format"}, 422, "action"),
        ({"source": "", "action": "stop", "more": 1}, 422, "more"),
        ({"action": "stop"}, 422, "source"),
        ({"source": "x", "action": "stop"}, 404, "no such run"),
        ([], 422, ""),
    ],
)
def test_commands_are_validated(client: TestClient, ask: Any, status: int, word: str) -> None:
    answer = client.post("/control", json=ask)
    assert answer.status_code == status and word in answer.text


def test_bodies_that_are_no_command(client: TestClient, controls: dict[str, Controls]) -> None:
    as_json = {"content-type": "application/json"}
    ask = json.dumps({"source": "", "action": "stop"})
    assert client.post("/control", content="{", headers=as_json).status_code == 422
    assert client.post("/control", content=b"\xff\xfe", headers=as_json).status_code == 422
    assert client.post("/control", content=ask, headers={"content-type": "text/plain"}).status_code == 415
    assert client.post("/control", data={"action": "stop"}).status_code == 415
    assert client.post("/control", content=ask + " " * BODY, headers=as_json).status_code == 413
    assert controls[""].take() == []


def test_a_run_without_commands_and_one_that_does_not_follow(
    client: TestClient, view: WebView, controls: dict[str, Controls]
) -> None:
    view.handle(Log(message="replayed", source="old"))
    assert client.post("/control", json={"source": "old", "action": "pause"}).status_code == 409
    while controls[""].ask(Command("evaluate")):
        pass
    assert client.post("/control", json={"source": "", "action": "pause"}).status_code == 429


# The stream.


class Listener:
    """A browser's stream, message by message."""

    def __init__(self, view: WebView) -> None:
        self.line = http.client.HTTPConnection("127.0.0.1", view.port, timeout=30)
        self.line.request("GET", "/events")
        self.answer = self.line.getresponse()
        assert self.answer.status == 200
        assert self.answer.getheader("content-type") == "text/event-stream; charset=utf-8"

    def message(self) -> tuple[str, Any]:
        name = self.answer.readline().decode().removeprefix("event: ").strip()
        data = self.answer.readline().decode().removeprefix("data: ")
        assert self.answer.readline() == b"\n"
        return name, json.loads(data)

    def until(self, name: str) -> list[tuple[str, Any]]:
        """All messages up to the first of this name."""
        got = [self.message()]
        while got[-1][0] != name:
            got.append(self.message())
        return got

    def changes_until(self, events: int) -> list[dict[str, Any]]:
        """Changes until so many events were told."""
        got: list[dict[str, Any]] = []
        while not got or got[-1]["events"] < events:
            name, body = self.message()
            if name == "change":
                got.append(body)
        return got

    def close(self) -> None:
        self.answer.close()
        self.line.close()


def test_who_comes_late_gets_the_whole_history_and_then_what_is_new(view: WebView) -> None:
    view.handle(Run(status="started", network="net", place="host", steps=50))
    for number in range(40):
        view.handle(step(number))
    late = Listener(view)
    assert late.message()[0] == "hello"
    name, first = late.message()
    assert name == "change" and first["source"] == "" and first["controlled"] is True
    assert first["run"]["network"] == "net"
    assert [row[0] for row in first["curve"]["rows"]] == list(range(1, 41))
    view.handle(step(40))
    (second,) = late.changes_until(42)
    assert second["curve"] == {"from": 39, "rows": [[40, 0.0, 1.0, 1.0, 1], [41, 0.0, 1.0, 1.0, 1]]}
    assert "run" not in second
    view.close()
    assert late.until("bye")[-1] == ("bye", {})
    late.close()


def test_several_sources(view: WebView) -> None:
    view.handle(Run(status="started", network="net", place="host", source="a"))
    view.handle(Run(status="started", network="net", place="host", source="b"))
    listener = Listener(view)
    bodies = [listener.message()[1] for _ in range(4)]
    assert [(body["source"], body["controlled"], body["events"]) for body in bodies[1:]] == [
        ("", True, 0),  # may be asked for something, and told nothing yet
        ("a", False, 1),
        ("b", False, 1),
    ]
    listener.close()


def test_ten_thousand_events_come_in_few_messages(view: WebView) -> None:
    """Thinned by time, not by number: a message holds all that came since the one before."""
    listener = Listener(view)
    listener.until("hello")
    began = time.monotonic()
    for number in range(10_000):
        view.handle(step(number))
    got = listener.changes_until(10_000)
    ticks = (time.monotonic() - began) / server.TICK
    assert len(got) <= ticks + 2
    rows: list[Any] = []
    for curve in (body["curve"] for body in got if "curve" in body):
        rows = rows[: curve["from"]] + curve["rows"]
    assert rows[-1][0] == 10_000 and sum(row[4] for row in rows) == 10_000
    listener.close()


def test_a_browser_that_does_not_read_is_given_up_and_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for it stays bounded, and the others go on."""
    monkeypatch.setattr(server, "PATIENCE", 1.0)
    told = Story()
    with WebView(port=0) as view:
        bus = Bus([view, told])
        view.tell = bus
        deaf = socket.create_connection(("127.0.0.1", view.port))
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n")
        number = 0
        deadline = time.monotonic() + 60
        while not told.dropped and time.monotonic() < deadline:
            bus(Log(message=f"{number} " + "x" * 4000))
            number += 1
            time.sleep(0.0005)
        assert told.dropped["web"] > 0
        while view.clients and time.monotonic() < deadline:
            time.sleep(0.05)
        assert view.clients == 0
        listener = Listener(view)
        assert listener.until("change")[-1][1]["dropped"] == {"web": told.dropped["web"]}
        listener.close()
        deaf.close()


def test_what_waits_for_a_browser_that_does_not_read_does_not_grow(view: WebView) -> None:
    deaf = socket.create_connection(("127.0.0.1", view.port))
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.sendall(b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n")

    def tell(count: int) -> int:
        """Tell so many events of 1,000 letters each; returns the bytes that are held after that."""
        for number in range(count):
            view.handle(Log(message=f"{number:1000}"))
            if number % 100 == 0:
                time.sleep(0.01)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = tell(10_000)
        after = tell(20_000)
    finally:
        tracemalloc.stop()
        deaf.close()
    assert after - before < 5_000_000, "20 MB were told"


def test_a_browser_that_goes_away_is_forgotten(view: WebView) -> None:
    listener = Listener(view)
    listener.until("hello")
    assert view.clients == 1
    listener.close()
    deadline = time.monotonic() + 20
    while view.clients and time.monotonic() < deadline:
        view.handle(step(0))
        time.sleep(0.05)
    assert view.clients == 0


def test_too_many_pages_are_refused(monkeypatch: pytest.MonkeyPatch, view: WebView) -> None:
    monkeypatch.setattr(server, "CLIENTS", 1)
    first = Listener(view)
    line = http.client.HTTPConnection("127.0.0.1", view.port, timeout=30)
    line.request("GET", "/events")
    assert line.getresponse().status == 503
    line.close()
    first.close()


# Opening and closing.


def test_a_port_in_use_is_said_with_what_to_do(view: WebView) -> None:
    with pytest.raises(UsageError, match=f"--web-port {view.port}: cannot listen at 127.0.0.1") as caught:
        WebView(port=view.port)
    assert caught.value.hint is not None and "--web-port 0" in caught.value.hint


def test_a_host_that_is_not_ours() -> None:
    with pytest.raises(UsageError, match=r"203\.0\.113\.9"):
        WebView(host="203.0.113.9", port=0)
    with pytest.raises(UsageError, match=r"--host no\.such\.invalid"):
        WebView(host="no.such.invalid", port=0)


def test_beyond_loopback_the_address_has_a_token_and_without_it_nothing_is_given() -> None:
    with WebView(host="0.0.0.0", port=0) as view:
        token = view.url.partition("?token=")[2]
        assert len(token) >= 32
        for path, status in (("/", 401), (f"/?token={token}", 200)):
            line = http.client.HTTPConnection("127.0.0.1", view.port, timeout=30)
            line.request("GET", path)
            assert line.getresponse().status == status
            line.close()


def test_closing_twice_does_no_harm_and_frees_the_port() -> None:
    view = WebView(port=0)
    view.close()
    view.close()
    view.handle(step(0))
    WebView(port=view.port).close()
    assert not [thread for thread in threading.enumerate() if thread.name == "web view"]


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ToolError) as caught:
        WebView(port=0)
    assert caught.value.hint == "pip install 'wagekit[web]'"


def test_one_event_is_handled_while_a_page_reads(view: WebView) -> None:
    """Events come from several threads, and none is lost."""
    listener = Listener(view)

    def tell(source: str) -> None:
        for number in range(500):
            event: Event = step(number)
            view.handle(Log(message=str(event), source=source))

    threads = [threading.Thread(target=tell, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen: dict[str, int] = {}
    while sum(seen.values()) < 2000:
        name, body = listener.message()
        if name == "change":
            seen[body["source"]] = body["events"]
    assert seen == {"": 0} | dict.fromkeys("abcd", 500)
    listener.close()


def test_dropped_reaches_the_own_story_without_a_bus(view: WebView) -> None:
    view.tell(Dropped(count=3, where="web"))
    listener = Listener(view)
    assert listener.until("change")[-1][1]["dropped"] == {"web": 3}
    listener.close()


@pytest.mark.parametrize("file", ["uPlot.iife.min.js", "uPlot.min.css", "uPlot.LICENSE.txt"])
def test_what_is_from_elsewhere_is_what_was_recorded(root: Path, file: str) -> None:
    """VENDORED.toml says where each file comes from, and NOTICE names it."""
    import hashlib
    import tomllib

    (entry,) = tomllib.loads((web_files() / "VENDORED.toml").read_text("utf-8"))["package"]
    assert hashlib.sha256((web_files() / file).read_bytes()).hexdigest() == entry["sha256"][file]
    notice = (root / "NOTICE").read_text("utf-8")
    assert f"{entry['name']} {entry['version']}" in notice and entry["licence"] in notice
    script = (web_files() / "uPlot.iife.min.js").read_text("utf-8")
    assert f"(v{entry['version']})" in script.splitlines()[0]
