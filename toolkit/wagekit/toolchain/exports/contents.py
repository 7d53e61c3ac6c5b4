"""What is in the folder of a library, file by file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wagekit import resources, templates
from wagekit.backends.mcu import Plan, Prefer, explain, render_model
from wagekit.numerics.grids import IntArray
from wagekit.reference import Randomness
from wagekit.spec import Network
from wagekit.toolchain.exports.formats import FORMATS, Layout
from wagekit.version import __version__
from wagekit.writer import RUNTIME, firmware_files, with_headers

KEY = "export"
"""What the manifest of an export has, and no other."""
PUBLIC_HEADERS = ("wagekit/wk_encode.h", "wagekit/wk_learn.h")
"""What a user's program may include beside wk_model.h."""
LEARNED_STEPS = 8
LEARNED_RATE = 3
"""Log2 of the rate of the example's steps, under the rule for small batches."""
MOST_LISTED = 20
"""Classes that the README names."""
_INFERENCE = ("src/kernels/", "src/train/wk_output_error.c", "src/train/wk_state.c")
"""What a network needs that only infers: kernels, the winner of the logits, and access to its weights."""
_NUMBERS_A_LINE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What may be chosen for an export."""

    learning: bool = True
    """It can learn; else it infers only, and needs much less memory."""
    batch: int = 1
    """Most samples of one step."""
    prefer: Prefer = "fastest"
    """Which plan, as `plan_model` takes it."""
    memory_limit: int | None = None
    """Most bytes of `wk_model_t`; None is no limit."""
    version: str = "1.0.0"
    """Of the library: three numbers."""
    author: str = "wagekit"
    """Who is named as its author."""
    url: str = "https://example.org/"
    """Its home page, where a tool's description must have one."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The sample that the example classifies."""

    codes: NDArray[np.int8]
    """Encoded, in the shape of the network's input."""
    label: int
    """Its class, which an example that learns takes for the truth."""
    origin: str
    """Where it comes from, for people."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the reference says of the sample."""

    logits: list[int]
    learned: list[int]
    """Logits after the example's steps; empty where it does not learn."""

    @property
    def answer(self) -> int:
        """Number of the class."""
        return int(np.argmax(self.logits))

    @property
    def learned_answer(self) -> int | None:
        """The same after the steps."""
        return int(np.argmax(self.learned)) if self.learned else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contents:
    """All that the files are made of."""

    net: Network
    form: str
    """One of `FORMATS`."""
    options: ExportOptions
    plan: Plan
    constants: Sequence[IntArray | None]
    """What is built in, layer by layer."""
    sample: Sample
    start: Randomness
    """Seed, and first step of the example."""
    expected: Expected

    @property
    def layout(self) -> Layout:
        """Where the tool wants what."""
        return FORMATS[self.form]

    @property
    def name(self) -> str:
        """What the tools call the library: letters, digits, - and _, which all of them allow."""
        return f"wagekit-{self.net.name}"

    def files(self) -> dict[str, str]:
        """Text of every file, by path."""
        sources = self._sources()
        context = self._context(sources)
        return {
            **sources,
            **self._example(context),
            **{
                path.format(network=self.net.name): _rendered(template, context)
                for path, template in self.layout.files.items()
            },
            "README.md": _rendered("README.md", context),
            "NOTICE": _rendered("NOTICE", context),
            "LICENSE": resources.license_text(),
            "VERSION": f"{self.options.version}\n",
        }

    def facts(self) -> dict[str, Any]:
        """What the manifest says."""
        net, plan, expected = self.net, self.plan, self.expected
        learned = expected.learned_answer
        return {
            KEY: self.form,
            "library": {"name": self.name, "version": self.options.version},
            "network": {
                "name": net.name,
                "fingerprint": plan.graph.fingerprint,
                "classes": list(net.classes),
                "inputs": plan.inputs,
                "weights": plan.weights,
                "batch": plan.batch,
                "training": plan.training,
            },
            "model": {"bytes": plan.ram, "flash": plan.flash_bytes(baked=True), "plan": explain(plan)},
            "example": {
                "sample": self.sample.origin,
                "class": net.classes[expected.answer],
                "logits": expected.logits,
                "learned_class": None if learned is None else net.classes[learned],
                "learned_logits": expected.learned,
            },
        }

    def _sources(self) -> dict[str, str]:
        """The network, the C files that it needs, and the headers of these, where the tool wants them."""
        learns, model = self.plan.training, render_model(self.plan, self.constants)
        runtime = firmware_files(RUNTIME)
        everything = runtime | {f"generated/{name}": text for name, text in model.items()}
        roots = [f"generated/{name}" for name in model]
        roots += [f"include/{name}" for name in PUBLIC_HEADERS if learns or "learn" not in name]
        roots += [name for name in runtime if name.endswith(".c") and (learns or name.startswith(_INFERENCE))]
        needed = with_headers(everything, roots, ("generated", "include"))
        return {_placed(name, self.layout): everything[name] for name in sorted(needed)}

    def _example(self, context: dict[str, Any]) -> dict[str, str]:
        """The example's main, and the sample that it classifies."""
        layout, expected = self.layout, self.expected
        facts = context | {
            "origin": _in_comment(self.sample.origin),
            "codes": _lines(self.sample.codes.ravel().tolist()),
            "label": self.sample.label,
            "answer": expected.answer,
            "learned_answer": expected.learned_answer,
            "logits": _lines(expected.logits),
            "learned": _lines(expected.learned),
            "class_names": [templates.quoted(name) for name in self.net.classes],
            "step": self.start.step,
            "seed": self.start.seed,
            "steps": LEARNED_STEPS,
            "rate": LEARNED_RATE,
        }
        return {
            f"{layout.example}/{layout.main}": _rendered(f"{self.form}/{layout.main}", facts),
            f"{layout.example}/sample.h": _rendered("sample.h", facts),
        }

    def _context(self, sources: dict[str, str]) -> dict[str, Any]:
        """What the templates print."""
        net, plan, options = self.net, self.plan, self.options
        public = [name for name in PUBLIC_HEADERS if f"{self.layout.include}/{name}" in sources]
        return {
            "format": self.form,
            "layout": self.layout,
            "name": self.name,
            "network": net.name,
            "wagekit": __version__,
            "version": options.version,
            "author": options.author,
            "url": options.url,
            "learns": plan.training,
            "sources": sorted(name for name in sources if name.endswith(".c")),
            "headers": ["wk_model.h", *public],
            "ram": plan.ram,
            "ram_kb": -(-plan.ram // 1024),
            "flash": plan.flash_bytes(baked=True),
            "inputs": plan.inputs,
            "input_shape": list(net.input.shape),
            "input_limit": net.input_limit,
            "bits": net.bits.activations,
            "encoding": net.input.encoding,
            "affine": _affine(net),
            "batch": plan.batch,
            "weights": plan.weights,
            "classes": len(net.classes),
            "class_list": _listed(net.classes),
        }


def _rendered(template: str, context: dict[str, Any]) -> str:
    """A file from its template; in XML what is filled in is text, never markup."""
    render = templates.render_html if template.endswith(".pdsc") else templates.render
    return render(f"export/{template}.jinja", **context)


def _placed(name: str, layout: Layout) -> str:
    """Where a file of the runtime or of the generated network lies in the library."""
    folder, _, rest = name.partition("/")
    if folder == "include" or (folder == "generated" and name.endswith(".h")):
        return f"{layout.include}/{rest}"
    return f"{layout.source}/{rest}"


def _affine(net: Network) -> dict[str, list[int]]:
    """The tables of wk_affine_t, a number each where all channels are alike; empty for other encodings."""
    if net.input.encoding != "affine":
        return {}
    tables = {f"{name}s": list(net.input.per_channel(name)) for name in ("offset", "multiplier", "shift")}
    alike = all(len(set(values)) == 1 for values in tables.values())
    return {name: values[:1] if alike else values for name, values in tables.items()}


def _listed(classes: Sequence[str]) -> str:
    """Names of the classes for a cell of a table; the first of many."""
    some = ", ".join(f"`{name}`" for name in classes[:MOST_LISTED]).replace("|", "\\|")
    return some if len(classes) <= MOST_LISTED else f"{some}, .."


def _in_comment(text: str) -> str:
    """Text that neither ends nor opens a comment in C."""
    return text.replace("*/", "* /").replace("/*", "/ *")


def _lines(values: Sequence[int]) -> list[str]:
    return [
        ", ".join(map(str, values[first : first + _NUMBERS_A_LINE]))
        for first in range(0, len(values), _NUMBERS_A_LINE)
    ]
