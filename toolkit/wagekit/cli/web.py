"""The options of the web view, and how it is opened from the command line."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from wagekit.cli.console import note
from wagekit.errors import UsageError

if TYPE_CHECKING:
    from wagekit.monitor import Bus, Controls, Player
    from wagekit.monitor.web import WebView

_PANEL = "In the browser"
Web = Annotated[
    bool,
    typer.Option("--web", help="Show it in browsers too; the address is printed.", rich_help_panel=_PANEL),
]
WebPort = Annotated[
    int | None,
    typer.Option(
        "--web-port",
        min=0,
        max=65535,
        metavar="N",
        help="Of the web view; 0 is any free one. By default 8642.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
Host = Annotated[
    str | None,
    typer.Option(
        "--host",
        metavar="H",
        help="Where the web view listens. Beyond this machine (0.0.0.0 or an address) browsers need the "
        "token in the printed address. By default 127.0.0.1.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="T",
        help="Token that browsers need. By default none on this machine, a random one beyond it.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Where the web view is to listen."""

    port: int | None = None
    host: str | None = None
    token: str | None = None

    @classmethod
    def of(cls, web: bool, port: int | None, host: str | None, token: str | None) -> WebOptions | None:
        """What the command line says; None is no web view."""
        given = {"--web-port": port, "--host": host, "--token": token}
        if not web:
            alone = [name for name, value in given.items() if value is not None]
            if alone:
                raise UsageError(f"{alone[0]} is of the web view", hint="add --web")
            return None
        return cls(port, host, token)


def open_web(options: WebOptions, controls: Mapping[str, Controls] | None = None) -> WebView:
    """Open the view and print its address, on stderr."""
    from wagekit.monitor.web import PORT, WebView

    view = WebView(
        host=options.host or "127.0.0.1",
        port=PORT if options.port is None else options.port,
        token=options.token,
        controls=controls,
    )
    note(f"web view: {view.url}")
    return view


def join(view: WebView, bus: Bus, controls: Mapping[str, Controls]) -> None:
    """Show what a bus hands out and steer by `controls`; the bus closes the view."""
    view.controls = controls
    view.tell = bus
    bus.sinks.append(view)


def play(player: Player, options: WebOptions) -> None:
    """Show what a player tells; the page stays until Ctrl-C, which is no failure."""
    with open_web(options) as view:
        try:
            count = player.play(view.handle)
            note(f"all {count:,} events are told; the page stays until Ctrl-C")
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
