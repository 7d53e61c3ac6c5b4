// Numbers and times for people, and small help with elements.

export const percent = (share, digits = 1) =>
  share == null || Number.isNaN(share) ? "–" : `${(100 * share).toFixed(digits)}%`;

export const count = (value) => (value == null ? "–" : Math.round(value).toLocaleString("en"));

export const short = (value) => {
  if (value == null) return "–";
  const units = ["", "k", "M", "G"];
  let at = 0;
  while (Math.abs(value) >= 999.5 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${at === 0 ? Math.round(value) : value.toPrecision(3)}${units[at] ? ` ${units[at]}` : ""}`;
};

export const power = (exponent) => {
  if (exponent == null) return "–";
  const digits = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
  return `2${[...String(exponent)].map((digit) => digits[digit]).join("")}`;
};

export const clock = (seconds) => {
  if (seconds == null || !Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, "0"));
  const hours = Math.floor(whole / 3600);
  return hours ? `${hours}:${parts.join(":")}` : parts.join(":");
};

export const timeOfDay = (seconds) => new Date(seconds * 1000).toLocaleTimeString("en-GB");

// An element with attributes and children; children that are strings become text, never markup.
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value == null) continue;
    if (name in made && typeof value !== "string") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

export const svg = (tag, attributes = {}, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

// Sets text only where it changed, so that nothing is laid out again without need.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
