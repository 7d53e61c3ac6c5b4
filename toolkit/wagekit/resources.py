"""The only place that finds packaged data: templates, C sources, boards and data sets.

Everything goes through `importlib.resources` (the license: `importlib.metadata`), so that an editable
install, a wheel and a zipped package behave alike.
"""

from __future__ import annotations

from importlib.metadata import distribution
from importlib.resources import files
from importlib.resources.abc import Traversable

from wagekit.errors import ToolError


def codegen() -> Traversable:
    """Root of the Jinja2 templates."""
    return files("wagekit.codegen")


def firmware() -> Traversable:
    """Root of the static C sources: `include/` and `src/`."""
    return files("wagekit.firmware")


def board_files() -> Traversable:
    """Root of the packaged boards, one folder a board."""
    return files("wagekit.board_files")


def preset_files() -> Traversable:
    """Folder of the presets of neuromorphic chips, one TOML file each."""
    return files("wagekit.backends.neuro") / "presets"


def cost_files() -> Traversable:
    """Folder of the cost models' constants, one TOML file a table."""
    return files("wagekit.backends.neuro") / "costs"


def dataset_files() -> Traversable:
    """Folder of the data sets that ship with the package."""
    return files("wagekit.datasets") / "files"


def web_files() -> Traversable:
    """Folder of the page that the web view serves."""
    return files("wagekit.monitor.web") / "files"


def license_text() -> str:
    """The license of wagekit, and so of the C files that it writes."""
    about = distribution("wagekit")
    text = about.read_text("licenses/LICENSE") or about.read_text("LICENSE")
    if text is None:
        raise ToolError(
            "the license of wagekit is not installed with it", hint="install it again: pip install wagekit"
        )
    return text
