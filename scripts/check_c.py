"""Compile the C of the project without a warning: gcc and clang on the host, and the cross compiler.

Every board's whole firmware is compiled once for its core; models of several bit widths and shapes are
generated and compiled beside the static runtime, so that every type variant of a kernel is called.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from wagekit import Bits, Conv1d, Conv2d, Dense, Input, MaxPool, Network, boards
from wagekit.backends.mcu import plan_model, render_model
from wagekit.backends.neuro import MappingOptions, load_preset, map_graph
from wagekit.backends.neuro.render import render_chip
from wagekit.errors import WagekitError
from wagekit.passes import compile_graph
from wagekit.reference import initial_masters
from wagekit.spec import Layer
from wagekit.toolchain import cross
from wagekit.toolchain.firmware import generate_project
from wagekit.writer import firmware_files

ROOT = Path(__file__).resolve().parent.parent
STRICT = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror"]
HOST_COMPILERS = ("gcc", "clang")
WORKERS = 2


@dataclass(frozen=True)
class Job:
    """One file for one compiler."""

    label: str
    command: list[str]


@dataclass(frozen=True)
class Model:
    """A network to generate, and how."""

    net: Network
    batch: int = 3
    training: bool = True
    recompute: bool | None = None
    rows: int | None = None
    """Rows of the gradient that each layer stores; all activations are computed again then."""
    packed: bool = False
    max_slice: int | None = None
    built_in: bool = False
    label: str = field(default="", kw_only=True)


def _image(bits: Bits, *, relu: bool = True, frozen: bool = False) -> Network:
    layers: list[Layer] = [
        Conv2d(filters=4, kernel=3, padding="same", relu=relu, frozen=frozen),
        MaxPool(window=2),
        Conv2d(filters=5, kernel=(3, 2), stride=(1, 2), relu=relu),
        Dense(units=7, relu=relu),
        Dense(units=3),
    ]
    return Network(
        name="image",
        input=Input(shape=[9, 8, 2], encoding="unit"),
        classes=["a", "b", "c"],
        bits=bits,
        layers=layers,
    )


def _signal(bits: Bits) -> Network:
    layers: list[Layer] = [
        Conv1d(filters=6, kernel=5, stride=2),
        MaxPool(window=3),
        Dense(units=4),
    ]
    return Network(
        name="signal",
        input=Input(shape=[40, 3], encoding="unit"),
        classes=["a", "b", "c", "d"],
        bits=bits,
        layers=layers,
    )


def _few(bits: Bits, units: tuple[int, ...]) -> Network:
    return Network(
        name="few",
        input=Input(shape=[2], encoding="unit"),
        classes=[str(number) for number in range(units[-1])],
        bits=bits,
        layers=[Dense(units=count) for count in units],
    )


def models() -> Iterator[Model]:
    """Networks that between them use every type of master, error, raw error and gradient."""
    usual = Bits()
    wide = Bits(weights=4, activations=8, gradients=16, errors=16)
    yield Model(_image(usual), label="2-8-8-8")
    yield Model(_image(usual), recompute=True, built_in=True, label="2-8-8-8 recomputed, masters built in")
    yield Model(_image(usual), training=False, label="2-8-8-8 to infer only")
    yield Model(_image(usual, frozen=True), label="2-8-8-8 with a frozen layer")
    yield Model(_image(wide), label="4-8-16-16")
    yield Model(_image(wide), recompute=True, label="4-8-16-16 recomputed")
    yield Model(_image(usual), max_slice=1000, label="2-8-8-8 in bounded slices")
    yield Model(_image(wide), recompute=True, max_slice=1000, label="4-8-16-16 recomputed in bounded slices")
    yield Model(_image(usual), rows=2, label="2-8-8-8 with tiles and activations computed again")
    yield Model(
        _image(wide), rows=2, max_slice=1000, label="4-8-16-16 with tiles and so on in bounded slices"
    )
    yield Model(_image(usual), batch=1, rows=1, label="2-8-8-8 with tiles and so on for one sample")
    yield Model(_image(Bits(weights=8, activations=8, gradients=16, errors=16)), batch=200, label="8-8-16-16")
    yield Model(_image(Bits(weights=2, activations=2, gradients=8, errors=2), relu=False), label="2-2-8-2")
    yield Model(_image(Bits(weights=3, activations=5, gradients=7, errors=12)), label="3-5-7-12")
    yield Model(_image(usual), batch=1, label="2-8-8-8 for one sample")
    yield Model(_image(usual), batch=1, training=False, label="2-8-8-8 to infer one sample")
    yield Model(_image(usual), training=False, built_in=True, packed=True, label="2-8-8-8 packed")
    yield Model(_image(wide), training=False, built_in=True, packed=True, label="4-8-16-16 packed")
    frozen = {"packed": True, "built_in": True}
    for bits, name in ((usual, "2-8-8-8"), (wide, "4-8-16-16")):
        net = _image(bits, frozen=True)
        yield Model(net, **frozen, label=f"{name} with a frozen layer in flash")
        yield Model(net, **frozen, batch=1, label=f"{name} for one sample, a frozen layer in flash")
    yield Model(
        _image(usual, frozen=True), **frozen, max_slice=1000, label="2-8-8-8 frozen, in bounded slices"
    )
    yield Model(_image(wide), batch=1, label="4-8-16-16 for one sample")
    yield Model(_signal(usual), batch=1, label="signal")
    # The smallest arrays there are: a compiler that is wrong about bounds is wrong there.
    for units in ((3,), (1, 3), (2, 1, 2), (1, 3, 2)):
        for training in (True, False):
            kind = "learning" if training else "inferring"
            yield Model(
                _few(usual, units), batch=1, training=training, label=f"dense {units} {kind} one sample"
            )


def includes(folder: Path) -> list[str]:
    """Include options of a generated project."""
    return [f"-I{folder / name}" for name in ("include", "generated", "board", "board/common")]


def host_jobs(folder: Path, files: list[Path], label: str) -> Iterator[Job]:
    """The files for both host compilers."""
    for compiler in HOST_COMPILERS:
        for file in files:
            command = [compiler, *STRICT, *includes(folder), "-c", str(file), "-o", "/dev/null"]
            yield Job(f"{compiler}: {label}: {file.relative_to(folder)}", command)


def arm_jobs(folder: Path, board: boards.Board, files: list[Path], label: str) -> Iterator[Job]:
    """The files for a board's core, with the flags that firmware is built with."""
    compiler = f"{cross.find_compiler().prefix}gcc"
    for file in files:
        flags = [*board.flags, board.optimise, *cross.C_FLAGS, *STRICT, *includes(folder)]
        yield Job(
            f"{board.name}: {label}: {file.relative_to(folder)}",
            # To a file, not to /dev/null: what -fstack-usage says is written beside it.
            [compiler, *flags, "-c", str(file), "-o", f"{file}.{board.name}.o"],
        )


