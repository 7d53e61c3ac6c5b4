// Curves, drawn with uPlot: loss and accuracy of all runs that are shown, and the health of the layers.

import { colour, element, percent, power } from "./format.js";
import { HEALTH, LEARNED, ascending, binned } from "./state.js";

const { uPlot } = window;
const HEIGHT = 230;

export const runColour = (source) => colour(`run-${source.index % 8}`);
export const layerColour = (at) => colour(`run-${at % 8}`);

// A panel with a plot that is made again when its lines or the theme change, else only gets new data.
class Chart {
  constructor(panel, { height = HEIGHT, unit, range, sync }) {
    this.panel = panel;
    this.box = panel.querySelector(".plot");
    this.legend = panel.querySelector(".legend");
    this.options = { height, unit, range, sync };
    this.logarithmic = false;
    this.zoomed = false;
    this.span = [0, 1];
    this.shape = "";
    new ResizeObserver(() => this.resize()).observe(this.box);
  }

  resize() {
    if (this.plot && this.box.clientWidth) this.plot.setSize({ width: this.box.clientWidth, height: this.options.height });
  }

  // `lines` have label, colour, x, y, and perhaps dash, points, width; `across` names the x axis.
  draw(lines, across, span = spanOf(lines)) {
    this.span = span;
    const theme = document.documentElement.dataset.theme + matchMedia("(prefers-color-scheme: dark)").matches;
    const shape = JSON.stringify([theme, across, this.logarithmic, lines.map((l) => [l.label, l.colour, l.dash, l.points, l.quiet])]);
    const data = lines.length ? uPlot.join(lines.map((line) => [line.x, line.y])) : [[]];
    if (shape !== this.shape || !this.plot) {
      this.plot?.destroy();
      this.zoomed = false;
      this.plot = new uPlot(this.settings(lines, across), data, this.box);
      this.shape = shape;
      this.legend.replaceChildren(...lines.map((line) => (line.quiet ? element("span", { hidden: true }, element("b")) : this.entry(line))));
    } else {
      this.plot.setData(data, !this.zoomed);
      if (this.zoomed) this.plot.redraw();
    }
    this.lines = lines;
    if (this.plot.cursor.idx == null) this.read(null);
  }

  entry(line) {
    const swatch = element("i", { class: line.points ? "dot" : line.dash ? "dash" : "" });
    swatch.style.setProperty("--c", line.colour);
    line.value = element("b");
    return element("span", {}, swatch, `${line.label} `, line.value);
  }

  // What part of the x axis is seen: all, or what was chosen until all is asked for (by a double click).
  window(x, low, high) {
    if (low <= x[0] && high >= x.at(-1)) this.zoomed = false;
    return this.zoomed ? [low, high] : this.span;
  }

  // What each line says at a place, or at its end.
  read(index) {
    const spans = [...this.legend.children];
    for (const [at, span] of spans.entries()) {
      const y = this.plot.data[at + 1] ?? [];
      let value = index == null ? null : y[index];
      for (let i = index ?? y.length - 1; value == null && i >= 0; i -= 1) value = y[i];
      span.querySelector("b").textContent = value == null ? "" : this.options.unit(value);
    }
  }

  settings(lines, across) {
    const axis = { stroke: colour("dim"), grid: { stroke: colour("grid"), width: 1 }, ticks: { show: false },
      font: "12px system-ui, sans-serif", gap: 6 };
    const { unit, range, sync, height } = this.options;
    return {
      width: Math.max(this.box.clientWidth, 100),
      height,
      legend: { show: false },
      cursor: { y: false, points: { size: 7 }, drag: { x: true, y: false }, ...(sync && { sync: { key: sync } }) },
      scales: { x: { time: false, range: (plot, low, high) => this.window(plot.data[0], low, high) }, y: { distr: this.logarithmic ? 3 : 1, ...(range && !this.logarithmic && { range }) } },
      axes: [
        { ...axis, label: across, labelSize: 18, labelFont: "12px system-ui, sans-serif", size: 28, labelGap: 0 },
        { ...axis, size: 52, values: (_, ticks) => ticks.map((tick) => (tick == null ? "" : unit(tick))) },
      ],
      series: [
        {},
        ...lines.map((line) => ({
          label: line.label,
          stroke: line.colour,
          width: line.width ?? 2,
          dash: line.dash,
          spanGaps: true,
          points: { show: Boolean(line.points), size: 6, fill: colour("panel"), stroke: line.colour, width: 2 },
        })),
      ],
      hooks: {
        setSelect: [(plot) => { this.zoomed ||= plot.select.width > 0; }],
        setCursor: [(plot) => this.lines && this.read(plot.cursor.idx)],
      },
    };
  }
}

