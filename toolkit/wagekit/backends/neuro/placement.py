"""Which core sits where on the mesh: along a snake in network order, then improved by swaps."""

from __future__ import annotations

from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from wagekit.backends.neuro.mapping import IO, IO_PLACE, Flow, LayerMap
from wagekit.numerics import mix, words

SWAPS_A_CORE = 60
MOST_SWAPS = 15_000
SEED = 0x504C_4143
"""Of the order in which swaps are tried ("PLAC" in ASCII)."""

Places = NDArray[np.int64]


def snake(cores: int, mesh: tuple[int, int]) -> Places:
    """`[cores, 2]`: column and row of each core, to and fro through the smallest square that holds them."""
    width = min(mesh[0], max(ceil(sqrt(cores)), ceil(cores / mesh[1])))
    index = np.arange(cores)
    rows, along = index // width, index % width
    columns = np.where(rows % 2 == 0, along, width - 1 - along)
    return np.stack([columns, rows], axis=1)


def expected_traffic(layers: tuple[LayerMap, ...], flows: tuple[Flow, ...]) -> NDArray[np.float64]:
    """Packets of each flow if nothing were zero, for one sample (or one step, for what belongs to a step)."""
    by_core = {tile.core: tile for mapped in layers for tile in mapped.tiles}
    sends = _deliveries(layers)
    weights = np.ones(len(flows))
    for number, flow in enumerate(flows):
        mapped = layers[flow.layer]
        if flow.kind in ("input", "activation"):
            weights[number] = sends[flow.destination, flow.source]
        elif flow.kind == "partial_error":
            tile = by_core[flow.source]
            group = mapped.groups[tile.block * mapped.rows + tile.row]
            to_root = (flow.source, flow.destination)
            weights[number] = sends.get(to_root, group.elements)
        elif flow.kind in ("partial", "error"):
            tile = by_core[flow.source]
            window = mapped.geometry.window_size if flow.kind == "partial" else 1
            weights[number] = tile.pooled * tile.width * window
        elif flow.kind in ("gradient", "update"):
            tile = by_core[flow.source]
            weights[number] = tile.fan_in * tile.width
        elif flow.kind == "logit":
            weights[number] = by_core[flow.source].width
    return weights


def _deliveries(layers: tuple[LayerMap, ...]) -> dict[tuple[int, int], int]:
    """Elements that a core needs from a source (a core or `IO`)."""
    found: dict[tuple[int, int], int] = {}
    for mapped in layers:
        for group in mapped.groups:
            counts = np.bincount(group.runs[:, 2], weights=group.runs[:, 1])
            for source in np.flatnonzero(counts).tolist():
                core = layers[mapped.index - 1].roots[source].core if mapped.index else IO
                for column in range(mapped.columns):
                    tile = mapped.tile(group.row, column, group.block)
                    found[tile.core, core] = int(counts[source])
    return found


def traffic_hops(places: Places, flows: tuple[Flow, ...], weights: NDArray[np.float64]) -> float:
    """Packets times hops over all flows."""
    ends = _ends(flows)
    where = np.concatenate([places, [IO_PLACE]])
    distance = np.abs(where[ends[:, 0]] - where[ends[:, 1]]).sum(axis=1)
    return float(distance @ weights)


def place(
    layers: tuple[LayerMap, ...], flows: tuple[Flow, ...], mesh: tuple[int, int], improve: bool
) -> tuple[tuple[int, int], ...]:
    """Routers of all cores; the same for the same mapping, and never worse than the snake."""
    cores = sum(len(mapped.tiles) for mapped in layers)
    places = snake(cores, mesh)
    if improve and cores > 1:
        places = _swapped(places, flows, expected_traffic(layers, flows), mesh)
    return tuple((x, y) for x, y in places.tolist())


def _ends(flows: tuple[Flow, ...]) -> NDArray[np.int64]:
    """Sources and destinations; `IO` is -1, the last place."""
    return np.array([(flow.source, flow.destination) for flow in flows], np.int64).reshape(-1, 2)


def _swapped(
    start: Places, flows: tuple[Flow, ...], weights: NDArray[np.float64], mesh: tuple[int, int]
) -> Places:
    """Swap two routers' contents wherever that lowers the traffic; free routers are swapped too."""
    cores = len(start)
    width = int(start[:, 0].max()) + 1
    height = min(mesh[1], int(start[:, 1].max()) + 2)
    routers = [(x, y) for y in range(height) for x in range(width)]
    neighbours = _neighbours(cores, flows, weights)
    where = np.concatenate([start, [IO_PLACE]]).astype(np.float64)
    holder: dict[tuple[int, int], int] = {(x, y): core for core, (x, y) in enumerate(start.tolist())}
    tries = min(SWAPS_A_CORE * cores, MOST_SWAPS)
    drawn = words(mix(SEED), 0, 2 * tries).astype(np.int64)
    for one, other in zip((drawn[::2] % cores).tolist(), (drawn[1::2] % len(routers)).tolist(), strict=True):
        target = routers[other]
        here = (int(where[one, 0]), int(where[one, 1]))
        if target == here:
            continue
        partner = holder.get(target)
        before = _cost(one, neighbours, where) + (
            _cost(partner, neighbours, where) if partner is not None else 0
        )
        _exchange(where, one, partner, here, target)
        after = _cost(one, neighbours, where) + (
            _cost(partner, neighbours, where) if partner is not None else 0
        )
        if after >= before:
            _exchange(where, one, partner, target, here)
            continue
        holder[target] = one
        if partner is None:
            del holder[here]
        else:
            holder[here] = partner
    return where[:cores].astype(np.int64)


def _exchange(
    where: NDArray[np.float64], one: int, partner: int | None, here: tuple[int, int], target: tuple[int, int]
) -> None:
    where[one] = target
    if partner is not None:
        where[partner] = here


def _cost(
    core: int, neighbours: list[tuple[Places, NDArray[np.float64]]], where: NDArray[np.float64]
) -> float:
    others, weights = neighbours[core]
    return float(np.abs(where[others] - where[core]).sum(axis=1) @ weights)


def _neighbours(
    cores: int, flows: tuple[Flow, ...], weights: NDArray[np.float64]
) -> list[tuple[Places, NDArray[np.float64]]]:
    """For each core the cores that it exchanges packets with, and how many."""
    found: list[dict[int, float]] = [{} for _ in range(cores)]
    for (source, destination), weight in zip(_ends(flows).tolist(), weights.tolist(), strict=True):
        for core, other in ((source, destination), (destination, source)):
            if core != IO:
                found[core][other] = found[core].get(other, 0.0) + weight
    return [(np.array(list(pairs), np.int64), np.array(list(pairs.values()), np.float64)) for pairs in found]
