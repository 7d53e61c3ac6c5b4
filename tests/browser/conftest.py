"""Headless Chromium for tests: Debian's packages chromium and chromium-driver."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

# Root in a container has no sandbox of its own; the pages are ours. Nothing of it asks the network.
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
)

OpenBrowser = Callable[..., webdriver.Chrome]


def cannot(reason: str) -> NoReturn:
    """Skip, or fail where a browser must be there."""
    if os.environ.get("WAGEKIT_BROWSER") == "required":
        pytest.fail(reason)
    pytest.skip(f"{reason} (scripts/setup.sh dev installs it on Debian)")


@pytest.fixture
def open_browser() -> Iterator[OpenBrowser]:
    """Opens browsers of a size, in light or dark; all are closed at the end."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        cannot("chromium or chromedriver is not installed")
    opened: list[webdriver.Chrome] = []

    def open_one(width: int = 1440, height: int = 900, *, dark: bool = False) -> webdriver.Chrome:
        options = Options()
        options.binary_location = browser
        for argument in (*ARGUMENTS, f"--window-size={width},{height}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        try:
            made = webdriver.Chrome(options=options, service=Service(driver))
        except WebDriverException as error:
            cannot(f"chromium does not start: {(error.msg or '').splitlines()[0]}")
        opened.append(made)
        resize(made, width, height)
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        made.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [theme]})
        made.set_script_timeout(60)
        return made

    yield open_one
    for made in opened:
        try:
            made.quit()
        except (WebDriverException, OSError):  # a test may have killed it
            made.service.stop()


def resize(browser: webdriver.Chrome, width: int, height: int) -> None:
    """Give the page a size, however small."""
    size: dict[str, Any] = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
