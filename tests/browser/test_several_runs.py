"""Several runs side by side, from events that are told by the test."""

from __future__ import annotations

import socket

from selenium.webdriver import ActionChains

from tests.browser.conftest import OpenBrowser
from tests.browser.pages import Keys, Page
from wagekit.monitor import Evaluation, Fault, Health, LayerHealth, Log, Run, Step, Weights
from wagekit.monitor.web import WebView

HOSTILE = "<img src=x onerror='document.title=\"broken in\"'>"


def tell(view: WebView, source: str, steps: int) -> None:
    run = Run(status="started", network="net", place="host", steps=100, layers=("a", "b"), source=source)
    view.handle(run)
    for number in range(steps):
        view.handle(
            Step(
                source=source,
                step=number,
                epoch=number / 10,
                samples=64,
                loss=1 / (1 + number),
                sum_squared_error=1,
                errors=8,
                log2_lr=0,
            )
        )
    view.handle(Evaluation(source=source, step=steps, epoch=steps / 10, samples=10, correct=steps % 10))


def test_runs_side_by_side(open_browser: OpenBrowser) -> None:
    browser = open_browser()
    with WebView(port=0) as view:
        tell(view, "desk", 41)
        tell(view, HOSTILE, 62)
        page = Page(browser, view.url)
        page.wait("document.querySelectorAll('#run-list li').length === 2")
        page.wait_text("#run-name", "desk")

        # Text of events is never markup.
        page.wait(f"document.querySelectorAll('#run-list strong')[1].innerText === {HOSTILE!r}")
        assert page.js("document.querySelectorAll('#run-list img, main img').length") == 0

        # Both curves, then one.
        lines = "document.querySelectorAll('#p-loss .legend > span').length"
        page.wait(f"{lines} === 2")
        page.press("j")
        page.wait_text("#run-name", "onerror")
        page.wait_text("#progress-text", "step 62 of 100")
        page.press("k")
        page.wait_text("#run-name", "desk")
        boxes = "document.querySelectorAll('#run-list input')"
        page.js(f"{boxes}[1].click()")
        page.wait(f"{lines} === 1")
        page.js(f"{boxes}[1].click()")
        page.wait(f"{lines} === 2")

        # The health of a layer is judged.
        layer = LayerHealth(
            weights=100, plus=10, minus=5, clipped=20, nonzero=60, activations=10, saturated=7
        )
        view.handle(Health(source="desk", step=40, layers=(layer, LayerHealth(weights=9))))
        page.wait("document.querySelectorAll('#layers .bad').length > 0")
        cells = "[...document.querySelectorAll('#layers tbody tr:first-child .lv')]"
        assert page.js(f"{cells}.map((cell) => [cell.innerText, cell.className])") == [
            ["70.0%", "lv bad"],
            ["–", "lv "],
            ["+10.0% −5.0%", "lv "],
            ["20.0%", "lv watch"],
            ["60.0%", "lv ok"],
            ["0.00%", "lv ok"],
        ]

        # A run without commands has none, and its keys ask for nothing.
        assert not page.shown("#controls")
        page.press("q")
        assert not page.js("document.getElementById('ask-stop').open")

        # A fault is seen, and read aloud.
        view.handle(Fault(source="desk", cause="hard", registers={"pc": 0x80001234}, message="at address 0"))
        page.wait_text("#fault", "hard: at address 0")
        page.wait_text("#status", "failed")
        assert page.js("document.getElementById('fault-registers').textContent") == "pc0x80001234"
        tell(view, "desk", 8)
        page.wait_text("#run-state", "learns")
        assert not page.shown("#fault"), "it is over when the device is back"
        page.wait_text("#progress-text", "step 8 of 100")
        assert page.problems() == []


def test_the_weights_of_earlier_steps_can_be_looked_at(open_browser: OpenBrowser) -> None:
    def told(step: int) -> Weights:
        return Weights(source="desk", step=step, low=-1, counts=((step, 9, 1), (4, 4, 4)))

    browser = open_browser()
    with WebView(port=0) as view:
        tell(view, "desk", 1)
        view.handle(told(0))
        page = Page(browser, view.url)
        page.wait_text("#weights-text", "after 0 steps")
        assert not page.shown("#weights-look"), "there is nothing to choose from"
        for number in range(1, 6):
            view.handle(told(10 * number))
        page.wait_text("#weights-text", "after 50 steps")
        assert page.js("document.querySelectorAll('#weights .ghost').length") == 2 * 2
        slider = browser.find_element("css selector", "#weights-at")
        page.js("document.getElementById('weights-at').focus()")
        slider.send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
        page.wait_text("#weights-text", "after 30 steps")
        assert slider.get_attribute("aria-valuetext") == "after 30 steps"
        view.handle(told(60))
        page.wait("document.getElementById('weights-at').max === '6'")
        assert page.text("#weights-text") == "after 30 steps", "what is looked at stays"
        slider.send_keys(Keys.HOME)
        page.wait_text("#weights-text", "after 0 steps")
        assert page.js("document.querySelectorAll('#weights .ghost').length") == 0
        slider.send_keys(Keys.END)
        page.wait_text("#weights-text", "after 60 steps")
        view.handle(told(70))
        page.wait_text("#weights-text", "after 70 steps")
        assert page.js("document.activeElement.id") == "weights-at"
        assert page.problems() == []


