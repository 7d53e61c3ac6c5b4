"""Arguments and options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

NetworkArgument = Annotated[
    str,
    typer.Argument(
        metavar="NETWORK",
        help="A network.toml, a folder with one, a model (.safetensors), or one that ships: "
        "digits, digits-tiny.",
        show_default=False,
    ),
]
ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="A model that train or run has saved.", show_default=False)
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="DATA",
        help="digits, a folder with IDX files (like MNIST), a .csv, .npz or IDX file, or - for lines of "
        "CSV on stdin, learned as they come. By default what the model learned from, else digits.",
        show_default=False,
    ),
]
Label = Annotated[
    str | None,
    typer.Option("--label", metavar="COLUMN", help="Label column of a CSV file, by name or index."),
]
On = Annotated[
    str,
    typer.Option(
        "--on", metavar="PLACE", help="reference, host, qemu:BOARD, unicorn, serial:PORT or neuro:PRESET."
    ),
]
DEFAULT_BATCH = 8
Batch = Annotated[int, typer.Option("--batch", min=1, help="Samples in one step of learning.")]
Epochs = Annotated[
    float | None, typer.Option("--epochs", min=0, help="Passes over the training samples. By default 6.")
]
Steps = Annotated[int | None, typer.Option("--steps", min=0, help="Steps to learn, instead of --epochs.")]
ScheduleOption = Annotated[
    str,
    typer.Option(
        "--schedule",
        metavar="RATES",
        help="Powers of two by epoch, '0:3,40:0,60:-3'; by share, '0:3,50%:2'; one number; "
        "or a name: default, paper.",
    ),
]
RuleOption = Annotated[
    str,
    typer.Option("--rule", help="paper, or error_scaled for small batches that go on and on."),
]
RuleByBatch = Annotated[
    str | None,
    typer.Option(
        "--rule",
        help="paper, or error_scaled for small batches that go on and on. "
        "By default error_scaled at batch 1, else paper.",
        show_default=False,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        min=0,
        max=2**32 - 1,
        help="Of initial weights, updates and order of samples. By default the network's.",
        show_default=False,
    ),
]
TestFraction = Annotated[
    float, typer.Option("--test-fraction", help="Share of the samples kept for testing.")
]
TestLimit = Annotated[
    int | None,
    typer.Option("--test-limit", min=1, metavar="N", help="Classify only the first N test samples."),
]
Test = Annotated[
    str | None,
    typer.Option(
        "--test",
        metavar="DATA",
        help="Test with these samples, and learn all of --data.",
        show_default=False,
    ),
]
SkipBad = Annotated[
    bool,
    typer.Option("--skip-bad", help="Of --data -: leave out lines that cannot be used, rather than end."),
]
Sensor = Annotated[
    Path | None,
    typer.Option(
        "--sensor",
        metavar="FILE",
        help="C file with the chip's own sensor, wk_app_sense, for the firmware that is built.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="Model file to write. By default NAME.safetensors.", show_default=False
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace a model or recording that is there.")]
Health = Annotated[
    int | None,
    typer.Option(
        "--health",
        min=0,
        max=65535,
        metavar="N",
        help="Count the health of the layers every N steps; 0 is never. By default 32.",
        show_default=False,
    ),
]
Events = Annotated[
    Path | None,
    typer.Option(
        "--events",
        metavar="FILE",
        help="Record all events as JSON lines. A name that ends in .gz is compressed at the end.",
    ),
]
ReportFolder = Annotated[
    Path | None,
    typer.Option("--report", metavar="FOLDER", help="Leave a report (HTML) and a picture (PNG) there."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for a script.")]
Baud = Annotated[
    int | None,
    typer.Option("--baud", min=1, help="Of a serial port. By default 115200.", show_default=False),
]
DEFAULT_BAUD = 115200
FlashFile = Annotated[
    Path | None,
    typer.Option(
        "--flash",
        metavar="FILE",
        help="With qemu:BOARD: the file that keeps its checkpoints; made if it is not there.",
        show_default=False,
    ),
]
BoardOption = Annotated[
    str,
    typer.Option(
        "--board", metavar="BOARD", help="A name that `wagekit boards` lists, a folder, or its board.toml."
    ),
]
Recording = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="What --events FILE or --report FOLDER (events.jsonl) has recorded.",
        show_default=False,
    ),
]
Source = Annotated[
    str | None,
    typer.Option("--source", metavar="NAME", help="Only that one of several devices.", show_default=False),
]
Stream = Annotated[
    bool, typer.Option("--stream", help="Send samples with every batch, also where all fit on the chip.")
]

# Of learning by itself.
Samples = Annotated[
    int | None,
    typer.Option(
        "--samples",
        min=0,
        max=2**32 - 1,
        metavar="N",
        help="Stop after so many new samples; 0 is no limit. By default as many as there are to train.",
        show_default=False,
    ),
]
Accuracy = Annotated[
    float | None,
    typer.Option(
        "--accuracy",
        min=0,
        max=100,
        metavar="PERCENT",
        help="Stop when the running accuracy reaches so much.",
    ),
]
Patience = Annotated[
    int | None,
    typer.Option(
        "--patience",
        min=1,
        max=2**32 - 1,
        metavar="N",
        help="Stop after so many samples without a new best running accuracy.",
    ),
]
Window = Annotated[
    int,
    typer.Option(
        "--window", min=2, max=1024, help="Samples of the running accuracy: a power of two, 2..1024."
    ),
]
Rates = Annotated[
    str,
    typer.Option(
        "--rates",
        metavar="RATES",
        help="Powers of two by sample, '0:2,300:3'; by share of them, '50%:2'; or one number.",
    ),
]
Order = Annotated[
    str,
    typer.Option("--order", help="in_turn: as the data are; drawn: each at random, some of them twice."),
]
Keep = Annotated[
    int,
    typer.Option("--keep", min=0, metavar="N", help="Past samples in the replay store; 0 is off."),
]
Replay = Annotated[
    int,
    typer.Option(
        "--replay", min=0, max=255, metavar="N", help="Steps on kept samples after each step on new ones."
    ),
]
TestEvery = Annotated[
    int,
    typer.Option(
        "--test-every", min=0, metavar="N", help="Evaluate every N samples too; 0: before and after."
    ),
]
TrainLimit = Annotated[
    int | None,
    typer.Option("--train-limit", min=1, metavar="N", help="Give it only the first N training samples."),
]
