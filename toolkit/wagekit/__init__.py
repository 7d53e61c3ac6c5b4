"""wagekit: integer networks that learn on a microcontroller, bit for bit.

The two names most programs need are `Network` and `open_executor`.
"""

from __future__ import annotations

from wagekit.errors import WagekitError
from wagekit.version import __version__

__all__ = ["WagekitError", "__version__"]
