// What the runs have told so far, kept up to date from the server's changes.

const LISTS = ["curve", "tests", "health", "learned", "controls", "weights"];
const LOG_LINES = 500;
const SPEED_SECONDS = 15;

export const HEALTH = {
  weights: 0, plus: 1, minus: 2, clipped: 3, nonzero: 4, flipped: 5,
  errors: 6, zeroErrors: 7, activations: 8, saturated: 9, gradient: 10,
};

export const LEARNED = {
  seen: 0, limit: 1, epoch: 2, accuracy: 3, best: 4, bestAt: 5, rate: 6, stored: 7, step: 8, end: 9, time: 10,
};

// One run or device. Curve rows are [step, epoch, loss, accuracy, samples], those of tests
// [step, epoch, part, samples, correct, loss], of health [step, layers], of controls [time, action, value, by],
// of weights [step, low, bin, counts by layer].
export class Source {
  constructor(name, index) {
    this.name = name;
    this.index = index;
    this.shown = true;
    this.controlled = false;
    for (const list of LISTS) this[list] = [];
    this.logs = [];
    this.logged = 0;
    this.marks = [];
    this.version = 0;
    this.look = null; // the step whose weights are looked at; null: the latest
  }

  apply(change) {
    for (const [name, value] of Object.entries(change)) {
      if (LISTS.includes(name)) this[name] = this[name].slice(0, value.from).concat(value.rows);
      else if (name === "logs") {
        this.logs = this.logs.concat(value).slice(-LOG_LINES);
        this.logged += value.length;
      } else if (name !== "source") this[name] = value;
    }
    if ("step" in change || "learned" in change) this.mark();
    this.version += 1;
  }

  mark() {
    const last = this.marks.at(-1);
    if (last && (this.done < last.done || this.latest < last.time)) this.marks = [];
    this.marks.push({ time: this.latest, done: this.done, samples: this.samples });
    while (this.marks.length > 2 && this.latest - this.marks[1].time > SPEED_SECONDS) this.marks.shift();
  }

  get title() {
    return this.name || this.run?.network || "run";
  }

  // A fault is over when the run has begun again.
  get faulted() {
    return Boolean(this.fault) && !(this.run && this.run.time > this.fault.time);
  }

  get state() {
    if (this.faulted) return "failed";
    if (this.end) return this.end.status;
    if (!this.run) return "waiting";
    return this.paused ? "paused" : "running";
  }

  get byItself() {
    return this.learned.length > 0 || (this.run?.steps === 0 && this.curve.length === 0);
  }

  // Steps, or samples where it learns by itself, and how many there are to be (0: no end).
  get done() {
    if (this.learned.length) return this.learned.at(-1)[LEARNED.seen];
    return this.step ? this.step.step + 1 : (this.run?.first_step ?? 0);
  }

  get total() {
    return this.learned.length ? this.learned.at(-1)[LEARNED.limit] : (this.run?.steps ?? 0);
  }

  get first() {
    return this.learned.length ? 0 : (this.run?.first_step ?? 0);
  }

  get share() {
    return this.total > this.first ? Math.min(1, (this.done - this.first) / (this.total - this.first)) : null;
  }

  // Per second, over the latest seconds.
  speed(what = "done") {
    const [first, last] = [this.marks[0], this.marks.at(-1)];
    if (first && last && last.time > first.time) return (last[what] - first[what]) / (last.time - first.time);
    return what === "samples" && this.seconds > 0 ? this.samples / this.seconds : null;
  }

  // Without what lay between two runs of one recording.
  get seconds() {
    return this.latest - this.started - this.away;
  }

  get left() {
    const speed = this.speed();
    return this.state === "running" && speed > 0 && this.total ? (this.total - this.done) / speed : null;
  }

  // Which of the histograms is looked at; one that was thinned out meanwhile gives its place to the one before.
  get looked() {
    const last = this.weights.length - 1;
    if (this.look == null) return last;
    return Math.max(0, this.weights.findLastIndex((row) => row[0] <= this.look));
  }

  get test() {
    return this.tests.findLast((row) => row[2] === "test") ?? null;
  }

  get testAccuracy() {
    return this.test ? this.test[4] / this.test[3] : null;
  }

  // Means of loss and accuracy over the latest samples.
  get recent() {
    const rows = this.curve.slice(-Math.max(4, Math.ceil(this.curve.length / 20)));
    return rows.length ? joined(rows) : null;
  }
}

// Curve rows taken together: the last one's place, means over the samples.
function joined(rows) {
  const samples = rows.reduce((sum, row) => sum + row[4], 0) || 1;
  const mean = (at) => rows.reduce((sum, row) => sum + row[at] * row[4], 0) / samples;
  const last = rows.at(-1);
  return [last[0], last[1], mean(2), mean(3), samples];
}

// At most `most` rows, each the mean of `least` samples or more, in ascending order of the step:
// steps that were learned once more, after a restart, take the place of the old ones.
export function binned(rows, most = 360, least = 32) {
  const kept = ascending(rows, 0);
  const samples = kept.reduce((sum, row) => sum + row[4], 0);
  const bins = Math.min(most, kept.length, Math.max(1, Math.floor(samples / least)));
  return Array.from({ length: bins }, (_, at) =>
    joined(kept.slice(Math.floor((kept.length * at) / bins), Math.floor((kept.length * (at + 1)) / bins))),
  );
}

export function ascending(rows, key) {
  const kept = [];
  for (const row of rows) {
    while (kept.length && kept.at(-1)[key] >= row[key]) kept.pop();
    kept.push(row);
  }
  return kept;
}
