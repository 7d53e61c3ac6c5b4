"""From a network and a board to a C project, and from there to a linked firmware."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

from wagekit import link
from wagekit.backends.mcu import (
    Plan,
    Prefer,
    explain,
    lower_bound,
    packable,
    plan_model,
    render_model,
)
from wagekit.boards import Board
from wagekit.errors import LimitError, UsageError
from wagekit.ir import Graph
from wagekit.numerics.grids import IntArray
from wagekit.passes import compile_graph
from wagekit.reference import initial_masters
from wagekit.spec import Network
from wagekit.toolchain import cross, memory, project, size, stack
from wagekit.toolchain.host import cache_folder
from wagekit.toolchain.image import read_image
from wagekit.version import __version__
from wagekit.writer import MANIFEST, write_atomic, write_files

App = Literal["link", "none"]
MODEL_SYMBOL = "wk_app_model"
"""The network of the link application."""
KEPT_BUILDS = 48
USUAL_BATCH = 8
"""Largest batch of a firmware, if none is asked for."""
NO_HEALTH = "it fits without counts of the layers' health: build --no-health, run --health 0, or health=False"


@dataclass(frozen=True, slots=True)
class Project:
    """A generated C project."""

    folder: Path
    board: Board
    plan: Plan
    app: App
    budget: memory.RamBudget
    manifest: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FirmwareImage:
    """A linked firmware."""

    elf: Path
    map: Path
    sizes: size.Sizes
    stack: stack.StackDepth | None
    """How deep its stack can grow; None where that is unknown: `built.stack` in the manifest says why."""
    manifest: dict[str, Any]
    folder: Path
    """Its C project."""
    board: Board
    plan: Plan


@dataclass(frozen=True, slots=True)
class _Rendered:
    files: dict[str, str]
    plan: Plan
    budget: memory.RamBudget
    facts: dict[str, Any]

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the project; its manifest."""
        return _read_manifest(write_files(folder, self.files, facts=self.facts))


