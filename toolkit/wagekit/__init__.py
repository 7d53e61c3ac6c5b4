"""wagekit: integer networks that learn on a microcontroller, bit for bit.

The two names most programs need are `Network` and `open_executor`. Names are imported when they are
asked for: the pytest plugin is loaded in every pytest run of an environment, and must cost nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from wagekit.version import __version__

if TYPE_CHECKING:
    from wagekit.errors import WagekitError
    from wagekit.executors import Executor, StepResult, open_executor
    from wagekit.spec import Bits, Conv1d, Conv2d, Dense, Input, MaxPool, Network

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

_HOMES = {
    "errors": ("WagekitError",),
    "executors": ("Executor", "StepResult", "open_executor"),
    "spec": ("Bits", "Conv1d", "Conv2d", "Dense", "Input", "MaxPool", "Network"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"wagekit.{home}"), name)
    raise AttributeError(f"module 'wagekit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
