"""What others cost, and the limits that this project holds itself to: the data of peers.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.cases import ROOT

FILE = ROOT / "bench" / "peers.toml"


@dataclass(frozen=True)
class Learner:
    """Something that trains one of the networks of the bench."""

    network: str
    name: str
    bytes: int
    """RAM."""
    batch: int = 1
    m3: int | None = None
    """Instructions a sample on a Cortex-M3; None: not measured, or it does not run there."""
    m4: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Limit:
    """What training a sample may cost at a batch of one."""

    network: str
    instructions: int
    bytes: int
    """Of `Plan.ram`."""


@dataclass(frozen=True)
class Peers:
    """All of peers.toml."""

    inference: Mapping[tuple[str, str], int]
    """Instructions of CMSIS-NN by core (`M4`) and network."""
    learners: tuple[Learner, ...]
    others: tuple[tuple[str, str], ...]
    """Name and findings of those that were measured on other networks."""
    limits: Mapping[str, Limit]
    """By network."""


def load() -> Peers:
    """The file, read."""
    data: dict[str, list[dict[str, Any]]] = tomllib.loads(FILE.read_text("utf-8"))
    return Peers(
        inference={
            (row["core"], network): int(instructions)
            for row in data["inference"]
            for network, instructions in row["networks"].items()
        },
        learners=tuple(Learner(**row) for row in data["training"]),
        others=tuple((row["name"], row["found"]) for row in data["other"]),
        limits={row["network"]: Limit(**row) for row in data["limit"]},
    )
