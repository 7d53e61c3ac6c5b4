"""The cost model: arithmetic by hand on a tiny mapping, and what its tables must say."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wagekit import resources
from wagekit.backends.neuro import (
    FIELDS,
    IO,
    PHASES,
    Counters,
    Mapping,
    MappingOptions,
    available,
    available_tables,
    cost_of,
    load_costs,
    load_preset,
    map_graph,
    memory_traffic,
)
from wagekit.backends.neuro.constants import MARKS, CostFile, costs_from, lowest
from wagekit.backends.neuro.cost import PARTS
from wagekit.backends.neuro.memory import USES
from wagekit.errors import BoardError
from wagekit.passes import compile_graph
from wagekit.spec import Network

NETWORK = """
format = 1
name = "two"
seed = 1
classes = ["a", "b"]
[input]
shape = [4]
encoding = "unit"
[[layers]]
type = "dense"
units = 2
"""


def mapped(preset: str = "tianjic-train", *, training: bool = False) -> Mapping:
    """One layer on two cores: two rows of two inputs, the root at core 0."""
    net = Network.from_toml(NETWORK)
    graph = compile_graph(net, 3) if training else compile_graph(net, training=False)
    chip = map_graph(graph, load_preset(preset), MappingOptions(axons=2, neurons=2, place=False))
    assert [(tile.row, tile.column) for tile in chip.tiles] == [(0, 0), (1, 0)]
    assert chip.places == ((0, 0), (1, 0))
    return replace(chip, places=((2, 1), (4, 0)))


def counted(
    chip: Mapping, cores: dict[tuple[str, int, str], int], packets: dict[str, int], **of: int
) -> Counters:
    """Counters with some fields by (phase, core, field), and packets of each flow of a kind."""
    values = np.zeros((len(PHASES), chip.cores, len(FIELDS)), np.int64)
    for (phase, core, field), value in cores.items():
        values[PHASES.index(phase), core, FIELDS.index(field)] = value  # type: ignore[arg-type]
    sent = np.array([packets.get(flow.kind, 0) for flow in chip.flows], np.int64)
    return Counters(chip, values, sent, of.get("samples", 0), of.get("steps", 0))


def costs(**changes: float) -> CostFile:
    """A table of round numbers: `synapse=3`, `cycles_barrier=4`, ...; what is not given is 0."""
    values = _values("generic")
    for section in ("energy", "cycles"):
        for key, fact in values[section].items():
            name = key if section == "energy" else f"cycles_{key}"
            fact["value"] = float(changes.pop(name, 0))
    values["packet"]["payload"]["value"] = changes.pop("payload", 8)
    assert not changes
    return costs_from(values, "test")


def _values(name: str) -> dict[str, Any]:
    text = (resources.cost_files() / f"{name}.toml").read_text(encoding="utf-8")
    return copy.deepcopy(tomllib.loads(text))


FORWARD = {
    ("forward", 0, "events"): 30,
    ("forward", 0, "reads"): 10,
    ("forward", 0, "additions"): 6,
    ("forward", 1, "events"): 20,
    ("forward", 1, "reads"): 40,
    ("forward", 1, "saturated"): 99,
}
PACKETS = {"input": 5, "partial": 7, "logit": 2}
"""From the port at (0, 0) to (2, 1) and (4, 0); from (4, 0) to (2, 1); from (2, 1) to the port."""


def test_energy_by_hand() -> None:
    chip = mapped()
    kinds = [(flow.kind, flow.source, flow.destination) for flow in chip.flows]
    assert sorted(kinds) == [("input", IO, 0), ("input", IO, 1), ("logit", 0, IO), ("partial", 1, 0)]
    bits = {flow.kind: flow.payload_bits for flow in chip.flows}
    assert bits == {"input": 8, "partial": 9, "logit": 32}
    cost = cost_of(
        counted(chip, FORWARD, PACKETS, samples=1), costs(synapse=3, addition=5, packet=7, hop_x=11)
    )
    joules = cost.energy / 1e-12
    assert joules.shape == (len(PHASES), 2, len(PARTS))
    assert joules[1:].sum() == 0
    by_part = dict(zip(PARTS, joules[0].T.tolist(), strict=True))
    assert by_part["synapse"] == pytest.approx([90, 60])
    assert by_part["addition"] == pytest.approx([30, 0])
    # 8 bits a packet: an input takes 1, a partial sum 2, a logit 4. Inputs belong to their receivers.
    assert by_part["packet"] == pytest.approx([7 * (5 + 4 * 2), 7 * (5 + 2 * 7)])
    assert by_part["hop_x"] == pytest.approx([11 * 2 * (5 + 4 * 2), 11 * (4 * 5 + 2 * 2 * 7)])
    assert sum(by_part["hop_y"]) == sum(by_part["static"]) == sum(by_part["rounding"]) == 0
    kinds_of = cost.by_kind()
    assert set(kinds_of) == {"input", "partial", "logit"}
    assert kinds_of["partial"].total == pytest.approx(1e-12 * 2 * 7 * (7 + 2 * 11))
    assert sum(split.total for split in cost.by_core()) == pytest.approx(cost.total.total)
    assert sum(split.total for split in cost.by_part().values()) == pytest.approx(cost.total.total)


def test_cycles_by_hand() -> None:
    chip = mapped()
    timing = replace(chip.preset.timing, clock_hz=1000, synapses_per_cycle=1, hop_cycles=3, packet_cycles=2)
    chip = replace(chip, preset=replace(chip.preset, timing=timing))
    counters = counted(chip, FORWARD, PACKETS, samples=5)
    cost = cost_of(counters, costs(cycles_addition=0.5, cycles_barrier=4, static=100))
    (stage,) = cost.stages
    assert (stage.phase, stage.layer, stage.rounds) == ("forward", 0, 5)
    assert (stage.core, stage.core_cycles) == (1, 40 * 2)  # a row of two weights takes two cycles
    # Along the row first: inputs of core 0 and the partial sums, two packets each, turn at column 2.
    assert stage.link == ((2, 0), (2, 1))
    assert stage.link_packets == 5 + 2 * 7
    assert stage.link_cycles == 19 * 2
    assert stage.route_cycles == 5 * 4 * 3
    assert stage.barrier_cycles == 5 * 4
    assert cost.cycles == 80 + 60 + 20
    assert cost.seconds == pytest.approx(0.160)
    static = cost.energy[:, :, PARTS.index("static")]
    assert static[0].tolist() == pytest.approx([100e-6 * 0.160] * 2)
    assert static[1:].sum() == 0


def test_a_busy_link_or_a_tick_decides_the_time() -> None:
    chip = mapped("truenorth")
    counters = counted(chip, FORWARD, PACKETS | {"input": 900}, samples=2)
    cost = cost_of(counters, load_costs(chip.preset))
    (stage,) = cost.stages
    assert (stage.link, stage.link_cycles) == (((0, 0), (1, 0)), 1800)
    assert stage.link_cycles > stage.core_cycles
    assert cost.cycles == 200_000  # both samples end with their first tick, of 100,000 cycles
    assert cost.seconds == pytest.approx(2e-3)


def test_training_has_all_phases() -> None:
    chip = mapped(training=True)
    cores = FORWARD | {
        ("error", 0, "roundings"): 6,
        ("gradient", 0, "events"): 12,
        ("gradient", 0, "reads"): 6,
        ("gradient", 1, "events"): 8,
        ("update", 0, "visited"): 4,
        ("update", 1, "visited"): 4,
        ("update", 1, "changed"): 3,
    }
    counters = counted(chip, cores, PACKETS, samples=3, steps=1)
    table = costs(synapse=1, rounding=2, gradient=3, update=5, write=7, cycles_barrier=10, cycles_update=6)
    cost = cost_of(counters, table)
    assert cost.rounds == 1
    phases = {name: split.total * 1e12 for name, split in cost.by_phase().items()}
    assert phases == pytest.approx({"forward": 50, "error": 12, "gradient": 60, "maximum": 0, "update": 61})
    times = {stage.phase: stage for stage in cost.stages}
    assert times["update"].core_cycles == 4 * 6
    assert [times[phase].barrier_cycles for phase in PHASES] == [10, 10, 10, 10, 10]
    moved = memory_traffic(counters)
    by_use = {use: moved[:, :, i].sum(axis=1).tolist() for i, use in enumerate(USES)}
    assert by_use["masters"] == [0, 0, 0, 0, (8 + 3) * 8]
    assert by_use["weights"] == [(10 + 40) * 2 * 2, 0, 0, 0, 3 * 2]
    assert by_use["gradient"] == [0, 0, 2 * 20 * 32, 0, 8 * 32]


def test_confidences_are_not_mixed_unmarked() -> None:
    chip = mapped("loihi")
    counters = counted(chip, {("forward", 0, "events"): 10}, {}, samples=0)
    only = cost_of(counters, load_costs(chip.preset)).total
    assert only.published == only.total == pytest.approx(236e-12)
    assert (only.confidence, only.mark) == ("published", "")
    mixed = cost_of(counted(chip, FORWARD, PACKETS, samples=1), load_costs(chip.preset)).total
    assert min(mixed.published, mixed.assumed) > 0
    assert (mixed.confidence, mixed.mark) == ("assumed", "*")
    assert mixed.published + mixed.secondary + mixed.assumed == pytest.approx(mixed.total)
    assert mixed.to_dict()["confidence"] == "assumed"
    assert lowest([]) == "published"
    assert lowest(["secondary", "published"]) == "secondary"
    assert len(set(MARKS.values())) == 3


@pytest.mark.parametrize("name", available_tables())
def test_each_constant_has_a_source(name: str) -> None:
    table = costs_from(_values(name), name)
    assert table.name == name
    constants = table.constants()
    assert len(constants) >= 11
    for constant in constants:
        fact = constant.fact
        assert fact.unit
        assert len(constant.source) > 5, constant.key
        if fact.confidence != "assumed":
            assert fact.source in table.sources
            assert fact.where, f"{name}: {constant.key} has no table or page"
    if name == "generic":
        assert {constant.fact.confidence for constant in constants} == {"assumed"}


@pytest.mark.parametrize("preset", available())
def test_each_preset_has_a_table(preset: str) -> None:
    assert load_costs(load_preset(preset)).name == preset


Change = Callable[[dict[str, Any]], object]
MISTAKES: dict[str, tuple[Change, list[str]]] = {
    "unknown key": (lambda v: v["energy"].update(synapses=v["energy"]["synapse"]), ["energy.synapses"]),
    "unknown key of a fact": (lambda v: v["energy"]["synapse"].update(note="x"), ["energy.synapse.note"]),
    "no source": (lambda v: v["energy"]["synapse"].pop("source"), ["energy.synapse.source"]),
    "empty source": (lambda v: v["energy"]["hop_x"].update(source=""), ["energy.hop_x.source"]),
    "source not listed": (
        lambda v: v["energy"]["hop_x"].update(source="nobody", confidence="published"),
        ["energy.hop_x", "nobody", "[sources]"],
    ),
    "wrong unit": (lambda v: v["energy"]["static"].update(unit="pJ"), ["energy.static.unit", "pJ"]),
    "negative": (lambda v: v["energy"]["packet"].update(value=-1.0), ["energy.packet.value", "-1.0"]),
    "no number": (lambda v: v["cycles"]["barrier"].update(value="9"), ["cycles.barrier.value", "'9'"]),
    "not finite": (lambda v: v["energy"]["packet"].update(value=float("nan")), ["energy.packet.value"]),
    "unknown confidence": (lambda v: v["energy"]["write"].update(confidence="sure"), ["sure"]),
    "missing": (lambda v: v["cycles"].pop("addition"), ["cycles.addition"]),
    "newer format": (lambda v: v.update(format=2), ["format = 2"]),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_wrong_tables_are_refused(case: str) -> None:
    change, words = MISTAKES[case]
    values = _values("generic")
    change(values)
    with pytest.raises(BoardError) as caught:
        costs_from(values, "my.costs.toml")
    assert "\n" not in caught.value.message
    for word in ("my.costs.toml", *words):
        assert word in caught.value.message


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    text = (resources.preset_files() / "tianjic-train.toml").read_text(encoding="utf-8")
    (tmp_path / "chip.toml").write_text(text)
    path = tmp_path / "chip.toml"
    preset = load_preset(path)
    assert load_costs(preset, path).name == "generic"
    own = (resources.cost_files() / "tianjic-train.toml").read_text(encoding="utf-8")
    (tmp_path / "chip.costs.toml").write_text(own.replace("1.54", "0.25", 1))
    assert load_costs(preset, path).energy.synapse.value == 0.25
    lines = [line for line in own.splitlines() if not line.startswith("gradient")]
    (tmp_path / "chip.costs.toml").write_text("\n".join(lines))
    with pytest.raises(BoardError, match="gradient missing"):
        load_costs(preset, path)
    (tmp_path / "chip.costs.toml").write_text("[energy")
    with pytest.raises(BoardError, match=r"chip\.costs\.toml: "):
        load_costs(preset, path)
