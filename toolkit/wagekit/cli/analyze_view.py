"""How `analyze` shows what it found: tables that fit the terminal, and what would fit the board."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from wagekit.cli.console import note, out, say, size, table

if TYPE_CHECKING:
    from rich.table import Table

    from wagekit.executors.cost import Cost
    from wagekit.toolchain.analysis import LayerBytes, Program

Row = tuple["Program", "Cost | None"]
_GAP = 2
"""Columns of blanks between two columns of a table."""


def kind(program: Program) -> str:
    """What a program does."""
    return f"training at batch {program.batch}" if program.training else "inference"


def _short(program: Program) -> str:
    return f"train, {program.batch}" if program.training else "inference"


def _instructions(program: Program, cost: Cost | None) -> str:
    if cost is not None:
        return f"{cost.instructions:,.0f}"
    return f"~{program.instructions:,}" if program.operations else "-"


def _verdict(program: Program) -> str:
    if program.fits:
        return "fits"
    return f"lacks {program.missing:,}" if program.missing else "cannot be"


def _flash(program: Program) -> str:
    return f"{'' if program.linked else '~'}{program.flash_bytes:,}"


def _bytes(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


def _grid(heads: Sequence[str], left: Sequence[str]) -> Table:
    """A table whose columns are never cut; all but those in `left` hold numbers."""
    grid = table()
    grid.padding = (0, _GAP, 0, 0)
    for head in heads:
        grid.add_column(Text(head), justify="left" if head in left else "right", no_wrap=True)
    return grid


Column = tuple[str, Callable[["Program", "Cost | None"], str]]
_COLUMNS: tuple[Column, ...] = (
    ("", lambda program, _: f"  {_short(program)}"),
    (" ", lambda program, _: _verdict(program)),
    ("RAM", lambda program, _: f"{program.ram_bytes:,}"),
    ("network", lambda program, _: f"{sum(program.network.values()):,}"),
    ("flash", lambda program, _: _flash(program)),
    ("stack", lambda program, _: _bytes(program.stack)),
    ("samples", lambda program, _: f"{program.samples:,}"),
    ("instructions", _instructions),
    ("longest slice", lambda _, cost: "-" if cost is None else f"{cost.longest.longest:,}"),
)
_FIRST_TO_GO = ("longest slice", "samples", "stack")
"""Columns that a narrow terminal does not show."""


def show_table(rows: list[Row]) -> None:
    """A line a program, under the name of its board."""
    lines = {name: [cell(*row) for row in rows] for name, cell in _COLUMNS}
    left_out = []
    for name in _FIRST_TO_GO:
        if sum(max(len(name), *map(len, cells)) + _GAP for name, cells in lines.items()) - _GAP <= out.width:
            break
        left_out.append(name)
        del lines[name]
    grid = _grid(list(lines), ("", " "))
    for number in range(len(rows)):
        grid.add_row(*(cells[number] for cells in lines.values()))
    # A board's name stands above its lines and beside nothing, so it needs no room in their columns.
    with out.capture() as shown:
        out.print(grid)
    head, *body = shown.get().rstrip("\n").split("\n")
    out.print(Text.from_ansi(head), soft_wrap=True)
    last = ""
    for line, (program, _) in zip(body, rows, strict=True):
        if program.board != last:
            last = program.board
            out.print(Text(last, style="bold"), soft_wrap=True)
        out.print(Text.from_ansi(line), soft_wrap=True)
    if left_out:
        note(f"not shown for lack of width: {', '.join(left_out)}")


def show_board(rows: list[Row]) -> None:
    """One column a program: RAM and flash by part, then RAM by layer, then instructions by operation."""
    programs = [program for program, _ in rows]
    heads = [_short(program) for program in programs]
    first = programs[0]
    say(f"{first.board}: flash {size(first.flash_size)}, RAM {size(first.ram_size)}; bytes")
    grid = _grid(["", *heads], ("",))
    grid.add_row("fits", *("yes" if program.fits else "no" for program in programs), style="bold")
    if not all(program.fits for program in programs):
        grid.add_row("  bytes missing", *(f"{p.missing:,}" if p.missing else "-" for p in programs))
    for key in dict.fromkeys(key for program in programs for key in program.ram):
        grid.add_row(
            f"RAM  {key.removesuffix(' sample')}", *(_bytes(program.ram.get(key)) for program in programs)
        )
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
    for program, cost in rows:
        if program.layers:
            _show_layers(program, cost)


def _show_layers(program: Program, cost: Cost | None) -> None:
    """The layers of a program: what each has of RAM, flash and instructions."""
    say(f"\n{kind(program)}, by layer (buffers share bytes: together {program.network['arena']:,})")
    heads = ["layer", "weights", "in RAM", "buffers", "flash", "instructions"]
    lines = [
        [
            layer.title.split(",")[0],
            f"{layer.weights:,}",
            _bytes(layer.masters),
            _bytes(sum(layer.buffers.values())),
            _bytes(layer.flash),
            _of_layer(program, cost, layer.index),
        ]
        for layer in program.layers
    ]
    more = [(layer.gradient or "", _largest(layer)) for layer in program.layers]
    width = sum(max(len(head), *(len(line[i]) for line in lines)) + _GAP for i, head in enumerate(heads))
    for i, head in enumerate(("gradient", "largest buffers")):
        taken = max(len(head), *(len(pair[i]) for pair in more))
        if width + taken > out.width:
            break
        width += taken + _GAP
        heads.append(head)
        for line, pair in zip(lines, more, strict=True):
            line.append(pair[i])
    grid = _grid(heads, ("layer", "gradient", "largest buffers"))
    for line in lines:
        grid.add_row(*line)
    out.print(grid)


def _largest(layer: LayerBytes) -> str:
    largest = sorted(layer.buffers.items(), key=lambda item: -item[1])[:2]
    return ", ".join(f"{name} {count:,}" for name, count in largest)


def _of_layer(program: Program, cost: Cost | None, index: int) -> str:
    """Instructions of the operations whose name ends in the layer's number."""
    if cost is not None:
        found = [op.instructions for op in cost.operations if op.name.endswith(f"_{index}")]
        return f"{sum(found):,.0f}"
    guessed = [count for name, count in program.operations.items() if name.endswith(f"_{index}")]
    return f"~{sum(guessed):,}"


def show_advice(programs: list[Program]) -> None:
    """What would fit, where something does not."""
    for program in programs:
        if program.fits:
            continue
        say(f"\n{program.board}, {kind(program)}: {program.reason}")
        if not program.advice:
            say("  no smaller batch, freezing or shrinking that was tried fits")
        for advice in program.advice:
            say(f"  fits with {advice.change}: {advice.ram:,} bytes of RAM")


def show_notes(rows: list[Row]) -> None:
    """What the marks stand for."""
    if any(program.fits and not program.linked for program, _ in rows):
        note("~ is an estimate: nothing was linked or run")
    elif any(cost is None for program, cost in rows if program.fits):
        note("~ is an estimate: it was not run")
