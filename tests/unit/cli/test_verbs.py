"""Verbs that need no compiler do what they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from wagekit.cli import app as application
from wagekit.cli.sources import SHIPPED, shipped_network
from wagekit.monitor import Evaluation, Run, Step, read_events
from wagekit.passes import compile_graph
from wagekit.spec import Network
from wagekit.training import load_model
from wagekit.version import __version__

WEIGHTS = {"digits": 33_984, "digits-tiny": 5_960}
VERBS = [
    "analyze",
    "build",
    "demo",
    "doctor",
    "evaluate",
    "export",
    "flash",
    "info",
    "learn",
    "monitor",
    "new",
    "predict",
    "record",
    "replay",
    "report",
    "run",
    "simulate",
    "train",
    "verify",
]
QUICK = ("--on", "reference", "--steps", "12")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_networks(name: str) -> None:
    net = Network.from_toml(shipped_network(name))
    assert net.name == name
    assert compile_graph(net, batch=8).weight_count == WEIGHTS[name]


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_an_example(cli: Callable, verb: str) -> None:
    outcome = cli(verb, "--help")
    assert outcome.code == 0
    assert f"Example: wagekit {verb}" in " ".join(outcome.out.split())


def test_all_verbs_are_there(cli: Callable) -> None:
    outcome = cli("--help")
    assert outcome.code == 0
    names = {command.name for command in application.app.registered_commands}
    assert names == set(VERBS)
    assert cli("--version").out == f"wagekit {__version__}\n"


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        (["--batch", "1"], "error_scaled"),
        (["--batch", "1", "--rule", "paper"], "paper"),
        (["--batch", "2"], "paper"),
        (["--batch", "2", "--rule", "error_scaled"], "error_scaled"),
    ],
)
@pytest.mark.parametrize("verb", ["train", "run"])
def test_the_rule_is_one_that_learns_at_the_batch(
    cli: Callable, tmp_path: Path, verb: str, options: list[str], rule: str
) -> None:
    assert cli(verb, "digits-tiny", *QUICK, *options, "--events", "e.jsonl").code == 0
    told = next(event for event in read_events("e.jsonl") if isinstance(event, Run))
    assert (told.rule, told.batch) == (rule, int(options[1]))


def test_new(cli: Callable, tmp_path: Path) -> None:
    assert cli("new", "a/b").code == 0
    assert Network.load(tmp_path / "a" / "b" / "network.toml").name == "digits"
    cli("new", "a/b").refused(2, "exists")
    assert cli("new", "a/b", "--force", "--example", "digits-tiny").code == 0
    assert Network.load(tmp_path / "a" / "b" / "network.toml").name == "digits-tiny"


def test_analyze_by_estimate(cli: Callable) -> None:
    shown = cli("analyze", "digits-tiny", "--board", "microbit", "--estimate")
    assert shown.code == 0
    assert "conv1: conv2d 4x4x8 -> 4x4x16" in shown.out
    assert "fits with batch " in shown.out
    assert "~" in shown.out
    listed = cli("analyze", "digits", "--all", "--estimate", "--batch", "4,1", "--json")
    programs = json.loads(listed.out)
    assert {program["board"] for program in programs} >= {"microbit", "mps2-an386"}
    kinds = [(p["training"], p["batch"]) for p in programs if p["board"] == "microbit"]
    assert kinds == [(False, 1), (True, 1), (True, 4)]
    for program in programs:
        assert not program["linked"]
        assert program["counted"] is None
        assert program["fits"] == (program["missing"] == 0)
        assert sum(program["ram"].values()) == program["ram_bytes"]
        assert program["fits"] or program["advice"]
    assert "microbit" in cli("analyze", "digits", "--all", "--estimate", "--batch", "1").out
    cli("analyze", "digits", "--batch", "1,x").refused(2, "--batch 1,x")
    cli("analyze", "digits", "--batch", "0").refused(2, "--batch 0")


def test_boards(cli: Callable) -> None:
    listed = cli("boards").out
    assert "mps2-an386" in listed
    assert "microbit" in listed
    assert "0x20000000" in cli("boards", "microbit").out
    facts = json.loads(cli("boards", "--json").out)
    assert {"microbit", "mps2-an386"} <= {board["name"] for board in facts}
    assert json.loads(cli("boards", "microbit", "--json").out)["core"] == "cortex-m0"
    assert cli("boards", "show", "microbit").out == cli("boards", "microbit").out
    assert cli("boards", "--json", "microbit").out == cli("boards", "show", "microbit", "--json").out
    for command in ("show", "new"):
        assert f"Example: wagekit boards {command}" in " ".join(cli("boards", command, "--help").out.split())


def test_a_board_of_ones_own(cli: Callable, tmp_path: Path) -> None:
    """Made, shown, analysed and built, by its folder and by its board.toml."""
    made = cli("boards", "new", "mine", "--from", "netduinoplus2")
    assert made.code == 0
    assert "./mine/README.md" in made.out
    cli("boards", "new", "mine").refused(2, "mine exists")
    cli("boards", "mine").refused(10, "unknown board 'mine'")
    assert "./mine" in cli("boards", "mine").err
    for place in ("./mine", "mine/board.toml"):
        assert json.loads(cli("boards", "show", place, "--json").out)["name"] == "mine"
        (program, *_) = json.loads(
            cli("analyze", "digits-tiny", "--board", place, "--estimate", "--json").out
        )
        assert program["board"] == "mine"
    built = cli("build", "digits-tiny", "--board", "mine/board.toml", "--no-compile", "--out", "fw")
    assert built.code == 0
    assert json.loads((tmp_path / "fw" / "manifest.json").read_text())["board"]["name"] == "mine"
    cli("boards", "new", "Mine").refused(10, "Mine/board.toml: name = 'Mine'")
    cli("boards", "new", "other", "--from", "nothing").refused(10, "unknown board 'nothing'")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name not in ("fw", "mine")) == []


def test_doctor(cli: Callable) -> None:
    outcome = cli("doctor", "--json")
    facts = json.loads(outcome.out)
    assert outcome.code == (0 if facts["ready"] else 6)
    assert {"QEMU", "cross compiler"} <= {fact["name"] for fact in facts["facts"]}
    known = {fact["name"] for fact in facts["facts"]}
    of_board = json.loads(cli("doctor", "--board", "microbit", "--json").out)["facts"]
    assert {fact["name"] for fact in of_board} - known == {
        *("board", "cortex-m0", "QEMU microbit", "programmer for microbit"),
    }
    cli("doctor", "--board", "nothing").refused(10, "unknown board 'nothing'")


def test_train_leaves_what_it_says(cli: Callable, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra 'plot'")
    outcome = cli("train", "digits-tiny", *QUICK, "--report", "r", "--out", "m.safetensors", "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    model = load_model(tmp_path / "m.safetensors")
    assert (found["step"], found["digest"]) == (12, model.digest())
    told = read_events(tmp_path / "r" / "events.jsonl")
    assert [event.step for event in told if isinstance(event, Step)] == list(range(12))
    assert [type(told[0]), type(told[-1])] == [Run, Run]
    assert told[-1].digest == model.digest()  # type: ignore[attr-defined]
    assert [event.step for event in told if isinstance(event, Evaluation)] == [0, 12]
    assert (tmp_path / "r" / "learning.png").exists()
    assert "digits-tiny on reference" in (tmp_path / "r" / "report.html").read_text()


def test_resumed_by_hand_equals_never_stopped(cli: Callable, tmp_path: Path) -> None:
    options = ("--on", "reference", "--batch", "100", "--schedule", "0:3,1.5:1", "--seed", "9")
    assert cli("train", "digits-tiny", *options, "--epochs", "2", "--out", "whole").code == 0
    assert cli("train", "digits-tiny", *options, "--epochs", "1", "--out", "part").code == 0
    assert cli("train", "part", "--resume", "--on", "reference", "--epochs", "2").code == 0
    whole, part = load_model(tmp_path / "whole"), load_model(tmp_path / "part")
    assert part.digest() == whole.digest()
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "part").read_bytes()


def test_what_is_there_stays(cli: Callable, tmp_path: Path) -> None:
    (tmp_path / "e").write_text("mine")
    cli("train", "digits-tiny", *QUICK, "--events", "e").refused(2, "e exists")
    assert cli("train", "digits-tiny", *QUICK).code == 0
    kept = (tmp_path / "digits-tiny.safetensors").read_bytes()
    cli("train", "digits-tiny", *QUICK).refused(2, "digits-tiny.safetensors exists")
    assert (tmp_path / "digits-tiny.safetensors").read_bytes() == kept
    assert (tmp_path / "e").read_text() == "mine"
    assert cli("train", "digits-tiny", *QUICK, "--events", "e", "--seed", "5", "--force").code == 0
    assert (tmp_path / "digits-tiny.safetensors").read_bytes() != kept


def test_learning_goes_on_from_a_model(cli: Callable, tmp_path: Path) -> None:
    assert cli("train", "digits-tiny", *QUICK).code == 0
    assert cli("train", "digits-tiny.safetensors", *QUICK, "--out", "more").code == 0
    assert load_model(tmp_path / "more").step == 24


def test_resume_wants_the_same_samples(cli: Callable, tmp_path: Path) -> None:
    rows = [",".join([str((i + j) % 17) for j in range(64)] + [str(i % 10)]) for i in range(50)]
    (tmp_path / "d.csv").write_text("\n".join(rows))
    assert cli("train", "digits-tiny", *QUICK, "--data", "d.csv", "--out", "m").code == 0
    assert cli("train", "m", "--resume", "--on", "reference", "--steps", "13").code == 0
    (tmp_path / "d.csv").write_text("\n".join(rows[:-1]))
    cli("train", "m", "--resume", "--on", "reference", "--steps", "14").refused(4, "not the samples")
    (tmp_path / "d.csv").unlink()
    cli("train", "m", "--resume", "--on", "reference").refused(4, "no data set")


def test_evaluate_and_predict(cli: Callable, tmp_path: Path) -> None:
    assert cli("train", "digits-tiny", *QUICK, "--out", "m").code == 0
    found = json.loads(cli("evaluate", "m", "--on", "reference", "--json").out)
    assert found["samples"] == 359
    assert sum(map(sum, found["confusion"])) == 359
    assert (
        json.loads(cli("evaluate", "m", "--on", "reference", "--part", "all", "--json").out)["samples"]
        == 1797
    )
    shown = cli("evaluate", "m", "--on", "reference", "--confusion").out
    assert "of 359 samples of digits/test right" in shown
    outcome = cli("predict", "m", "--on", "reference", "--sample", "3", "--sample", "0", "--json")
    first, second = json.loads(outcome.out)
    assert (first["label"], second["label"]) == ("3", "0")
    assert first["class"] == str(int(np.argmax(first["logits"])))
    assert "digits 3" in cli("predict", "m", "--on", "reference", "--sample", "3").out
    values = ",".join(["4"] * 64)
    assert cli("predict", "m", "--on", "reference", "--values", values).code == 0
    cli("predict", "m", "--on", "reference").refused(2, "--sample", "--values")
    cli("predict", "m", "--on", "reference", "--values", "1 2").refused(4, "2 values", "64")
    cli("predict", "m", "--on", "reference", "--values", "a b").refused(4, "'a'", "no number")
    cli("predict", "m", "--on", "reference", "--sample", "1797").refused(2, "0..1796")
    cli("predict", "m", "--on", "reference", "--values", values.replace("4", "0.5", 1)).refused(4, "float64")


def test_build_without_a_compiler(cli: Callable, tmp_path: Path) -> None:
    outcome = cli("build", "digits-tiny", "--board", "netduinoplus2", "--no-compile", "--out", "fw")
    assert outcome.code == 0, outcome.err
    assert "network, masters" in outcome.out
    for name in ("Makefile", "CMakeLists.txt", "generated/wk_model.c", "manifest.json"):
        assert (tmp_path / "fw" / name).exists()
    outcome = cli("build", "digits-tiny", "--app", "none", "--no-compile", "--out", "mine", "--json")
    assert json.loads(outcome.out)["app"] == "none"


def test_names_with_brackets_are_no_markup(cli: Callable, tmp_path: Path) -> None:
    outcome = cli("new", "[bold]:smile:")
    assert "wrote [bold]:smile:/network.toml" in outcome.out
    cli("train", "[red]x.toml").refused(3, "[red]x.toml")


def test_verify_names_the_first_difference(cli: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    from wagekit.cli import places
    from wagekit.executors import open_executor

    opened: list[object] = []

    def tampered(*arguments: object, **options: object) -> object:
        executor = open_executor(*arguments, **options)  # type: ignore[arg-type]
        if opened:
            masters = executor.masters
            masters[1][2, 1, 0, 3] = -masters[1][2, 1, 0, 3] or 1
            executor.load_masters(masters, 0)
        opened.append(executor)
        return executor

    monkeypatch.setattr(places, "open_executor", tampered)
    outcome = cli("verify", "digits-tiny", "--on", "reference", "--on", "reference", "--steps", "3")
    outcome.refused(9, "step 0, layer 1, masters[2, 1, 0, 3]", "(1 of 1152 differ)")


def test_verify_random_samples_need_no_data(cli: Callable) -> None:
    options = ("--on", "reference", "--on", "reference", "--steps", "3", "--data", "random", "--json")
    found = json.loads(cli("verify", "digits-tiny", *options).out)
    assert (found["equal"], found["steps"]) == (True, 3)
