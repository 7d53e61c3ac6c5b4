"""The benchmark measures what it says, and its tables show what does not fit."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bench import beside, gradient_bits, neuro, throughput
from bench.cases import CASES
from bench.learning import BOARDS, CORES, SUBJECTS, Inferred, Learned
from bench.measure import OnHost, measure
from bench.paced import PacedTransport
from bench.peers import load
from bench.tables import sheets
from wagekit.errors import LinkError
from wagekit.link import Transport
from wagekit.training import Schedule

TINY, DIGITS = CASES[0], CASES[1]


def test_counts_and_tables(qemu: str) -> None:
    tiny = measure(TINY.name, "mps2-an385-v6m", 1)
    assert tiny.inference is not None and tiny.training is not None
    assert tiny.macs < tiny.inference.total < tiny.training.total
    layers = {layer for layer, _ in tiny.training.parts}
    assert layers == set(range(len(tiny.layers)))
    assert sum(tiny.training.parts.values()) == pytest.approx(tiny.training.total, rel=0.01)
    assert tiny.model < tiny.ram and tiny.flash > 0

    large = measure(DIGITS.name, "microbit", 1)
    assert large.missing is not None and large.missing > 0 and large.training is None

    text = "\n".join(
        sheet.markdown() for sheet in sheets([tiny, large], [OnHost("digits-tiny", 128, 9.0, 7.0)])
    )
    assert f"- ({large.missing:,} bytes missing)" in text
    assert f"{tiny.training.total:,.0f}" in text
    assert "digits-tiny on M0, batch 1, by layer" in text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_networks_of_the_benchmark_are_networks(case: object) -> None:
    assert any(case is one and one.network().name == one.name for one in CASES)


def test_peers_limit_and_verdict_stand_beside_ours() -> None:
    peers = load()
    limit = peers.limits["lenet"]
    lenet = next(subject for subject in SUBJECTS if subject.case == "lenet" and subject.limit == limit)
    inferred = [Inferred("lenet", board, 4_267_008, 9_000_000.0, 20_000, 145_352) for board in CORES]

    def text(*instructions: float) -> str:
        learned = [
            Learned(lenet, board, count, limit.bytes)
            for board, count in zip(BOARDS, instructions, strict=True)
        ]
        return "\n".join(sheet.markdown() for sheet in beside.sheets(peers, [], inferred, learned))

    met = text(21_330_000.0, 25_000_000.0)
    assert "| 21.3 M | 25.0 M | 633,632 | limit 25.0 M, 633,632 bytes: met |" in met
    assert "| plain C, float, zeros skipped | 1 | 518 M | 24.6 M | 2,560,000 |" in met
    assert "| lenet, M4 | 9,227,645 (2.16) | - | 9,000,000 (2.11) | 1.03 |" in met
    assert "| lenet, M55 | 1,635,930 (0.38) | - | - |" in met, "we have no board for it, and say so"
    assert "TinyEngine" in met and "AIfES 2.2" not in met, "what trains another network stands elsewhere"
    assert "NOT met" in text(21_330_000.0, 25_000_001.0), "one core is enough to miss it"


def test_peers_are_of_networks_of_the_bench() -> None:
    peers = load()
    names = {case.name for case in CASES}
    assert {one.network for one in peers.learners} | set(peers.limits) <= names
    assert {network for _, network in peers.inference} <= names
    assert {subject.case for subject in SUBJECTS} == {one.network for one in peers.learners}


def test_the_rate_is_halved_with_every_bit_less() -> None:
    def rates(text: str) -> list[int]:
        schedule = Schedule.parse(text)
        return [schedule.log2_lr(step, steps_per_epoch=5, total_steps=20) for step in range(20)]

    usual = rates(gradient_bits.SCHEDULE)
    for width in gradient_bits.WIDTHS:
        assert gradient_bits.network(width).bits.gradients == width
        assert rates(gradient_bits.schedule(width)) == [rate + width - 8 for rate in usual]


def test_runs_are_kept_and_tabled(tmp_path: Path) -> None:
    runs = [
        gradient_bits.Run(gradient_bits.Job(width, seed, 100, 1, 10), errors, 1000, "d", "c")
        for width, seed, errors in [(8, 1, 11), (2, 1, 90), (2, 2, 50)]
    ]
    path = tmp_path / "runs.json"
    gradient_bits.save(runs, path)
    assert gradient_bits.load(path) == [runs[1], runs[2], runs[0]]
    table = gradient_bits.sheet(runs).markdown()
    assert "| 2 | 7.00 | 9.00 | 5.00 |" in table
    assert "| 8 | 1.10 | 1.10 |  |" in table


def test_runs_of_another_setting_are_not_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "runs.json"
    gradient_bits.save([gradient_bits.Run(gradient_bits.Job(8, 1, 100, 1, 10), 1, 1000, "d", "c")], path)
    before = path.read_bytes()
    monkeypatch.setattr(gradient_bits, "FOUND", path)
    monkeypatch.setattr(gradient_bits, "DATA", tmp_path)
    assert gradient_bits.main(["--samples", "50"]) == 4
    assert "MNIST is not there" in capsys.readouterr().err
    (tmp_path / "mnist").mkdir()
    assert gradient_bits.main(["--samples", "50"]) == 4
    assert "holds runs with 100 samples, 1 epochs, batch 10" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_the_cores_speed_stands_beside_others(host_cc: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neuro, "SECONDS", 0.0)
    monkeypatch.setattr(neuro, "WARM_STEPS", 1)
    speed = neuro.measure("mlp")
    assert speed.operations == 784 * 128 + 128 * 10
    assert 0 < speed.events < speed.operations and speed.operations < speed.training_operations
    assert speed.inference > speed.training > 0
    assert speed.nominal_rate == speed.operations * speed.inference > speed.event_rate
    text = neuro.page([speed])
    for peer in neuro.peers():
        assert f"| {peer.name} |" in text
    assert "101,632" in text and "counters on" in text
    slow = neuro.Speed("mlp", 5, 100, 10.0, 2e7, 4999.0, 300, 30.0, "noise")
    assert [one.rpartition(", ")[2] for one in neuro.verdicts([slow])] == ["reached", "missed"]
    assert "| SANA-FE | 6 M to 15 M |  | 133 to 333 | 13 to 33 |" in neuro.page([slow])


class Echo(Transport):
    """Gives back what it is given, until it is told to break."""

    def __init__(self) -> None:
        self.name = "echo"
        self.waiting = bytearray()
        self.broken = self.closed = False

    def read(self, timeout: float) -> bytes:
        if self.broken:
            raise LinkError("echo: the connection is gone")
        time.sleep(0 if self.waiting else timeout)
        data = bytes(self.waiting)
        self.waiting.clear()
        return data

    def write(self, data: bytes) -> None:
        self.waiting += data

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("baud", [None, 100_000])
def test_a_paced_line_brings_all_bytes_in_order_and_says_when_it_broke(baud: int | None) -> None:
    echo = Echo()
    sent = bytes(range(256)) * 2
    with PacedTransport(echo) as line:
        line.pace(baud)
        for at in range(0, len(sent), 100):
            line.write(sent[at : at + 100])
        came = b""
        while len(came) < len(sent):
            came += line.read(10.0)
        assert came == sent
        assert line.read(0.0) == b""
        echo.broken = True
        with pytest.raises(LinkError, match="gone"):
            line.read(10.0)
    assert echo.closed


def test_throughput_is_measured_and_judged(qemu: str, unicorn: None) -> None:
    (found,) = throughput.measure(throughput.Subject("digits", 2, 2, 2), None, [10_000_000])
    assert min(found.transfer, found.compute, found.together) > 0
    subject = throughput.Subject("mlp", 8, 40, 20)
    met = throughput.Times(subject, 40, None, 115_200, 2.0, 1.0, 2.19)
    over = throughput.Times(subject, 20, 16_000_000, 1_000_000, 1.0, 2.0, 2.21)
    fast, slow = throughput.verdict([over, met]).splitlines()[::-1]
    assert slow.startswith("- 115,200 baud") and slow.endswith("reached (1.09)")
    assert fast.startswith("- 1,000,000 baud") and fast.endswith("missed by mlp batch 8 with 16 MHz (1.10)")
    text = throughput.page([over], [met])
    assert "| mlp, batch 8, 40 steps | QEMU | 115,200 | 2.000 | 1.000 | 2.190 | 1.09 | 54% | 146 |" in text
    assert "| mlp, batch 8, 20 steps | 16 MHz | 1,000,000 |" in text


def test_transfer_and_training_overlap_in_the_firmwares_own_instructions(unicorn: None, arm_gcc: str) -> None:
    """Time is that of instructions and of the line here, not of this machine."""
    subject = throughput.Subject("digits-tiny", 1, 0, 24)
    slow, fast = throughput.measure(subject, 16_000_000, throughput.BAUDS)
    (chip_waits,) = throughput.measure(subject, 64_000_000, [115_200])
    for found in (slow, fast, chip_waits):
        assert min(found.transfer, found.compute) > 0
        assert (
            max(found.transfer, found.compute)
            <= found.together
            <= throughput.LIMIT * max(found.transfer, found.compute)
        )
    assert fast.compute > fast.transfer
    assert chip_waits.compute < chip_waits.transfer and chip_waits.idle > 0.3
