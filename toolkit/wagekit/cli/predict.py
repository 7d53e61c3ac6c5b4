"""`wagekit predict`: what a model says of single samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.text import Text

from wagekit.cli import options as o
from wagekit.cli.console import out, print_json
from wagekit.errors import DataError, UsageError
from wagekit.monitor.chart import bar

if TYPE_CHECKING:
    from wagekit.datasets import Dataset
    from wagekit.spec import Network

EXAMPLE = "wagekit predict digits.safetensors --sample 7 --sample 42"
_SHADES = " ░▒▓█"
_WIDEST = 40


def predict(
    model: o.ModelArgument,
    *,
    sample: Annotated[
        list[int] | None,
        typer.Option("--sample", metavar="N", help="A sample of the data by its number, from 0; repeatable."),
    ] = None,
    values: Annotated[
        str | None,
        typer.Option(
            "--values", metavar="LIST", help="Raw values of one sample, separated by commas or blanks."
        ),
    ] = None,
    data: o.Data = None,
    on: o.On = "host",
    label: o.Label = None,
    baud: o.Baud = None,
    json: o.Json = False,
) -> None:
    """Classify single samples, and show how sure the network is."""
    from wagekit.cli.places import load_to_infer, open_place
    from wagekit.cli.sources import open_data, open_model
    from wagekit.passes import compile_graph
    from wagekit.training import predict as classes_of

    if (values is None) == (not sample):
        raise UsageError("give samples by --sample N or by --values LIST, one of the two")
    subject = open_model(model)
    net = subject.network
    assert subject.model is not None
    if values is not None:
        truths: list[str | None] = [None]
        raw, names = _typed(net, values), ["values"]
    else:
        spec = data or (subject.source.data if subject.source else "digits")
        dataset = open_data(net, spec, label)
        raw, truths = _chosen(net, dataset, sample or [])
        names = [f"{dataset.name} {number}" for number in sample or []]
    codes = net.encode(raw)
    with open_place(net, on, baud=baud, infer_only=True).executor as executor:
        load_to_infer(executor, subject.model)
        logits = executor.forward(codes)
    one = 2.0 ** compile_graph(net, training=False).log2_one
    predicted = classes_of(logits)
    if json:
        print_json(
            [
                {
                    "sample": name,
                    "class": net.classes[predicted[i]],
                    "label": truth,
                    "logits": [int(v) for v in logits[i]],
                    "outputs": [float(v / one) for v in logits[i]],
                }
                for i, (name, truth) in enumerate(zip(names, truths, strict=True))
            ]
        )
        return
    for i, (name, truth) in enumerate(zip(names, truths, strict=True)):
        show_sample(net, name, truth, codes[i], logits[i] / one)


def _typed(net: Network, values: str) -> NDArray[Any]:
    """Values from the command line: one sample, whole numbers unless one is not."""
    words = values.replace(",", " ").split()
    try:
        numbers = np.array([float(word) for word in words])
    except ValueError as error:
        raise DataError(
            f"--values: {str(error).removeprefix('could not convert string to float: ')} is no number"
        ) from error
    size = int(np.prod(net.input.shape))
    if len(numbers) != size:
        raise DataError(f"--values: {len(numbers)} values, but network '{net.name}' takes {size}")
    whole = numbers.astype(np.int64)
    return (whole if np.array_equal(whole, numbers) else numbers)[np.newaxis]


def _chosen(net: Network, dataset: Dataset, numbers: list[int]) -> tuple[NDArray[Any], list[str | None]]:
    from wagekit.training.data import encode

    for number in numbers:
        if not 0 <= number < len(dataset):
            raise UsageError(f"--sample {number}: {dataset.name} has samples 0..{len(dataset) - 1}")
    chosen = dataset.take(np.array(numbers, np.int64))
    encode(net, chosen)
    return chosen.x.reshape(len(chosen), -1), [net.classes[int(n)] for n in chosen.labels]


def show_sample(
    net: Network, name: str, truth: str | None, codes: NDArray[np.int8], outputs: NDArray[np.float64]
) -> None:
    """The sample as a picture where it is one, and a bar for each class, the likeliest first."""
    order = np.argsort(-outputs, kind="stable")
    best = net.classes[int(order[0])]
    verdict = Text.assemble((name, "dim"), "  ", (best, "bold"))
    if truth is not None:
        verdict.append(f"  label {truth}", style="green" if truth == best else "bold red")
    out.print(verdict)
    bars = [
        Text.assemble(
            f"{net.classes[int(k)]:>12.12} ", (bar(float(outputs[k]), 20), "cyan"), f" {outputs[k]:6.2f}"
        )
        for k in order[:8]
    ]
    picture = _picture(codes)
    for i in range(max(len(bars), len(picture))):
        left = picture[i] if i < len(picture) else " " * (len(picture[0]) if picture else 0)
        right = bars[i] if i < len(bars) else Text()
        out.print(Text.assemble("  ", left, "  ", right))
    out.print()


def _picture(codes: NDArray[np.int8]) -> list[str]:
    """Rows of a one-channel image, two characters a pixel; one row for what has no rows, if it is short."""
    if max(codes.shape) > _WIDEST or (codes.ndim == 3 and codes.shape[2] != 1):
        return []
    pixels = (codes[..., 0] if codes.ndim == 3 else codes.reshape(len(codes), -1).T).astype(np.int64)
    low, high = int(pixels.min()), int(pixels.max())
    levels = (pixels - low) * len(_SHADES) // max(high - low + 1, 1)
    return ["".join(_SHADES[v] * 2 for v in row) for row in levels]
