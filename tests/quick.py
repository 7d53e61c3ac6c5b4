"""What `make test` does less of than `make test-long`."""

from __future__ import annotations

import os

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
"""Whether this is `make test-long`."""
ONE_RUN: tuple[str, ...] = () if LONG else ("-O1",)
"""Flags of a library that runs a few steps once: -O3 takes longer to compile than it saves."""
