// The panels that are no curves: layers, confusion, weights, the sample, board and link, log, fault.

import { layerColour, METRICS, judge } from "./charts.js";
import { colour, count, element, percent, power, say, short, svg, timeOfDay } from "./format.js";
import { HEALTH } from "./state.js";

const by = (id) => document.getElementById(id);
const CELLS = 20; // up to so many classes are a table; more are a picture

// Layers.

const COLUMNS = ["layer", "saturated", "zero errors", "updates", "clipped", "density", "flips", "error", "gradient"];
const TITLES = {
  saturated: "share of activations at their largest",
  "zero errors": "share of errors that are 0 after quantisation",
  updates: "share of weights that the step raised, left alone and lowered",
  clipped: "share of weights at the end of their range",
  density: "share of weights that are not 0 in the forward pass",
  flips: "share of weights whose sign the step changed",
  error: "largest error",
  gradient: "largest gradient",
};

export function drawLayers(source) {
  const health = source.health.at(-1);
  const step = source.step;
  const names = source.run?.layers ?? [];
  const panel = by("p-layers");
  panel.hidden = !health && !step?.layers.length;
  if (panel.hidden) return;
  panel.classList.toggle("bare", !health);
  say(by("layers-step"), health ? `at step ${count(health[0])}` : "");
  const head = by("layers").tHead;
  if (!head.rows.length) {
    head.append(element("tr", {}, ...COLUMNS.map((name) => element("th", { scope: "col", title: TITLES[name] ?? "" }, name))));
  }
  const rows = Math.max(health?.[1].length ?? 0, step?.layers.length ?? 0, names.length);
  by("layers").tBodies[0].replaceChildren(
    ...Array.from({ length: rows }, (_, at) => layerRow(at, names[at], health?.[1][at], step?.layers[at])),
  );
}

function layerRow(at, name, health, latest) {
  const swatch = element("i", { class: "swatch" });
  swatch.style.setProperty("--c", layerColour(at));
  const cell = (key) => {
    const value = health ? METRICS[key].of(health) : null;
    const level = judge(METRICS[key], value);
    const said = { watch: ", watch", bad: ", trouble" }[level];
    return element("td", {}, element("span", { class: `lv ${level}` }, value == null ? "–" : METRICS[key].unit(value)),
      said ? element("span", { class: "sr" }, said) : null);
  };
  return element("tr", {},
    element("th", { scope: "row" }, swatch, name ?? String(at)),
    cell("saturated"), cell("zero_errors"), element("td", {}, updates(health)), cell("clipped"), cell("density"), cell("flipped"),
    element("td", { class: "pow" }, power(latest?.error_exponent)),
    element("td", { class: "pow" }, power(health?.[HEALTH.gradient] ?? latest?.gradient_exponent)),
  );
}

// A bar: raised, left alone, lowered.
function updates(health) {
  if (!health?.[HEALTH.weights]) return "–";
  const weights = health[HEALTH.weights];
  const [plus, minus] = [health[HEALTH.plus] / weights, health[HEALTH.minus] / weights];
  const level = judge(METRICS.unchanged, 1 - plus - minus);
  const bar = element("span", { class: "split", "aria-hidden": "true" });
  for (const [kind, part] of [["plus", plus], ["still", 1 - plus - minus], ["minus", minus]]) {
    const piece = element("i", { class: kind });
    piece.style.flexGrow = String(part);
    bar.append(piece);
  }
  const text = `+${percent(plus, 1)} −${percent(minus, 1)}`;
  return element("span", { class: "updates" }, bar, element("span", { class: `lv ${level === "ok" ? "" : level}` }, text));
}

// Confusion.

export function drawConfusion(source) {
  const matrix = source.confusion;
  const test = source.tests.at(-1);
  by("p-confusion").hidden = !matrix;
  if (!matrix) return;
  const classes = source.run?.classes ?? [];
  const names = matrix.map((_, at) => classes[at] ?? String(at));
  say(by("confusion-text"), test ? `${count(test[4])} of ${count(test[3])} right at step ${count(test[0])}` : "");
  by("confusion").replaceChildren(matrix.length <= CELLS ? confusionTable(matrix, names) : confusionPicture(matrix));
}

function confusionTable(matrix, names) {
  const head = element("tr", {}, element("td", { class: "corner" }, "is \\ found"), ...names.map((name) => element("th", { scope: "col" }, name)));
  const rows = matrix.map((row, label) => {
    const most = Math.max(1, row.reduce((sum, n) => sum + n, 0));
    return element("tr", {}, element("th", { scope: "row" }, names[label]), ...row.map((n, found) => {
      const cell = element("td", { class: label === found ? "right" : "wrong", title: `${names[label]} taken for ${names[found]}: ${n}` }, n ? String(n) : "");
      cell.style.setProperty("--heat", n ? (0.08 + 0.92 * (n / most) ** 0.6).toFixed(3) : "0");
      return cell;
    }));
  });
  return element("table", { class: "confusion" }, element("thead", {}, head), element("tbody", {}, ...rows));
}

