"""`wagekit export`: a recording as tables, or a network as a library for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wagekit.cli import options as o
from wagekit.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from wagekit.cli.sources import Subject
    from wagekit.toolchain.exports import Sample

EXAMPLE = """wagekit export run.jsonl --as csv

wagekit export run.jsonl --as tensorboard --out logs

wagekit export digits.safetensors --as cmake --infer-only

wagekit export digits.safetensors --as platformio --out lib/digits

wagekit export digits.safetensors --as arduino --out ~/Arduino/libraries/wagekit-digits

wagekit export digits.safetensors --as zephyr --batch 8

wagekit export digits.safetensors --as cmsis-pack --library-version 1.2.0"""
TABLES = ("csv", "tensorboard")
LIBRARIES = ("cmake", "platformio", "arduino", "zephyr", "cmsis-pack")

LOOKED_AT = 256
"""Test samples among which one is looked for that is classified rightly."""


def export(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A recording (--events FILE or --report FOLDER has made it), or a network: a model, a "
            "network.toml, or one that ships.",
            show_default=False,
        ),
    ],
    *,
    form: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="FORMAT",
            help="Of a recording csv or tensorboard; of a network cmake, platformio, arduino, zephyr or "
            "cmsis-pack.",
            show_default=False,
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="Where to. By default NAME-FORMAT.", show_default=False),
    ] = None,
    infer_only: Annotated[
        bool, typer.Option("--infer-only", help="A library that does not learn: less RAM and flash.")
    ] = False,
    batch: Annotated[
        int | None,
        typer.Option("--batch", min=1, help="Most samples that a library learns at once. By default 1."),
    ] = None,
    plan: Annotated[
        str | None,
        typer.Option("--plan", help="fastest, smallest, or plain (slow, simple). By default fastest."),
    ] = None,
    ram: Annotated[
        int | None,
        typer.Option(
            "--ram", min=1, metavar="BYTES", help="Most RAM that the network of a library may take."
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DATA",
            help="Where a library's example has its sample from; random draws one. By default what the model "
            "learned from.",
            show_default=False,
        ),
    ] = None,
    label: o.Label = None,
    sample: Annotated[
        int | None,
        typer.Option(
            "--sample",
            min=0,
            metavar="N",
            help="Which of the test samples. By default the first that it gets right.",
        ),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option("--library-version", metavar="X.Y.Z", help="Of a library. By default 1.0.0."),
    ] = None,
    author: Annotated[
        str | None, typer.Option("--author", metavar="NAME", help="Who publishes a library.")
    ] = None,
    url: Annotated[str | None, typer.Option("--url", metavar="URL", help="A library's home page.")] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv", metavar="FOLDER", help="Write a recording's tables there: as --as csv --out FOLDER."
        ),
    ] = None,
    tensorboard: Annotated[
        Path | None,
        typer.Option(
            "--tensorboard",
            metavar="FOLDER",
            help="Write event files there: as --as tensorboard --out FOLDER.",
        ),
    ] = None,
    source: o.Source = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    json: o.Json = False,
) -> None:
    """Make tables of a recording, or of a network a library that other tools take as it is.

    A library holds the network with its weights, the runtime, an example that checks itself, and the
    license. It learns, unless --infer-only is given.
    """
    of_network: dict[str, Any] = {
        "--infer-only": infer_only or None,
        "--batch": batch,
        "--plan": plan,
        "--ram": ram,
        "--data": data,
        "--label": label,
        "--sample": sample,
        "--library-version": version,
        "--author": author,
        "--url": url,
    }
    of_recording: dict[str, Any] = {"--csv": csv, "--tensorboard": tensorboard, "--source": source}
    if form in LIBRARIES:
        _refuse(of_recording, f"--as {form}")
        _library(subject, form, folder, of_network, force=force, json=json)
    elif form is None or form in TABLES:
        _refuse(of_network, "a recording" if form is None else f"--as {form}")
        if form is not None and (csv or tensorboard):
            raise UsageError(f"--as {form} goes with --out FOLDER, not with --csv or --tensorboard")
        if form is None and folder is not None:
            raise UsageError("--out FOLDER goes with --as FORMAT")
        recording = Path(subject)
        place = folder or Path(f"{recording.name.partition('.')[0]}-{form}")
        _tables(
            recording,
            place if form == "csv" else csv,
            place if form == "tensorboard" else tensorboard,
            source,
            force=force,
            json=json,
        )
    else:
        raise UsageError(f"--as {form}: {', '.join((*TABLES, *LIBRARIES))} are allowed")


def _refuse(options: dict[str, Any], what: str) -> None:
    """`UsageError` for an option that was given but has no meaning for what is asked."""
    for name, value in options.items():
        if value is not None:
            raise UsageError(f"{name} does not go with {what}")


def _tables(
    recording: Path,
    csv: Path | None,
    tensorboard: Path | None,
    source: str | None,
    *,
    force: bool,
    json: bool,
) -> None:
    """A recording as CSV tables, event files for TensorBoard, or both."""
    from wagekit.cli.console import print_json, say
    from wagekit.cli.recordings import of_source, open_recording
    from wagekit.monitor import iter_events
    from wagekit.monitor.export import write_csv, write_tensorboard

    if csv is None and tensorboard is None:
        raise UsageError(
            "nothing to write", hint=f"give --as FORMAT: {', '.join((*TABLES, *LIBRARIES))}; or --csv FOLDER"
        )
    open_recording(recording, source)  # its mistakes, before anything is written
    written: list[Path] = []
    if csv is not None:
        written += write_csv(csv, of_source(iter_events(recording), source), replace=force)
    if tensorboard is not None:
        events = of_source(iter_events(recording), source)
        written += write_tensorboard(tensorboard, events, replace=force)
    if json:
        print_json({"written": [str(path) for path in written]})
        return
    for path in written:
        say(f"wrote {path}")


def _library(
    what: str, form: str, folder: Path | None, given: dict[str, Any], *, force: bool, json: bool
) -> None:
    """A network as a library for one tool."""
    import json as json_module

    from wagekit.cli.console import print_json, say
    from wagekit.cli.sources import open_subject
    from wagekit.toolchain.exports import FORMATS, ExportOptions, export_library

    subject = open_subject(what)
    net, model = subject.network, subject.model
    chosen = {
        "batch": given["--batch"],
        "prefer": given["--plan"],
        "memory_limit": given["--ram"],
        "version": given["--library-version"],
        "author": given["--author"],
        "url": given["--url"],
    }
    options = ExportOptions(
        learning=not given["--infer-only"], **{k: v for k, v in chosen.items() if v is not None}
    )
    place = folder or Path(f"{net.name}-{form}")
    path = export_library(
        net,
        place,
        form,
        _sample(subject, given["--data"], given["--label"], given["--sample"]),
        masters=subject.masters,
        step=model.step if model else 0,
        seed=model.seed if model else None,
        options=options,
        force=force,
    )
    manifest = json_module.loads(path.read_text(encoding="utf-8"))
    if json:
        print_json(manifest | {"folder": str(place)})
        return
    example = manifest["example"]
    say(f"library  {place}: {FORMATS[form].title}, {len(manifest['files'])} files")
    say(f"RAM      {manifest['model']['bytes']:,}")
    say(f"flash    {manifest['model']['flash']:,} for weights")
    learned = f", {example['learned_class']} after learning" if options.learning else ""
    say(f"example  {example['sample']}: {example['class']}{learned}")
    say("read     ", str(place / "README.md"))


def _sample(subject: Subject, data: str | None, label: str | None, number: int | None) -> Sample:
    """The sample of the example: of the data's test part, or drawn."""
    from wagekit.cli.sources import both_parts, open_data, split_parts
    from wagekit.errors import DataError
    from wagekit.toolchain.exports import Sample
    from wagekit.training.data import encode

    net, source = subject.network, subject.source
    known = source.data if source and source.data != "-" else "random"
    spec = data or known
    if spec == "random":
        _, (codes, labels) = both_parts(net, spec, None, net.seed)
        name, kind = "random", "sample"
    else:
        split = {"seed": source.split_seed, "test_fraction": source.test_fraction} if source else {}
        try:
            dataset = open_data(net, spec, label)
            beside = source.test if source and not data else None
            _, test = split_parts(net, dataset, beside, label, **split)
        except DataError as error:
            hint = "name the data by --data DATA, or let a sample be drawn: --data random"
            raise DataError(error.message, hint=error.hint if data else hint) from error
        samples = encode(net, test)
        codes, labels, name, kind = samples.x, samples.labels, Path(dataset.name).name, "test sample"
    if number is None:
        number = _first_right(subject, codes, labels)
    if number >= len(codes):
        raise UsageError(f"--sample {number}: {name} has {kind}s 0..{len(codes) - 1}")
    return Sample(codes[number], int(labels[number]), f"{kind} {number} of {name}")


def _first_right(subject: Subject, codes: NDArray[np.int8], labels: NDArray[np.int64]) -> int:
    """The first of some samples that the network classifies rightly; 0 if there is none."""
    from wagekit.executors import open_executor

    few = slice(0, LOOKED_AT)
    with open_executor(subject.network, "reference") as executor:
        if subject.masters is not None:
            executor.load_masters(subject.masters)
        right = executor.forward(codes[few]).argmax(axis=1) == labels[few]
    return int(right.argmax())
