"""What tests ask a page of the web view."""

from __future__ import annotations

import json
from typing import Any

from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE = 240.0
"""Seconds that a busy machine may need for what takes a moment."""


class Page:
    """The page in one browser."""

    def __init__(self, browser: Chrome, url: str, patience: float = PATIENCE) -> None:
        self.browser = browser
        self.patience = patience
        browser.get(url)

    def js(self, expression: str) -> Any:
        return self.browser.execute_script(f"return {expression}")

    def text(self, selector: str) -> str:
        return self.browser.find_element(By.CSS_SELECTOR, selector).text

    def shown(self, selector: str) -> bool:
        return self.browser.find_element(By.CSS_SELECTOR, selector).is_displayed()

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        for key in keys:
            self.browser.switch_to.active_element.send_keys(key)

    def wait(self, expression: str) -> Any:
        """Until an expression is true in the page."""
        waiting = WebDriverWait(self.browser, self.patience, poll_frequency=0.1)
        return waiting.until(lambda _: self.js(expression), f"{expression} did not become true")

    def wait_text(self, selector: str, text: str) -> None:
        """Until an element says so."""
        self.wait(f"document.querySelector({json.dumps(selector)}).innerText.includes({json.dumps(text)})")

    def source(self, name: str = "") -> str:
        """A run, as an expression."""
        return f"wagekit.page.sources.get({json.dumps(name)})"

    def steps(self) -> int:
        return int(self.js(f"{self.source()}?.done ?? 0"))

    def wait_steps(self, more_than: int) -> int:
        self.wait(f"({self.source()}?.done ?? 0) > {more_than}")
        return self.steps()

    def problems(self) -> list[str]:
        """Errors of scripts, and whatever the content security policy kept from the page."""
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]

    def drawn(self, selector: str) -> int:
        """How many points of a canvas are not empty."""
        return int(
            self.browser.execute_script(
                """const canvas = document.querySelector(arguments[0]);
                const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
                let count = 0;
                for (let at = 3; at < data.length; at += 4) count += data[at] > 0;
                return count;""",
                selector,
            )
        )


__all__ = ["Keys", "Page"]
