"""`wagekit analyze`: what a network needs on a board, before anything is flashed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wagekit.cli import options as o
from wagekit.cli.console import note, out, print_json, say, size, table
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
        _show_table(rows)
    else:
        _show_board(rows)
    _show_advice([program for program, _ in rows])
    _show_notes(rows)


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

    masters = subject.model.masters if subject.model else None
    return analyse(subject.network, board, training=training, batch=batch, masters=masters, compiled=compiled)


def _cost(
    subject: Subject, board: Board, program: Program, where: tuple[str | None, str | None]
) -> Cost | None:
    """Counted instructions; None where the board is not emulated, or it would take too long."""
    from wagekit.executors.cost import measure_cost

    batches = SAMPLES if program.training else SAMPLES * 4
    if not program.fits or board.qemu is None or program.instructions * program.batch * batches > MOST:
        return None
    note(f"counting on {board.name}, {_kind(program)} ...")
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


# What people see.


def _kind(program: Program) -> str:
    return f"training at batch {program.batch}" if program.training else "inference"


def _instructions(program: Program, cost: Cost | None) -> str:
    if cost is not None:
        return f"{cost.instructions:,.0f}"
    return f"~{program.instructions:,}" if program.operations else "-"


def _verdict(program: Program) -> str:
    if program.fits:
        return "fits"
    return f"{program.missing:,} bytes missing" if program.missing else "cannot be"


def _flash(program: Program) -> str:
    return f"{'' if program.linked else '~'}{program.flash_bytes:,}"


def _show_table(rows: list[tuple[Program, Cost | None]]) -> None:
    heads = ("RAM", "network", "flash", "stack", "samples", "instructions", "longest slice")
    grid = table("board", "", "", *heads, right=heads)
    last = ""
    for program, cost in rows:
        name = program.board if program.board != last else ""
        last = program.board
        grid.add_row(
            name,
            _kind(program),
            _verdict(program),
            f"{program.ram_bytes:,}",
            f"{sum(program.network.values()):,}",
            _flash(program),
            "-" if program.stack is None else f"{program.stack:,}",
            f"{program.samples:,}",
            _instructions(program, cost),
            "-" if cost is None else f"{cost.longest.longest:,} ({cost.longest.name})",
        )
    out.print(grid)


def _show_board(rows: list[tuple[Program, Cost | None]]) -> None:
    """One column a program: RAM and flash by part, then RAM by layer, then instructions by operation."""
    programs = [program for program, _ in rows]
    heads = [_kind(program) for program in programs]
    first = programs[0]
    say(f"{first.board}: flash {size(first.flash_size)}, RAM {size(first.ram_size)}")
    grid = table("", *heads, right=tuple(heads))
    grid.add_row("", *(_verdict(program) for program in programs))
    for key in dict.fromkeys(key for program in programs for key in program.ram):
        grid.add_row(f"RAM  {key}", *(_bytes(program.ram.get(key)) for program in programs))
    grid.add_row("RAM  in all", *(_bytes(program.ram_bytes) for program in programs), style="bold")
    grid.add_row("  samples it could store", *(f"{program.samples:,}" for program in programs))
    grid.add_row("  deepest stack", *(_bytes(program.stack) for program in programs))
    for key in dict.fromkeys(key for program in programs for key in program.flash):
        marks = ["~" if key == "code" and not program.linked else "" for program in programs]
        cells = [_bytes(program.flash.get(key)) for program in programs]
        grid.add_row(f"flash  {key}", *(mark + cell for mark, cell in zip(marks, cells, strict=True)))
    grid.add_row("flash  in all", *(_flash(program) for program in programs), style="bold")
    for key in dict.fromkeys(key for program in programs for key in program.sections):
        grid.add_row(f"  section {key}", *(_bytes(program.sections.get(key)) for program in programs))
    grid.add_row("instructions a sample", *(_instructions(p, c) for p, c in rows), style="bold")
    grid.add_row("longest slice", *("-" if c is None else f"{c.longest.longest:,}" for _, c in rows))
    grid.add_row("  of operation", *("-" if c is None else c.longest.name for _, c in rows))
    out.print(grid)
    _show_layers(rows)


def _show_layers(rows: list[tuple[Program, Cost | None]]) -> None:
    """The layers of every program: what each has of RAM, flash and instructions."""
    for program, cost in rows:
        if not program.layers:
            continue
        heads = ("weights", "RAM weights", "RAM buffers", "flash", "instructions")
        say(f"\n{_kind(program)}, by layer (buffers share bytes: together {program.network['arena']:,})")
        grid = table("layer", *heads, "largest buffers", "gradient", right=heads)
        for layer in program.layers:
            largest = sorted(layer.buffers.items(), key=lambda item: -item[1])[:3]
            grid.add_row(
                layer.title.split(",")[0],
                f"{layer.weights:,}",
                _bytes(layer.masters),
                _bytes(sum(layer.buffers.values())),
                _bytes(layer.flash),
                _of_layer(program, cost, layer.index),
                ", ".join(f"{name} {count:,}" for name, count in largest),
                layer.gradient or "",
            )
        out.print(grid)


def _of_layer(program: Program, cost: Cost | None, index: int) -> str:
    """Instructions of the operations whose name ends in the layer's number."""
    if cost is not None:
        found = [op.instructions for op in cost.operations if op.name.endswith(f"_{index}")]
        return f"{sum(found):,.0f}"
    guessed = [count for name, count in program.operations.items() if name.endswith(f"_{index}")]
    return f"~{sum(guessed):,}"


def _bytes(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


def _show_advice(programs: list[Program]) -> None:
    for program in programs:
        if program.fits:
            continue
        say(f"\n{program.board}, {_kind(program)}: {program.reason}")
        if not program.advice:
            say("  no smaller batch, freezing or shrinking that was tried fits")
        for advice in program.advice:
            say(f"  fits with {advice.change}: {advice.ram:,} bytes of RAM")


def _show_notes(rows: list[tuple[Program, Cost | None]]) -> None:
    if any(program.fits and not program.linked for program, _ in rows):
        note("~ is an estimate: nothing was linked or run")
    elif any(cost is None for program, cost in rows if program.fits):
        note("~ is an estimate: it was not run")