function confusionPicture(matrix) {
  const size = matrix.length;
  const canvas = element("canvas", { class: "confusion", role: "img", width: size, height: size,
    "aria-label": `confusion of ${size} classes; the diagonal is right` });
  const paper = canvas.getContext("2d");
  paper.fillStyle = colour("panel");
  paper.fillRect(0, 0, size, size);
  matrix.forEach((row, label) => {
    const most = Math.max(1, row.reduce((sum, n) => sum + n, 0));
    row.forEach((n, found) => {
      if (!n) return;
      paper.globalAlpha = 0.1 + 0.9 * (n / most) ** 0.6;
      paper.fillStyle = colour(label === found ? "good" : "bad");
      paper.fillRect(found, label, 1, 1);
    });
  });
  return canvas;
}

// Weights: those that are looked at, and the outlines of some before them, the earlier the fainter.

const GHOSTS = 2;
const GHOST_BINS = 32; // an outline of single values would be all spikes

export function drawWeights(source) {
  const rows = source.weights;
  by("p-weights").hidden = !rows.length;
  if (!rows.length) return;
  const at = source.looked;
  const [step, low, bin, layers] = rows[at];
  const names = source.run?.layers ?? [];
  const when = `after ${count(step)} steps`;
  say(by("weights-text"), when);
  const slider = by("weights-at");
  by("weights-look").hidden = rows.length < 2;
  slider.max = String(rows.length - 1);
  slider.value = String(at);
  slider.setAttribute("aria-valuetext", source.look == null ? `${when}, the latest` : when);
  const shown = Math.min(GHOSTS, at);
  const ghosts = Array.from({ length: shown }, (_, number) => rows[Math.floor((number * at) / shown)][3]);
  const high = low + (Math.max(...layers.map((counts) => counts.length)) - 1) * bin;
  by("weights").replaceChildren(...layers.map((counts, layer) =>
    histogram(counts, names[layer] ?? String(layer), layer, low, high, ghosts.map((one) => one[layer] ?? []))));
}

function histogram(counts, name, layer, low, high, ghosts) {
  const [width, height] = [counts.length, 44];
  const top = Math.sqrt(Math.max(1, ...counts, ...ghosts.flat()));
  const tall = (n) => (n ? Math.max(1.2, (height * Math.sqrt(n)) / top) : 0).toFixed(2);
  const bar = (n, at) => (n ? `M${at} ${height}v${-tall(n)}h1V${height}z` : "");
  const inner = counts.map((n, at) => (at === 0 || at === width - 1 ? "" : bar(n, at))).join("");
  const ends = bar(counts[0], 0) + bar(counts[width - 1], width - 1);
  const total = counts.reduce((sum, n) => sum + n, 0);
  const clipped = (counts[0] + counts[width - 1]) / Math.max(1, total);
  const outlines = ghosts.map((earlier, number) => {
    const steps = joined(earlier).map(([n, wide]) => `V${height - tall(n)}h${wide}`);
    const line = svg("path", { d: `M0 ${height}${steps.join("")}V${height}`, class: "ghost" });
    line.style.opacity = String((number + 1) / (ghosts.length + 1));
    return line;
  });
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img",
    "aria-label": `${name}: ${total} weights from ${low} to ${high}, ${percent(clipped)} at the ends` },
    svg("path", { d: inner, class: "inner" }), svg("path", { d: ends, class: "ends" }), ...outlines);
  picture.style.setProperty("--c", layerColour(layer));
  return element("figure", {}, element("figcaption", {}, element("span", {}, name), element("span", { class: "dim" }, `${percent(clipped)} at the ends`)),
    picture, element("div", { class: "ends dim", "aria-hidden": "true" }, element("span", {}, String(low)), element("span", {}, "0"), element("span", {}, String(high))));
}

// Means of neighbouring counts, and how many each stands for.
function joined(counts) {
  const most = Math.ceil(counts.length / GHOST_BINS);
  return Array.from({ length: Math.ceil(counts.length / most) }, (_, at) => {
    const part = counts.slice(at * most, (at + 1) * most);
    return [part.reduce((sum, n) => sum + n, 0) / part.length, part.length];
  });
}

// The sample that was just learned.

export function drawSample(source) {
  const event = source.sample;
  by("p-sample").hidden = !event;
  if (!event) return;
  const name = source.run?.classes?.[event.label] ?? String(event.label);
  say(by("sample-text"), `“${name}” at step ${count(event.step)}`);
  const codes = Int8Array.from(atob(event.codes), (letter) => letter.charCodeAt(0));
  const canvas = by("sample");
  canvas.setAttribute("aria-label", `sample of class ${name}, ${event.shape.join(" by ")}`);
  const top = 2 ** (event.bits - 1) - 1 || 1;
  const [height, width, channels] = event.shape.length === 3 ? event.shape : event.shape.length === 2 ? [1, ...event.shape] : [1, event.shape[0], 1];
  canvas.classList.toggle("line", height === 1);
  if (height === 1) drawSignal(canvas, codes, width, channels, top);
  else drawImage(canvas, codes, height, width, channels, top);
}

