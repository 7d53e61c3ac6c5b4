"""The example of imperfect cores, cut short."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_stuck_cells_cost_accuracy_and_learning_brings_some_back(root: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(root / "examples/imperfect/imperfect.py"),
        "--quick",
        "--out",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    ideal, broken = json.loads((tmp_path / "imperfect.json").read_text("utf-8"))
    assert (ideal["strength"], broken["strength"]) == (0, 0.3)
    assert ideal["inferred"] == ideal["host"], "at strength 0 the chip has the host's bits"
    assert broken["inferred"] < ideal["inferred"]
    assert broken["learned"] > broken["inferred"]
    assert "after learning there" in done.stdout