class Choices(TypedDict, total=False):
    """What may be chosen for a firmware; what is left out has the value of `_Options`."""

    batch: int
    """Largest batch."""
    masters: Sequence[IntArray] | None
    """Built into flash, what does not learn packed there for good, k_W bits a weight, and not in RAM:
    without `training` all layers, with it the frozen ones whose masters lie on the grid of weights."""
    frozen: Sequence[IntArray] | None
    """Masters of which only frozen layers are built in, where `masters` is None and `training` is not
    off; None: the initial ones of the network's seed."""
    app: App
    """`link`: the firmware that a host trains and asks over the serial line; `none`: all but a main."""
    sources: Mapping[str, str]
    """C files of one's own, name to text, for `app="none"`; more may be put into the folder `app`."""
    training: bool
    store_limit: int | None
    """Most bytes of the sample store, which otherwise takes all RAM that is left."""
    baud: int | None
    watchdog_ms: int
    """Time-out of the watchdog; 0 leaves it off."""
    optimise: str | None
    """Flag for the compiler; None: the board's."""
    prefer: Prefer
    """Which plan, as `plan_model` takes it."""
    memory_limit: int | None
    """Most bytes of `wk_model_t`; never more than the board has."""
    max_slice: int | None
    """Multiply-accumulates of one `wk_model_poll`."""
    sensor: str | None
    """C text with wk_app_sense of wk_sense.h: a sensor of the device's own, for `app="link"`."""
    health: bool
    """A firmware that learns can count the health of its layers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """`Choices` with their defaults."""

    batch: int = 1
    masters: Sequence[IntArray] | None = None
    frozen: Sequence[IntArray] | None = None
    app: App = "link"
    sources: Mapping[str, str] = field(default_factory=dict)
    training: bool = True
    store_limit: int | None = None
    baud: int | None = None
    watchdog_ms: int = 0
    optimise: str | None = None
    prefer: Prefer = "fastest"
    memory_limit: int | None = None
    max_slice: int | None = None
    health: bool = True
    sensor: str | None = None


def generate_project(
    net: Network,
    board: Board,
    folder: Path | str,
    **choices: Unpack[Choices],
) -> Project:
    """Write a C project that builds by itself, with make or CMake and without Python.

    `FitError` (a LimitError) with the table if the board has too little RAM or flash.
    """
    options = _Options(**choices)
    rendered = _render(net, board, options)
    place = Path(folder)
    return Project(place, board, rendered.plan, options.app, rendered.budget, rendered.write(place))


def build_firmware(
    net: Network,
    board: Board,
    *,
    folder: Path | str | None = None,
    **choices: Unpack[Choices],
) -> FirmwareImage:
    """Generate, compile and link, as `generate_project` does; sizes are checked against the plan.

    Without a `folder` the project lies in the cache, and what was built before from the same
    files with the same compiler is used again.
    """
    options = _Options(**choices)
    rendered = _render(net, board, options)
    compiler = cross.find_compiler()
    if folder is not None:
        place = Path(folder).resolve()
        rendered.write(place)
        _make(place, board, rendered, compiler, options.app)
    else:
        place = _cached(board, rendered, compiler, options.app)
    return _image(place, board, rendered.plan)


def build_usual(net: Network, board: Board, batch: int | None = None, **choices: Any) -> FirmwareImage:
    """`build_firmware` for batches of up to `batch`; None: of `USUAL_BATCH`, or of a half that fits."""
    if batch is not None:
        return build_firmware(net, board, batch=batch, **choices)
    batch = USUAL_BATCH
    while batch > 1:
        try:
            return build_firmware(net, board, batch=batch, **choices)
        except memory.FitError:
            batch //= 2
    return build_firmware(net, board, batch=1, **choices)


def _render(net: Network, board: Board, options: _Options) -> _Rendered:
    _check(board, options)
    with_link = options.app == "link"
    graph = compile_graph(net, batch=options.batch, training=options.training)
    limit = memory.model_limit(board, graph.input.size, options.batch, len(graph.layers), link=with_link)
    wanted = limit if options.memory_limit is None else min(limit, options.memory_limit)
    constants, packed = weights_in_flash(graph, net.seed, options.masters, options.frozen)

    def planned(health: bool) -> Plan:
        return plan_model(
            graph,
            memory_limit=max(wanted, 1),
            prefer=options.prefer,
            packed=packed,
            max_slice=options.max_slice,
            health=health,
        )

    plan = planned(options.health)
    try:
        budget = memory.ram_budget(board, plan, link=with_link, store_limit=options.store_limit)
    except memory.FitError as error:
        if plan.health and memory.fits(board, planned(False), link=with_link):
            raise error.with_advice(NO_HEALTH) from None
        raise
    memory.check_flash(board, plan, baked=options.masters is not None)
    settings = project.Settings(
        name=net.name,
        store=budget.store,
        baud=options.baud,
        watchdog_ms=options.watchdog_ms,
        optimise=options.optimise,
        checkpoints=with_link and not plan.packed,
        sensor=options.sensor is not None,
    )
    files = project.runtime_files("src/record", *(("src/link", "src/app") if with_link else ()))
    if settings.checkpoints and board.checkpoint:
        files.update(project.store_files())
    files.update({f"generated/{name}": text for name, text in render_model(plan, constants).items()})
    if with_link:
        files["generated/wk_protocol.h"] = link.render_header()
    files.update({f"app/{name}": text for name, text in options.sources.items()})
    if options.sensor is not None:
        files["app/sensor.c"] = options.sensor
    files = project.render(board, settings, files)
    facts = _facts(plan, board, options, budget)
    digest = _digest(facts, files)
    files[project.MANIFEST_HEADER] = project.render_manifest_header(digest, _told(facts))
    return _Rendered(files, plan, budget, {"hash": digest.hex(), **facts})


def weights_in_flash(
    graph: Graph,
    seed: int,
    masters: Sequence[IntArray] | None,
    frozen: Sequence[IntArray] | None = None,
) -> tuple[list[IntArray | None], frozenset[int]]:
    """What `render_model` builds into a firmware layer by layer, and the layers that it packs.

    `masters` and `frozen` are those of `Choices`; `seed` is the network's.
    """
    count = len(graph.layers)
    if not graph.training:
        return (list(masters), frozenset(range(count))) if masters else ([None] * count, frozenset())
    known = masters or frozen or initial_masters(graph, seed)
    packed = packable(graph, known)
    return [known[i] if masters or i in packed else None for i in range(count)], packed


def _digest(facts: Mapping[str, Any], files: Mapping[str, str]) -> bytes:
    """SHA-256 over all that a firmware is built from, the compiler aside."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name in sorted(files):
        text = files[name]
        digest.update(f"\0{name}\0{len(text)}\0{text}".encode())
    return digest.digest()


