"""The pytest plugin as its users see it: what passes, and how what fails reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wagekit import testing
from wagekit.cli.app import main
from wagekit.cli.sources import shipped_network
from wagekit.testing.failing import LOG_LINES, log_text
from wagekit.training import load_model

assert testing  # with NumPy, which cannot be loaded anew by every pytest within pytest
OPEN = 'wagekit_device("digits-tiny", on="reference", steps={steps}, test_limit=40)'
HEAVY = ("numpy", "pydantic", "rich", "typer", "matplotlib", "serial", "wagekit.spec", "wagekit.cli")


def ran(pytester: pytest.Pytester, body: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(test_net="def test_it(wagekit_device):\n    " + body.replace("\n", "\n    "))
    return pytester.runpytest("-p", "no:cacheprovider", *options)


def failure(pytester: pytest.Pytester, body: str) -> str:
    """The text of the one test that fails; no traceback is in it."""
    result = ran(pytester, body)
    result.assert_outcomes(failed=1)
    text = result.stdout.str().split("= FAILURES =")[1].split("= short test summary")[0]
    assert "Traceback" not in text
    assert "toolkit/wagekit" not in text
    assert "During handling" not in text
    assert ">  " not in text, "no source lines"
    assert "test_net.py:" in text
    return text


def test_what_holds_passes(pytester: pytest.Pytester) -> None:
    body = (
        f"device = {OPEN.format(steps=60)}\n"
        "device.assert_curve({0: 0.0, 30: 0.05})\n"
        "assert device.steps == 30\n"
        "device.assert_accuracy(0.1)\n"
        "assert device.steps == 60\n"
        "device.assert_digest(device.digest[:8].upper())\n"
        "device.assert_equal()\n"
        "assert device.train().accuracy() == device.story.tests[-1].accuracy"
    )
    ran(pytester, body).assert_outcomes(passed=1)


def test_same_bits_as_the_command_line(pytester: pytest.Pytester) -> None:
    """The digest of a test is that of `wagekit train`."""
    assert (
        main(["train", "digits-tiny", "--on", "reference", "--steps", "24", "--seed", "3", "--out", "m"]) == 0
    )
    digest = load_model(Path("m")).digest()
    body = (
        f'wagekit_device("digits-tiny", on="reference", steps=24, seed=3).train().assert_digest("{digest}")'
    )
    ran(pytester, body).assert_outcomes(passed=1)
    resumed = 'wagekit_device("m", on="reference", steps=5).train().assert_equal()'
    ran(pytester, resumed).assert_outcomes(passed=1)


def test_a_curve_that_is_too_low(pytester: pytest.Pytester) -> None:
    text = failure(pytester, f"{OPEN.format(steps=24)}.assert_curve({{12: 0.99, 24: 1.0, 0: 0.0}})")
    assert "test accuracy after 12 steps is " in text
    assert "test accuracy after 24 steps is " in text
    assert "wanted is 99.0% or more" in text
    assert "test accuracy after 0 steps" not in text
    assert "digits-tiny on reference, seed 1, batch 8, 24 of 24 steps learned" in text
    curve = text.split("learning curve")[1].split("test samples")[0].splitlines()[2:]
    assert [int(line.split()[0]) for line in curve if line] == list(range(2, 25, 2))
    tests = text.split("test samples\n")[1].splitlines()[1:4]
    assert [line.split()[0] for line in tests] == ["0", "12", "24"]


def test_another_digest(pytester: pytest.Pytester) -> None:
    text = failure(pytester, f'{OPEN.format(steps=3)}.train().assert_digest("00000000")')
    assert "after 3 steps the digest is another" in text
    assert "wanted: 00000000" in text
    assert "0 of " not in text


def test_the_first_difference(pytester: pytest.Pytester) -> None:
    """A place that computes one step wrongly is found at that step."""
    body = (
        f"device = {OPEN.format(steps=9)}\n"
        "whole, seen = device.executor.step, []\n"
        "def wrong(x, labels, log2_lr, rule):\n"
        "    seen.append(0)\n"
        "    return whole(x, labels, log2_lr - (len(seen) == 4), rule)\n"
        "device.executor.step = wrong\n"
        'device.train().assert_equal("reference")'
    )
    text = failure(pytester, body)
    assert "reference and reference differ; the first difference is\n  step 3, " in text
    assert "9 of 9 steps learned" in text


def test_weights_that_differ(pytester: pytest.Pytester) -> None:
    body = (
        f"device = {OPEN.format(steps=2)}\n"
        "masters = [layer.copy() for layer in device.executor.masters]\n"
        "masters[1].flat[5] += 1\n"
        "device.executor.load_masters(masters)\n"
        "device.train().assert_equal()"
    )
    text = failure(pytester, body)
    assert "step 2, layer 1, masters[0, 0, 0, 5]: " in text
    assert "did it begin with the network's own weights?" in text
    assert "(1 of 1152 differ)" in text


def test_the_log_of_the_device(pytester: pytest.Pytester) -> None:
    shown = log_text([f"info: line {number}" for number in range(20)])
    assert shown.splitlines()[1] == "last lines of the device's log"
    assert shown.count("info: line") == LOG_LINES
    assert "line 19" in shown
    assert log_text([]) == ""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('wagekit_device("absent.toml")', "NetworkError: absent.toml: no such file"),
        ('wagekit_device("digits", on="moon")', "UsageError: cannot run a network on 'moon'"),
        ('wagekit_device("digits", on="reference", icount=True)', "--icount goes with qemu:BOARD"),
        (f"{OPEN.format(steps=2)}.train(3)", "step 3 is not within the plan's 2"),
        (f"d = {OPEN.format(steps=2)}.train(2)\nd.assert_accuracy(0.0, after=1)", "step 1 has passed"),
        (f'{OPEN.format(steps=2)}.assert_digest("xyz")', "digest 'xyz': 8 to 64 hex digits"),
        (f"{OPEN.format(steps=2)}.assert_ram(1)", "the firmware on reference was not built here"),
        (f"{OPEN.format(steps=2)}.assert_instructions(per_sample=1)", "instructions are not counted"),
    ],
)
def test_mistakes_of_a_test(pytester: pytest.Pytester, body: str, words: str) -> None:
    assert words in failure(pytester, body)


def test_files_beside_the_test(pytester: pytest.Pytester) -> None:
    folder = pytester.mkdir("inner")
    (folder / "mine.toml").write_text(shipped_network("digits-tiny").replace("digits-tiny", "mine"))
    (folder / "test_mine.py").write_text(
        "def test_it(wagekit_device):\n"
        '    device = wagekit_device("mine.toml", on="reference")\n'
        '    assert device.lesson.network.name == "mine"\n'
    )
    pytester.runpytest("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_without_tools(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that was not made is not taken for one that passed."""
    monkeypatch.setenv("PATH", str(pytester.mkdir("empty")))
    pytester.makepyfile('def test_it(wagekit_device):\n    wagekit_device("digits-tiny").train()\n')
    skipped = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-rs")
    skipped.assert_outcomes(skipped=1)
    skipped.stdout.fnmatch_lines(["*wagekit: not checked: *arm-none-eabi-gcc*apt*"])
    skipped.stdout.fnmatch_lines(["wagekit: 1 test was NOT run for want of a tool; --wagekit-require-qemu*"])
    required = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--wagekit-require-qemu")
    required.assert_outcomes(failed=1)
    required.stdout.fnmatch_lines(["*arm-none-eabi-gcc*", "(--wagekit-require-qemu is given*"])


def test_it_costs_nothing_where_it_is_not_used(pytester: pytest.Pytester) -> None:
    program = f"import sys, wagekit.pytest_plugin\nprint([name for name in {HEAVY} if name in sys.modules])\n"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
    pytester.makepyfile("def test_it():\n    assert True\n")
    result = pytester.runpytest("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    assert "wagekit" not in result.stdout.str().split("collected")[1]


def test_names_of_the_package_are_there_when_asked_for() -> None:
    program = (
        "import wagekit\n"
        "assert set(wagekit.__all__) <= set(dir(wagekit))\n"
        "assert all(getattr(wagekit, name) for name in wagekit.__all__)\n"
        "from wagekit import *\n"
        "assert Network and open_executor\n"
        "from wagekit import boards\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    import wagekit

    with pytest.raises(AttributeError, match="has no attribute 'Netwrok'"):
        wagekit.Netwrok  # noqa: B018