def runtime_jobs(work: Path) -> Iterator[Job]:
    """The whole firmware of each board for its core, and what is not the board's on the host.

    Of boards that the compiler is told the same of, what is not the board's is compiled once.
    """
    net = _signal(Bits())
    seen: set[tuple[str, ...]] = set()
    for name in boards.available():
        board = boards.load(name)
        folder = work / name
        generate_project(net, board, folder)
        sources = sorted([*folder.rglob("*.c"), *folder.rglob("*.S")])
        core = (*board.flags, board.optimise)
        own = [file for file in sources if file.is_relative_to(folder / "board")]
        yield from arm_jobs(folder, board, own if core in seen else sources, "firmware")
        seen.add(core)
        if name == boards.available()[0]:
            portable = [file for file in sources if "board" not in file.relative_to(folder).parts]
            yield from host_jobs(folder, portable, "firmware")


def model_jobs(work: Path) -> Iterator[Job]:
    """The generated code of each sample network, for a small core, a large one and the host."""
    cores = [boards.load("microbit"), boards.load("mps2-an386")]
    base = work / "mps2-an386"
    for number, model in enumerate(models()):
        graph = compile_graph(model.net, model.batch, training=model.training)
        plan = plan_model(
            graph,
            recompute=model.recompute,
            stored_rows=None if model.rows is None else {layer.index: model.rows for layer in graph.layers},
            recompute_activations=None if model.rows is None else range(len(graph.layers) - 1),
            packed=model.packed,
            max_slice=model.max_slice,
        )
        masters = initial_masters(graph, 1) if model.built_in else None
        folder = work / f"model-{number}"
        (folder / "generated").mkdir(parents=True)
        (folder / "include").symlink_to(base / "include")
        for name, text in render_model(plan, masters).items():
            (folder / "generated" / name).write_text(text, encoding="utf-8")
        files = sorted((folder / "generated").glob("*.c"))
        yield from host_jobs(folder, files, model.label)
        for board in cores:
            yield from arm_jobs(folder, board, files, model.label)


