"""`python -m wagekit.link docs/protocol.md` writes the tables of the schema into the document."""

from __future__ import annotations

import sys
from pathlib import Path

from wagekit.link.render import refresh

refresh(Path(sys.argv[1]))