function drawImage(canvas, codes, height, width, channels, top) {
  [canvas.width, canvas.height] = [width, height];
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let part = 0; part < 3; part += 1) {
      const code = codes[pixel * channels + (channels === 3 ? part : 0)];
      image.data[4 * pixel + part] = (255 * (code + top)) / (2 * top);
    }
    image.data[4 * pixel + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function drawSignal(canvas, codes, length, channels, top) {
  [canvas.width, canvas.height] = [600, 300];
  const paper = canvas.getContext("2d");
  paper.lineWidth = 3;
  for (let channel = 0; channel < channels; channel += 1) {
    paper.strokeStyle = layerColour(channel);
    paper.beginPath();
    for (let at = 0; at < length; at += 1) {
      paper.lineTo((600 * at) / Math.max(1, length - 1), 150 - (140 * codes[at * channels + channel]) / top);
    }
    paper.stroke();
  }
}

// Board and link.

export function drawDevice(source, monitor) {
  const { resources, link } = source;
  const dropped = Object.entries({ ...source.dropped, ...monitor?.dropped });
  by("p-device").hidden = !resources && !link && !dropped.length;
  say(by("device-text"), resources?.board ?? "");
  const facts = [];
  const fact = (name, value, level) => {
    if (value == null || value === "–") return;
    facts.push(element("div", {}, element("dt", {}, name), element("dd", { class: level ?? "" }, value)));
  };
  const meters = resources ? [
    meter("RAM", resources.ram, resources.ram_limit),
    meter("flash", resources.flash, resources.flash_limit),
    meter("stack", resources.stack_used, resources.stack),
  ] : [];
  if (resources) {
    fact("of RAM the network", resources.model_ram && `${count(resources.model_ram)} B`);
    fact("instructions to learn a sample", short(resources.instructions_per_sample));
    fact("instructions to infer", short(resources.instructions_per_inference));
    fact("checkpoints written", count(resources.checkpoint_writes));
  }
  if (link) {
    fact("frames sent, received", `${count(link.frames_sent)}, ${count(link.frames_received)}`);
    fact("bytes sent, received", `${short(link.bytes_sent)}, ${short(link.bytes_received)}`);
    fact("sent again", count(link.resent), link.resent ? "watch" : "ok");
    fact("damaged frames", count(link.bad_frames), link.bad_frames ? "watch" : "ok");
    fact("overrun bytes", count(link.overruns), link.overruns ? "bad" : "ok");
    fact("latency", link.latency == null ? null : `${(1000 * link.latency).toFixed(1)} ms`);
    fact("chip waited or sent", link.waiting == null ? null : `${(100 * link.waiting).toFixed(0)} % of the training`);
  }
  for (const [where, missed] of dropped) fact(`events that ${where} did not get one by one`, count(missed), "watch");
  by("device").replaceChildren(...meters.filter(Boolean), element("dl", { class: "facts-list" }, ...facts));
}

function meter(name, used, limit) {
  if (used == null) return null;
  const share = limit ? used / limit : null;
  const level = share == null ? "" : share > 0.95 ? "bad" : share > 0.85 ? "watch" : "";
  const fill = element("i", { class: level });
  fill.style.width = `${100 * Math.min(1, share ?? 0)}%`;
  return element("div", { class: "meter" }, element("span", {}, name), element("span", { class: limit ? "bar" : "", "aria-hidden": "true" }, limit ? fill : null),
    element("span", { class: "num" }, limit ? `${count(used)} of ${count(limit)} B` : `${count(used)} B`));
}

// Log and fault.

const WORDS = { pause: "paused", resume: "goes on", evaluate: "evaluated", checkpoint: "checkpoint written", stop: "told to stop" };

export function drawLog(source, monitor) {
  const controls = source.controls.map(([time, action, value, who]) => {
    const what = action === "rate" ? `rate changed to ${power(value)} times the schedule's` : (WORDS[action] ?? action);
    return [time, "control", who ? `${what} (by ${who})` : what];
  });
  const general = monitor && monitor !== source ? monitor.logs : [];
  const lines = [...source.logs, ...general, ...controls].sort((one, other) => one[0] - other[0]).slice(-200);
  const list = by("log");
  const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 8;
  list.replaceChildren(...lines.map(([time, level, text]) =>
    element("li", { class: level }, element("time", {}, timeOfDay(time)), element("span", {}, text))));
  if (!lines.length) list.append(element("li", { class: "dim" }, element("span", {}, "nothing yet")));
  if (atEnd) list.scrollTop = list.scrollHeight;
}

export function drawFault(source) {
  const { fault } = source;
  by("fault").hidden = !source.faulted;
  if (!source.faulted) return;
  say(by("fault-text"), [fault.cause, fault.message].filter(Boolean).join(": "));
  by("fault-registers").replaceChildren(...Object.entries(fault.registers).map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, `0x${(value >>> 0).toString(16).padStart(8, "0")}`))));
}
