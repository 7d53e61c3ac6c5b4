"""The application: all verbs, and what happens to errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from wagekit.cli import (
    analyze,
    boards,
    build,
    checkpoint,
    demo,
    doctor,
    evaluate,
    export,
    flash,
    info,
    learn,
    monitor,
    new,
    predict,
    record,
    replay,
    report,
    run,
    simulate,
    train,
    verify,
)
from wagekit.cli.console import fail, prepare_streams, say
from wagekit.errors import UsageError, WagekitError
from wagekit.version import __version__

INTERRUPTED = 130

app = typer.Typer(
    name="wagekit",
    help="Networks of small integers that learn on a microcontroller, proved bit for bit.",
    epilog="Begin with: [bold]wagekit doctor[/], then [bold]wagekit demo[/]",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"wagekit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    pass


_PANELS = {
    "Describe and learn": (new, train, evaluate, predict),
    "On the chip": (analyze, build, export, run, learn, record, monitor, flash, info, simulate),
    "Recordings": (replay, report),
    "Trust": (doctor, verify, demo),
}
for _panel, _modules in _PANELS.items():
    for _module in _modules:
        _name = _module.__name__.rsplit(".", 1)[-1]
        app.command(_name, epilog=f"Example: [bold]{_module.EXAMPLE}[/]", rich_help_panel=_panel)(
            getattr(_module, _name)
        )


app.add_typer(boards.app, rich_help_panel="On the chip")
app.add_typer(checkpoint.app, rich_help_panel="On the chip")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    prepare_streams()
    command = typer.main.get_command(app)
    try:
        result: Any = command.main(
            args=list(sys.argv[1:] if arguments is None else arguments),
            prog_name="wagekit",
            standalone_mode=False,
        )
    except WagekitError as error:
        return fail(error)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except typer.Exit as stop:
        return stop.exit_code
    except BrokenPipeError:
        # Whoever read our output has gone; say nothing, not even when Python flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return fail(_usage_error(error))
    return result if isinstance(result, int) else 0


def _usage_error(error: Exception) -> UsageError:
    """A wrong command line as our own error; anything else goes on as it is."""
    message = getattr(error, "format_message", None)
    if message is None:
        raise error
    text = " ".join(str(message()).split())
    if not text:  # help was printed because nothing was asked
        raise SystemExit(2)
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "wagekit"
    return UsageError(text[:1].lower() + text[1:], hint=f"see: {path} --help")
