"""The command line, one file a verb."""

from __future__ import annotations

from wagekit.cli.app import main

__all__ = ["main"]
