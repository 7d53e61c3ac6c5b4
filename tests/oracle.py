"""The numerics contract once more, in plain Python loops over unbounded integers.

It shares no arithmetic with wagekit (it reads only the shapes of the graph), so that it
can find mistakes of the NumPy reference. Slow: for networks of a few hundred weights.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

from wagekit.ir import Conv2d, Graph, WeightLayer

Index = tuple[int, ...]
Tensor = dict[Index, int]
MASK = 0xFFFFFFFF


def rha(x: int, s: int) -> int:
    """`x / 2**s` rounded half away from zero, by exact fractions."""
    value = Fraction(x) / Fraction(2) ** s
    whole = int(abs(value) + Fraction(1, 2))
    return -whole if value < 0 else whole


def kappa(m: int) -> int:
    """The exponent k that minimises `|log2(m) - k|`: `2**(2k-1) <= m**2 < 2**(2k+1)`."""
    k = 0
    while not Fraction(2) ** (2 * k - 1) <= m * m < 2 ** (2 * k + 1):
        k += 1
    return k


def mix(x: int) -> int:
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        x ^= x >> shift
        x = x * factor & MASK
    return x


def rand16(seed: int, step: int, layer: int, i: int) -> int:
    key = mix((mix((mix(seed) + step) & MASK) + layer) & MASK)
    word = mix((key + i // 2) & MASK)
    return word % 65536 if i % 2 == 0 else word // 65536


def limit(bits: int) -> int:
    return 2 ** (bits - 1) - 1


def clip(x: int, low: int, high: int) -> int:
    return min(max(x, low), high)


def log2_alpha(fan_in: int, k_w: int) -> int:
    """`max(round(log2(L_min / L)), 0)` on squares: `L_min / L < 2**(a + 1/2)`."""
    ratio_squared = Fraction(9, 4) * Fraction(2) ** (2 - 2 * k_w) * Fraction(fan_in, 3)
    a = 0
    while not ratio_squared < 2 ** (2 * a + 1):
        a += 1
    return a


def indices(shape: tuple[int, ...]) -> list[Index]:
    return list(product(*map(range, shape)))


@dataclass
class Report:
    """What the oracle computed in one step."""

    masters: list[Tensor]
    squares: int
    errors: int
    log2_lr: int
    error_exponents: list[int | None]
    gradient_exponents: list[int | None]
    saturated: list[int]
    zero_errors: list[int | None]
    all_errors: list[int | None]
    moves: list[tuple[int, ...]] = field(default_factory=list)


class Oracle:
    """Interprets a graph; masters are dictionaries from multi-index to integer."""

    def __init__(self, graph: Graph, masters: list[Any], seed: int, step: int = 0) -> None:
        self.graph, self.seed, self.step_count = graph, seed, step
        self.masters: list[Tensor] = [
            {i: int(m[i]) for i in indices(layer.weights.shape)}
            for layer, m in zip(graph.layers, masters, strict=True)
        ]

    def weights(self) -> list[Tensor]:
        bits = self.graph.bits
        high = limit(bits.weights)
        shift = bits.gradients - bits.weights
        return [{i: clip(rha(m, shift), -high, high) for i, m in masters.items()} for masters in self.masters]

    def taps(self, layer: WeightLayer) -> list[tuple[Index, Index, Index]]:
        """All (output, weight, input) triples of a layer's product that are not in the padding."""
        if not isinstance(layer.op, Conv2d):
            inputs = indices(layer.input.shape)
            return [((o,), (o, k), i) for o in range(layer.outputs) for k, i in enumerate(inputs)]
        (kh, kw), (sh, sw), (top, left, _, _) = layer.op.kernel, layer.op.stride, layer.op.pads
        rows, columns, channels = layer.input.shape
        found = []
        for y, x, o in indices(layer.product_shape):
            for i, j, c in indices((kh, kw, channels)):
                at = (y * sh + i - top, x * sw + j - left)
                if 0 <= at[0] < rows and 0 <= at[1] < columns:
                    found.append(((y, x, o), (o, i, j, c), (*at, c)))
        return found

    def forward(self, sample: Tensor) -> list[dict[str, Tensor]]:
        """Per layer: input, acc, output, and winner (product index of every output)."""
        kept = []
        for layer, w in zip(self.graph.layers, self.weights(), strict=True):
            acc = dict.fromkeys(indices(layer.product_shape), 0)
            for o, k, i in self.taps(layer):
                acc[o] += sample[i] * w[k]
            record: dict[str, Any] = {"input": sample, "acc": acc}
            kept.append(record)
            if layer.last:
                break
            high = limit(self.graph.bits.activations)
            shift = self.graph.bits.weights - 1 + log2_alpha(layer.fan_in, self.graph.bits.weights)
            stored = {i: clip(rha(a, shift), 0 if layer.relu else -high, high) for i, a in acc.items()}
            record["winner"] = self.winners(layer, stored)
            sample = {o: stored[i] for o, i in record["winner"].items()}
            record["output"] = sample
        return kept

    @staticmethod
    def winners(layer: WeightLayer, stored: Tensor) -> dict[Index, Index]:
        if layer.pool is None:
            return {i: i for i in stored}
        wh, ww = layer.pool.window
        result = {}
        for y, x, c in indices(layer.output.shape):
            window = [(y * wh + i, x * ww + j, c) for i in range(wh) for j in range(ww)]
            result[y, x, c] = max(window, key=lambda i: stored[i])  # max keeps the first of a tie
        return result

    def logits(self, sample: Tensor) -> list[int]:
        acc = self.forward(sample)[-1]["acc"]
        return [acc[(k,)] for k in range(len(self.graph.classes))]

    def quantise(self, batch: list[Tensor]) -> tuple[list[Tensor], int | None]:
        most = max(abs(v) for e in batch for v in e.values())
        if most == 0:
            return batch, None
        k_e = self.graph.bits.errors
        shift = kappa(most) - (k_e - 1)
        return (
            [{i: clip(rha(v, shift), -limit(k_e), limit(k_e)) for i, v in e.items()} for e in batch],
            kappa(most),
        )

    def step(self, samples: list[Tensor], labels: list[int], log2_lr: int, rule: str) -> Report:
        graph, bits = self.graph, self.graph.bits
        kept = [self.forward(s) for s in samples]
        last = graph.layers[-1]
        log2_one = bits.activations - 1 + bits.weights - 1 + log2_alpha(last.fan_in, bits.weights)
        raw = [
            {(k,): a - (2**log2_one if k == label else 0) for (k,), a in record[-1]["acc"].items()}
            for record, label in zip(kept, labels, strict=True)
        ]
        predicted = [max(r[-1]["acc"], key=lambda i: r[-1]["acc"][i])[0] for r in kept]
        report = Report(
            masters=[],
            squares=sum(v * v for e in raw for v in e.values()),
            errors=sum(p != t for p, t in zip(predicted, labels, strict=True)),
            log2_lr=log2_lr,
            error_exponents=[None] * len(graph.layers),
            gradient_exponents=[None] * len(graph.layers),
            saturated=[
                sum(abs(v) == limit(bits.activations) for r in kept for v in r[n].get("output", {}).values())
                for n in range(len(graph.layers))
            ],
            zero_errors=[None] * len(graph.layers),
            all_errors=[None] * len(graph.layers),
        )
        e, exponent = self.quantise(raw)
        report.error_exponents[-1] = exponent
        if rule == "error_scaled":
            rate = -17 if exponent is None else log2_lr + min(0, exponent - log2_one)
        else:
            rate = log2_lr
        report.log2_lr = max(rate, -17)
        weights, before = self.weights(), [dict(masters) for masters in self.masters]
        lowest = next((n for n, layer in enumerate(graph.layers) if not layer.frozen), len(graph.layers))
        for n in range(len(graph.layers) - 1, lowest - 1, -1):
            layer = graph.layers[n]
            report.zero_errors[n] = sum(v == 0 for err in e for v in err.values())
            report.all_errors[n] = sum(len(err) for err in e)
            at = [
                {r[n]["winner"][o]: v for o, v in err.items()} if "winner" in r[n] else err
                for err, r in zip(e, kept, strict=True)
            ]
            if not layer.frozen:
                report.gradient_exponents[n] = self.update(
                    n, at, [r[n]["input"] for r in kept], report.log2_lr
                )
            if n > lowest:
                back = [self.send(layer, weights[n], err) for err in at]
                e, report.error_exponents[n - 1] = self.quantise(
                    [
                        self.mask(graph.layers[n - 1], b, r[n]["input"])
                        for b, r in zip(back, kept, strict=True)
                    ]
                )
        self.step_count = (self.step_count + 1) & MASK
        report.masters = self.masters
        report.moves = [
            self.moves(layer, old, new)
            for layer, old, new in zip(graph.layers, before, self.masters, strict=True)
        ]
        return report

    def moves(self, layer: WeightLayer, old: Tensor, new: Tensor) -> tuple[int, ...]:
        """Weights, and of them: raised, lowered, clipped, not 0, of another sign; nothing if frozen."""
        if layer.frozen:
            return (0, 0, 0, 0, 0, 0)
        bits = self.graph.bits
        high = 2 ** (bits.gradients - 1) - 2 ** (bits.gradients - bits.weights)

        def sign(master: int) -> int:
            w = rha(master, bits.gradients - bits.weights)
            return (w > 0) - (w < 0)

        return (
            len(new),
            sum(new[k] > old[k] for k in new),
            sum(new[k] < old[k] for k in new),
            sum(abs(m) == high for m in new.values()),
            sum(sign(m) != 0 for m in new.values()),
            sum(sign(new[k]) != sign(old[k]) for k in new),
        )

    def send(self, layer: WeightLayer, w: Tensor, e: Tensor) -> Tensor:
        result = dict.fromkeys(indices(layer.input.shape), 0)
        for o, k, i in self.taps(layer):
            result[i] += e.get(o, 0) * w[k]
        return result

    def mask(self, producer: WeightLayer, e: Tensor, y: Tensor) -> Tensor:
        high = limit(self.graph.bits.activations)
        return {i: v if (0 if producer.relu else -high) < y[i] < high else 0 for i, v in e.items()}

    def update(self, n: int, errors: list[Tensor], inputs: list[Tensor], rate: int) -> int | None:
        layer, bits = self.graph.layers[n], self.graph.bits
        g = dict.fromkeys(indices(layer.weights.shape), 0)
        for o, k, i in self.taps(layer):
            g[k] += sum(e.get(o, 0) * x[i] for e, x in zip(errors, inputs, strict=True))
        most = max(map(abs, g.values()))
        if most == 0:
            return None
        r = kappa(most) - rate
        high = 2 ** (bits.gradients - 1) - 2 ** (bits.gradients - bits.weights)
        assert prod(layer.weights.shape) == len(g)
        for flat, (k, v) in enumerate(g.items()):
            u = abs(v) / Fraction(2) ** r
            whole = u.numerator // u.denominator
            fraction = int((u - whole) * 65536)
            d = whole + (fraction > rand16(self.seed, self.step_count, n, flat))
            self.masters[n][k] = clip(self.masters[n][k] - (d if v > 0 else -d), -high, high)
        return kappa(most)
