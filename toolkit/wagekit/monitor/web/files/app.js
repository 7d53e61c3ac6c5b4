// The page: which run is looked at, what is drawn when, keys and buttons.

import { Curves, METRICS, learnLimits, runColour } from "./charts.js";
import { clock, count, element, percent, power, say, short } from "./format.js";
import { drawConfusion, drawDevice, drawFault, drawLayers, drawLog, drawSample, drawWeights } from "./panels.js";
import { LEARNED, Source } from "./state.js";
import { Stream, ask } from "./stream.js";

const by = (id) => document.getElementById(id);
const DRAW_EVERY = 200; // milliseconds

const page = { sources: new Map(), chosen: null, drawn: new Map(), colours: new Map(), dirty: true, wanted: {} };
const curves = new Curves();

// The address need not keep the token: the browser has it as a cookie now.
if (location.search.includes("token=")) history.replaceState(null, "", location.pathname);

// From the server.

// All there is follows; what was seen before stays until it comes.
function hello({ limits }) {
  learnLimits(limits);
  page.again = true;
}

function change(body) {
  if (page.again) {
    page.again = false;
    page.before = new Map([...page.sources].map(([name, source]) => [name, source.shown]));
    page.sources = new Map();
  }
  let source = page.sources.get(body.source);
  if (!source) {
    if (!page.colours.has(body.source)) page.colours.set(body.source, page.colours.size);
    source = new Source(body.source, page.colours.get(body.source));
    source.shown = page.before?.get(body.source) ?? true;
    page.sources.set(body.source, source);
  }
  const [state, tests] = [source.state, source.tests.length];
  const fresh = source.version === 0;
  source.apply(body);
  if (body.controls) delete page.wanted[source.name];
  if (!fresh) announce(source, state, tests, body);
  page.dirty = true;
}

function announce(source, state, tests, body) {
  const name = source.run && runs().length > 1 ? `${source.title}: ` : "";
  if (source.state !== state) tell(`${name}${source.state}${source.end?.message ? `, ${source.end.message}` : ""}`);
  else if (source.tests.length > tests && source.name === page.chosen) tell(`${name}test accuracy ${percent(source.testAccuracy)}`);
  for (const [, action, value] of body.controls?.rows.slice(-1) ?? []) {
    if (action === "rate") tell(`${name}rate ${power(value)} times the schedule's`);
    if (action === "checkpoint") tell(`${name}checkpoint written`);
  }
  for (const [, level, text] of body.logs ?? []) if (level !== "info") tell(`${name}${text}`, level);
}

function connection(state, text) {
  const badge = by("connection");
  if (badge.dataset.state !== state && state !== "live") tell(text, "warning");
  badge.dataset.state = state;
  say(badge.lastElementChild, text);
}

// For people: read aloud, and shown for a moment.
function tell(text, level = "info") {
  say(by("status"), text);
  const toast = element("div", { class: `toast ${level}` }, text);
  by("toasts").append(toast);
  while (by("toasts").children.length > 3) by("toasts").firstChild.remove();
  setTimeout(() => toast.remove(), 5000);
}

// All that run something, or could; what the monitor itself tells has no name, and belongs to all of them.
function runs() {
  const all = [...page.sources.values()];
  const own = all.filter((source) => source.run || source.controlled);
  return own.length ? own : all;
}

const monitor = () => (page.sources.get("")?.run ? null : page.sources.get(""));

// Drawing: at most five times a second, and only what has changed.

function focus() {
  const all = runs();
  return all.find((source) => source.name === page.chosen) ?? all[0] ?? null;
}

function draw() {
  if (!page.dirty || document.hidden) return;
  page.dirty = false;
  const source = focus();
  page.chosen ??= source?.name ?? null;
  const something = source && (source.run || source.events || runs().length > 1);
  by("waiting").hidden = Boolean(something);
  by("run").hidden = !something;
  drawRuns();
  if (!something) return;
  drawHead(source);
  const shown = runs().filter((one) => one.shown || one === source);
  once("curves", [curves.byStep, curves.loss.logarithmic, theme(), ...shown.flatMap((one) => [one.name, one.curve, one.tests, one.learned])], () => curves.draw(shown));
  once("layers", [source, source.health, source.step, theme()], () => drawLayers(source));
  once("health", [source, source.health, by("metric").value, theme()], () => curves.drawHealth(source, METRICS[by("metric").value]));
  once("confusion", [source, source.confusion, theme()], () => drawConfusion(source));
  once("weights", [source, source.weights, source.look, theme()], () => drawWeights(source));
  once("sample", [source, source.sample, theme()], () => drawSample(source));
  once("device", [source, source.resources, source.link, source.dropped, monitor()?.dropped], () => drawDevice(source, monitor()));
  once("log", [source, source.logged, source.controls, monitor()?.logged], () => drawLog(source, monitor()));
  once("fault", [source, source.fault, source.faulted], () => drawFault(source));
}

function once(name, state, work) {
  const last = page.drawn.get(name);
  if (last?.length === state.length && last.every((value, at) => value === state[at])) return;
  page.drawn.set(name, state);
  work();
}

