"""The static kernels in a library of their own, called with NumPy arrays."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import cffi
import numpy as np
from numpy.typing import NDArray

from wagekit.executors.host import declarations
from wagekit.toolchain.host import build_library
from wagekit.writer import firmware_files

HERE = Path(__file__).resolve().parent
HEADERS = (
    "wk_status.h",
    "wagekit.h",
    "wk_kernels.h",
    "wk_train.h",
    "wk_health.h",
    "wk_encode.h",
    "wk_state.h",
)
SANITIZED = ("-O1", "-g", "-fsanitize=undefined", "-fno-sanitize-recover=all")


class Kernels:
    """`call("wk_name", ...)`: arrays become pointers to their data, the rest goes as it is."""

    def __init__(self, extra: tuple[str, ...] = SANITIZED) -> None:
        files = firmware_files()
        own = {name: (HERE / name).read_text("utf-8") for name in ("wk_inline.c", "wk_inline.h")}
        self.ffi = cffi.FFI()
        for header in HEADERS:
            self.ffi.cdef(declarations(files[f"include/wagekit/{header}"]))
        self.ffi.cdef(declarations(own["wk_inline.h"]))
        self.lib: Any = self.ffi.dlopen(str(build_library({**files, **own}, extra=extra)))

    def call(self, name: str, *arguments: Any) -> Any:
        keep = [self._pointer(a) if isinstance(a, np.ndarray) else a for a in arguments]
        return getattr(self.lib, name)(*keep)

    def struct(self, name: str, **values: Any) -> Any:
        return self.ffi.new(f"{name} *", values)

    def _pointer(self, array: NDArray[Any]) -> Any:
        assert array.flags.c_contiguous
        kind = f"{'u' if array.dtype.kind == 'u' else ''}int{8 * array.dtype.itemsize}_t *"
        return self.ffi.cast(kind, self.ffi.from_buffer(array))


@cache
def kernels(*extra: str) -> Kernels:
    """Under the undefined-behaviour sanitizer, or with other flags behind those of the host."""
    return Kernels(extra) if extra else Kernels()