def test_a_closer_look_stays_while_more_comes(open_browser: OpenBrowser) -> None:
    with WebView(port=0) as view:
        tell(view, "desk", 60)
        browser = open_browser()
        page = Page(browser, view.url)
        scale = "wagekit.curves.loss.plot.scales.x"
        page.wait(f"wagekit.curves.loss.plot && {scale}.max === 6")
        plot = browser.find_element("css selector", "#p-loss .u-over")
        ActionChains(browser).move_to_element(plot).click_and_hold().move_by_offset(
            100, 0
        ).release().perform()
        page.wait(f"{scale}.max < 5")
        low, high = page.js(f"[{scale}.min, {scale}.max]")
        assert 2.5 < low < high < 5
        tell(view, "desk", 90)
        page.wait_text("#progress-text", "step 90")
        page.wait("wagekit.curves.accuracy.plot.data[0].at(-1) === 9")
        assert page.js(f"[{scale}.min, {scale}.max]") == [low, high]
        ActionChains(browser).double_click(plot).perform()
        page.wait(f"{scale}.max === 9")
        tell(view, "desk", 95)
        for name in ("loss", "accuracy"):
            page.wait(f"wagekit.curves.{name}.plot.scales.x.max === 9.5")


def test_keyboard_theme_and_names(open_browser: OpenBrowser) -> None:
    with WebView(port=0) as view:
        tell(view, "desk", 10)
        page = Page(open_browser(dark=True), view.url)
        page.wait_text("#run-name", "desk")
        background = "getComputedStyle(document.body).backgroundColor"
        dark = page.js(background)
        page.press("t")
        assert page.js(background) != dark
        page.press("t")
        assert page.js(background) == dark

        page.press("?")
        page.wait("document.getElementById('keys').open")
        page.press(Keys.ENTER)
        page.wait("!document.getElementById('keys').open")

        page.js("document.activeElement.blur()")
        page.press(Keys.TAB)
        assert page.js("document.activeElement.className") == "skip", "the first stop leads past the bar"
        seen = set()
        for _ in range(30):
            page.press(Keys.TAB)
            seen.add(page.js("document.activeElement.id || document.activeElement.tagName"))
            if page.js("document.activeElement.matches(':focus-visible')"):
                assert page.js("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert {"theme", "help", "log-scale", "axis", "log"} <= seen
        unnamed = """[...document.querySelectorAll('button, input, select, canvas[role=img], svg[role=img]')]
            .filter((e) => e.checkVisibility())
            .filter((e) => !(e.innerText || e.ariaLabel || e.labels?.length || e.title)).length"""
        assert page.js(unnamed) == 0
        assert page.problems() == []


def test_a_lost_connection_is_said_and_found_again(open_browser: OpenBrowser) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with WebView(port=port) as view:
        tell(view, "desk", 30)
        page = Page(open_browser(), view.url)
        page.wait_text("#connection", "live")
        page.wait_text("#progress-text", "step 30")
    page.wait_text("#connection", "the monitor has ended")
    assert page.text("#run-name") == "desk", "what was seen stays"
    with WebView(port=port) as view:
        view.handle(Log(source="desk", message="here again"))
        tell(view, "desk", 12)
        page.wait_text("#connection", "live")
        page.wait_text("#progress-text", "step 12")
        page.wait_text("#log", "here again")


def test_a_token_opens_the_page_and_leaves_its_address(open_browser: OpenBrowser) -> None:
    with WebView(port=0, token="a-token-of-the-tests") as view:
        tell(view, "desk", 5)
        page = Page(open_browser(), view.url.partition("?")[0])
        assert "a token is needed" in page.text("body")
        page = Page(page.browser, view.url)
        page.wait_text("#run-name", "desk")
        assert "token" not in page.js("location.href")
        page = Page(page.browser, page.js("location.href"))
        page.wait_text("#run-name", "desk")
