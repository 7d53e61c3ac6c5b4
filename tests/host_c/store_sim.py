"""The checkpoint store on a simulated flash: power cuts, recovery, and what must come back."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cffi
import numpy as np

from wagekit.executors.host import declarations
from wagekit.link import checkpoint, render_header
from wagekit.link.checkpoint import Checkpoint, Geometry
from wagekit.toolchain.host import build_library
from wagekit.writer import firmware_files

HERE = Path(__file__).resolve().parent / "store"
FLAGS = ("-std=c11", "-O1", "-g", "-fPIC", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
SANITIZE = ("-fsanitize=undefined", "-fno-sanitize-recover=all")

DONE, BUSY, NONE, SMALL, WORN, CHANGED, LOST, STATE = range(8)
BLANK, DAMAGED, FOREIGN, WHOLE = range(4)
DEAD, NO_SLOT = 100, 2
BEFORE, TORN, AFTER, MARGINAL = range(4)
FINGERPRINT = bytes(range(100, 132))
LIMIT = {1: 127, 2: 32767}


def store_files() -> dict[str, str]:
    """What the store is compiled from, apart from the flash and the network."""
    files = firmware_files(("include/wagekit", "src/store"))
    files |= {
        name: text
        for name, text in firmware_files(("src/link", "src/train")).items()
        if name.endswith(("crc32.c", "wk_state.c"))
    }
    files["include/wk_store_format.h"] = checkpoint.render_format()
    files["include/wk_protocol.h"] = render_header()
    files["include/wk_config.h"] = "#define WK_FRAME_BYTES 64u\n"
    return files


@cache
def library() -> tuple[Any, Any]:
    own = {path.name: path.read_text("utf-8") for path in sorted(HERE.iterdir())}
    ffi = cffi.FFI()
    ffi.cdef(re.sub(r"^enum \{.*?\};", "", declarations(own["sim.h"]), flags=re.MULTILINE | re.DOTALL))
    path = build_library({**store_files(), **own}, flags=FLAGS, extra=SANITIZE)
    return ffi, ffi.dlopen(str(path))


@dataclass(frozen=True)
class Setup:
    """A flash and a network."""

    geometry: Geometry
    weights: tuple[int, ...] = (61, 9)
    master_bytes: int = 1
    ecc: bool = False
    busy: int = 0
    seed: int = 1
    extras: tuple[int, ...] = (0,)
    """Bytes that the firmware adds: to the states 1, 2, 3, .., and again from the first."""

    @property
    def payload(self) -> int:
        return sum(self.weights) * self.master_bytes

    def extra(self, number: int) -> int:
        """Bytes that the firmware adds to a state."""
        return self.extras[(number - 1) % len(self.extras)]

    def cost_of(self, number: int) -> checkpoint.Cost:
        """Of saving a state."""
        return checkpoint.cost(self.geometry, self.payload, self.extra(number))

    @property
    def cost(self) -> checkpoint.Cost:
        """Of saving any state, where all are alike."""
        assert len(self.extras) == 1
        return self.cost_of(1)

    def operations(self, numbers: Sequence[int]) -> int:
        """Of saving these states."""
        costs = [self.cost_of(number) for number in numbers]
        return sum(cost.erases + cost.words for cost in costs)


class Device:
    """A network, the store and its flash. There is one: the library has one of each."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.ffi, self.lib = library()
        g = setup.geometry
        self.lib.sim_flash_new(g.sectors, g.sector_bytes, g.word_bytes, setup.ecc, setup.busy, setup.seed)
        self.lib.sim_model_new(
            len(setup.weights), list(setup.weights), setup.master_bytes, LIMIT[setup.master_bytes]
        )
        self.use(FINGERPRINT)

    def use(self, fingerprint: bytes, frozen_crc: int = 0) -> None:
        """As if firmware of that network had been flashed."""
        self.fingerprint, self.frozen_crc = fingerprint, frozen_crc
        self.lib.sim_store_network(fingerprint, frozen_crc)

    @property
    def area(self) -> Any:
        """The flash's bytes, to read and to damage."""
        g = self.setup.geometry
        return self.ffi.buffer(self.lib.sim_flash_memory(), g.sectors * g.sector_bytes)

    @property
    def masters(self) -> Any:
        return self.ffi.buffer(self.lib.sim_model_masters(), self.setup.payload)

    @property
    def counts(self) -> Any:
        return self.lib.sim_flash_counts()

    def learn(self, number: int) -> Checkpoint:
        """Put the network into its state number `number`, different from all others in all parts."""
        generator = np.random.default_rng(number)
        limit = LIMIT[self.setup.master_bytes]
        kind = "<i1" if self.setup.master_bytes == 1 else "<i2"
        values = generator.integers(-limit, limit + 1, sum(self.setup.weights)).astype(kind)
        self.masters[:] = values.tobytes()
        step, seed = number * 1000 + 7, int(generator.integers(0, 2**32))
        self.lib.sim_model_set(step, seed)
        settings = generator.bytes(number % (checkpoint.SETTINGS_BYTES + 1))
        return Checkpoint(
            fingerprint=self.fingerprint,
            frozen_crc=self.frozen_crc,
            step=step,
            seed=seed,
            master_bytes=self.setup.master_bytes,
            masters=values.tobytes(),
            log2_lr=number % 32 - 16,
            rule=number % 2,
            settings=settings,
            extra=generator.bytes(self.setup.extra(number)),
        )

    def begin_save(self, state: Checkpoint) -> int:
        self.lib.sim_extra_set(state.extra, len(state.extra))
        return int(
            self.lib.sim_store_begin_save(state.log2_lr, state.rule, state.settings, len(state.settings))
        )

    def save(self, state: Checkpoint) -> int:
        self.lib.sim_extra_set(state.extra, len(state.extra))
        return int(self.lib.sim_store_save(state.log2_lr, state.rule, state.settings, len(state.settings)))

    def boot(self) -> Checkpoint | None:
        """Power on, open the store and load; the state that came back, if one did."""
        self.lib.sim_flash_power_on()
        self.masters[:] = bytes(self.setup.payload)
        self.lib.sim_model_set(0, 0)
        assert self.lib.sim_store_open() == DONE
        operations = self.counts.operations
        result = self.lib.sim_store_load()
        if result == LOST:  # a word that read right when the store was opened
            assert self.lib.sim_store_newest() == NO_SLOT
            return None
        if result == NONE:
            assert self.lib.sim_store_newest() == NO_SLOT
            assert (self.lib.sim_model_step(), bytes(self.masters)) == (0, bytes(self.setup.payload))
            return None
        assert result == DONE
        assert self.counts.operations == operations, "loading wrote"
        size = self.lib.sim_loaded_size()
        return Checkpoint(
            fingerprint=self.fingerprint,
            frozen_crc=self.frozen_crc,
            step=self.lib.sim_model_step(),
            seed=self.lib.sim_model_seed(),
            master_bytes=self.setup.master_bytes,
            masters=bytes(self.masters),
            log2_lr=self.lib.sim_loaded_log2_lr(),
            rule=self.lib.sim_loaded_rule(),
            settings=bytes(self.ffi.buffer(self.lib.sim_loaded_bytes(), size)),
            extra=bytes(self.ffi.buffer(self.lib.sim_extra_loaded(), self.lib.sim_extra_loaded_size())),
        )

    def seen_by_python(self) -> Checkpoint | None:
        """What the toolkit reads out of the flash's bytes, without its sequence."""
        found = checkpoint.newest(bytes(self.area), self.setup.geometry, self.fingerprint, self.frozen_crc)
        return dataclasses.replace(found, sequence=1) if found else None

    def check_rules(self) -> None:
        """No rule of the flash was broken, and no slice did more than it may."""
        counts = self.counts
        assert counts.violations == 0
        assert counts.slice_erases <= 1
        assert counts.slice_programmed <= checkpoint.BLOCK
        assert counts.slice_read <= 4 * checkpoint.BLOCK
        assert not (counts.slice_erases and self.setup.geometry.sectors == 0)


class Known:
    """What a device may load: the state that was acknowledged last, and such as were written later but
    not acknowledged, because a cut came first.
    """

    def __init__(self) -> None:
        self.acked: Checkpoint | None = None
        self.attempted: Checkpoint | None = None
        self._later: list[Checkpoint] = []

    @property
    def possible(self) -> list[Checkpoint | None]:
        return [self.acked, *self._later]

    def check(self, found: Checkpoint | None) -> None:
        """After a start. A loaded state that was not acknowledged may be lost again, to an earlier one that
        is not older than the acknowledged one; what was lost does not come back.
        """
        assert found in self.possible
        del self._later[self.possible.index(found) :]

    def live(self, device: Device, numbers: Sequence[int], *, cut: bool = False) -> None:
        """Learn and save, until a cut comes if one is to come."""
        for number in numbers:
            state = device.learn(number)
            result = device.save(state)
            if result == DEAD:
                assert cut
                self.attempted = state
                self._later.append(state)
                return
            assert result == DONE
            self.acked, self._later = state, []
        assert not cut, "the cut did not happen"