def _check(board: Board, options: _Options) -> None:
    if options.app not in ("link", "none"):
        raise UsageError(f"app = {options.app!r}: 'link' or 'none' is allowed")
    if options.sources and options.app == "link":
        raise UsageError("C files of one's own need app = 'none': the link application has its own main")
    if options.sensor is not None and options.app != "link":
        raise UsageError("a sensor needs app = 'link': another main senses as it likes")
    for name in options.sources:
        if "/" in name or not name.endswith((".c", ".h")):
            raise UsageError(f"source {name!r}: the name of a .c or .h file without a folder is allowed")
    if options.watchdog_ms and board.watchdog is None:
        raise UsageError(f"watchdog_ms = {options.watchdog_ms}: board {board.name} has no watchdog")
    if not 0 <= options.watchdog_ms <= 100_000:
        raise UsageError(f"watchdog_ms = {options.watchdog_ms}: 0 (off) to 100000 is allowed")


def _facts(plan: Plan, board: Board, options: _Options, budget: memory.RamBudget) -> dict[str, Any]:
    """What the manifest says of the firmware, beside version and files."""
    graph = plan.graph
    return {
        "network": {
            "name": graph.name,
            "fingerprint": graph.fingerprint,
            "classes": list(graph.classes),
            "inputs": plan.inputs,
            "weights": plan.weights,
            "macs": graph.macs,
            "batch": plan.batch,
            "training": plan.training,
            "health": plan.health,
            "packed": plan.packed,
            "max_slice": plan.max_slice,
            "masters_built_in": options.masters is not None,
        },
        "board": {"name": board.name, "core": board.core, "description": board.description},
        "app": options.app,
        "link": {
            "frame_bytes": board.link.frame,
            "ring_bytes": board.link.ring,
            "send_ring_bytes": board.link.send_ring,
            "store_bytes": budget.store,
            "baud": options.baud or board.uart.baud,
        },
        "watchdog_ms": options.watchdog_ms,
        "flags": {
            "core": board.flags,
            "optimise": options.optimise or board.optimise,
            "c": list(cross.C_FLAGS),
            "link": list(cross.LINK_FLAGS),
        },
        "ram": {"size": budget.size, "needs": {need.name: need.bytes for need in budget.needs}},
        "model": {
            "bytes": plan.ram,
            "parts": plan.parts(),
            "arena_peak": plan.peak,
            "lower_bound": lower_bound(plan),
            "plan": explain(plan),
            "buffers": [
                {
                    "name": buffer.name,
                    "bytes": buffer.bytes,
                    "offset": buffer.offset,
                    "first": buffer.first,
                    "last": buffer.last,
                }
                for buffer in plan.buffers
            ],
        },
        "layers": [
            {
                "index": layer.index,
                "title": layer.title,
                "kernel": layer.family,
                "weights": layer.weights,
                "in_flash": layer.packed,
                "shift": layer.shift,
                "gradient": layer.gradient_mode,
                "stored_rows": layer.stored_rows,
                "computed_again": layer.index in plan.choice.dropped,
            }
            for layer in plan.layers
        ],
    }


def _told(facts: Mapping[str, Any]) -> dict[str, str]:
    """What the image tells of itself; the compiler adds its own name."""
    network, link = facts["network"], facts["link"]
    return {
        "wagekit": __version__,
        "network": network["name"],
        "fingerprint": network["fingerprint"],
        "board": facts["board"]["name"],
        "app": facts["app"],
        "batch": str(network["batch"]),
        "learns": "yes" if network["training"] else "no",
        "baud": str(link["baud"]),
        "flags": " ".join(facts["flags"]["core"]),
    }


