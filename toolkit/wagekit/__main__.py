"""`python -m wagekit` is `wagekit`."""

from __future__ import annotations

import sys

from wagekit.cli import main

if __name__ == "__main__":
    sys.exit(main())
