"""QEMU's own line: what a hand on the power switch and the reset button does."""

from __future__ import annotations

import json
import socket
from pathlib import Path


class Control:
    """QEMU's own line, for a machine with `options`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.options = ["-qmp", f"unix:{path},server=on,wait=off"]

    def send(self, *commands: str) -> None:
        """Give commands and wait until they are done."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(20)
            line.connect(str(self._path))
            answers = line.makefile("r")
            assert "QMP" in json.loads(answers.readline())
            for command in ("qmp_capabilities", *commands):
                line.sendall(json.dumps({"execute": command}).encode())
                while "return" not in (answer := json.loads(answers.readline())):
                    assert "error" not in answer, answer
