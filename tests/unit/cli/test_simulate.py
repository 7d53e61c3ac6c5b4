"""`wagekit simulate`: maps, runs, proves, prices; refusals and mistakes."""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wagekit.cli import console
from wagekit.executors.neuro import NeuroExecutor
from wagekit.executors.reference import ReferenceExecutor
from wagekit.resources import preset_files

TINY = """
format = 1
name = "tiny"
seed = 5
classes = ["a", "b", "c"]
[input]
shape = [4, 4, 1]
encoding = "unit"
[[layers]]
type = "conv2d"
filters = 4
kernel = 3
padding = "same"
[[layers]]
type = "max_pool"
window = 2
[[layers]]
type = "dense"
units = 3
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "network.toml"
    path.write_text(TINY)
    return path


def chips(cli: Callable, *arguments: object) -> list[dict[str, Any]]:
    outcome = cli("simulate", *arguments, "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert found["network"] == "tiny"
    return found["chips"]


def test_everything_in_json(cli: Callable, tiny: Path, host_cc: str) -> None:
    (chip,) = chips(cli, tiny, "--samples", 20, "--steps", 3, "--batch", 4)
    assert (chip["preset"], chip["equal"], chip["refused"]) == ("tianjic-train", True, None)
    assert chip["cores"] == 2
    assert [layer["layer"] for layer in chip["layers"]] == ["conv0", "dense1"]
    inference, training = chip["inference"], chip["training"]
    assert (inference["samples"], inference["steps"]) == (20, 0)
    assert (training["samples"], training["steps"]) == (12, 3)
    assert [row["phase"] for row in inference["phases"]] == ["forward", "total"]
    phases = [row["phase"] for row in training["phases"]]
    assert phases == ["forward", "error", "gradient", "maximum", "update", "total"]
    for cost in (inference, training):
        *rows, total = cost["phases"]
        for key in ("events", "packets", "hops", "cycles"):
            assert sum(row[key] for row in rows) == pytest.approx(total[key])
        for key in ("joules", "published", "secondary", "assumed"):
            assert sum(row["energy"][key] for row in rows) == pytest.approx(cost["energy"][key])
        assert sum(core["joules"] for core in cost["by_core"]) == pytest.approx(cost["energy"]["joules"])
        assert cost["energy"]["assumed"] == pytest.approx(cost["energy"]["joules"])  # it was never built
        assert cost["seconds"] > 0
    updates = training["phases"][4]
    assert updates["visited"] == 3 * (4 * 9 + 3 * 16)
    assert all(constant["source"] for constant in chip["constants"])
    assert 0 <= chip["correct"] <= 20
    assert 0 <= chip["learned_correct"] <= 20


def test_the_state_at_the_end_is_that_of_verify(cli: Callable, tiny: Path, host_cc: str) -> None:
    (chip,) = chips(cli, tiny, "--data", "random", "--steps", 4, "--batch", 3)
    verified = cli("verify", tiny, "--data", "random", "--steps", 4, "--batch", 3, "--on", "reference",
                   "--on", "reference", "--json")  # fmt: skip
    assert chip["digest"] == json.loads(verified.out)["digest"]


def test_tables_of_80_columns(
    cli: Callable, tiny: Path, host_cc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console.out, "width", 80)
    shown = cli("simulate", tiny, "--preset", "tianjic-train", "--preset", "tianjic", "--steps", 2)
    assert shown.code == 0, shown.err
    lines = shown.out.splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(shown.out.split())
    assert "tiny on tianjic-train: 2 of 156 cores" in text
    assert "equal to the reference to the bit: 64 inferences and 2 steps of training" in text
    assert "* on an assumption" in text
    assert re.search(r"forward .* \d+ [pnµ]J\*", text)
    assert re.search(r"tianjic 2 [\d.]+% [\d.]+ [pnµ]J\* [\d.]+ [nµm]s\* -", text)


def test_a_preset_that_only_infers_is_compared(cli: Callable, tiny: Path, host_cc: str) -> None:
    learns, infers = chips(cli, tiny, "--preset", "tianjic-train", "--preset", "tianjic", "--steps", 1)
    assert learns["training"] is not None
    assert infers["training"] is None
    same = [chip["inference"]["phases"][0]["events"] for chip in (learns, infers)]
    assert same[0] == same[1]
    assert learns["digest"] != infers["digest"]


def test_refused_with_every_limit(cli: Callable, tiny: Path, tmp_path: Path, host_cc: str) -> None:
    text = (preset_files() / "tianjic.toml").read_text(encoding="utf-8")
    small = text.replace("cores = { value = 156", "cores = { value = 1").replace('"tianjic"', '"small"')
    small = small.replace("activation_bits = { value = 8", "activation_bits = { value = 4")
    (tmp_path / "small.toml").write_text(small)
    alone = cli("simulate", tiny, "--preset", "small.toml")
    assert alone.code == 5
    errors = [line for line in alone.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 2
    assert "small: activations: 8, activation_bits allows 4" in errors[0]
    assert "small: cores needed: 2, cores allows 1" in errors[1]
    assert "hint:  use 4 bits or fewer" in alone.err
    assert "Traceback" not in alone.err
    beside = cli("simulate", tiny, "--preset", "tianjic", "--preset", "small.toml")
    assert beside.code == 0
    assert "small" in beside.out
    assert "cores needed: 2, cores allows 1" in beside.out
    kept, refused = chips(cli, tiny, "--preset", "tianjic", "--preset", "small.toml")
    assert kept["refused"] is None
    assert [violation["limit"] for violation in refused["refused"]] == ["activation_bits", "cores"]


def test_options_reach_the_mapping(cli: Callable, tiny: Path, host_cc: str) -> None:
    cut = ("--axons", 5, "--neurons", 2, "--reduction", "chain", "--gradient", "recomputed")
    (chip,) = chips(cli, tiny, *cut, "--steps", 2)
    conv, dense = chip["layers"]
    assert (conv["rows"], conv["columns"], conv["unrolled"]) == (2, 2, False)
    assert (dense["rows"], dense["columns"]) == (4, 2)
    (chip,) = chips(cli, tiny, "--convolution", "unrolled", "--preset", "tianjic", "--neurons", 4)
    assert chip["layers"][0]["unrolled"]
    assert chip["layers"][0]["blocks"] > 1


def test_a_difference_ends_it(
    cli: Callable, tiny: Path, host_cc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = NeuroExecutor.forward

    def wrong(self: NeuroExecutor, x: Any) -> Any:
        logits = forward(self, x)
        logits[2, 1] += 1
        return logits

    monkeypatch.setattr(NeuroExecutor, "forward", wrong)
    cli("simulate", tiny, "--data", "random").refused(9, "logits", "2, 1", "neuro:tianjic-train")


def test_a_difference_of_weights_ends_it(
    cli: Callable, tiny: Path, host_cc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = ReferenceExecutor.step

    def wrong(self: ReferenceExecutor, *arguments: Any) -> Any:
        result = step(self, *arguments)
        masters = self.masters
        masters[1][0, 3] = not masters[1][0, 3]
        self.load_masters(masters, self.step_count)
        return result

    monkeypatch.setattr(ReferenceExecutor, "step", wrong)
    cli("simulate", tiny, "--data", "random", "--steps", 1).refused(9, "masters", "layer 1", "0, 3")


def test_report_needs_nothing_else(cli: Callable, tiny: Path, tmp_path: Path, host_cc: str) -> None:
    pytest.importorskip("matplotlib")
    text = (preset_files() / "tianjic.toml").read_text(encoding="utf-8")
    (tmp_path / "none.toml").write_text(
        text.replace("cores = { value = 156", "cores = { value = 1").replace('"tianjic"', '"none"')
    )
    made = cli("simulate", tiny, "--preset", "tianjic-train", "--preset", "none.toml", "--report", "here")
    assert made.code == 0, made.err
    names = {path.name for path in (tmp_path / "here").iterdir()}
    drawn = {f"tianjic-train-{name}.png" for name in ("cores", "links", "phases", "memory")}
    assert names == {"report.html"} | drawn
    page = (tmp_path / "here" / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    images = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    inside = {base64.b64decode(image) for image in images}
    assert inside == {(tmp_path / "here" / name).read_bytes() for name in drawn}
    assert "cores needed: 2, cores allows 1" in page
    assert "davies2018" not in page
    assert "horowitz2014" in page


def test_from_a_model(cli: Callable, tmp_path: Path, host_cc: str) -> None:
    assert (
        cli("train", "digits-tiny", "--on", "reference", "--steps", "2", "--out", "m.safetensors").code == 0
    )
    outcome = cli("simulate", "m.safetensors", "--steps", 1, "--samples", 8, "--json")
    (chip,) = json.loads(outcome.out)["chips"]
    again = cli("train", "m.safetensors", "--on", "reference", "--steps", "1", "--batch", 8, "--json",
                "--out", "n.safetensors")  # fmt: skip
    assert chip["digest"] == json.loads(again.out)["digest"]


MISTAKES: dict[str, tuple[list[str], int, list[str]]] = {
    "unknown preset": (["--preset", "tianjik"], 2, ["tianjik", "tianjic"]),
    "no such file": (["--preset", "my.toml"], 10, ["my.toml"]),
    "convolution": (["--convolution", "rolled"], 2, ["--convolution rolled", "shared, unrolled"]),
    "reduction": (["--reduction", "tree"], 2, ["--reduction tree", "direct, chain"]),
    "gradient": (["--gradient", "kept"], 2, ["--gradient kept", "stored, recomputed"]),
    "axons": (["--axons", "0"], 2, ["--axons"]),
    "data": (["--data", "nowhere.csv"], 4, ["nowhere.csv"]),
    "shape": (["--data", "digits"], 4, ["digits", "16"]),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(cli: Callable, tiny: Path, case: str) -> None:
    arguments, code, words = MISTAKES[case]
    cli("simulate", tiny, *arguments).refused(code, *words)


def test_a_report_that_cannot_be_is_refused_first(
    cli: Callable, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wagekit.executors.simulation.simulate", None)  # nothing is run
    pytest.importorskip("matplotlib")
    cli("simulate", tiny, "--report", tiny).refused(4, "network.toml", "cannot be made")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    cli("simulate", tiny, "--report", "here").refused(6, "matplotlib")


def test_noise_says_so(cli: Callable, tiny: Path, host_cc: str) -> None:
    assert "samples are random" in cli("simulate", tiny, "--steps", 0).err
    assert np.all([chip["training"] is None for chip in chips(cli, tiny, "--steps", 0)])