const STATES = { running: "learns", paused: "paused", finished: "finished", stopped: "stopped", failed: "failed", waiting: "waiting" };

function drawHead(source) {
  const { run } = source;
  say(by("run-name"), source.title);
  document.title = `${source.share == null ? "" : `${percent(source.share, 0)} · `}${source.title} · wagekit monitor`;
  by("run-state").dataset.state = source.state;
  say(by("run-state").lastElementChild, STATES[source.state]);
  const facts = run ? [
    source.name && run.network, run.place, `${count(run.weights)} weights`, run.dataset && `${count(run.train_samples)} samples of ${run.dataset}`,
    run.batch && `batch ${run.batch}`, run.rule && `rule ${run.rule}`, `seed ${run.seed}`, run.commit && `commit ${run.commit.slice(0, 10)}`,
    run.manifest && `firmware ${run.manifest.slice(0, 10)}`,
  ] : [];
  say(by("run-facts"), facts.filter(Boolean).join(" · "));
  drawNumbers(source);
  drawProgress(source);
  drawControls(source);
}

function drawNumbers(source) {
  const recent = source.recent;
  const learned = source.learned.at(-1);
  const numbers = [];
  if (recent) numbers.push(["loss", recent[2].toFixed(4), "loss"], ["train", percent(recent[3]), "train"]);
  if (learned) numbers.push(["running", percent(learned[LEARNED.accuracy]), "train"]);
  if (source.test) numbers.push(["test", percent(source.testAccuracy), "test"]);
  numbers.push(["samples/s", short(source.state === "running" ? source.speed("samples") : null), ""]);
  const box = by("numbers");
  if (box.dataset.shape !== numbers.map((entry) => entry[0]).join()) {
    box.dataset.shape = numbers.map((entry) => entry[0]).join();
    box.replaceChildren(...numbers.map(([name, , kind]) => element("div", { class: kind }, element("b"), element("span", {}, name))));
  }
  numbers.forEach(([, value], at) => say(box.children[at].firstChild, value));
}

function drawProgress(source) {
  const bar = by("bar");
  bar.hidden = source.share == null;
  bar.dataset.state = source.state;
  bar.firstElementChild.style.width = `${100 * (source.share ?? 0)}%`;
  bar.setAttribute("aria-valuenow", Math.round(100 * (source.share ?? 0)));
  const what = source.learned.length ? "sample" : "step";
  const epoch = source.learned.at(-1)?.[LEARNED.epoch] ?? source.step?.epoch;
  const speed = source.state === "running" ? source.speed() : null;
  const parts = [
    source.share == null ? null : percent(source.share, 0),
    `${what} ${count(source.done)}${source.total ? ` of ${count(source.total)}` : ""}`,
    epoch == null ? null : `epoch ${epoch.toFixed(2)}`,
    speed ? `${short(speed)} ${what}s/s` : null,
    clock(source.seconds),
    source.left == null ? null : `${clock(source.left)} left`,
  ];
  say(by("progress-text"), parts.filter(Boolean).join(" · "));
}

function drawControls(source) {
  const over = Boolean(source.end) || !source.controlled;
  by("controls").hidden = !source.controlled;
  for (const button of by("controls").querySelectorAll("button")) button.disabled = over;
  say(by("controls").querySelector("[data-do=pause] span"), source.paused ? "Go on" : "Pause");
  const rate = source.step?.log2_lr ?? source.learned.at(-1)?.[LEARNED.rate];
  const offset = source.rate_offset ?? 0;
  say(by("rate"), (rate == null ? "–" : rate <= -17 ? "0" : power(rate)) + (offset ? ` (${offset > 0 ? "+" : "−"}${Math.abs(offset)})` : ""));
}

// The list of runs.

function drawRuns() {
  const sources = runs();
  by("runs").hidden = sources.length < 2;
  document.body.classList.toggle("many", sources.length > 1);
  say(by("run-count"), String(sources.length));
  const list = by("run-list");
  while (list.children.length > sources.length) list.lastChild.remove();
  sources.forEach((source, at) => {
    const card = list.children[at] ?? list.appendChild(newCard());
    card.dataset.source = source.name;
    card.style.setProperty("--c", runColour(source));
    const [button, box] = [card.querySelector("button"), card.querySelector("input")];
    if (source.name === page.chosen) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
    say(button.querySelector("strong"), source.title);
    say(button.querySelector(".where"), source.run ? [source.name && source.run.network, source.run.place].filter(Boolean).join(" on ") : "");
    const badge = button.querySelector(".badge");
    badge.dataset.state = source.state;
    say(badge.lastElementChild, STATES[source.state]);
    button.querySelector(".bar > i").style.width = `${100 * (source.share ?? 0)}%`;
    const recent = source.recent;
    const learned = source.learned.at(-1);
    const accuracy = source.testAccuracy ?? recent?.[3] ?? learned?.[LEARNED.accuracy];
    say(button.querySelector(".figures"), [
      source.share == null ? `${count(source.done)}` : percent(source.share, 0),
      recent && `loss ${recent[2].toFixed(3)}`,
      accuracy != null && `${source.testAccuracy == null ? "train" : "test"} ${percent(accuracy)}`,
      source.left == null ? null : `${clock(source.left)} left`,
    ].filter(Boolean).join(" · "));
    box.checked = source.shown;
    box.setAttribute("aria-label", `show the curves of ${source.title}`);
  });
}

