"""Opens an executor by the name of its place."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike

from wagekit.errors import UsageError
from wagekit.executors.base import Executor
from wagekit.spec import Network

PLACES = ("reference", "host", "qemu:BOARD", "unicorn", "serial:PORT", "neuro:PRESET")


def open_executor(
    net: Network,
    where: str,
    *,
    seed: int | None = None,
    batch: int | None = None,
    masters: Sequence[ArrayLike] | None = None,
    **options: Any,
) -> Executor:
    """Open a network somewhere, in its first state: `masters`, or initial ones drawn from `seed`; step 0.

    `where` is `reference`, `host`, `qemu:BOARD`, `unicorn`, `serial:PORT` or `neuro:PRESET` (a name or the
    path of a `.toml`). `seed` (uint32) is the network's own if not given. `batch` is the largest batch to be
    trained; if None, every place takes its own default. Other options are the place's: `baud` of a
    serial port, and so on; `UsageError` for one that it lacks. Only the module of the place is imported.
    """
    kind, _, target = where.partition(":")
    if where == "reference":
        from wagekit.executors.reference import ReferenceExecutor

        _check_options(where, options, _options_of(ReferenceExecutor))
        return _with(masters, ReferenceExecutor(net, seed=seed, batch=batch, **options))
    if where == "host":
        from wagekit.executors.host import HostExecutor

        _check_options(where, options, _options_of(HostExecutor))
        return _with(masters, HostExecutor(net, seed=seed, batch=batch, **options))
    if kind == "qemu" and target:
        from wagekit.executors.attach import open_qemu
        from wagekit.toolchain.firmware import Choices

        _check_options(where, options, [*_options_of(open_qemu), *Choices.__annotations__])
        return open_qemu(net, target, seed=seed, batch=batch, masters=masters, **options)
    if where == "unicorn":
        from wagekit.executors.attach import open_unicorn
        from wagekit.toolchain.firmware import Choices

        _check_options(where, options, [*_options_of(open_unicorn), *Choices.__annotations__])
        return open_unicorn(net, seed=seed, batch=batch, masters=masters, **options)
    if kind == "serial" and target:
        from wagekit.executors.attach import open_serial

        _check_options(where, options, _options_of(open_serial))
        return open_serial(net, target, seed=seed, batch=batch, masters=masters, **options)
    if kind == "neuro" and target:
        from wagekit.executors.neuro import NeuroExecutor

        _check_options(where, options, _options_of(NeuroExecutor))
        return _with(masters, NeuroExecutor(net, target, seed=seed, batch=batch, **options))
    raise UsageError(f"cannot run a network on {where!r}; allowed: {', '.join(PLACES)}")


def _check_options(where: str, options: Mapping[str, Any], allowed: Iterable[str]) -> None:
    names = sorted(set(allowed) - {"seed", "batch", "masters"})
    for name in options:
        if name not in names:
            raise UsageError(
                f"{where} has no option {name!r}; it has: {', '.join(names) or 'none of its own'}"
            )


def _options_of(opener: Callable[..., Any]) -> list[str]:
    """Names of its keyword-only parameters."""
    parameters = inspect.signature(opener).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind == parameter.KEYWORD_ONLY]


def _with(masters: Sequence[ArrayLike] | None, executor: Executor) -> Executor:
    if masters is not None:
        executor.load_masters(masters)  # type: ignore[arg-type]
    return executor
