"""The pytest plugin: networks that learn in an emulated chip, in a user's tests (docs/ci.md).

pytest loads this module in every run of an environment that has wagekit, so it imports nothing of
wagekit before its fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from wagekit.testing import OpenDevice

OPTION = "--wagekit-require-qemu"
SKIPPED = "wagekit: not checked: "
"""Begin of the reason where a check was skipped."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our option."""
    parser.getgroup("wagekit", "wagekit: networks that learn in an emulated chip").addoption(
        OPTION,
        action="store_true",
        help="Where QEMU or a compiler is missing, checks fail that are skipped otherwise.",
    )


@pytest.fixture(scope="module")
def wagekit_device(request: pytest.FixtureRequest) -> Iterator[OpenDevice]:
    """Opens a network on an emulated chip, ready to learn and to be checked.

    Call it with a network.toml and what `wagekit run` takes: data, batch, steps or epochs, seed; by
    default on="qemu:mps2-an386". Paths are relative to the test's folder. What is returned trains
    (`train`) and checks (`assert_accuracy`, `assert_digest`, `assert_ram`, ..); it is closed when the
    module's tests are done.
    """
    from wagekit.testing import Devices

    def skip(reason: str) -> None:
        if request.config.getoption(OPTION):
            pytest.fail(f"{reason}\n({OPTION} is given, so this is a failure)", pytrace=False)
        pytest.skip(SKIPPED + reason)

    with Devices(request.path.parent, skip) as devices:
        yield devices.open


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say that something was not checked: a skipped test is easily taken for one that passed."""
    count = sum(SKIPPED in str(report.longrepr) for report in terminalreporter.stats.get("skipped", []))
    if count:
        checks = "1 test was" if count == 1 else f"{count} tests were"
        terminalreporter.write_line(
            f"wagekit: {checks} NOT run for want of a tool; {OPTION} makes that a failure", yellow=True
        )
