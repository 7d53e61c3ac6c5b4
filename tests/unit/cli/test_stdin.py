"""`--data -`: lines of CSV on stdin are learned as they come."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from wagekit.cli.stdin import MAX_LINE_BYTES
from wagekit.datasets import load_digits
from wagekit.monitor import Evaluation, Learned, Link, Run, Step, read_events
from wagekit.training import load_model

DIGITS = load_digits()
ROWS = [
    ",".join(map(str, [*x, label]))
    for x, label in zip(DIGITS.x[:60].reshape(60, -1), DIGITS.labels[:60], strict=True)
]
HERE = ("digits-tiny", "--data", "-", "--on", "reference", "--json")


@pytest.fixture(autouse=True)
def few(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("\n".join(ROWS[40:]))
    np.savez(tmp_path / "few.npz", x=DIGITS.x[:40], labels=DIGITS.labels[:40])


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "wagekit", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def feed(folder: Path, text: str, *arguments: str) -> tuple[int, str, str]:
    process = start(folder, *arguments)
    out, err = process.communicate(text, timeout=120)
    return process.returncode, out, err


def wait_for(recording: Path, word: str) -> None:
    """Until the word is in the recording of a run that goes on."""
    end = time.monotonic() + 90
    while not recording.exists() or word not in recording.read_text():
        assert time.monotonic() < end, f"no {word}"
        time.sleep(0.05)


def test_a_stream_is_learned_to_its_end(tmp_path: Path, cli: Callable) -> None:
    options = ("--test", "test.csv", "--test-every", "16", "--rates", "0:2,20:1", "--events", "e.jsonl")
    code, out, err = feed(tmp_path, "\n".join(ROWS[:40]), "learn", *HERE, *options, "--batch", "3")
    assert code == 0, err
    told = json.loads(out)
    assert (told["end"], told["samples"], told["step"], told["test_samples"]) == ("samples", 40, 14, 20)
    events = read_events(tmp_path / "e.jsonl")
    steps = [event for event in events if isinstance(event, Step)]
    learned = [event for event in events if isinstance(event, Learned)]
    runs = [event for event in events if isinstance(event, Run)]
    assert [step.samples for step in steps] == [3] * 13 + [1]
    assert sum(step.errors for step in steps) == learned[-1].wrong == told["wrong"]
    assert (learned[-1].seen, learned[-1].end) == (40, "samples")
    assert [event.step for event in events if isinstance(event, Evaluation)] == [0, 6, 12, 14]
    assert (runs[0].dataset, runs[0].steps, runs[-1].status) == ("stdin", 0, "finished")
    assert load_model(tmp_path / "digits-tiny.safetensors").digest() == told["digest"]

    # The same samples from a file, in turn, by the plan of learning by itself.
    same = ("--data", "few.npz", "--test", "test.csv", "--rates", "0:2,20:1", "--order", "in_turn")
    other = cli("learn", "digits-tiny", "--on", "reference", *same, "--batch", "3", "--out", "o", "--json")
    assert json.loads(other.out)["digest"] == told["digest"]
    assert json.loads(other.out)["test_accuracy"] == told["test_accuracy"]


def test_train_takes_what_its_steps_allow(tmp_path: Path) -> None:
    text = "\n".join(ROWS)
    code, out, err = feed(tmp_path, text, "train", *HERE, "--batch", "4", "--steps", "5")
    assert code == 0, err
    told = json.loads(out)
    assert (told["samples"], told["step"], told["test_accuracy"]) == (20, 5, None)


def test_a_bad_line_ends_it_and_what_was_learned_is_kept(tmp_path: Path) -> None:
    text = "\n".join([*ROWS[:9], "1,2,3", *ROWS[9:12], ROWS[0].replace("13", "x", 1)])
    code, _, err = feed(tmp_path, text, "train", *HERE, "--batch", "4")
    assert code == 4
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert errors == ["error: stdin: line 10: 3 columns, where the first line has 65"]
    assert "Traceback" not in err
    assert load_model(tmp_path / "digits-tiny.safetensors").step == 3
    code, out, err = feed(tmp_path, text, "train", *HERE, "--batch", "4", "--skip-bad", "--force")
    assert code == 0, err
    assert (json.loads(out)["samples"], json.loads(out)["left_out"]) == (12, 2)
    assert "left out: stdin: line 14: column 4: 'x' is not a number" in err


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    code, _, err = feed(tmp_path, "1," * (MAX_LINE_BYTES // 2 + 40_000), "train", *HERE)
    assert code == 4
    assert "a line of more than" in err


@pytest.mark.parametrize("waits", [True, False], ids=["between lines", "among lines"])
def test_ctrl_c_ends_an_endless_stream_in_order(tmp_path: Path, waits: bool) -> None:
    process = start(tmp_path, "train", *HERE, "--batch", "2", "--events", "e.jsonl")
    assert process.stdin is not None
    process.stdin.write("\n".join(ROWS[:8]) + "\n")
    process.stdin.flush()
    wait_for(tmp_path / "e.jsonl", '"step"')
    process.send_signal(signal.SIGINT)
    try:
        while not waits and process.poll() is None:
            process.stdin.write(ROWS[1] + "\n")
            process.stdin.flush()
            time.sleep(0.001)
    except BrokenPipeError:
        pass
    code = process.wait(60)
    assert process.stdout is not None
    told = json.loads(process.stdout.read())
    for pipe in (process.stdout, process.stderr):
        pipe.close()  # type: ignore[union-attr]
    assert code == 130
    assert (told["end"], told["finished"]) == ("asked", False)
    assert load_model(tmp_path / "digits-tiny.safetensors").digest() == told["digest"]


def test_the_link_is_told_of_while_no_line_comes(tmp_path: Path, qemu: str) -> None:
    options = ("--on", "qemu:mps2-an385", "--batch", "2", "--events", "e.jsonl", "--json")
    process = start(tmp_path, "run", "digits-tiny", "--data", "-", *options)
    assert process.stdin is not None
    process.stdin.write("\n".join(ROWS[:8]) + "\n")
    process.stdin.flush()
    wait_for(tmp_path / "e.jsonl", '"link"')
    out, _ = process.communicate("\n".join(ROWS[8:12]), timeout=60)
    assert process.returncode == 0
    told = json.loads(out)
    assert (told["samples"], told["bytes_sent"] > 12 * 64) == (12, True)
    links = [event for event in read_events(tmp_path / "e.jsonl") if isinstance(event, Link)]
    assert len(links) >= 2
    assert links[0].bytes_sent < links[-1].bytes_sent == told["bytes_sent"]


def test_what_a_stream_cannot_do_is_refused(cli: Callable) -> None:
    cli("train", "digits-tiny", "--data", "-", "--epochs", "2").refused(2, "a stream comes once")
    cli("train", "digits-tiny", "--data", "-", "--resume").refused(2, "--resume")
    cli("learn", "digits-tiny", "--data", "-", "--keep", "3").refused(2, "--keep", "not a stream")
    cli("learn", "digits-tiny", "--data", "-", "--rates", "0:2,50%:1").refused(2, "length is not known")


def test_a_data_set_of_its_own_tests_and_all_of_the_other_is_learned(cli: Callable, tmp_path: Path) -> None:
    options = ("--data", "few.npz", "--on", "reference", "--batch", "4")
    outcome = cli("train", "digits-tiny", *options, "--test", "test.csv", "--epochs", "1", "--json")
    told = json.loads(outcome.out)
    assert (told["step"], told["test_samples"]) == (10, 20)
    found = json.loads(cli("evaluate", "digits-tiny.safetensors", "--on", "reference", "--json").out)
    assert (found["samples"], found["accuracy"]) == (20, told["test_accuracy"])
    more = json.loads(cli("train", "digits-tiny.safetensors", "--resume", "--epochs", "2", "--json").out)
    assert (more["step"], more["test_samples"]) == (20, 20)
