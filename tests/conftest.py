"""What all tests share: hypothesis profiles and fixtures that skip where a tool or data is absent."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

from wagekit.toolchain import unicorn_m4, zig

ROOT = Path(__file__).resolve().parent.parent

# Builds and emulators make single examples slow without anything being wrong.
_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=30,
    print_blob=True,
    suppress_health_check=_SLOW_IS_FINE,
)
settings.register_profile(
    "long", deadline=None, max_examples=400, print_blob=True, suppress_health_check=_SLOW_IS_FINE
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[None]:
    """What firmwares have in common is compiled once: with ccache a build takes half of its time.

    Without ccache, or with a cross compiler of one's own, every build is made anew.
    """
    ccache, gcc = shutil.which("ccache"), shutil.which("arm-none-eabi-gcc")
    if ccache is None or gcc is None or "WAGEKIT_CROSS" in os.environ:
        yield
        return
    tools = tmp_path_factory.mktemp("cross")
    for tool in Path(gcc).parent.glob("arm-none-eabi-*"):
        (tools / tool.name).symlink_to(ccache if tool.name == Path(gcc).name else tool)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WAGEKIT_CROSS", f"{tools}/arm-none-eabi-")
        kept = getattr(pytestconfig, "cache", None)  # gone with `-p no:cacheprovider`
        patch.setenv("CCACHE_DIR", str(kept.mkdir("ccache") if kept else tools))
        patch.setenv("CCACHE_NOHASHDIR", "1")  # the folder of a build gets into no object
        yield


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


def _from_pip(package: str, install: str = zig.INSTALL) -> NoReturn:
    """A tool that pip brings is missing: a failure where it was promised (in CI), else a skip."""
    why = f"{package} is not installed ({install}; scripts/setup.sh dev does it on Linux x86_64)"
    if os.environ.get("WAGEKIT_TOOLCHAIN") == "required":
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def ziglang() -> Path:
    """The program of the package ziglang, the compiler from pip."""
    return zig.find() or _from_pip("ziglang")


@pytest.fixture(scope="session")
def unicorn() -> None:
    """The emulator from pip is there."""
    if not unicorn_m4.is_installed():
        _from_pip("unicorn")


@pytest.fixture(scope="session")
def platformio_python() -> Path:
    """The Python of an environment that has PlatformIO, which does not get along with our packages."""
    own = Path(sys.prefix) / "platformio/bin/python"
    if own.exists():
        return own
    found = shutil.which("platformio")
    return Path(found).parent / "python" if found else _from_pip("platformio", "pipx install platformio")


@pytest.fixture(scope="session")
def mnist() -> Path:
    """Folder of the four IDX files of MNIST: `$WAGEKIT_DATA/mnist`, or beside the checkout."""
    data = Path(os.environ.get("WAGEKIT_DATA", ROOT.parent / "shared" / "data"))
    folder = data / "mnist"
    if not folder.is_dir():
        pytest.skip(f"MNIST is not at {folder} (WAGEKIT_DATA names the folder that holds mnist/)")
    return folder
