"""The report shows what integer training is judged by, with what happened from outside as marks."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from tests.unit.monitor.test_views import check_html, events
from wagekit.monitor import (
    Control,
    Event,
    Fault,
    Health,
    LayerHealth,
    Link,
    Log,
    Run,
    Stories,
    Story,
    Weights,
    write_health_picture,
    write_report,
)
from wagekit.monitor.figure import chart
from wagekit.monitor.plots import (
    POINTS,
    SHARES,
    Plot,
    health_plots,
    learning_plots,
    link_plots,
    weight_plots,
)


def healthy(step: int, time: float) -> Health:
    first = LayerHealth(
        weights=100, plus=step % 50, minus=20, clipped=3, nonzero=60, flipped=1, errors=50, zero_errors=40,
        activations=200, saturated=10, gradient_exponent=step % 3 - 1,
    )  # fmt: skip
    return Health(time=time, step=step, layers=(first, LayerHealth(weights=10, plus=1)))


def told() -> list[Event]:
    found: list[Event] = []
    for event in events():
        found.append(event)
        if event.type == "step":
            step: int = event.step  # type: ignore[attr-defined]
            found.append(healthy(step, event.time))
            if step == 12:
                found.append(Control(time=event.time, action="rate", value=-2, by="web <1>"))
            if step % 10 == 0:
                found.append(Link(time=event.time, resent=step // 10, latency=0.001 * (1 + step)))
    found.insert(-1, Weights(time=150.0, step=40, low=-4, bin=2, counts=((1, 5, 0, 3), (0, 2, 2, 0))))
    return found


def lines_of(plot: Plot) -> dict[str, list[tuple[float, float]]]:
    return {line.name: line.points for line in plot.lines}


def test_health_by_layer() -> None:
    plots = {plot.title: plot for plot in health_plots(Story.of(told()))}
    assert list(plots) == [*SHARES.values(), "Largest gradient"]
    assert plots[SHARES["plus"]].lines[0].points[:2] == [(0.0, 0.0), (1.0, 0.01)]
    assert set(lines_of(plots[SHARES["plus"]])) == {"conv0", "dense1"}
    assert set(lines_of(plots[SHARES["zero_errors"]])) == {"conv0"}, "what is not counted is not drawn"
    assert lines_of(plots[SHARES["unchanged"]])["dense1"][0] == (0.0, 0.9)
    assert plots["Largest gradient"].y == (-2.0, 2.0)
    for plot in plots.values():
        for line in plot.lines:
            assert all(plot.y[0] <= value <= plot.y[1] for _, value in line.points)
        assert [(at, mark.text) for at, mark in plot.marks] == [(13.0, "rate -2 (web <1>)")]
    assert health_plots(Story.of(events())) == []


def test_long_runs_are_thinned() -> None:
    story = Story.of(healthy(number, float(number)) for number in range(3000))
    for plot in health_plots(story):
        for line in plot.lines:
            assert len(line.points) <= POINTS
            assert line.points[-1][0] == 2999.0


def test_rate_is_drawn_as_stairs() -> None:
    step = events()[1]
    told = [
        dataclasses.replace(step, step=number, epoch=number / 10, log2_lr=3 if number < 6 else 1)  # type: ignore[call-arg]
        for number in range(10)
    ]
    rate = learning_plots(Story.of(told))[-1]
    assert rate.lines[0].points == [(0.0, 3.0), (0.6, 3.0), (0.6, 1.0), (0.9, 1.0)]
    assert [tick.text for tick in chart(rate).y_ticks] == ["2^0", "2^1", "2^2", "2^3", "2^4"]


def test_weights_and_link() -> None:
    story = Story.of(told())
    first, second = weight_plots(story)
    assert (first.title, second.title) == ("conv0", "dense1")
    assert first.lines[0].points[:4] == [(-4.0, 0.0), (-4.0, 1.0), (-2.0, 1.0), (-2.0, 5.0)]
    assert first.x == (-4.0, 4.0)
    latency, trouble = link_plots(story)
    assert latency.lines[0].points[1] == (10.0, pytest.approx(11.0))
    assert lines_of(trouble)["sent again"][:4] == [(0.0, 0.0), (10.0, 1.0), (20.0, 2.0), (30.0, 3.0)]
    assert weight_plots(Story()) == link_plots(Story()) == []


def test_all_of_it_is_on_the_page(tmp_path: Path) -> None:
    text = check_html(write_report(tmp_path / "r.html", Story.of(told())))
    page = (tmp_path / "r.html").read_text()
    for title in (*SHARES.values(), "Largest gradient", "Learning rate", "Latency of the link", "conv0"):
        assert f"<h3>{title}</h3>" in page
    assert "rate -2 (web <1>)" in text
    assert page.count('class="mark"') == page.count("epoch 1.3: rate -2") + page.count("step 13: rate -2") + 2
    for box in re.findall(r'<path class="curve[^"]*" d="([^"]*)"', page):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", box)]
        assert all(0 <= x <= 480 for x in numbers[::2])
        assert all(0 <= y <= 250 for y in numbers[1::2])


def test_several_devices(tmp_path: Path) -> None:
    fault = Fault(time=140.0, cause="stack", message="overflow")
    second = [*told()[:30], fault]
    both = [dataclasses.replace(event, source="a") for event in told()]
    both += [dataclasses.replace(event, source="<b>") for event in second]
    both.append(Log(message="two devices are watched"))
    write_report(tmp_path / "r.html", Stories.of(both))
    page = (tmp_path / "r.html").read_text()
    text = check_html(tmp_path / "r.html")
    assert "<h1>2 devices</h1>" in page
    assert re.findall(r"<h2>(.*)</h2>", page) == ["a", "&lt;b&gt;"]
    assert "Fault: stack" in text
    assert "faulted" in text
    assert page.count('class="mark fault"') > 3
    check_html(write_report(tmp_path / "none.html", Stories()))


def test_a_run_that_begins_again_is_marked() -> None:
    run = Run(
        time=300.0, status="started", network="net", place="p", first_step=20, layers=("conv0", "dense1")
    )
    story = Story.of([*told(), run])
    assert story.marks[-1].text == "the run begins again at step 20"
    assert learning_plots(story)


def test_picture_of_health(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra 'plot'")
    path = write_health_picture(tmp_path / "h.png", Story.of(told()))
    assert path is not None
    assert path.read_bytes().startswith(b"\x89PNG")
    assert write_health_picture(tmp_path / "no.png", Story.of(events())) is None
    assert [entry.name for entry in tmp_path.iterdir()] == ["h.png"]