def _read_manifest(path: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return manifest


def _make(folder: Path, board: Board, rendered: _Rendered, compiler: cross.Compiler, app: App) -> None:
    try:
        elf = cross.build(folder, compiler)
    except cross.RegionError as error:
        raise _explained(error, board) from None
    sizes = size.read_sizes(elf, board)
    expected = {MODEL_SYMBOL: rendered.plan.ram} if app == "link" else {}
    size.check_sizes(sizes, _map_of(elf).read_text(encoding="utf-8"), expected)
    manifest = _read_manifest(folder / MANIFEST)
    depth = _stack_depth(folder, elf, board, compiler)
    manifest["built"] = {"compiler": compiler.version, "sizes": sizes.to_dict(), "stack": depth}
    if compiler.is_zig:
        flags = cross.read_recipe(folder).flags()
        manifest["built"]["c_flags"] = flags  # instead of flags.c, which are gcc's
        write_atomic(elf.with_suffix(".bin"), read_image(elf).binary())
    write_atomic(folder / MANIFEST, json.dumps(manifest, indent=2) + "\n")


def _explained(error: cross.RegionError, board: Board) -> LimitError:
    """An image that would lie over the sectors for checkpoints, told with numbers."""
    flash, room = board.region("flash"), board.code_flash
    if error.region != flash.name.upper() or room == flash.size:
        return error
    return LimitError(
        f"the firmware does not fit board {board.name}: it has {room + error.excess:,} bytes, "
        f"{error.excess:,} more than the {room:,} in front of the sectors for checkpoints at "
        f"{flash.origin + room:#x}",
        hint=f"{error.hint}; or set aside fewer sectors: [[checkpoint]] in board.toml",
    )


def _stack_depth(folder: Path, elf: Path, board: Board, compiler: cross.Compiler) -> dict[str, Any]:
    """How deep the stack can grow, for the manifest. LimitError if deeper than the board reserves.

    C files of one's own may call through pointers, and another compiler may write calls that are not
    understood: then the depth is unknown, and the manifest says why.
    """
    if compiler.objdump is None:
        return {"unknown": "the depth of the stack is unknown: ziglang has no disassembler"}
    try:
        depth = stack.measure(elf, elf.parent, board, compiler.objdump)
    except stack.UnknownDepthError as error:
        return {"unknown": error.message}
    stack.check(depth, board, str(_read_manifest(folder / MANIFEST)["network"]["name"]))
    return depth.to_dict()


def _map_of(elf: Path) -> Path:
    return elf.with_suffix(".map")


def _image(folder: Path, board: Board, plan: Plan) -> FirmwareImage:
    elf = folder / "build" / "firmware.elf"
    manifest = _read_manifest(folder / MANIFEST)
    depth = manifest["built"]["stack"]
    return FirmwareImage(
        elf=elf,
        map=_map_of(elf),
        sizes=size.read_sizes(elf, board),
        stack=None if "unknown" in depth else stack.StackDepth.from_dict(depth),
        manifest=manifest,
        folder=folder,
        board=board,
        plan=plan,
    )


def _cached(board: Board, rendered: _Rendered, compiler: cross.Compiler, app: App) -> Path:
    """The build's folder in the cache. Two processes may build the same: the first to end wins."""
    key = hashlib.sha256(f"{compiler.version}\0{rendered.facts['hash']}".encode())
    root = cache_folder() / "firmware"
    place = root / key.hexdigest()[:32]
    if (place / MANIFEST).is_file():
        os.utime(place)
        return place
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="building-", dir=root) as temporary:
        work = Path(temporary) / "project"
        rendered.write(work)
        _make(work, board, rendered, compiler, app)
        try:
            work.rename(place)
        except OSError:
            if not (place / MANIFEST).is_file():
                raise
    _prune(root)
    return place


def _prune(root: Path) -> None:
    """Forget the builds that were used longest ago."""
    builds = [item for item in root.iterdir() if (item / MANIFEST).is_file()]
    for old in sorted(builds, key=lambda item: item.stat().st_mtime)[:-KEPT_BUILDS]:
        shutil.rmtree(old, ignore_errors=True)
