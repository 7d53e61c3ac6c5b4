"""Starts headless Chromium: Debian's packages chromium and chromium-driver."""

from __future__ import annotations

import contextlib
import shutil
from typing import Any

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome
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


class NoBrowserError(Exception):
    """There is none, or it does not start."""


def start(width: int = 1440, height: int = 900, *, dark: bool = False) -> Chrome:
    """A browser of this size; `NoBrowserError` says why there is none."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        raise NoBrowserError("chromium or chromedriver is not installed")
    options = Options()
    options.binary_location = browser
    for argument in (*ARGUMENTS, f"--window-size={width},{height}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    try:
        made = Chrome(options=options, service=Service(driver))
    except WebDriverException as error:
        first = (error.msg or "").splitlines()[:1]
        raise NoBrowserError(f"chromium does not start: {' '.join(first)}") from error
    resize(made, width, height)
    prefer(made, dark=dark)
    made.set_script_timeout(60)
    return made


def resize(browser: Chrome, width: int, height: int) -> None:
    """Give the page a size, however small."""
    size: dict[str, Any] = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def prefer(browser: Chrome, *, dark: bool) -> None:
    """What the system of its user would prefer."""
    theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [theme]})


def close(browser: Chrome) -> None:
    """End it, also where it was killed."""
    with contextlib.suppress(WebDriverException, OSError):
        browser.quit()
    browser.service.stop()