def example_jobs(work: Path) -> Iterator[Job]:
    """The firmwares of the examples, on the board that comes first in their documentation."""
    board = boards.load("mps2-an386")
    for network in sorted((ROOT / "examples").glob("*/network.toml")):
        sources = {file.name: file.read_text("utf-8") for file in sorted(network.parent.glob("*.[ch]"))}
        folder = work / network.parent.name
        generate_project(Network.load(network), board, folder, app="none", sources=sources)
        yield from arm_jobs(folder, board, sorted((folder / "app").glob("*.c")), "example")


def neuro_jobs(work: Path) -> Iterator[Job]:
    """The cores of a mesh, ideal and imperfect: every layout, type of number and way of summing."""
    usual, wide = Bits(), Bits(weights=4, activations=8, gradients=16, errors=16)
    chip = load_preset("tianjic-train")
    cases = [
        (_image(usual), True, MappingOptions()),
        (_image(usual), False, MappingOptions(axons=20, neurons=3)),
        (_image(wide), True, MappingOptions(axons=20, neurons=3, gradient="recomputed")),
        (_image(usual, relu=False), True, MappingOptions(axons=20, neurons=3, reduction="chain")),
        (_image(usual), True, MappingOptions(axons=40, neurons=40, convolution="unrolled")),
        (_image(wide, frozen=True), True,
         MappingOptions(axons=40, neurons=40, convolution="unrolled", gradient="recomputed")),
        (_signal(Bits(weights=8, activations=8, gradients=16, errors=16)), True, MappingOptions(axons=9)),
    ]  # fmt: skip
    both = [(*case, imperfect) for case in cases for imperfect in (False, True)]
    for number, (net, training, options, imperfect) in enumerate(both):
        folder = work / f"neuro-{number}"
        headers = {
            name: text
            for name, text in firmware_files(("include/wagekit", "src/train")).items()
            if name.endswith(".h")
        }
        mapping = map_graph(compile_graph(net, 400, training=training), chip, options)
        for name, text in {**headers, **render_chip(mapping, imperfect)}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        for file in sorted(folder.glob("*.c")):
            for compiler in HOST_COMPILERS:
                where = [f"-I{folder / name}" for name in ("", "include", "src/train")]
                command = [compiler, *STRICT, *where, "-c", str(file), "-o", "/dev/null"]
                yield Job(f"{compiler}: cores {number}: {file.name}", command)


def run(job: Job) -> str | None:
    """The compiler's words if it had any."""
    done = subprocess.run(job.command, capture_output=True, text=True, timeout=300, check=False)
    words = (done.stdout + done.stderr).strip()
    return f"{job.label}\n{words}" if done.returncode or words else None


def main() -> int:
    """Compile everything; 1 if a compiler said something."""
    with tempfile.TemporaryDirectory(prefix="wagekit-check-") as temporary:
        work = Path(temporary)
        try:
            jobs = [*runtime_jobs(work), *model_jobs(work), *example_jobs(work), *neuro_jobs(work)]
        except WagekitError as error:
            print(f"check_c: {error.message}", error.hint or "", file=sys.stderr)
            return 1
        with ThreadPoolExecutor(WORKERS) as pool:
            complaints = [words for words in pool.map(run, jobs) if words]
    for words in complaints:
        print(words, file=sys.stderr)
    print(f"check_c: {len(jobs)} compilations, {len(complaints)} with complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
