"""Makes the pictures of the web view in docs/images, from chips that learn in QEMU.

usage: .venv/bin/python -m tests.browser.pictures
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from tests.browser.chromium import close, prefer, resize, start
from tests.browser.pages import Page

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
LIVE = (
    "run",
    "digits",
    "--on",
    "qemu:mps2-an386",
    "--epochs",
    "4",
    "--health",
    "8",
    "--out",
    "digits.safetensors",
)
SEVERAL = (
    "monitor",
    "digits-tiny",
    "--on",
    "qemu:mps2-an386",
    "--on",
    "qemu:netduinoplus2",
    "--on",
    "host",
    "--on",
    "reference",
    "--epochs",
    "3",
    "--test-limit",
    "50",
    "--health",
    "8",
)
WIDE, PHONE = 1440, 390


def main() -> None:
    """One chip, wide and light, then dark on a phone; several places side by side."""
    with wagekit(*LIVE) as url:
        page = Page(start(WIDE, 900), url, patience=600)
        page.wait_steps(400)
        page.press("p")
        page.wait_text("#run-state", "paused")
        page.press("+", "p")
        page.wait_text("#run-state", "learns")
        shoot(page, "monitor-live.png", WIDE)
        prefer(page.browser, dark=True)
        shoot(page, "monitor-phone.png", PHONE, most=1600)
        close(page.browser)
    with wagekit(*SEVERAL) as url:
        page = Page(start(WIDE, 900, dark=True), url, patience=600)
        page.wait(f"(wagekit.page.sources.get({SEVERAL[3]!r})?.done ?? 0) > 90")
        shoot(page, "monitor-several.png", WIDE, most=575)
        close(page.browser)


@contextmanager
def wagekit(*arguments: str) -> Iterator[str]:
    """The address of a view that a command opens, in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "wagekit", *arguments, "--web", "--web-port", "0"]
        with subprocess.Popen(
            command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        ) as process:
            assert process.stderr is not None
            found = re.search(r"http://\S+", process.stderr.readline())
            assert found, process.stderr.read()
            yield found[0]
            process.kill()


def shoot(page: Page, name: str, width: int, most: int | None = None) -> None:
    """Save the whole page, or its upper part, in the 256 colours that serve it best."""
    resize(page.browser, width, 900)
    page.browser.execute_script("document.getElementById('toasts').hidden = true")
    height = page.js("document.documentElement.scrollHeight")
    resize(page.browser, width, height)
    page.js("new Promise((done) => setTimeout(done, 1000))")
    picture = Image.open(io.BytesIO(page.browser.get_screenshot_as_png())).convert("RGB")
    picture = picture.crop((0, 0, width, min(height, most or height)))
    few = picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    main()