function newCard() {
  const button = element("button", { type: "button" },
    element("span", { class: "line" }, element("strong"), element("span", { class: "badge" }, element("i", { "aria-hidden": "true" }), element("span"))),
    element("span", { class: "where dim" }), element("span", { class: "bar", "aria-hidden": "true" }, element("i")), element("span", { class: "figures" }));
  const box = element("input", { type: "checkbox" });
  const card = element("li", {}, button, element("label", { title: "show its curves (o)" }, box));
  button.addEventListener("click", () => choose(card.dataset.source));
  box.addEventListener("change", () => overlay(card.dataset.source, box.checked));
  return card;
}

function choose(name) {
  page.chosen = name;
  page.dirty = true;
  draw();
}

function overlay(name, shown) {
  page.sources.get(name).shown = shown;
  page.dirty = true;
  draw();
}

function move(places) {
  const names = runs().map((source) => source.name);
  if (names.length) choose(names[(names.indexOf(page.chosen) + places + names.length) % names.length]);
}

// Controls.

async function control(action, value = null) {
  const source = focus();
  if (!source?.controlled || source.end) return;
  const refused = await ask(source.name, action, value);
  if (refused) tell(`${action}: ${refused}`, "error");
}

// Two quick presses are two steps, also before the first has taken effect.
function rate(places) {
  const source = focus();
  if (!source) return;
  const wanted = (page.wanted[source.name] ?? source.rate_offset ?? 0) + places;
  page.wanted[source.name] = wanted;
  setTimeout(() => delete page.wanted[source.name], 2000);
  control("rate", wanted);
}

function askToStop() {
  const source = focus();
  if (!source?.controlled || source.end) return;
  say(by("ask-text"), `${source.title} ends after ${source.learned.length ? "sample" : "step"} ${count(source.done)}${source.total ? ` of ${count(source.total)}` : ""}; it is evaluated once more, and its weights are kept as at any other end.`);
  by("ask-stop").dataset.source = source.name;
  by("ask-stop").showModal();
}

const DO = {
  pause: () => control(focus()?.paused ? "resume" : "pause"),
  evaluate: () => control("evaluate"),
  checkpoint: () => control("checkpoint"),
  slower: () => rate(-1),
  faster: () => rate(1),
  stop: askToStop,
};
const KEYS = {
  p: DO.pause, e: DO.evaluate, c: DO.checkpoint, "-": DO.slower, "+": DO.faster, "=": DO.faster, q: DO.stop,
  j: () => move(1), k: () => move(-1), t: toggleTheme, "?": () => by("keys").showModal(),
  o: () => focus() && overlay(page.chosen, !focus().shown),
};

by("controls").addEventListener("click", (event) => DO[event.target.closest("button")?.dataset.do]?.());
by("ask-stop").addEventListener("close", () => {
  if (by("ask-stop").returnValue === "stop" && by("ask-stop").dataset.source === page.chosen) control("stop");
  by("ask-stop").returnValue = "";
});
by("help").addEventListener("click", KEYS["?"]);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.matches("select, input[type=text]") || document.querySelector("dialog[open]")) return;
  const act = KEYS[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

// How it looks.

function theme() {
  return document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

function toggleTheme() {
  document.documentElement.dataset.theme = theme() === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("theme", document.documentElement.dataset.theme);
  } catch { /* a browser that keeps nothing */ }
  page.dirty = true;
}

try {
  const kept = localStorage.getItem("theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
} catch { /* a browser that keeps nothing */ }
by("theme").addEventListener("click", toggleTheme);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { page.dirty = true; });
by("log-scale").addEventListener("click", () => {
  curves.loss.logarithmic = !curves.loss.logarithmic;
  by("log-scale").setAttribute("aria-pressed", curves.loss.logarithmic);
  page.dirty = true;
});
by("axis").addEventListener("click", () => {
  curves.byStep = !curves.byStep;
  say(by("axis"), curves.byStep ? "by step" : "by epoch");
  page.dirty = true;
});
by("metric").append(...Object.entries(METRICS).map(([key, metric]) => element("option", { value: key }, metric.name)));
by("weights-at").addEventListener("input", () => {
  const source = focus();
  const at = Number(by("weights-at").value);
  if (source) source.look = at < source.weights.length - 1 ? source.weights[at][0] : null;
  page.dirty = true;
});
by("metric").addEventListener("change", () => { page.dirty = true; });

const stream = new Stream({ hello, change, state: connection,
  behind: ({ count: missed, seconds }) => tell(`this page fell ${seconds} s behind; ${count(missed)} events came together`, "warning") });
setInterval(() => requestAnimationFrame(draw), DRAW_EVERY);
window.wagekit = { page, stream, curves }; // for tests and the curious
