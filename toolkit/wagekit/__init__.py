"""wagekit: integer networks that learn on a microcontroller, bit for bit.

The two names most programs need are `Network` and `open_executor`.
"""

from __future__ import annotations

from wagekit.errors import WagekitError
from wagekit.executors import Executor, StepResult, open_executor
from wagekit.spec import Bits, Conv1d, Conv2d, Dense, Input, MaxPool, Network
from wagekit.version import __version__

__all__ = [
    "Bits",
    "Conv1d",
    "Conv2d",
    "Dense",
    "Executor",
    "Input",
    "MaxPool",
    "Network",
    "StepResult",
    "WagekitError",
    "__version__",
    "open_executor",
]
