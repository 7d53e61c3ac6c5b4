"""What all tests share: hypothesis profiles and fixtures that skip where a tool or data is absent."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# Builds and emulators make single examples slow without anything being wrong.
_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=40,
    print_blob=True,
    suppress_health_check=_SLOW_IS_FINE,
)
settings.register_profile(
    "long", deadline=None, max_examples=400, print_blob=True, suppress_health_check=_SLOW_IS_FINE
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed (scripts/setup.sh dev installs it)")
    return path


@pytest.fixture(scope="session")
def host_cc() -> str:
    """The host's C compiler."""
    return _tool("gcc")


@pytest.fixture(scope="session")
def arm_gcc() -> str:
    """The cross compiler."""
    return _tool("arm-none-eabi-gcc")


@pytest.fixture(scope="session")
def qemu() -> str:
    """The emulator; a firmware is needed with it, so the cross compiler too."""
    _tool("arm-none-eabi-gcc")
    return _tool("qemu-system-arm")


@pytest.fixture(scope="session")
def mnist() -> Path:
    """Folder of the four IDX files of MNIST: `$WAGEKIT_DATA/mnist`, or beside the checkout."""
    data = Path(os.environ.get("WAGEKIT_DATA", ROOT.parent / "shared" / "data"))
    folder = data / "mnist"
    if not folder.is_dir():
        pytest.skip(f"MNIST is not at {folder} (WAGEKIT_DATA names the folder that holds mnist/)")
    return folder
