"""Who may speak to the web view."""

from __future__ import annotations

import pytest

from wagekit.errors import UsageError
from wagekit.monitor.web.guard import Hosts, is_loopback, token_for


@pytest.mark.parametrize(
    ("listens", "header", "allowed"),
    [
        ("127.0.0.1", "127.0.0.1:8642", True),
        ("127.0.0.1", "localhost:8642", True),
        ("127.0.0.1", "localhost:9000", True),  # a tunnel
        ("127.0.0.1", "[::1]:8642", True),
        ("127.0.0.1", "localhost", True),
        ("127.0.0.1", "evil.example:8642", False),
        ("127.0.0.1", "localhost.evil.example:8642", False),
        ("127.0.0.1", "192.168.0.7:8642", False),
        ("127.0.0.1", "", False),
        ("127.0.0.1", "127.0.0.1:8642@evil.example", False),
        ("127.0.0.1", "[::1", False),
        ("192.168.0.7", "192.168.0.7:8642", True),
        ("192.168.0.7", "192.168.0.8:8642", False),
        ("0.0.0.0", "192.168.0.8:8642", True),
        ("0.0.0.0", "evil.example", False),
        ("::", "[fe80::1]:8642", True),
        ("lab.example", "LAB.example:8642", True),
    ],
)
def test_host_names(listens: str, header: str, allowed: bool) -> None:
    assert Hosts.of(listens).allow(header) is allowed


def test_loopback() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.9.9.9", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.0.1", "host.example", "")))


def test_a_token_is_made_beyond_loopback_only() -> None:
    assert token_for("127.0.0.1", None) is None
    first, second = token_for("0.0.0.0", None), token_for("0.0.0.0", None)
    assert first and second and first != second and len(first) >= 32
    assert token_for("127.0.0.1", "a-token-of-mine") == "a-token-of-mine"


@pytest.mark.parametrize(
    "wanted", ["", "short", "with space in it", "semicolon;semicolon", "ü" * 20, "x" * 201]
)
def test_tokens_that_will_not_do(wanted: str) -> None:
    with pytest.raises(UsageError, match="--token"):
        token_for("127.0.0.1", wanted)
