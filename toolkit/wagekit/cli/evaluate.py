"""`wagekit evaluate`: how well a model does."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from wagekit.cli import options as o
from wagekit.cli.console import out, print_json, table
from wagekit.errors import UsageError

EXAMPLE = "wagekit evaluate digits.safetensors --on qemu:mps2-an386"
PARTS = ("test", "train", "all")


def evaluate(
    model: o.ModelArgument,
    *,
    data: o.Data = None,
    on: o.On = "host",
    part: Annotated[str, typer.Option("--part", help="test, train or all.")] = "test",
    label: o.Label = None,
    baud: o.Baud = None,
    confusion: Annotated[bool, typer.Option("--confusion", help="Show which classes are mixed up.")] = False,
    json: o.Json = False,
) -> None:
    """Classify labelled samples with a model, anywhere it can run.

    Train and test part are those of the training that made the model.
    """
    from wagekit.cli.places import load_to_infer, open_place
    from wagekit.cli.sources import open_data, open_model, split_parts
    from wagekit.passes import compile_graph
    from wagekit.training import evaluate as classify
    from wagekit.training.data import encode

    if part not in PARTS:
        raise UsageError(f"--part {part}: one of {', '.join(PARTS)} is allowed")
    subject = open_model(model)
    net, source = subject.network, subject.source
    assert subject.model is not None
    dataset = open_data(net, data or (source.data if source else "digits"), label)
    if part != "all":
        split = {"seed": source.split_seed, "test_fraction": source.test_fraction} if source else {}
        beside = source.test if source and data is None else None
        train, test = split_parts(net, dataset, beside, label, **split)
        dataset = test if part == "test" else train
    samples = encode(net, dataset)
    with open_place(net, on, baud=baud, infer_only=True).executor as executor:
        load_to_infer(executor, subject.model)
        found = classify(
            executor, samples.x, samples.labels, log2_one=compile_graph(net, training=False).log2_one
        )
    if json:
        print_json(
            {
                "samples": found.samples,
                "correct": found.correct,
                "accuracy": found.accuracy,
                "loss": found.loss,
                "confusion": found.confusion,
                "classes": list(net.classes),
            }
        )
        return
    about = f"{found.correct:,} of {found.samples:,} samples of {samples.name} right"
    out.print(Text.assemble((f"{found.accuracy:.2%}", "bold"), f"  {about}, loss {found.loss:.4f}, on {on}"))
    if confusion:
        grid = table("label", *net.classes, right=tuple(net.classes))
        for name, row in zip(net.classes, found.confusion, strict=True):
            grid.add_row(Text(name), *(str(n) if n else "·" for n in row))
        out.print(grid)
