"""Tables of ours beside others, with limits and verdicts."""

from __future__ import annotations

from collections.abc import Sequence

from bench.learning import BOARDS, CORES, RULE, STEPS, Inferred, Learned, Subject
from bench.measure import OnBoard
from bench.peers import Limit, Peers
from bench.tables import Sheet

WITHOUT_BOARD = ("M55",)
"""Cores for which there are figures of CMSIS-NN, and no board of ours."""


def sheets(
    peers: Peers, found: Sequence[OnBoard], inferred: Sequence[Inferred], learned: Sequence[Learned]
) -> list[Sheet]:
    """Inference beside CMSIS-NN, then learning, a table a network, then the rest."""
    result = [_inference(peers, found, inferred)] if inferred else []
    networks = list(dict.fromkeys(one.subject.case for one in learned))
    result += [_learning(peers, name, learned) for name in networks]
    if learned:
        result.append(Sheet("Training elsewhere, other networks", ["what", "found"], peers.others, text=True))
    return result


def _inference(peers: Peers, found: Sequence[OnBoard], inferred: Sequence[Inferred]) -> Sheet:
    learning = {(one.case, one.board): one for one in found if one.batch == 1}
    alone = {(one.case, one.board): one for one in inferred}
    macs = {one.case: one.macs for one in inferred}
    rows = []
    for network, operations in macs.items():
        for core in (*CORES.values(), *WITHOUT_BOARD):
            theirs = peers.inference.get((core, network))
            board = next((board for board, name in CORES.items() if name == core), "")
            ours, packed = learning.get((network, board)), alone.get((network, board))
            if theirs is None or (board and packed is None):
                continue
            trained = None if ours is None or ours.inference is None else ours.inference.total
            only = None if packed is None else packed.instructions
            rows.append(
                [
                    f"{network}, {core}",
                    _per_mac(theirs, operations),
                    _per_mac(trained, operations),
                    _per_mac(only, operations),
                    "" if only is None else f"{theirs / only:.2f}",
                ]
            )
    head = [
        "network, core",
        "CMSIS-NN, int8",
        "wagekit, firmware that learns",
        "wagekit, only infers",
        "CMSIS-NN / only infers",
    ]
    return Sheet("Inference beside CMSIS-NN: instructions, batch 1 (per multiply-accumulate)", head, rows)


def _per_mac(instructions: float | None, macs: int) -> str:
    return "-" if instructions is None else f"{instructions:,.0f} ({instructions / macs:.2f})"


def _learning(peers: Peers, network: str, learned: Sequence[Learned]) -> Sheet:
    rows = []
    subjects = list(dict.fromkeys(one.subject for one in learned if one.subject.case == network))
    for subject in subjects:
        by_core = {BOARDS[one.board]: one for one in learned if one.subject == subject}
        any_one = next(iter(by_core.values()))
        rows.append(
            [
                _plan(subject),
                str(subject.batch),
                *(
                    _count(by_core[core].instructions if core in by_core else None)
                    for core in BOARDS.values()
                ),
                f"{any_one.bytes:,}",
                verdict(subject.limit, list(by_core.values())),
            ]
        )
    for other in peers.learners:
        if other.network == network:
            rows.append(
                [
                    other.name,
                    str(other.batch),
                    _count(other.m3),
                    _count(other.m4),
                    f"{other.bytes:,}",
                    other.note,
                ]
            )
    title = (
        f"Training {network}: instructions a sample, wagekit's the mean of steps 1 to {STEPS}, rule `{RULE}`"
    )
    return Sheet(title, ["program", "batch", *BOARDS.values(), "RAM, bytes", "remark"], rows)


def _plan(subject: Subject) -> str:
    if subject.limit is None:
        return "wagekit, fastest plan"
    return f"wagekit, fastest plan within {subject.limit.bytes:,} bytes"


def verdict(limit: Limit | None, learned: Sequence[Learned]) -> str:
    """Limit, and whether it is met on every board that was measured."""
    if limit is None:
        return ""
    met = all(one.met for one in learned)
    return f"limit {_count(limit.instructions)}, {limit.bytes:,} bytes: " + ("met" if met else "NOT met")


def _count(instructions: float | None) -> str:
    """Millions with three digits that count, or all digits of less than a million."""
    if instructions is None:
        return "-"
    if instructions < 999_500:
        return f"{instructions:,.0f}"
    millions = instructions / 1e6
    return f"{millions:.{2 if millions < 9.995 else 1 if millions < 99.95 else 0}f} M"
