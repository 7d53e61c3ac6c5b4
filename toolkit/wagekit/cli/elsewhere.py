"""Repeats a training in other places while the chip learns, each in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from wagekit.errors import ToolError

TIMEOUT = 300.0
"""Seconds that a repetition may take beyond the chip's."""


class Elsewhere:
    """Runs `wagekit train` with the same options on several places. Use it as a context manager.

    The processes are nice to the emulator, and multiply with one thread: the products of a small
    network are too short to be shared out.
    """

    def __init__(self, places: Sequence[str], options: Sequence[str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="wagekit-")
        self._running: dict[str, subprocess.Popen[str]] = {}
        nice = shutil.which("nice")
        alone = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        for place in places:
            command = [nice, "-n", "5"] if nice else []
            command += [sys.executable, "-m", "wagekit", "train", *options, "--on", place, "--json"]
            command += ["--out", str(Path(self._folder.name) / f"{place}.safetensors")]
            self._running[place] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | alone,
                start_new_session=True,  # a Ctrl-C belongs to us; `close` ends them
            )

    def digest(self, place: str) -> str:
        """The digest at the end of that training, once it is there; `ToolError` if it failed."""
        process = self._running[place]
        try:
            out, err = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            raise ToolError(f"the training on {place} did not end within {TIMEOUT:.0f} s") from None
        if process.returncode != 0:
            told = [line.removeprefix("error: ") for line in err.splitlines() if line.startswith("error: ")]
            why = told[0] if told else f"exit code {process.returncode}"
            raise ToolError(f"the training on {place} failed: {why}")
        return str(json.loads(out)["digest"])

    def close(self) -> None:
        """End what still runs; harmless when called twice."""
        for process in self._running.values():
            if process.poll() is None:
                process.kill()
            process.communicate()
        self._running.clear()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
