"""The command line, one file a verb."""

from __future__ import annotations

__all__ = ["main"]


def main() -> int:
    """Run `wagekit` with the arguments of this process; returns the exit code."""
    from wagekit.cli.app import main as run

    return run()
