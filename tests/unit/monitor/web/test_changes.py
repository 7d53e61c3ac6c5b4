"""What browsers are sent: everything once, then what is new; put together it is the story."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wagekit.monitor.curve import KEPT
from wagekit.monitor.events import Control, Evaluation, Health, LayerHealth, Learned, Log, Run, Step, Weights
from wagekit.monitor.story import HISTOGRAMS
from wagekit.monitor.web.changes import Cursor, Told, changes, encode


def step(number: int, loss: float = 1.0) -> Step:
    return Step(
        step=number, epoch=number / 10, samples=2, loss=loss, sum_squared_error=2**64 - 1, errors=1, log2_lr=3
    )


class Page:
    """Puts changes together as the page does."""

    def __init__(self) -> None:
        self.cursor = Cursor()
        self.lists: dict[str, list[Any]] = {
            "curve": [],
            "tests": [],
            "health": [],
            "learned": [],
            "weights": [],
        }
        self.latest: dict[str, Any] = {}
        self.logs: list[Any] = []
        self.bytes = 0

    def take(self, told: Told) -> bool:
        new = changes(told, self.cursor)
        if new is None:
            return False
        text = encode(new)
        self.bytes = len(text)
        for name, value in json.loads(text).items():
            if name in self.lists:
                self.lists[name] = self.lists[name][: value["from"]] + value["rows"]
            elif name == "logs":
                self.logs += value
            else:
                self.latest[name] = value
        return True


@given(st.lists(st.integers(1, KEPT // 2), min_size=1, max_size=6), st.integers(1, 500))
def test_many_changes_make_the_same_as_one(parts: list[int], every: int) -> None:
    """Also over the points at which curves are thinned."""
    told, early = Told(), Page()
    number = 0
    for part in parts:
        for _ in range(part):
            told.handle(step(number))
            if number % every == 0:
                told.handle(Evaluation(step=number, samples=4, correct=number % 5, confusion=((number,),)))
                told.handle(Health(step=number, layers=(LayerHealth(weights=9, plus=number % 9),)))
                told.handle(Log(message=str(number)))
                told.handle(Learned(seen=number, epoch=0.5, wrong=0, accuracy=0.5))
            number += 1
        assert early.take(told)
        late = Page()
        assert late.take(told)
        assert early.lists == late.lists
        assert early.latest == late.latest
        assert late.logs == early.logs[-len(late.logs) :]
    assert not early.take(told), "nothing is new"


def test_of_what_did_not_change_nothing_is_sent() -> None:
    told, page = Told(), Page()
    told.handle(Run(status="started", network="net", place="host"))
    for number in range(3000):
        told.handle(step(number))
    page.take(told)
    whole = page.bytes
    told.handle(step(3000))
    page.take(told)
    assert page.bytes < whole / 50
    assert "run" not in (changes(told, page.cursor) or {})


def test_a_whole_story_is_bounded() -> None:
    """However many events there were, there are at most `KEPT` rows of each list to send."""
    told = Told()
    for number in range(5 * KEPT):
        told.handle(step(number))
        told.handle(Health(step=number, layers=(LayerHealth(weights=5),)))
        told.handle(Log(message="x" * 100))
    page = Page()
    page.take(told)
    assert len(page.lists["curve"]) <= KEPT and len(page.lists["health"]) <= KEPT
    assert len(page.logs) <= 500
    assert page.lists["curve"][-1][0] == 5 * KEPT, "the latest step is there"
    assert page.lists["health"][0][0] == 0, "and the first"


def test_only_the_latest_confusion_is_sent_and_no_number_that_a_browser_cannot_hold() -> None:
    told, page = Told(), Page()
    told.handle(Evaluation(step=1, samples=2, correct=1, confusion=((1, 0), (1, 0))))
    told.handle(Evaluation(step=2, samples=2, correct=2, confusion=((1, 0), (0, 1))))
    told.handle(step(3))
    page.take(told)
    assert page.latest["confusion"] == [[1, 0], [0, 1]]
    assert "sum_squared_error" not in page.latest["step"]


def test_some_histograms_of_the_whole_run_are_sent() -> None:
    told, early, late = Told(), Page(), Page()
    for number in range(10 * HISTOGRAMS + 1):
        told.handle(Weights(step=number, low=-1, counts=((number, 1, 0),)))
        if number % 7 == 0:
            early.take(told)
    early.take(told)
    late.take(told)
    rows = late.lists["weights"]
    assert early.lists["weights"] == rows
    assert HISTOGRAMS // 2 <= len(rows) <= HISTOGRAMS
    assert (rows[0], rows[-1]) == ([0, -1, 1, [[0, 1, 0]]], [240, -1, 1, [[240, 1, 0]]])
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert told.story.weights is not None and told.story.weights.step == 240


def test_controls_and_state() -> None:
    told, page = Told(), Page()
    told.handle(Control(action="pause", by="web"))
    told.handle(Control(action="rate", value=-2, by="terminal"))
    page.take(told)
    assert page.latest["paused"] is True and page.latest["rate_offset"] == -2
    assert [row[1:] for row in page.latest["controls"]["rows"]] == [
        ["pause", None, "web"],
        ["rate", -2, "terminal"],
    ]
