// The connection to the monitor: opens it, and opens it again when it is lost.

const SILENCE = 16000; // the server tells something every 5 seconds
const RETRY = [500, 1000, 2000, 4000, 8000];

export class Stream {
  // `on` has hello(body), change(body), behind(body) and state(name, text).
  constructor(on) {
    this.on = on;
    this.tries = 0;
    this.open();
  }

  open() {
    this.source = new EventSource("events");
    const heard = (handler) => (event) => {
      this.listen();
      handler?.(JSON.parse(event.data));
    };
    this.source.addEventListener("hello", heard((body) => {
      this.tries = 0;
      this.ended = false;
      this.on.hello(body);
      this.on.state("live", "live");
    }));
    this.source.addEventListener("change", heard(this.on.change));
    this.source.addEventListener("behind", heard(this.on.behind));
    this.source.addEventListener("beat", heard());
    this.source.addEventListener("bye", heard(() => this.again("ended", "the monitor has ended")));
    this.source.onerror = () => this.again("lost", "connection lost");
    this.listen();
  }

  listen() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.again("lost", "connection lost"), SILENCE);
  }

  // What was seen stays on the page; a monitor that comes back is found by itself.
  again(state, text) {
    clearTimeout(this.silence);
    clearTimeout(this.retry);
    this.source.close();
    if (this.ended && state === "lost") [state, text] = ["ended", "the monitor has ended"];
    this.ended = state === "ended";
    this.on.state(state, this.ended ? text : `${text}, trying again`);
    this.retry = setTimeout(() => this.open(), RETRY[Math.min(this.tries, RETRY.length - 1)]);
    this.tries += 1;
  }
}

// Asks the monitor for something; resolves to null, or to why it cannot be.
export async function ask(source, action, value = null) {
  try {
    const answer = await fetch("control", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(value === null ? { source, action } : { source, action, value }),
    });
    if (answer.ok) return null;
    const body = await answer.text();
    try {
      return JSON.parse(body).error;
    } catch {
      return body.trim();
    }
  } catch {
    return "the monitor does not answer";
  }
}