export class Curves {
  constructor() {
    this.byStep = false;
    this.loss = new Chart(document.getElementById("p-loss"), {
      unit: (value) => (value === 0 ? "0" : value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)))),
      range: (_, low, high) => (low == null ? [0, 1] : [0, high * 1.05 || 1]),
      sync: "learning",
    });
    this.accuracy = new Chart(document.getElementById("p-accuracy"), {
      unit: (value) => percent(value).replace(".0%", "%"),
      range: () => [0, 1],
      sync: "learning",
    });
    this.health = new Chart(document.getElementById("p-health"), { height: 210, unit: (value) => this.metric?.unit(value) ?? "" });
  }

  draw(sources) {
    const key = this.byStep ? 0 : 1;
    const alone = sources.length === 1;
    const across = this.byStep ? "step" : "epoch";
    const loss = [];
    const accuracy = [];
    for (const source of sources) {
      const own = runColour(source);
      const label = (what) => (alone ? what : what ? `${source.title} ${what}` : source.title);
      if (source.curve.length) {
        const rows = binned(source.curve, alone ? 240 : 100, alone ? 48 : 96);
        const x = rows.map((row) => row[key]);
        loss.push({ label: alone ? "train" : source.title, colour: alone ? colour("loss") : own, x, y: rows.map((row) => row[2]) });
        const tested = !alone && source.test;
        accuracy.push({ label: label("train"), colour: alone ? colour("train") : own, dash: tested ? [4, 4] : undefined,
          width: tested ? 1.2 : 2, quiet: tested, x, y: rows.map((row) => row[3]) });
      }
      if (source.learned.length) {
        const at = this.byStep ? LEARNED.step : LEARNED.epoch;
        const rows = ascending(source.learned, at).filter((row) => row[LEARNED.seen]);
        accuracy.push({ label: label("running"), colour: alone ? colour("train") : own,
          x: rows.map((row) => row[at]), y: rows.map((row) => row[LEARNED.accuracy]) });
      }
      const tests = ascending(source.tests.filter((row) => row[2] === "test"), key);
      if (tests.length) {
        accuracy.push({ label: label("test"), colour: alone ? colour("test") : own, points: tests.length <= 60,
          x: tests.map((row) => row[key]), y: tests.map((row) => row[4] / row[3]) });
        const known = tests.filter((row) => row[5] != null);
        if (alone && known.length) {
          loss.push({ label: "test", colour: colour("test"), points: known.length <= 60,
            x: known.map((row) => row[key]), y: known.map((row) => row[5]) });
        }
      }
    }
    const usable = (lines) => lines.filter((line) => line.x.length);
    const span = spanOf([...usable(loss), ...usable(accuracy)]);
    this.loss.draw(this.loss.logarithmic ? usable(loss).map(positive) : usable(loss), across, span);
    this.accuracy.draw(usable(accuracy), across, span);
  }

  drawHealth(source, metric) {
    this.metric = metric;
    const rows = ascending(source.health, 0);
    const names = source.run?.layers ?? [];
    const lines = (rows.at(-1)?.[1] ?? []).map((_, layer) => ({
      label: names[layer] ?? String(layer),
      colour: layerColour(layer),
      width: 1.5,
      x: rows.map((row) => row[0]),
      y: rows.map((row) => (row[1][layer] ? metric.of(row[1][layer]) : null)),
    }));
    this.health.draw(lines.filter((line) => line.y.some((value) => value != null)), "step");
  }
}

// From the first to the last x of all lines.
function spanOf(lines) {
  const low = Math.min(...lines.map((line) => line.x[0]));
  const high = Math.max(...lines.map((line) => line.x.at(-1)));
  return low < high ? [low, high] : Number.isFinite(low) ? [low, low + 1] : [0, 1];
}

const positive = (line) => ({ ...line, y: line.y.map((value) => (value > 0 ? value : null)) });

const share = (part, whole) => (part == null || !whole ? null : part / whole);

// What a layer's health is judged by; from where on it is to be watched or is trouble the monitor says.
export const METRICS = {
  saturated: { name: "saturated activations", of: (l) => share(l[HEALTH.saturated], l[HEALTH.activations]) },
  zero_errors: { name: "zero errors", of: (l) => share(l[HEALTH.zeroErrors], l[HEALTH.errors]) },
  unchanged: { name: "updates of zero", of: (l) => share(l[HEALTH.weights] - l[HEALTH.plus] - l[HEALTH.minus], l[HEALTH.weights]) },
  clipped: { name: "clipped weights", of: (l) => share(l[HEALTH.clipped], l[HEALTH.weights]) },
  density: { name: "density (weights that are not 0)", of: (l) => share(l[HEALTH.nonzero], l[HEALTH.weights]) },
  flipped: { name: "changed sign", of: (l) => share(l[HEALTH.flipped], l[HEALTH.weights]) },
  gradient: { name: "largest gradient", of: (l) => l[HEALTH.gradient], unit: power },
};
for (const metric of Object.values(METRICS)) metric.unit ??= (value) => percent(value, value < 0.1 ? 2 : 1);

export function learnLimits(limits) {
  for (const [name, limit] of Object.entries(limits)) if (METRICS[name]) METRICS[name].limit = limit;
}

export function judge(metric, value) {
  const { limit } = metric;
  if (value == null || !limit) return "";
  const beyond = (end) => (limit.falling ? value <= end : value >= end);
  return beyond(limit.trouble) ? "bad" : beyond(limit.watch) ? "watch" : "ok";
}
