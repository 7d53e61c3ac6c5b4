"""Browsers for tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from selenium.webdriver import Chrome

from tests.browser.chromium import NoBrowserError, close, start

OpenBrowser = Callable[..., Chrome]


@pytest.fixture
def open_browser() -> Iterator[OpenBrowser]:
    """Opens browsers of a size, in light or dark; all are closed at the end.

    Without a browser the test is skipped, or fails where WAGEKIT_BROWSER=required says so (in CI).
    """
    opened: list[Chrome] = []

    def open_one(width: int = 1440, height: int = 900, *, dark: bool = False) -> Chrome:
        try:
            opened.append(start(width, height, dark=dark))
        except NoBrowserError as error:
            if os.environ.get("WAGEKIT_BROWSER") == "required":
                pytest.fail(str(error))
            pytest.skip(f"{error} (scripts/setup.sh dev installs it on Debian)")
        return opened[-1]

    yield open_one
    for browser in opened:
        close(browser)
