"""What chip A has learned goes on on the host and on chip B, and becomes a firmware that only infers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from wagekit import boards, open_executor
from wagekit.datasets import load_digits
from wagekit.executors.device import DeviceExecutor
from wagekit.passes import compile_graph
from wagekit.toolchain.qemu import boot
from wagekit.training import Plan, Streamed, Trainer, load_model
from wagekit.training.data import prepare

A = ("--on", "qemu:mps2-an386", "--flash", "a.bin")
B = ("--on", "qemu:emcraft-sf2", "--flash", "b.bin")
BEGIN, ON_A, ON_HOST, ON_B = 4, 9, 15, 20
"""Steps of one training until which each of them learns."""


def learn_on(place: str, model: str, data: str, until: int) -> None:
    """Let a chip go on with the training of a model from where its flash has it, and save."""
    from wagekit.cli.sources import open_data

    held = load_model(model)
    plan = Plan.from_dict(held.training["plan"] | {"total_steps": until}, model)
    train, _ = prepare(held.network, open_data(held.network, data))
    flash = {"qemu:mps2-an386": "a.bin", "qemu:emcraft-sf2": "b.bin"}[place]
    with open_executor(held.network, place, flash=flash, keep=True) as chip:
        assert isinstance(chip, DeviceExecutor)
        assert chip.hello.restored
        one = compile_graph(held.network, plan.batch).log2_one
        Trainer(chip, plan, Streamed(chip, train.x, train.labels), one).run()
        assert chip.save_checkpoint() == until


def test_there_and_back(cli: Callable, arm_gcc: str, qemu: str, tmp_path: Path) -> None:
    digits = load_digits()
    np.savez(tmp_path / "few.npz", x=digits.x[:120], labels=digits.labels[:120])
    lesson = ("--data", "few.npz", "--batch", "4", "--schedule", "2", "--json")

    def told(*arguments: object) -> dict[str, Any]:
        outcome = cli(*arguments)
        assert outcome.code == 0, outcome
        return dict(json.loads(outcome.out))

    def never_stopped(steps: int) -> str:
        """Digest of the same training on the host in one go."""
        return str(
            told("train", "digits-tiny", *lesson, "--steps", steps, "--out", "one", "--force")["digest"]
        )

    begun = told("train", "digits-tiny", *lesson, "--steps", BEGIN, "--out", "begun.st")
    assert told("checkpoint", "push", "begun.st", *A, "--json")["digest"] == begun["digest"]
    learn_on("qemu:mps2-an386", "begun.st", "few.npz", ON_A)
    learned = told("checkpoint", "pull", "begun.st", *A, "--out", "learned.st", "--json")
    assert (learned["step"], learned["digest"]) == (ON_A, never_stopped(ON_A))

    resumed = told("train", "learned.st", "--resume", "--steps", ON_HOST, "--out", "host.st", "--json")
    assert resumed["digest"] == never_stopped(ON_HOST)

    assert told("checkpoint", "push", "host.st", *B, "--json")["digest"] == resumed["digest"]
    assert told("checkpoint", "info", "host.st", *B, "--json")["endurance"] == 100_000
    assert "the flash allows 200,000 saves" in cli("checkpoint", "info", "host.st", *B).out
    learn_on("qemu:emcraft-sf2", "host.st", "few.npz", ON_B)
    last = told("checkpoint", "pull", "host.st", *B, "--out", "last.st", "--json")
    assert (last["step"], last["digest"]) == (ON_B, never_stopped(ON_B))

    built = told("build", "last.st", "--board", "microbit", "--infer-only", "--out", "small", "--json")
    model, x = load_model("last.st"), digits.x[120:150]
    assert built["network"]["fingerprint"] == model.network.fingerprint()
    assert built["network"]["packed"]
    codes = model.network.encode(x)
    with open_executor(model.network, "reference") as golden:
        golden.load_masters(model.masters, model.step, model.seed)
        wanted = golden.forward(codes)
    board = boards.load("microbit")
    with (
        boot(built["elf"], board) as process,
        open_executor(model.network, f"serial:{process.url}", keep=True) as small,
    ):
        assert isinstance(small, DeviceExecutor)
        assert not small.hello.trains
        found = small.forward(codes)
    assert hashlib.sha256(found.tobytes()).digest() == hashlib.sha256(wanted.tobytes()).digest()
