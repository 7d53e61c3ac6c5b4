"""What `make test` does less of than `make test-long`."""

from __future__ import annotations

import os

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
"""Whether this is `make test-long`."""
ONE_RUN: tuple[str, ...] = () if LONG else ("-O0",)
"""Flags of a library that runs a few steps once: to optimise it takes longer than it saves."""
OPTIMISE = "-O1" if LONG else "-O0"
"""Of the C that tests compile themselves; compilers' warnings about it are the matter of `make check`."""
