"""`wagekit analyze`: what a network needs on a board, before anything is flashed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wagekit.cli import options as o
from wagekit.cli.console import note, print_json
from wagekit.errors import UsageError

if TYPE_CHECKING:
    from wagekit.boards import Board
    from wagekit.cli.sources import Subject
    from wagekit.executors.cost import Cost
    from wagekit.toolchain.analysis import Program

EXAMPLE = "wagekit analyze digits --board netduinoplus2 --batch 1,8,32"
SAMPLES = 6
"""Batches that are run to count instructions."""
MOST = 400_000_000
"""Instructions of a count that is not worth waiting for: then the estimate stands."""


def analyze(
    network: o.NetworkArgument,
    *,
    board: o.BoardOption = "mps2-an386",
    all_boards: Annotated[bool, typer.Option("--all", help="All packaged boards, as a table.")] = False,
    batch: Annotated[
        str, typer.Option("--batch", metavar="SIZES", help="Batches to learn, as 1,8,32.")
    ] = "1,8,32",
    data: o.Data = None,
    label: o.Label = None,
    estimate: Annotated[
        bool,
        typer.Option("--estimate", help="Compile and run nothing: code and instructions are estimates."),
    ] = False,
    json: o.Json = False,
) -> None:
    """Tell what inference and training need on a board: RAM and flash by part and layer, instructions
    a sample, the longest slice, and what to change where it does not fit.
    """
    from wagekit import boards
    from wagekit.cli import analyze_view as view
    from wagekit.cli.sources import open_subject

    batches = _batches(batch)
    subject = open_subject(network)
    names = boards.available() if all_boards else [board]
    compiled = not estimate and _have_compiler()
    counted = compiled and _have_emulator()
    rows = []
    for name in names:
        target = boards.load(name)
        for training, count in [(False, 1), *((True, count) for count in batches)]:
            program = _program(subject, target, training, count, compiled)
            cost = _cost(subject, target, program, (data, label)) if counted else None
            rows.append((program, cost))
    if json:
        print_json([_to_dict(program, cost) for program, cost in rows])
        return
    if all_boards:
        view.show_table(rows)
    else:
        view.show_board(rows)
    view.show_advice([program for program, _ in rows])
    view.show_notes(rows)


def _batches(text: str) -> list[int]:
    try:
        batches = [int(item) for item in text.split(",")]
    except ValueError:
        batches = []
    if not batches or min(batches) < 1:
        raise UsageError(f"--batch {text}: whole numbers from 1 on are allowed, as in 1,8,32")
    return sorted(set(batches))


def _have_compiler() -> bool:
    from wagekit.errors import ToolError
    from wagekit.toolchain.cross import find_compiler

    try:
        find_compiler()
    except ToolError as error:
        note(f"{error.message}: code and instructions are estimates")
        return False
    return True


def _have_emulator() -> bool:
    import shutil

    from wagekit.toolchain.qemu import PROGRAM

    if shutil.which(PROGRAM) is None:
        note(f"{PROGRAM} is not installed: instructions are estimates")
        return False
    return True


def _program(subject: Subject, board: Board, training: bool, batch: int, compiled: bool) -> Program:
    from wagekit.toolchain.analysis import analyse

    net, masters = subject.network, subject.masters
    return analyse(net, board, training=training, batch=batch, masters=masters, compiled=compiled)


def _cost(
    subject: Subject, board: Board, program: Program, where: tuple[str | None, str | None]
) -> Cost | None:
    """Counted instructions; None where the board is not emulated, or it would take too long."""
    from wagekit.cli.analyze_view import kind
    from wagekit.executors.cost import measure_cost

    batches = SAMPLES if program.training else SAMPLES * 4
    if not program.fits or board.qemu is None or program.instructions * program.batch * batches > MOST:
        return None
    note(f"counting on {board.name}, {kind(program)} ...")
    codes, labels = _samples(subject, batches * program.batch, where)
    return measure_cost(subject.network, board, codes, labels, training=program.training, batch=program.batch)


def _samples(subject: Subject, count: int, where: tuple[str | None, str | None]) -> tuple[Any, Any]:
    """Codes and labels: of the data that were asked for, or noise that says so."""
    import numpy as np

    from wagekit.cli.sources import open_data

    net = subject.network
    what, label = where
    if what is None and net.input.shape == (8, 8, 1):
        what = "digits"
    if what is None:
        generator = np.random.default_rng(net.seed)
        limit = (1 << (net.bits.activations - 1)) - 1
        codes = generator.integers(0, limit + 1, (count, *net.input.shape)).astype(np.int8)
        return codes, generator.integers(0, len(net.classes), count)
    found = open_data(net, what, label)
    take = np.arange(count) % len(found.labels)
    return net.encode(found.x[take]), found.labels[take]


def _to_dict(program: Program, cost: Cost | None) -> dict[str, Any]:
    return program.to_dict() | {
        "estimated_instructions": program.instructions,
        "counted": cost.to_dict() if cost else None,
    }
